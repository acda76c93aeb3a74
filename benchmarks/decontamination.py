"""The injection card: what decontamination finds of items put into real pages, and what it flags that is none.

    python -m benchmarks.decontamination --texts PARQUET --english gsm8k_test.jsonl --chinese ITEMS.jsonl [--settings]

``--texts``: documents of a run (record_id, url, text, language), as its dedup stage leaves them. 300 items of each set,
in six forms, are put into pages drawn from them, one page a form; so are passages that look like items and are none: a
quotation, a formula, an instruction, a notice that an item contains. All go with the untouched pages through `skypile
decontaminate` as anybody runs it, both passes, common n-grams and all.

Items with odd numbers are what the settings are chosen on (``--settings``); figures are of those with even numbers.
Printed: recall by form and set, of the items that are searched, those found as a whole only in a column of their own;
precision over pairs of page and item; every flag on an untouched page, to be read; documents a second on one core, of
2,000 characters.
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.decontamination_forms import FORMS, HARD, Carrier
from skypile.config import Config, DecontaminationConfig, dumps
from skypile.decontamination.files import decontaminate
from skypile.decontamination.index import build_index
from skypile.decontamination.items import Item, read_items
from skypile.decontamination.scan import scan
from skypile.dedup.columns import Columns

DEFAULTS = DecontaminationConfig()
ITEMS, HOSTS = 300, 12  # of a set; pages a passage that looks like an item
Page = dict[str, str]


def drawn_items(path: str, seed: int, whole: bool) -> list[Item]:
    """ITEMS of a set; of one with more, drawn, or (``whole``) from the shortest on."""
    items = read_items([path])
    if whole:
        return sorted(items, key=lambda item: len(item.question + "".join(item.choices)))[:ITEMS]
    return random.Random(seed).sample(items, min(ITEMS, len(items)))


def pages_of(texts: pa.Table, language: str) -> list[Carrier]:
    """Paragraphs of the pages in a language that have some."""
    chosen = texts.filter(pc.equal(texts["language"], language))["text"].to_pylist()
    split = [[part for part in text.split("\n\n") if part.strip()] for text in chosen]
    return [page for page in split if len(page) > 2 and sum(map(len, page)) < 20_000]


def injected(sets: dict[str, list[Item]], pages: dict[str, list[Carrier]], seed: int) -> list[Page]:
    """A page for each item and form, and pages with what only looks like an item."""
    drawn, made = random.Random(seed), []
    for language, items in sets.items():
        for item in items:
            whole = build_index([item], DEFAULTS).searched["as_a_whole"]
            for form, write in FORMS.items():
                key = f"{form}|{item.benchmark}|{item.name}"
                text = write(item, drawn.choice(pages[language]), drawn)
                made.append({"record_id": key, "text": text, "set": item.benchmark + whole * ", short"})
    for item, passage in HARD:
        language = "zh" if any("\u4e00" <= char <= "\u9fff" for char in passage) else "en"
        for number in range(HOSTS):
            page = drawn.choice(pages[language])
            at = drawn.randrange(len(page) + 1)
            text = "\n\n".join([*page[:at], passage, *page[at:]])
            made.append({"record_id": f"looks like|{item.name}|{number}", "text": text, "set": ""})
        for form, write in FORMS.items():
            text = write(item, drawn.choice(pages[language]), drawn)
            made.append({"record_id": f"{form}|{item.benchmark}|{item.name}", "text": text, "set": "hard"})
    return [page | {"url": f"https://h{number}.example/"} for number, page in enumerate(made)]


def run(texts: pa.Table, benchmarks: Sequence[str], config: DecontaminationConfig) -> tuple[list[dict], dict]:
    """Verdicts with items, and the manifest."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "settings.toml")
        settings.write_text(dumps(Config(decontamination=config)))
        pq.write_table(texts, f"{folder}/texts.parquet")
        columns = Columns("record_id", "text", "url")
        done = decontaminate([f"{folder}/texts.parquet"], f"{folder}/out", columns, benchmarks, settings)
        rows = pq.read_table(f"{folder}/out/verdicts").to_pylist()
    return [row | {"evidence": json.loads(row["evidence"])} for row in rows if row["evidence"]], done


def scored(found: list[dict], pages: list[Page], odd: bool) -> tuple[dict, dict, list[tuple[str, dict]]]:
    """Recall by (form, set), (right, wrong) flags, and the wrong ones."""
    flags = {row["record_id"]: row["evidence"]["items"] for row in found}
    seen, hit, counts, wrong = Counter(), Counter(), Counter(), []
    for page in pages:
        form, benchmark, name = page["record_id"].split("|")
        label = page["set"]
        items = flags.get(page["record_id"], [])
        if form == "looks like":
            mine = []
        else:
            if benchmark != "hard" and (hash_of(name) % 2 == 1) != odd:
                continue
            mine = [item for item in items if (item["benchmark"], item["item"]) == (benchmark, name)]
            seen[form, label] += 1
            hit[form, label] += bool(mine)
        counts["right"] += len(mine)
        others = [item for item in items if item not in mine]
        counts["wrong"] += len(others)
        wrong += [(page["record_id"], item) for item in others]
    return {key: (hit[key], seen[key]) for key in seen}, counts, wrong


