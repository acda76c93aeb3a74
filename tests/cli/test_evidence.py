"""`status`, `why`, `diff` and their JSON, on a run and on what `skypile dedup` wrote; lines in a pipe are whole."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.errors import Refused
from skypile.run_folder import ledger
from skypile.run_folder.run_config import run_config
from skypile.run_folder.takedowns import taken_down
from skypile.schema import LEDGER_COLUMNS, arrow_schema
from skypile.takedown import take_down
from tests.cli.test_cli import skypile
from tests.crawls import article, write_warc
from tests.report.run_folder import record, write_run

LONG = "https://c.example/" + "a-very-long-path/" * 20
URLS = (
    "https://www.a.example/news/",
    "https://www.a.example/news/1?x=(1)",
    "http://a.example:8080/",
    "https://xa.example/",
    "https://a.example.org/",
    "https://b.example/page#top",
    LONG,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run as far as extraction, which needs no Spark."""
    folder = tmp_path_factory.mktemp("evidence")
    write_warc(folder / "crawl" / "a.warc.gz", {url: article(url) for url in URLS})
    done = skypile("run", "--until", "extraction", "--output", str(folder / "run"), str(folder / "crawl"))
    assert done.returncode == 0, done.stderr
    return str(folder / "run")


@pytest.fixture(scope="module")
def deduplicated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dedup")
    words = "The lock keeper notes the level of the canal every morning before the first boat arrives at the gate. " * 9
    texts = [words + "One.", words + "Two!", "Quite another text about tea, cups and a kettle on the stove. " * 9]
    table = pa.table({"n": [1, 2, 3], "body": texts})
    (folder / "in").mkdir()
    pq.write_table(table, folder / "in" / "part.parquet")
    arguments = ("--id-column", "n", "--text-column", "body", "--output", str(folder / "out"), str(folder / "in"))
    done = skypile("dedup", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return str(folder / "out"), json.loads(done.stdout)


def found(run, key, most=20):
    result = ledger.find(run, key, most)
    return result.by, [verdict.url for verdict in result.verdicts], result.more, result.similar


def test_records_by_id_url_host_and_beginning(run):
    exact = found(run, URLS[0])
    assert exact == ("id or URL", [URLS[0]], 0, [])
    [verdict] = ledger.why(run, URLS[0])
    assert found(run, verdict.record_id) == exact
    of_host = ["http://a.example:8080/", "https://www.a.example/news/", "https://www.a.example/news/1?x=(1)"]
    assert found(run, "a.example")[:3] == ("host", of_host, 0)
    assert found(run, "WWW.A.example")[:3] == ("host", of_host, 0)
    assert found(run, "https://a.example/")[:3] == found(run, "http://www.a.example")[:3] == ("host", of_host, 0)
    assert found(run, "a.example", 2)[:3] == ("host", of_host[:2], 1)
    assert found(run, "https://www.a.example/n")[:3] == ("prefix", of_host[1:], 0)
    assert found(run, "a.example/news/1?x=(")[:3] == ("prefix", of_host[2:], 0)
    assert found(run, "https://b.example/page#t")[:3] == ("prefix", ["https://b.example/page#top"], 0)
    assert found(run, "none.example") == ("prefix", [], 0, [])
    assert found(run, "aXexample")[1] == [] and found(run, "")[1] == []


@pytest.mark.parametrize("key", ["http://a.example/news", "a.example/news/#x", "https://www.A.example/news"])
def test_a_url_that_differs_in_scheme_www_slash_or_fragment_is_named(run, key):
    assert found(run, key)[3] == ["https://www.a.example/news/"]


def test_the_hint_is_printed_and_bounds_are_said(run):
    missed = skypile("why", "http://b.example/page/", "--run", run)
    assert missed.returncode == 1 and "alone" not in missed.stdout
    assert "differs only by scheme, www., slash or fragment: https://b.example/page#top" in missed.stderr
    cut = skypile("why", "a.example", "--run", run, "--most", "2")
    assert cut.returncode == 0 and cut.stdout.count("record ") == 2
    assert "2 records of this host; 1 more: --most 3 shows all" in cut.stderr
    assert skypile("why", "a.example", "--run", run, "--most", "3").stdout.count("record ") == 3


def test_status_of_a_run_by_other_settings(run, tmp_path):
    """Of another version, or damaged: what the stages wrote is told all the same."""
    for content in ("[tokens]\nsetting_of_tomorrow = true\n", "[tokens"):
        copy = shutil.copytree(run, tmp_path / str(len(content)))
        (copy / "config.toml").write_text(content)
        done = skypile("status", str(copy), "--json")
        assert done.returncode == 0, done.stderr
        assert [stage["stage"] for stage in json.loads(done.stdout)["stages"]] == ["extraction"]


def test_json_alone_on_standard_output(run):
    status = json.loads(skypile("status", run, "--json").stdout)
    [stage] = status["stages"]
    assert status["run"] == run and stage["stage"] == "extraction" and stage["finished"] is True
    assert stage["read"] == len(URLS) == stage["kept"] + sum(stage["dropped"].values()) + sum(stage["failed"].values())
    answer = json.loads(skypile("why", "a.example", "--run", run, "--most", "1", "--json").stdout)
    assert (answer["key"], answer["by"], answer["more"], len(answer["records"])) == ("a.example", "host", 2, 1)
    [verdict] = answer["records"][0]["verdicts"]
    assert verdict["stage"] == "extraction" and verdict["verdict"] == "kept" and verdict["evidence"] == {}
    absent = skypile("why", "http://none.example/", "--run", run, "--json")
    assert absent.returncode == 1 and json.loads(absent.stdout)["records"] == []


def test_piped_lines_are_whole(run, tmp_path):
    """Whatever COLUMNS says: no table cut to a width, no URL broken over two lines."""
    shown = skypile("why", LONG, "--run", run, COLUMNS="40").stdout
    assert any(line.startswith(LONG + "  record ") for line in shown.splitlines())
    table = skypile("status", run, COLUMNS="20").stdout
    [line] = [line for line in table.splitlines() if "extraction" in line]
    assert "…" not in table and line.count("│") == 8 and f" {len(URLS)} " in line


def test_what_dedup_wrote_is_read_too(deduplicated):
    output, manifest = deduplicated
    assert manifest["output"] == output and (manifest["read"], manifest["kept"]) == (3, 2)
    assert manifest["dropped"] == {"near_duplicate": 1}
    [stage] = json.loads(skypile("status", output, "--json").stdout)["stages"]
    assert (stage["stage"], stage["read"], stage["dropped"]) == ("dedup", 3, {"near_duplicate": 1})
    answer = json.loads(skypile("why", "2", "--run", output, "--json").stdout)
    [record] = answer["records"]
    assert record["url"] is None and record["verdicts"][0]["evidence"]["survivor"] == "1"
    shown = skypile("diff", "2", "--run", output)
    assert shown.returncode == 0 and "- 2  dropped" in shown.stdout and "+ 1  kept" in shown.stdout
    assert "[-Two!-]{+One.+}" in shown.stdout
    kept = skypile("diff", "3", "--run", output)
    assert kept.returncode == 1 and "3 was dropped as no duplicate" in kept.stderr
    assert "none has a URL" in skypile("why", "http://a.example/", "--run", output).stderr
    refused = skypile("report", output)
    assert refused.returncode == 2 and "is no run" in refused.stderr


def test_a_stage_of_a_run_is_no_run(tmp_path):
    """Before, its table called it deduplication."""
    stage = tmp_path / "05_shards"
    (stage / "verdicts").mkdir(parents=True)
    (stage / "manifest.json").write_text('{"stage": "shards", "read": 3, "kept": 3, "dropped": {}, "seconds": 1}')
    with pytest.raises(FileNotFoundError, match="verdicts of one stage alone: give the folder of the run, above it"):
        ledger.stage_folders(str(stage))


def test_settings_of_another_version_are_named_with_what_to_do(tmp_path):
    (tmp_path / "05_shards").mkdir()
    with pytest.raises(FileNotFoundError, match=r"config\.toml is gone, by which the run was made"):
        run_config(str(tmp_path))
    (tmp_path / "config.toml").write_text("[quality_filter]\nold_setting = 3\n")
    with pytest.raises(Refused, match=r"old_setting = 3: no such setting.* if another version of skypile made it"):
        run_config(str(tmp_path))


def test_a_page_is_put_on_the_list_of_a_run_without_shards(run, tmp_path):
    """Before, it was said to have been taken down from them."""
    shutil.copytree(run, tmp_path / "run")
    done = take_down(str(tmp_path / "run"), [URLS[0], "http://no.example/"], "request 7", "2026-11-27")
    assert (done.removed, done.before) == ({}, {URLS[0]: ("extraction", "kept")})
    assert (done.unknown, done.text_in) == (["http://no.example/"], ["extraction"])
    assert [page.key for page in taken_down(str(tmp_path / "run"))] == [URLS[0]]


def test_diff_says_that_the_texts_are_gone(deduplicated, tmp_path):
    output, manifest = deduplicated
    moved = tmp_path / "out"
    moved.mkdir()
    (moved / "verdicts").symlink_to(f"{output}/verdicts")
    (moved / "manifest.json").write_text(json.dumps(manifest | {"paths": [str(tmp_path / "gone")]}))
    refused = skypile("diff", "2", "--run", str(moved))
    assert refused.returncode == 2 and "is gone" in refused.stderr and "Traceback" not in refused.stderr


def test_why_shows_every_mask_and_no_identifier(tmp_path):
    spots = [
        {"kind": "phone", "start": 7, "end": 18, "hash": "0a1b"},
        {"kind": "email", "start": 0, "end": 9, "hash": "ffff", "in": "title"},
    ]
    row = {"record_id": "0" * 32, "url": "http://a.example/1", "stage": "quality_filter", "verdict": "kept"}
    row["evidence"] = json.dumps({"masked": spots})
    folder = tmp_path / "04_quality_filter" / "verdicts" / "wave=0"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], arrow_schema(LEDGER_COLUMNS)), folder / "part.parquet")
    (tmp_path / "04_quality_filter" / "manifest.json").write_text('{"stage": "quality_filter"}')
    shown = skypile("why", "http://a.example/1", "--run", str(tmp_path)).stdout.splitlines()
    assert [line.strip() for line in shown[-2:]] == [
        "masked 7-18: phone, hash 0a1b",
        "masked 0-9 of the title: email, hash ffff",
    ]


