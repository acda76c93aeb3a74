"""How long `skypile decide` takes on a run of made-up documents, beside the run itself.

    python -m benchmarks.decide [--documents 160000]

Seconds of a whole run over text records of some 1,000 characters, of saying what another threshold would change, and of
writing it: verdicts, documents, shards and report. Java's start is in none of them.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from rich.console import Console

from skypile import config, pipeline
from skypile.config.change import changed
from skypile.decide import apply, changes
from skypile.run_folder import stage_folder
from skypile.runtime import session

FRAMES = (
    "The {} of the {} was in a {} when it came to them.",
    "It is the {} that {} and {} have, and not the others.",
    "From {} to {} it was as {} as this one by the river.",
    "They are at the {}, on which {} stands with its {}.",
)
SENTENCES = 20
VOCABULARY = 20_000


def write_documents(path: Path, count: int) -> None:
    """Texts of sentences with rare words in them, so that they are English and no two are alike."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghilmnoprstu", k=chance.randint(4, 9))) for _ in range(VOCABULARY)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            said = (chance.choice(FRAMES).format(*chance.choices(words, k=3)) for _ in range(SENTENCES))
            row = {"url": f"http://h{number % 997}.example/{number}", "text": " ".join(said)}
            file.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=160_000)
    given = parser.parse_args()
    quiet = Console(quiet=True)
    with tempfile.TemporaryDirectory() as folder:
        crawl, run = Path(folder, "crawl.jsonl"), f"{folder}/run"
        write_documents(crawl, given.documents)
        trusted = Path(folder, "trusted.jsonl")
        with crawl.open(encoding="utf-8") as lines:
            trusted.write_text("".join(line for _, line in zip(range(500), lines, strict=False)), encoding="utf-8")
        before = config.parse(
            {
                "distribution_filter": {"enabled": False},  # it would take them for one crowd, and thin it
                "quality_filter": {"combine": "mean", "trusted": [str(trusted)], "bins": 20},
            }
        )
        after = changed(before, ["quality_filter.min_bin=4"], "")
        spark = session.start(before.spark, "decide")
        seconds = {}
        began = time.monotonic()
        pipeline.run(spark, [str(crawl)], run, before, quiet)
        seconds["the whole run"] = time.monotonic() - began
        quality = stage_folder.manifest(run, "quality_filter") or {}
        seconds["its quality filter"] = quality["seconds"]
        began = time.monotonic()
        found = changes(run, after)
        seconds["skypile decide --dry-run"] = time.monotonic() - began
        began = time.monotonic()
        apply(spark, run, after, quiet)
        seconds["writing it"] = time.monotonic() - began
        spark.stop()
    print(f"{quality['read']:,} documents in the quality filter, {found.go:,} go, {found.come:,} come")
    for name, took in seconds.items():
        print(f"{name:<26} {took:>7.1f} s")


if __name__ == "__main__":
    main()
