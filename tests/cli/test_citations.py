"""`skypile citations …` as a user calls it, from the demo's dump and run to figures."""

import json
import subprocess
import sys

import pytest

from skypile.crawl.url import canonical
from tests.classifiers.wiki import page, write
from tests.conftest import REPOSITORY


def skypile(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "skypile.cli", "citations", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)


def refused(message: str, *arguments: object) -> None:
    done = skypile(*arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.slow
def test_from_a_dump_to_figures(demo, tmp_path):
    dump = demo.folder / "sample" / "wikipedia.xml.bz2"
    done = skypile("extract", dump, "--output", tmp_path / "cited")
    assert done.returncode == 0 and "hosts are cited" in done.stdout, done.stderr
    done = skypile("dataset", demo.run, "--citations", tmp_path / "cited", "--output", tmp_path / "examples", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert counts["en"]["page"]["pairs"] >= 20 and set(counts["en"]) == {"page"}
    train = ("train", tmp_path / "examples", "--output", tmp_path / "model", "--seeds", 2, "--folds", 3)
    done = skypile(*train, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["languages"]["en"]
    assert set(figures) >= {"auc", "length_auc", "shuffled_auc", "length_correlation", "calibration_error"}
    assert figures["length_auc"]["mean"] <= 0.6
    done = skypile(*train)
    assert done.returncode == 0 and "holds this already" in done.stdout
    assert (tmp_path / "model" / "MODEL_CARD.md").read_text().startswith("# Citation classifier")

    texts = [("Records of the canal since 1850 lie in the county archive. " * 20, n % 2) for n in range(8)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in texts))
    done = skypile("evaluate", tmp_path / "model", tmp_path / "texts.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    judged = json.loads(done.stdout)["languages"]["en"]
    assert judged["auc"] == 0.5 and judged["positives"] == judged["negatives"] == 4
    done = skypile("evaluate", tmp_path / "model", tmp_path / "texts.jsonl", "--against", tmp_path / "texts.jsonl")
    assert done.returncode == 0 and "length alone" in done.stdout


def test_the_receipt(demo, terminal, spark, tmp_path):
    """Score and shares are those of the stored verdict; the articles are the dump's."""
    from skypile.classifiers.cited_in_spark import cited_frame, extract
    from skypile.run_folder import ledger

    cited = str(tmp_path / "cited")
    extract(spark, [str(demo.folder / "sample" / "wikipedia.xml.bz2")], cited)
    key = {row["key"]: row for row in cited_frame(spark, cited).collect()}
    judged = (v for v in ledger.verdicts(str(demo.run), "quality_filter") if v.verdict == "kept" and v.score)
    verdict = next(v for v in judged if canonical(v.url) in key)
    said = terminal("why", verdict.record_id, "--run", demo.run, "--tokens", "--citations", cited, "--json")
    told = json.loads(said.out)["records"][0]["citation"]
    assert told["score"] == pytest.approx(verdict.score, abs=1e-6)
    assert told["up"] and told["down"] and told["up"][0]["log_odds"] > 0 > told["down"][0]["log_odds"]
    row = key[canonical(verdict.url)]
    assert told["cited_by"]["titles"] == row["titles"] and told["cited_by"]["references"] == row["references"]
    assert told["cited_by"]["host_references"] >= row["references"]
    said = terminal("why", verdict.record_id, "--run", demo.run, "--tokens", "--citations", cited)
    assert f"would Wikipedia cite it? {verdict.score:.3f}" in said.out and row["titles"][0] in said.out
    assert terminal("why", verdict.record_id, "--run", demo.run, "--citations", tmp_path).code == 2


def test_what_is_wrong_is_said_in_a_sentence(tmp_path):
    html = tmp_path / "page.xml"
    html.write_text("<html></html>")
    refused("no <mediawiki>", "extract", html, "--output", tmp_path / "out")
    refused("is not there", "extract", tmp_path / "none.bz2", "--output", tmp_path / "out")
    refused("none of page, list, host", "train", tmp_path, "--output", tmp_path / "m", "--source", "guess")
    refused("holds no examples", "train", tmp_path / "none", "--output", tmp_path / "m")
    refused("holds no classifier.json", "evaluate", tmp_path, html)
    (tmp_path / "hosts").write_text("no host\n")
    dataset = ("dataset", tmp_path, "--citations", tmp_path, "--output", tmp_path / "d")
    refused("names no host", *dataset, "--reliable", tmp_path / "hosts")


@pytest.mark.parametrize(
    "row, message",
    [("{}", "no text in text"), ('{"text": "a", "label": "maybe"}', "is no label"), ("[]", "no JSON object")],
)
def test_rows_without_a_label_are_named(tmp_path, row, message):
    from skypile.classifiers.judged_sets import SetError, labelled_texts

    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine", "label": "good"}\n' + row + "\n")
    with pytest.raises(SetError, match=message):
        list(labelled_texts(str(path), ["text"], "label"))


@pytest.mark.slow
def test_a_dump_of_ones_own(tmp_path):
    dump = write(tmp_path / "zh.xml", page("{{引用网页|网址=http://a.org/x}} [http://b.org B]", title="条目"))
    done = skypile("extract", dump, "--output", tmp_path / "cited", "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["counts"] == {"zh": {"pages": 2, "cited": 1, "hosts": 2, "references": 1, "links": 2}}
