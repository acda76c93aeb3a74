"""Crawl to language-filtered Parquet: skypile's extraction stage against datatrove, same files, one sitting.

    make bench-pipeline            (or: python -m benchmarks.pipeline CRAWL_FOLDER [ENGINE...])

Both read the same WARC files on all cores and write Parquet of the English and Chinese pages they keep.
skypile also writes a verdict for every record; its seconds are without and with the start of Spark.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from skypile import pipeline, session
from skypile.config import parse

PEERS = Path(os.environ.get("SKYPILE_PEERS", ".venv-peers/bin/python")).absolute()
DEFAULT_FILES = ("zh-web.warc.gz", "en-web.warc.gz")


def peer(crawl: Path, folder: str) -> dict[str, float]:
    """datatrove in its own environment; its last line is the result."""
    script = Path(__file__).parent / "peers" / "datatrove_pipeline.py"
    command = [str(PEERS), str(script), str(crawl), f"{folder}/datatrove", str(session.cores())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"datatrove failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(crawl: Path, folder: str, engine: str) -> dict[str, float]:
    """The extraction stage with one engine."""
    config = parse({"extraction": {"engine": engine, "split_mb": 1}})
    began = time.perf_counter()
    spark = session.start(config.spark, "benchmark")
    ready = time.perf_counter()
    manifest = pipeline.extraction(spark, [str(crawl)], f"{folder}/{engine}", config, Console(stderr=True))
    ended = time.perf_counter()
    spark.stop()
    lost = manifest["read"] - manifest["kept"] - sum(sum(manifest[v].values()) for v in ("dropped", "failed"))
    return {
        "seconds": ended - ready,
        "start": ready - began,
        "read": manifest["read"],
        "kept": manifest["kept"],
        "lost": lost,
    }


def main(arguments: list[str]) -> None:
    shared = Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data" / "crawl"
    with tempfile.TemporaryDirectory() as folder:
        crawl = Path(arguments[0]) if arguments else Path(folder, "crawl")
        if not arguments:
            if not shared.is_dir():
                raise SystemExit(f"no crawl in {shared}: give a folder of .warc.gz files as the first argument")
            crawl.mkdir()
            for name in DEFAULT_FILES:
                (crawl / name).symlink_to((shared / name).resolve())
        results = {f"skypile {e}": ours(crawl, folder, e) for e in arguments[1:] or ("fast", "trafilatura")}
        results = {"datatrove": peer(crawl, folder)} | results
    table = Table("pipeline", "read", "kept", "seconds", "with start", "pages/s", "ratio")
    base = results["datatrove"]["seconds"]
    for name, row in results.items():
        total = row["seconds"] + row.get("start", 0.0)
        speed = f"{row['read'] / row['seconds']:.1f}"
        cells = (str(row["read"]), str(row["kept"]), f"{row['seconds']:.1f}", f"{total:.1f}", speed)
        table.add_row(name, *cells, f"{base / row['seconds']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
