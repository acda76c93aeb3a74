"""The report's in-domain experiment at toy scale: a general proxy, then a small dose of exercises.

    python -m benchmarks.dose --data FOLDER --output FOLDER

*General*: the pages that `skypile run` keeps of the crawls in data/crawl, in English and Chinese; one host in ten is
held out. *In-domain*: data/leakage/gsm8k_train.jsonl, question and answer; 300 items are held out. A 1m proxy is
trained on the general text, then goes on with in-domain text alone at a constant, small rate; losses on both kinds of
held-out text are measured on the way, and drawn (dose.svg; dose.json has the figures). What is finished is not done
again.

Needs the extra [models]; some five minutes on two cores.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds

from skypile.text.language import identify
from skypile.tokens.packing import is_validation, split_key

CRAWLS = ("en-web", "zh-web", "docs-en-zh", "archive-en", "commoncrawl-en-0", "commoncrawl-en-1", "commoncrawl-zh")
HELD_OUT = 0.1  # of the hosts
ITEMS, TEXTS = 300, 100  # held out: exercises, and pages of each language
CHARACTERS = 1_000  # of a held-out text


def skypile(*arguments: object, show: bool = True) -> str:
    command = [sys.executable, "-m", "skypile.cli", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    if show:
        print(done.stdout, end="", flush=True)
    return done.stdout


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def general(documents: Path, held: Path) -> None:
    """Pages of held-out hosts, those that `tokens pack` puts into its validation split, some of each language."""
    rows = ds.dataset(documents, partitioning="hive").to_table(["record_id", "url", "text", "lang"])
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows.sort_by("record_id").to_pylist():
        text, language = row["text"][:CHARACTERS], row["lang"]
        held_out = is_validation(split_key(row["url"], lambda row=row: row["text"]), HELD_OUT)
        if held_out and identify(text).code == language:
            found.setdefault(language, []).append({"text": text})
    write_lines(held / "pages.jsonl", [one for _, texts in sorted(found.items()) for one in texts[:TEXTS]])


def exercises(path: Path, folder: Path, held: Path) -> None:
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [{"text": f"{item['question']} {item['answer']}"} for item in items]
    write_lines(held / "exercises.jsonl", rows[-ITEMS:])
    write_lines(folder / "exercises.jsonl", rows[:-ITEMS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=800_000, help="of the general training")
    parser.add_argument("--dose", type=int, default=160_000, help="tokens of the dose")
    parser.add_argument("--rate", type=float, default=0.001, help="of the dose: where the general training ends")
    given = parser.parse_args()
    out = given.output
    held = out / "held"
    held.mkdir(parents=True, exist_ok=True)
    crawls = [path for name in CRAWLS if (path := given.data / "crawl" / f"{name}.warc.gz").exists()]
    skypile("run", "--config", "configs/demo.toml", "--output", out / "run", *crawls)
    documents = next((out / "run").glob("*_shards/documents"))
    general(documents / "kept=true", held)
    exercises(given.data / "leakage" / "gsm8k_train.jsonl", out, held)
    skypile("tokens", "pack", documents, "--output", out / "tokens", "--validation", HELD_OUT, show=False)
    skypile("tokens", "shuffle", out / "tokens" / "train", "--output", out / "general", "--shards", 1, show=False)
    skypile("tokens", "pack", out / "exercises.jsonl", "--output", out / "exercises", "--validation", 0)
    skypile("proxy", "train", out / "general", "--output", out / "proxy", "--size", "1m", "--tokens", given.tokens)
    sets = [f"{path.stem}={path}" for path in sorted(held.glob("*.jsonl"))]
    told = skypile(
        *(
            "proxy",
            "dose",
            out / "proxy",
            out / "exercises",
            *sets,
            "--tokens",
            given.dose,
            "--output",
            out / "dose.svg",
        ),
        *("--learning-rate", given.rate, "--characters", CHARACTERS, "--json"),
        show=False,
    )
    (out / "dose.json").write_text(told, encoding="utf-8")
    states = json.loads(told)["states"]
    for state in states:
        rows = [f"{row['domain']} {row['language']} {row['bits_per_byte']:.4f}" for row in state["sets"]]
        print(f"{state['tokens']:>8,} tokens  " + "   ".join(rows))


if __name__ == "__main__":
    main()
