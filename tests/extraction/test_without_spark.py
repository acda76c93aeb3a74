"""Stage 1 without Spark: the same stage as Spark writes, and a process that dies takes nothing with it."""

import itertools
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import functions as F
from rich.console import Console

from skypile import pipeline
from skypile.config import SparkConfig, parse
from skypile.crawl import inputs
from skypile.extraction import without_spark
from skypile.run_folder import stage_folder, written_here
from skypile.run_folder.row_hash import row_hash
from skypile.run_folder.stamp import ConservationError
from skypile.run_folder.storage import spark_schema
from skypile.runtime.process import cores
from skypile.sample import write_sample
from skypile.schema import DOCUMENT_COLUMNS, LEDGER_COLUMNS, arrow_schema, names
from tests.conftest import REPOSITORY
from tests.crawls import article, write_warc


def job(config: Path, run: Path, *crawl: object) -> subprocess.Popen[str]:
    """`jobs/extraction.py` in a process of its own, as from a shell."""
    command = [sys.executable, REPOSITORY / "jobs" / "extraction.py", "--config", config, "--output", run, *crawl]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages[-3000:]
    return messages


def settings(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def rows(run: Path) -> list[dict[str, object]]:
    """All documents of the stage, in the order of their ids."""
    folder = run / "01_extraction" / "documents"
    table = ds.dataset(str(folder), schema=arrow_schema(DOCUMENT_COLUMNS), format="parquet").to_table()
    return sorted(table.to_pylist(), key=lambda row: row["record_id"])


def same_stage(spark, tmp_path: Path, crawl: list[str], text: str) -> dict[str, object]:
    """Run both ways over `crawl`; the manifest, times left out, is the same, and so is every column of every row."""
    config = parse(tomllib.loads(text))
    here, there = tmp_path / "here", tmp_path / "spark"
    assert "Spark" not in finish(job(settings(tmp_path, text), here, *crawl))
    pipeline.extraction(spark, crawl, str(there), config, Console(quiet=True))
    manifests = [stage_folder.manifest(str(run), "extraction") for run in (here, there)]
    for manifest in manifests:
        assert manifest is not None and manifest.pop("seconds") >= 0 and manifest.pop("finished")
        assert manifest.pop("parts")  # whose files differ
    assert manifests[0] == manifests[1]
    assert rows(here) == rows(there)
    verdicts = ds.dataset(str(here / "01_extraction" / "verdicts"), schema=arrow_schema(LEDGER_COLUMNS)).to_table()
    assert sorted(verdicts["record_id"].to_pylist()) == [row["record_id"] for row in rows(here)]
    return manifests[0]


def test_both_ways_write_the_same_stage(spark, tmp_path):
    """Over WARC, WET, JSONL, Parquet and HTML, damaged files among them, in several waves."""
    sample = write_sample(tmp_path / "sample")
    manifest = same_stage(spark, tmp_path, [str(sample["crawl"])], "[extraction]\nwave_mb = 0.5\n")
    assert manifest["waves"] > 1 and manifest["dropped"] and manifest["failed"]


def test_both_ways_write_the_same_stage_of_real_pages(spark, tmp_path, shared_data):
    crawl = [str(shared_data / "crawl" / name) for name in ("zh-web.warc.gz", "en-web.warc.gz")]
    manifest = same_stage(spark, tmp_path, crawl, "")
    assert manifest["read"] == 631


def test_what_one_way_has_finished_the_other_leaves_alone(spark, tmp_path):
    crawl = write_warc(tmp_path / "crawl" / "a.warc.gz", {f"http://a.example/{n}": article(str(n)) for n in range(5)})
    finish(job(settings(tmp_path, ""), tmp_path / "run", crawl))
    stamp = tmp_path / "run" / "01_extraction" / "waves" / "00000.json"
    written = stamp.stat().st_mtime_ns
    pipeline.extraction(spark, [str(crawl)], str(tmp_path / "run"), parse({}), Console(quiet=True))
    assert "up to date" in finish(job(settings(tmp_path, ""), tmp_path / "run", crawl))
    assert stamp.stat().st_mtime_ns == written


@pytest.mark.parametrize("first", ["spark", "here"])
def test_each_way_goes_on_where_the_other_was_interrupted(spark, tmp_path, first):
    for wave in range(2):
        pages = {f"http://a.example/{wave}/{n}": article(f"{wave} {n}") for n in range(5)}
        write_warc(tmp_path / "crawl" / f"{wave}.warc.gz", pages)
    text = "[extraction]\nwave_mb = 0.001\n"

    def run(way: str, folder: Path) -> dict[str, object]:
        if way == "spark":
            config = parse(tomllib.loads(text))
            return pipeline.extraction(spark, [str(tmp_path / "crawl")], str(folder), config, Console(quiet=True))
        finish(job(settings(tmp_path, text), folder, tmp_path / "crawl"))
        manifest = stage_folder.manifest(str(folder), "extraction")
        assert manifest is not None
        return manifest

    whole = run(first, tmp_path / "run")
    folder = tmp_path / "run" / "01_extraction"
    (folder / "manifest.json").unlink()
    (folder / "waves" / "00001.json").unlink()
    kept = (folder / "waves" / "00000.json").stat().st_mtime_ns
    again = run("here" if first == "spark" else "spark", tmp_path / "run")
    times = ("seconds", "finished", "parts")
    assert {k: v for k, v in again.items() if k not in times} == {k: v for k, v in whole.items() if k not in times}
    assert (folder / "waves" / "00000.json").stat().st_mtime_ns == kept
    assert len(rows(tmp_path / "run")) == again["read"] == 10


@pytest.fixture
def slow(tmp_path):
    """A crawl of 300 pages, a fraction of a second each, in one wave."""
    text = article("lighthouse", 4000)
    write_warc(tmp_path / "crawl" / "a.warc.gz", {f"http://a.example/{n}": text + b"%d" % n for n in range(300)})
    return settings(tmp_path, '[spark]\nmaster = "local[2]"\n[extraction]\nengine = "trafilatura"\n')


def at_work(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The job's processes that extract, once their sandboxes, which the template has forked, compute."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        children = psutil.Process(process.pid).children()
        template = [child for child in children if "sandbox_child" in str(child.cmdline())]
        sandboxes = [child for parent in template for child in parent.children()]
        if len(sandboxes) == 2 and all(child.cpu_times().user > 0.6 for child in sandboxes):
            return [child for child in children if child not in template]
        time.sleep(0.02)
    raise AssertionError("the processes did not start to work")


def all_end(processes: list[psutil.Process]) -> bool:
    return not [p for p in psutil.wait_procs(processes, timeout=10)[1] if p.status() != psutil.STATUS_ZOMBIE]


def test_a_process_that_is_killed_ends_the_run_with_advice_and_the_next_run_goes_on(slow, tmp_path):
    running = job(slow, tmp_path / "run", tmp_path / "crawl")
    victim, *others = at_work(running)
    victim.kill()
    _, messages = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "a process that extracts was killed, in wave 0 of 1" in messages and "spark.local_mb = 0" in messages
    assert all_end(others)
    finish(job(slow, tmp_path / "run", tmp_path / "crawl"))
    manifest = stage_folder.manifest(str(tmp_path / "run"), "extraction")
    assert manifest is not None and manifest["read"] == 300


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_run(slow, tmp_path, how):
    running = job(slow, tmp_path / "run", tmp_path / "crawl")
    at_work(running)
    family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(how)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert len(family) >= 4 and all_end(family)  # two that extract, their sandboxes' template, its children


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        (None, cores()),
        ("local", 1),
        ("local[3]", 3),
        ("local[*]", cores()),
        ("local[2,4]", 2),
        ("local-cluster[1,2,1024]", 0),
        ("spark://host:7077", 0),
        ("yarn", 0),
    ],
)
def test_only_this_machine_extracts_without_spark(master, expected, monkeypatch):
    assert without_spark.local_cores(SparkConfig(master=master)) == expected
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")  # spark-submit is there
    assert without_spark.local_cores(SparkConfig(master=master)) == 0


