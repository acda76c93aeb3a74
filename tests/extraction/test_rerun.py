"""The same command again: what is still true stays as it is, what is not is made anew, wave by wave."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skypile.config import parse
from skypile.crawl import inputs
from skypile.extraction.plan import extraction_plan
from skypile.run_folder import stage_folder
from tests.conftest import REPOSITORY

FILES = 3


@pytest.fixture
def crawl(tmp_path):
    """Three files, a wave each."""
    (tmp_path / "crawl").mkdir()
    for number in range(FILES):
        write(tmp_path / "crawl" / f"{number}.jsonl", f"first {number}")
    (tmp_path / "config.toml").write_text("[extraction]\nwave_mb = 0.0001\n")
    return tmp_path / "crawl"


def write(path: Path, word: str) -> None:
    lines = [
        json.dumps({"text": f"{word}: the house number {n} stands at the river, by the old mill. " * 3})
        for n in range(9)
    ]
    path.write_text("\n".join(lines) + "\n")


def extract(crawl: Path, *, fails: bool = False, run: str = "run") -> str:
    """Run the job over the crawl; what it said. All lie in one folder."""
    command = [sys.executable, str(REPOSITORY / "jobs" / "extraction.py"), "--config", "config.toml"]
    done = subprocess.run(
        [*command, "--output", run, crawl.name],
        cwd=crawl.parent,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == fails, done.stderr[-2000:]
    return done.stderr


def stamps(crawl: Path) -> list[int]:
    """When each wave was finished."""
    return [path.stat().st_mtime_ns for path in sorted((crawl.parent / "run/01_extraction/waves").glob("*.json"))]


def redone(before: list[int], after: list[int]) -> list[int]:
    return [number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def digest(crawl: Path, run: str = "run") -> str:
    manifest = stage_folder.manifest(str(crawl.parent / run), "extraction")
    assert manifest is not None
    return str(manifest["digest"])


def test_one_file_edited_in_place_redoes_its_wave_and_no_other(crawl):
    extract(crawl)
    first, before = digest(crawl), stamps(crawl)
    times = (crawl / "1.jsonl").stat()
    write(crawl / "1.jsonl", "other 1")  # as many bytes
    os.utime(crawl / "1.jsonl", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (crawl / "1.jsonl").stat().st_size == times.st_size
    assert "redone: input 1.jsonl changed" in extract(crawl)
    assert redone(before, stamps(crawl)) == [1]
    # The ids, URLs and verdicts are those of before: it is the text that the digest covers.
    assert digest(crawl) != first
    extract(crawl, run="fresh")
    assert digest(crawl, "fresh") == digest(crawl)


def test_what_was_touched_or_moved_is_up_to_date(crawl):
    extract(crawl)
    os.utime(crawl / "0.jsonl", (1, 1))
    assert "up to date" in extract(crawl)
    assert "up to date" in extract(crawl.rename(crawl.with_name("moved")))


def test_another_crawl_is_refused_by_name(crawl):
    extract(crawl)
    other = crawl.with_name("other")
    other.mkdir()
    write(other / "0.jsonl", "first 0")
    before = digest(crawl)
    assert f"{crawl.parent}/run holds a run of the pipeline made from something else" in extract(other, fails=True)
    assert digest(crawl) == before


def test_a_file_more_and_a_file_less(crawl):
    extract(crawl)
    before = stamps(crawl)
    write(crawl / "3.jsonl", "first 3")
    assert "redone: input 3.jsonl is new" in extract(crawl)
    assert redone(before, stamps(crawl)[:3]) == []
    (crawl / "3.jsonl").unlink()
    assert "redone: input 3.jsonl is gone" in extract(crawl)
    assert stamps(crawl) == before
    assert len(list((crawl.parent / "run/01_extraction/verdicts").glob("wave=*/*.parquet"))) == FILES


@pytest.mark.parametrize("harm", ["missing", "cut", "flipped"])
def test_a_damaged_part_is_noticed_and_its_wave_made_anew(crawl, harm):
    extract(crawl)
    sound, before = digest(crawl), stamps(crawl)
    (part,) = (crawl.parent / "run/01_extraction/documents/kept=true/wave=2").glob("part-*")
    data = part.read_bytes()
    if harm == "missing":
        part.unlink()
    elif harm == "cut":
        part.write_bytes(data[:-9])
    else:
        part.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    words = {"missing": "is missing", "cut": f"has {len(data) - 9} bytes, {len(data)} were", "flipped": "(checksum)"}
    said = extract(crawl)
    assert "redone: documents/kept=true/wave=2/part-" in said and words[harm] in said
    assert redone(before, stamps(crawl)) == [2]
    assert digest(crawl) == sound


def test_a_guard_is_no_part_of_the_fingerprint(crawl):
    """Nor is how the work is cut; what decides is."""
    splits = inputs.plan([str(crawl)], parse({}).extraction)

    def made_of(**settings):
        return extraction_plan(splits, parse({"extraction": settings}).extraction)[0].made_of

    assert made_of() == made_of(max_failed_share=0.9) == made_of(wave_mb=1) == made_of(split_mb=1)
    assert made_of() != made_of(min_characters=7)
    assert made_of() != made_of(timeout_seconds=7)


def test_raising_the_limit_of_failures_goes_on_where_it_stopped(crawl):
    for number in range(FILES):
        write(crawl / f"{number}.jsonl", "kept")
        with (crawl / f"{number}.jsonl").open("a") as file:
            file.writelines(json.dumps({"html": f"<p>{'word ' * 60}{n}"}) + "\n" for n in range(120))
    table = "[extraction]\nwave_mb = 0.0001\ntimeout_seconds = 0.00001\nmax_failed_share = {}\n"
    (crawl.parent / "config.toml").write_text(table.format(0.1))
    assert "pages failed in extraction" in extract(crawl, fails=True)
    before = stamps(crawl)
    (crawl.parent / "config.toml").write_text(table.format(1.0))
    extract(crawl)
    assert stamps(crawl)[: len(before)] == before and len(stamps(crawl)) == FILES


def test_a_wave_whose_input_vanished_is_read_again_when_it_is_back(crawl):
    splits = inputs.plan([str(crawl)], parse({}).extraction)
    plan, _ = extraction_plan(splits, parse({"extraction": {"wave_mb": 0.0001}}).extraction)
    assert [plan.unsettled(wave) for wave in range(FILES)] == [[], [], []]
    (crawl / "1.jsonl").rename(crawl / "gone")
    assert [plan.unsettled(wave) for wave in range(FILES)] == [[], ["1.jsonl vanished"], []]
    (crawl / "gone").rename(crawl / "1.jsonl")
    write(crawl / "2.jsonl", "quite another")
    assert plan.unsettled(2) == ["an input changed"]

    extract(crawl)  # as if 1.jsonl had been away in that moment
    stamp = crawl.parent / "run/01_extraction/waves/00001.json"
    manifest = crawl.parent / "run/01_extraction/manifest.json"
    for path in (stamp, manifest):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"unsettled": ["1.jsonl vanished"]}))
    before = stamps(crawl)
    assert "redone: 1.jsonl vanished while it was read" in extract(crawl)
    assert redone(before, stamps(crawl)) == [1]
    assert "up to date" in extract(crawl)


def test_of_two_runs_at_once_the_second_is_refused(crawl):
    for number in range(FILES):  # enough to do that they meet
        write(crawl / f"{number}.jsonl", "kept")
        with (crawl / f"{number}.jsonl").open("a") as file:
            file.writelines(json.dumps({"html": f"<p>{f'word {n} ' * 3000}"}) + "\n" for n in range(300))
    command = [sys.executable, str(REPOSITORY / "jobs" / "extraction.py"), "--config", "config.toml"]
    first = subprocess.Popen(
        [*command, "--output", "run", crawl.name],
        cwd=crawl.parent,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (crawl.parent / "run/01_extraction/plan.json").exists():
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    said = extract(crawl, fails=True)
    assert first.poll() is None, "the first had ended: nothing was tried"
    assert f"{crawl.parent}/run is being written by process {first.pid} on " in said
    _, messages = first.communicate(timeout=120)
    assert first.returncode == 0, messages
    extract(crawl, run="fresh")
    assert digest(crawl, "fresh") == digest(crawl)