def hash_of(name: str) -> int:
    return sum(map(ord, name))


def speed(texts: pa.Table, items: list[Item], config: DecontaminationConfig) -> dict[str, float]:
    """Documents of 2,000 characters a second on one core, by language; processor time, for the machine is shared."""
    index, made = build_index(items, config), {}
    for language in ("en", "zh"):
        chosen = "\n\n".join(texts.filter(pc.equal(texts["language"], language))["text"].to_pylist())
        cut = pa.array(
            [chosen[at : at + 2000] for at in range(0, min(len(chosen), 4_000_000), 2000)], pa.large_string()
        )
        scan(cut.slice(0, 10), index)
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            for start in range(0, len(cut), 1000):
                scan(cut.slice(start, 1000), index)
            best = min(best, time.process_time() - began)
        made[language] = len(cut) / best
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--english", required=True)
    parser.add_argument("--chinese", required=True)
    parser.add_argument("--settings", action="store_true", help="recall and precision at other settings")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    console = Console(width=150)
    texts = pq.read_table(given.texts, columns=["record_id", "url", "text", "language"])
    sets = {"en": drawn_items(given.english, given.seed, False), "zh": drawn_items(given.chinese, given.seed, True)}
    carriers = {language: pages_of(texts, language) for language in sets}
    short = [
        item for items in sets.values() for item in items if build_index([item], DEFAULTS).searched["not_searched"]
    ]
    console.print(f"shorter than an n-gram: {Counter(item.benchmark for item in short)}", markup=False)
    pages = injected(
        {language: [x for x in items if x not in short] for language, items in sets.items()}, carriers, given.seed
    )
    both = pa.concat_tables(
        [texts.select(["record_id", "url", "text"]), pa.Table.from_pylist(pages).drop_columns(["set"])],
        promote_options="permissive",
    )
    with tempfile.TemporaryDirectory() as folder:
        for items in [*sets.values(), [item for item, _ in HARD]]:
            rows = [item._asdict() | {"id": item.name, "choices": list(item.choices)} for item in items]
            benchmark = items[0].benchmark
            Path(folder, f"{benchmark}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        if given.settings:
            choose(both, folder, pages, console)
            return
        found, done = run(both, [folder], DEFAULTS)
        report(found, done, pages, console)
    for language, documents in speed(texts, [item for items in sets.values() for item in items], DEFAULTS).items():
        console.print(f"{language}: {documents:,.0f} documents of 2,000 characters a second on one core")


def choose(texts: pa.Table, folder: str, pages: list[Page], console: Console) -> None:
    """Settings side by side, on the items with odd numbers."""
    table = Table("n-gram", "share", "numbers", *FORMS, "wrong", "untouched")
    for ngram in (8, 10, 12):
        for share, numbers in ((0.5, 0.7), (0.6, 0.8), (0.7, 0.85), (0.8, 0.9)):
            config = DecontaminationConfig(ngram=ngram, share=share, numbers_share=numbers)
            found, _ = run(texts, [folder], config)
            recall, counts, _ = scored(found, pages, odd=True)
            untouched = sum("|" not in row["record_id"] for row in found)
            cells = []
            for form in FORMS:
                pairs = [value for (other, name), value in recall.items() if other == form and name != "hard"]
                cells.append(f"{sum(hit for hit, _ in pairs) / sum(seen for _, seen in pairs):.3f}")
            table.add_row(str(ngram), str(share), str(numbers), *cells, str(counts["wrong"]), str(untouched))
    console.print(table)


def report(found: list[dict], done: dict, pages: list[Page], console: Console) -> None:
    recall, counts, wrong = scored(found, pages, odd=False)
    sets = list(dict.fromkeys(name for _, name in recall))
    table = Table("recall", *sets)
    for form in FORMS:
        table.add_row(
            form, *(f"{recall[form, name][0] / recall[form, name][1]:.3f} of {recall[form, name][1]}" for name in sets)
        )
    console.print(table)
    console.print(f"searched: {done['searched']}, common n-grams: {done['common_ngrams']}, {done['seconds']} s")
    console.print(f"precision: {counts['right'] / max(1, counts['right'] + counts['wrong']):.4f} ({dict(counts)})")
    for key, item in wrong:
        console.print(f"  wrong: {key}: {item}", markup=False)
    missed = defaultdict(list)
    for page in pages:
        form, benchmark, name = page["record_id"].split("|")
        if form != "looks like" and page["record_id"] not in {row["record_id"] for row in found}:
            missed[form, benchmark].append(name)
    console.print(f"missed, of all: {dict(missed)}", markup=False)
    for row in found:
        if "|" not in row["record_id"]:
            console.print(f"  untouched: {row['url']} {row['evidence']}", markup=False)


if __name__ == "__main__":
    main()