@pytest.mark.parametrize("spark_table", [{"local_mb": 0}, {"local_mb": 1}, {"master": "yarn"}])
def test_what_is_too_large_or_not_for_this_machine_is_left_to_spark(spark_table, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 100_000)
    config = parse({"spark": spark_table})
    assert without_spark.extract_locally([str(tmp_path / "a.jsonl")], str(tmp_path / "run"), config) is None
    assert not (tmp_path / "run").exists()


text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80)
number = st.none() | st.floats(allow_nan=True, width=64)


def test_the_digest_is_the_one_that_spark_computes(spark):
    values: list[list[object]] = []

    @given(st.lists(st.tuples(text, text, text, text, st.none() | text, number, number, st.none() | text), max_size=30))
    def collect(rows: list[tuple[object, ...]]) -> None:
        values.extend(map(list, rows))

    collect()
    values += [["", "", "", "", None, -0.0, 0.0, ""], ["a" * n for n in range(5)] + [1.0, None, "b" * 100]]
    frame = spark.createDataFrame([tuple(row) for row in values], spark_schema(LEDGER_COLUMNS))
    wanted = [row["h"] for row in frame.select(F.xxhash64(*names(LEDGER_COLUMNS)).alias("h")).collect()]
    assert [row_hash(row) for row in values] == [h & (2**64 - 1) for h in wanted]
    assert len(values) > 100


@given(
    st.lists(st.tuples(st.sampled_from(["warc", "html", "unknown"]), st.integers(0, 60 << 20)), max_size=6),
    st.integers(1, 8),
    st.sampled_from([1 << 20, 16 << 20]),
)
def test_pieces_are_the_splits_and_shrink_to_the_end(files, workers, most):
    splits = []
    for number, (sort, size) in enumerate(files):
        source = "\0".join(f"{number}-{i}.html" for i in range(40)) if sort == "html" else f"{number}.warc.gz"
        splits.append(inputs.Split(f"/x/{source}", source, sort, 0, size, size))
    pieces = list(without_spark._pieces(splits, workers, most))
    for split in splits:
        if split.format == "html":
            found = [name for p in pieces if p.format == "html" for name in p.source.split("\0")]
            assert [name for name in found if name in split.source.split("\0")] == split.source.split("\0")
            continue
        ranges = [(p.start, p.end) for p in pieces if p.source == split.source]
        assert ranges[0][0] == 0 and ranges[-1][1] == split.end
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))
        assert split.format == "unknown" or all(end - start <= most for start, end in ranges)
    left = sum(split.size for split in splits)
    for piece in pieces:
        if piece.format == "warc":
            assert piece.end - piece.start <= max(without_spark.SMALLEST_PIECE, left // (2 * workers))
        left -= piece.end - piece.start


def test_an_id_that_comes_twice_fails_the_run(tmp_path):
    table = pa.table({name: ["x", "y"] for name in names(LEDGER_COLUMNS)})
    for wave in range(2):
        folder = tmp_path / "verdicts" / f"wave={wave}"
        folder.mkdir(parents=True)
        pq.write_table(table.slice(0, 2 - wave), folder / "part-00000.zstd.parquet")
    with pytest.raises(ConservationError, match="record x has 2 verdicts"):
        written_here.check_ids(str(tmp_path))
