"""Identifiers of people planted in real pages, and what finds them: skypile, datatrove, presidio.

    make bench-privacy            (or: python -m benchmarks.privacy [--data FOLDER] [--masks FILE])

Each identifier of every form in benchmarks.identifiers stands in a sentence of its own at the end of a sentence of a
real page (Chinese for most; addresses of machines in English ones too). One is found if it is nowhere in what comes
back; *beside it* counts those of which also every character before and after is still there. Then 1,000 clean pages,
of which skypile's masks go to a file for a person to read: what of them is false, no program knows. Time is that of
the processor on the clean pages, a page. presidio runs those of its recognisers that need no model.
"""

import argparse
import json
import os
import random
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.identifiers import FORMS, Planted, planted
from skypile.config import PrivacyConfig
from skypile.quality.privacy.masking import masked_rows

PEERS = Path(os.environ.get("SKYPILE_PEERS", ".venv-privacy/bin/python"))
CLEAN = 1000
_SENTENCE_END = re.compile(r"[。！？\n]|[.!?] ")
_WINDOW = 1500  # characters of a page around what is planted


class Page(NamedTuple):
    text: str
    left: str  # what has to be left before and after what is planted
    right: str
    item: Planted


def texts(data: Path) -> dict[str, list[str]]:
    """Main texts of real pages: zh (web pages, raw crawl), and 1,000 clean ones in both languages."""
    gold = {
        name: [text for text in pq.read_table(data / "extraction" / f"{name}_dev.parquet")["gold"].to_pylist() if text]
        for name in ("zh", "mixed", "wcxb")
    }
    lines = {name: (data / "quality" / f"{name}.jsonl").read_text().splitlines() for name in ("zh_clean", "zh_raw")}
    clean = [text for line in lines["zh_clean"] for text in _strings(line)]
    raw = [text for line in lines["zh_raw"] for text in _strings(line)]
    pages = [*gold["zh"], *clean, *gold["mixed"], *gold["wcxb"]]
    return {"zh": gold["zh"] + raw, "en": gold["wcxb"], "clean": pages[:CLEAN]}


def _strings(line: str) -> list[str]:
    """The longest string of a JSON object: its text."""
    return [max((value for value in json.loads(line).values() if isinstance(value, str)), key=len)]


def plant(pages: dict[str, list[str]], number: int, seed: int) -> list[Page]:
    """`number` pages of each form, with one identifier in each."""
    chance, made = random.Random(seed), []
    for form in FORMS:
        for _ in range(number):
            item = planted(form, chance)
            english = item.before.isascii() and item.after.isascii() and item.before.strip()
            text = chance.choice(pages["en" if english else "zh"])
            ends = [found.end() for found in _SENTENCE_END.finditer(text)] or [len(text)]
            at = chance.choice(ends)
            left, right = text[max(0, at - _WINDOW) : at] + item.before, item.after + text[at : at + _WINDOW]
            made.append(Page(left + item.value + right, left[-12:], right[:12], item))
    return made


def ours(given: Sequence[str]) -> tuple[list[str], float]:
    config, column = PrivacyConfig(), pa.array(given, pa.string())
    masked_rows(
        pa.array(["电话13800138000，a@b.com，QQ：12345678，8.8.8.8"]), config
    )  # compiles and loads what it needs
    began = time.process_time()
    found = masked_rows(column, config)
    seconds = time.process_time() - began
    return [found[row].text if row in found else text for row, text in enumerate(given)], seconds


def theirs(name: str, given: Sequence[str]) -> tuple[list[str], float]:
    script = Path(__file__).parent / "peers" / "privacy.py"
    lines = "\n".join(json.dumps({"text": text}) for text in given)
    done = subprocess.run([PEERS, script, name], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    *masked, last = [json.loads(line) for line in done.stdout.splitlines()]
    return [one["text"] for one in masked], last["seconds"]


def recall(pages: Sequence[Page], masked: Sequence[str]) -> dict[str, list[int]]:
    """By form: planted, found, found with nothing lost beside it."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for page, text in zip(pages, masked, strict=True):
        found = page.item.value not in text
        beside = page.left in text and page.right in text
        for place, value in enumerate((True, found, found and beside)):
            counts[page.item.form][place] += value
    return counts


def write_masks(pages: Sequence[str], file: Path) -> int:
    """Every mask of skypile on `pages` with what stands around it, a line each; their number."""
    found = masked_rows(pa.array(pages, pa.string()), PrivacyConfig())
    lines = [
        f"{row}\t{kind}\t{pages[row][max(0, start - 40) : start]!r}\t{pages[row][start:end]!r}"
        f"\t{pages[row][end : end + 25]!r}"
        for row, one in found.items()
        for start, end, kind in one.spans
    ]
    file.write_text("\n".join(lines))
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data")
    parser.add_argument("--each", type=int, default=100, help="identifiers of each form")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--masks", type=Path, help="file for skypile's masks on the clean pages")
    parser.add_argument("--peers", nargs="*", default=["datatrove", "presidio"])
    given = parser.parse_args()
    sets = texts(given.data)
    pages = plant(sets, given.each, given.seed)
    everything = [page.text for page in pages]
    table = Table("form", "planted", "skypile", *given.peers, title="found (with all that stands beside it)")
    results = {"skypile": (recall(pages, ours(everything)[0]), ours(sets["clean"]))}
    for name in given.peers:
        results[name] = (recall(pages, theirs(name, everything)[0]), theirs(name, sets["clean"]))
    for form in FORMS:
        shown = [f"{counts[form][1]} ({counts[form][2]})" for counts, _ in results.values()]
        table.add_row(form, str(given.each), *shown)
    sums = {
        name: [sum(row[place] for row in counts.values()) for place in range(3)]
        for name, (counts, _) in results.items()
    }
    shares = [f"{found / total:.4f} ({beside / total:.4f})" for total, found, beside in sums.values()]
    table.add_row("all", str(len(pages)), *shares, end_section=True)
    clean = sets["clean"]
    changed = [str(sum(a != b for a, b in zip(clean, done, strict=True))) for _, (done, _) in results.values()]
    table.add_row(f"clean pages changed, of {len(clean):,}", "", *changed)
    table.add_row(
        "µs a clean page", "", *[f"{1e6 * seconds / len(clean):,.0f}" for _, (_, seconds) in results.values()]
    )
    Console(width=120).print(table)
    missed = [page.item for page, text in zip(pages, ours(everything)[0], strict=True) if page.item.value in text]
    for item in missed[:50]:
        print("missed:", item)
    if given.masks:
        print(f"{write_masks(clean, given.masks)} masks on clean pages: {given.masks}")


if __name__ == "__main__":
    main()
