"""Crawl to language-filtered Parquet: skypile's extraction stage against datatrove, same files, one sitting.

    make bench-pipeline            (or: python -m benchmarks.pipeline [--copies 8] [--engines fast] [CRAWL_FOLDER])

Both read the same WARC files on all cores and write Parquet of the English and Chinese pages they keep.
skypile also writes a verdict for every record. Each reads the crawl, of three runs in turn with the others the
middle one counts, and then several copies of it, which tells apart what a run costs before its first page (the
start of Python) and what each page costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import timed
from skypile.extraction import page
from skypile.run_folder import stage_folder
from skypile.runtime import session
from skypile.runtime.process import cores

PEERS = Path(os.environ.get("SKYPILE_PEERS", ".venv-peers/bin/python")).absolute()
ROOT = Path(__file__).parent.parent
DEFAULT_FILES = ("zh-web.warc.gz", "en-web.warc.gz")
ENGINES = ("fast", "trafilatura-fast")


def peer(crawl: Path, folder: Path) -> dict[str, float]:
    """datatrove in its own environment; the script's last line has its counts."""
    script = Path(__file__).parent / "peers" / "datatrove_pipeline.py"
    seconds, printed = timed([PEERS, script, crawl, folder, cores()])
    return json.loads(printed.splitlines()[-1]) | {"seconds": seconds}


def ours(crawl: Path, folder: Path, engine: str) -> dict[str, float]:
    """The extraction job as it is submitted, with one engine."""
    config = folder.with_name(f"{folder.name}.toml")
    config.write_text(f'[extraction]\nengine = "{engine}"\n')
    seconds, _ = timed([sys.executable, ROOT / "jobs" / "extraction.py", "--config", config, "--output", folder, crawl])
    manifest = stage_folder.manifest(str(folder), "extraction")
    assert manifest is not None  # written last, and checked: kept + dropped + failed = read
    return {"seconds": seconds, "read": manifest["read"], "kept": manifest["kept"]}


def copies(crawl: Path, folder: Path, number: int) -> Path:
    """A folder with `number` links to each file of `crawl`, under different names."""
    folder.mkdir()
    for file in sorted(crawl.glob("*.warc.gz")):
        for copy in range(number):
            (folder / f"{copy}-{file.name}").symlink_to(file.resolve())
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crawl", nargs="?", type=Path, help="folder of .warc.gz files; else zh-web and en-web")
    parser.add_argument("--copies", type=int, default=8, help="of the crawl in the second run")
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs over the crawl itself, of which the middle one counts"
    )
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    given = parser.parse_args()
    page.prepare()  # compiling and archiving are matters of installation
    if not session.archive_path().exists():
        subprocess.run([sys.executable, "-m", "skypile.cli", "prepare"], check=True)
    shared = Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data" / "crawl"
    with tempfile.TemporaryDirectory() as folder:
        crawl = given.crawl or Path(folder, "crawl")
        if not given.crawl:
            if not shared.is_dir():
                raise SystemExit(f"no crawl in {shared}: give a folder of .warc.gz files")
            crawl.mkdir()
            for name in DEFAULT_FILES:
                (crawl / name).symlink_to((shared / name).resolve())
        many = copies(crawl, Path(folder, "many"), given.copies)
        runs = {"datatrove": peer} | {f"skypile {e}": partial(ours, engine=e) for e in given.engines}
        rounds = [
            {name: run(crawl, Path(folder, f"{name} {number}")) for name, run in runs.items()}
            for number in range(given.rounds)
        ]
        once = {name: middle([results[name] for results in rounds]) for name in runs}
        often = {name: run(many, Path(folder, f"{name} often")) for name, run in runs.items()}
    print_table({name: (once[name], often[name]) for name in runs}, given.copies)


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    """The run of median time."""
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def print_table(results: dict[str, tuple[dict[str, float], dict[str, float]]], copies: int) -> None:
    """Both runs of each pipeline, the rate between them, and both as ratios to datatrove."""

    def rate(once: dict[str, float], often: dict[str, float]) -> float:
        return (often["read"] - once["read"]) / (often["seconds"] - once["seconds"])

    between = ("pages/s between", "ratio") if copies > 1 else ()  # the same pages once more tell nothing
    table = Table("pipeline", "read", "kept", "s", "ratio", f"s, {copies} copies", "ratio", *between)
    base = results["datatrove"]
    for name, (once, often) in results.items():
        cells = [
            cell
            for run, reference in zip((once, often), base, strict=True)
            for cell in (f"{run['seconds']:.1f}", f"{reference['seconds'] / run['seconds']:.2f}")
        ]
        if copies > 1:
            cells += [f"{rate(once, often):.0f}", f"{rate(once, often) / rate(*base):.2f}"]
        table.add_row(name, str(once["read"]), str(once["kept"]), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
