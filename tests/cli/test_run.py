"""`run --limit`, `--until` and `--dry-run`, and what Ctrl-C leaves."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from skypile import config, plans, schema
from skypile.config import ExtractionConfig
from skypile.crawl import inputs
from skypile.crawl.read import first_records, read_split
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.identity import difference
from tests.cli.test_cli import skypile
from tests.conftest import REPOSITORY
from tests.crawls import article, write_warc

FILES, PAGES = 3, 8


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crawl") / "crawl"
    for number in range(FILES):
        write_warc(
            folder / f"{number}.warc.gz",
            {f"http://a.example/{number}/{page}": article(f"{number} {page}") for page in range(PAGES)},
        )
    (folder / "z.html").write_bytes(article("the page on its own"))
    return folder


def manifest(run):
    return json.loads((run / "01_extraction" / "manifest.json").read_text())


def extract(crawl, run, *options):
    done = skypile("run", "--until", "extraction", "--output", str(run), *options, str(crawl))
    assert done.returncode == 0, done.stderr
    return manifest(run)


def test_limit_reads_the_first_records_and_says_so(crawl, tmp_path):
    limited = extract(crawl, tmp_path / "limited", "--limit", "11")
    urls = sorted(v.url for v in ledger.verdicts(str(tmp_path / "limited"), "extraction"))
    assert urls == sorted([f"http://a.example/0/{n}" for n in range(8)] + [f"http://a.example/1/{n}" for n in range(3)])
    assert limited["read"] == 11 and limited["inputs"]["limit"] == 11 and limited["inputs"]["files"] == 2
    assert limited["notes"] == ["only the first 11 records of the input were read (--limit)"]
    assert "only the first 11 records" in skypile("status", str(tmp_path / "limited")).stdout

    whole = extract(crawl, tmp_path / "whole")
    generous = extract(crawl, tmp_path / "generous", "--limit", "1000")
    assert whole["read"] == generous["read"] == FILES * PAGES + 1 and whole["notes"] == []
    assert "limit" not in whole["inputs"] and whole["digest"] == generous["digest"]
    assert len({done["fingerprint"] for done in (limited, whole, generous)}) == 3


@pytest.mark.parametrize("number", [1, 8, 9, 24, 25, 99])
@pytest.mark.parametrize("split_mb", [1e-3, 16])
def test_the_first_records_are_those_of_the_whole_input(crawl, number, split_mb):
    config = ExtractionConfig().model_copy(update={"split_mb": 16})
    splits = [
        piece for split in inputs.plan([str(crawl)], config) for piece in inputs.divided(split, int(split_mb * 2**20))
    ]
    everything = [record for split in splits for record in read_split(split, config)]
    chosen = first_records(splits, number, config)
    cut = [piece for split in chosen for piece in inputs.divided(split, 500)]
    assert [record for split in cut for record in read_split(split, config)] == everything[:number]


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(crawl, tmp_path):
    run = tmp_path / "run"
    before = skypile("run", "--dry-run", "--output", str(run), str(crawl))
    assert before.returncode == 0 and not run.exists()
    assert "input: 4 files" in before.stdout and "  1.warc.gz\n" in before.stdout and "  z.html\n" in before.stdout
    assert "  extraction           run: never done in this folder\n" in before.stdout
    assert "  dedup                run: reads what distribution_filter will have kept\n" in before.stdout

    extract(crawl, run)
    kept = {path: path.stat().st_mtime_ns for path in run.rglob("*")}

    def dry(*options):
        done = skypile("run", "--dry-run", "--until", "distribution_filter", "--output", str(run), *options, str(crawl))
        assert done.returncode == 0, done.stderr
        assert "dedup" not in done.stdout and "nothing was written" in done.stdout
        return done.stdout

    assert "  extraction           up to date\n  distribution_filter  run: never done" in dry()
    config = tmp_path / "config.toml"
    config.write_text("[extraction]\nmin_characters = 7\n")
    assert "redo: min_characters was 100, now 7\n" in dry("--config", str(config))
    limited = dry("--limit", "5")
    assert "redo: limit was None, now 5, " in limited
    (run / "01_extraction" / "manifest.json").rename(tmp_path / "manifest.json")
    assert "go on: interrupted after 1 of 1 waves" in dry()
    (tmp_path / "manifest.json").rename(run / "01_extraction" / "manifest.json")
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")}.items() >= {
        path: at for path, at in kept.items() if path.name not in ("01_extraction",)
    }.items()


def test_until_leaves_later_stages_and_status_says_they_are_outdated(crawl, tmp_path):
    run = tmp_path / "run"
    done = extract(crawl, run)
    later = run / "02_distribution_filter"
    for folder in ("verdicts", "documents"):
        (later / folder).mkdir(parents=True)
    read_from = stage_folder.kept_by("extraction", done)
    (later / "manifest.json").write_text(json.dumps(done | {"stage": later.name[3:], "inputs": read_from}))

    def outdated():
        return [stage["outdated"] for stage in json.loads(skypile("status", str(run), "--json").stdout)["stages"]]

    assert outdated() == [False, False]
    extract(crawl, run, "--limit", "5")
    assert outdated() == [False, True]
    assert "out of date: a stage before it was done anew since" in skypile("status", str(run)).stdout
    wrong = skypile("run", "--until", "dedupe", "--output", str(run), str(crawl))
    assert wrong.returncode == 2 and "dedupe" in wrong.stderr and "quality_filter" in wrong.stderr


def test_a_following_stage_is_made_from_what_was_kept_and_from_files_by_their_content(crawl, tmp_path):
    run = tmp_path / "run"
    done = extract(crawl, run)
    words = tmp_path / "words.txt"
    words.write_text("river\n")
    chosen = config.parse({"quality_filter": {"bad_words": str(words)}})
    for number, stage in enumerate(schema.STAGES[1:3], 2):
        (run / f"{number:02d}_{stage}").mkdir()
        (run / f"{number:02d}_{stage}" / "manifest.json").write_text(json.dumps(done | {"stage": stage}))
    plan = plans.following_plan(str(run), "quality_filter", chosen)
    assert plan.inputs["what dedup kept"] == f"{done['fingerprint']} {done['digest']}" and len(plan.waves) == 1
    words.rename(tmp_path / "elsewhere.txt")
    moved = config.parse({"quality_filter": {"bad_words": str(tmp_path / "elsewhere.txt")}})
    assert plans.following_plan(str(run), "quality_filter", moved).made_of == plan.made_of
    (tmp_path / "elsewhere.txt").write_text("rover\n")
    again = plans.following_plan(str(run), "quality_filter", moved)
    assert difference(plan.made_of, again.made_of) == "word list changed"


@pytest.mark.parametrize(
    ("how", "spark"),
    [
        ("group", False),
        ("one", False),
        pytest.param("group", True, marks=pytest.mark.slow),
        pytest.param("one", True, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_in_one_line_and_leaves_no_process(tmp_path, how, spark):
    """To the whole process group, as a terminal sends it, and to the command alone."""
    pages = {f"http://a.example/{n}": article(str(n), 3000) for n in range(2000)}
    write_warc(tmp_path / "crawl" / "a.warc.gz", pages)
    (tmp_path / "config.toml").write_text(f"[spark]\nlocal_mb = {0 if spark else 1024}\n")
    arguments = ["--config", str(tmp_path / "config.toml"), "--output", str(tmp_path / "run"), str(tmp_path / "crawl")]
    command = subprocess.Popen(
        [sys.executable, "-m", "skypile.cli", "run", *arguments],
        cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    below: list[psutil.Process] = []
    while not list((tmp_path / "run").rglob("*.parquet*")):  # a stage is being written
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    below = psutil.Process(command.pid).children(recursive=True)
    assert below
    (os.killpg if how == "group" else os.kill)(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    told = [line for line in said.splitlines() if not line.startswith("extraction: ")]  # progress, while it compiles
    assert told == ["skypile: interrupted; run the same command again: what is finished is not done twice"]
    _, alive = psutil.wait_procs(below, timeout=5)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