def test_why_shows_every_paragraph_that_was_cut(tmp_path):
    cuts = [
        {"start": 0, "end": 20, "pages": 12, "host_pages": 14, "text": "[bold]Ask the editor."},
        {"start": 900, "end": 917, "pages": 60, "host_pages": 0, "text": "All rights kept. " * 20},
    ]
    evidence = json.dumps({"duplicates": 1, "cut_characters": 37, "cut": cuts})
    row = {
        "record_id": "0" * 32,
        "url": "http://a.example/1",
        "stage": "dedup",
        "verdict": "kept",
        "evidence": evidence,
    }
    folder = tmp_path / "03_dedup" / "verdicts" / "wave=0"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], arrow_schema(LEDGER_COLUMNS)), folder / "part.parquet")
    (tmp_path / "03_dedup" / "manifest.json").write_text('{"stage": "dedup"}')
    shown = skypile("why", "http://a.example/1", "--run", str(tmp_path), COLUMNS="60").stdout.splitlines()
    assert [line.strip() for line in shown[-4:]] == [
        "duplicates: 1",
        "cut_characters: 37",
        "cut 0-20, stands on 12 of 14 pages of its host: [bold]Ask the editor.",
        f"cut 900-917, stands on 60 pages: {'All rights kept. ' * 20}".strip(),
    ]


def test_diff_on_a_run_without_deduplication_says_so(run):
    done = skypile("diff", URLS[0], "--run", run)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "the dedup stage" in done.stderr


def test_stages_after_one_that_is_out_of_date_are_so_too(terminal, tmp_path):
    run = write_run(tmp_path, [record(n) for n in range(3)])
    path = run / "03_dedup" / "manifest.json"
    old = json.loads(path.read_text(encoding="utf-8")) | {"inputs": {"what distribution_filter kept": "older"}}
    path.write_text(json.dumps(old), encoding="utf-8")
    told = json.loads(terminal("status", run, "--json").out)["stages"]
    assert [stage["outdated"] for stage in told] == [False, False, True, True, True]
