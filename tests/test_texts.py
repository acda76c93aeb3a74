"""Nothing of a text is lost unseen: what is kept is what was extracted, minus what the evidence lists."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from skypile import pipeline
from skypile.config import Config, PrivacyConfig, QualityFilterConfig
from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.schema import KEPT, STAGE_COLUMNS, arrow_schema
from skypile.text.cleaning import cleaned

Rows = dict[str, dict[str, Any]]  # by record_id


def kept(run: str, stage: str) -> Rows:
    """record_id, url, text of what a stage has kept."""
    folder = files.join(ledger.stage_folders(run)[stage], "documents")
    table = ledger.dataset(folder, arrow_schema(STAGE_COLUMNS[stage]))
    rows = table.to_table(columns=["record_id", "url", "source", "offset", "text", "verdict"]).to_pylist()
    return {row["record_id"]: row for row in rows if row["verdict"] == KEPT}


def cuts(run: str) -> dict[str, list[dict[str, Any]]]:
    """The spans that the evidence of any stage lists for a record."""
    found: dict[str, list[dict[str, Any]]] = {}
    for stage in ledger.stage_folders(run):
        for verdict in ledger.verdicts(run, stage):
            if verdict.verdict == KEPT and "cut" in verdict.evidence:
                assert verdict.record_id not in found
                found[verdict.record_id] = verdict.evidence["cut"]
    return found


def check_texts(run: str) -> tuple[int, int]:
    """Every kept text against what was extracted and listed; returns how many there are, and how many were cut."""
    extracted, listed = kept(run, "extraction"), cuts(run)
    shards = kept(run, "shards")
    for record, row in shards.items():
        characters = list(extracted[record]["text"])
        for span in listed.get(record, []):
            characters[span["start"] : span["end"]] = [""] * (span["end"] - span["start"])
        assert row["text"] == "".join(characters), row["url"]
    changed = {record for record, row in shards.items() if row["text"] != extracted[record]["text"]}
    assert changed == set(listed) & set(shards)
    manifest = files.read_json(files.join(ledger.stage_folders(run)["dedup"], "manifest.json"))
    assert manifest is not None
    assert manifest["cut"]["records"] == len(listed)
    assert manifest["cut"]["paragraphs"] == sum(map(len, listed.values()))
    assert sum(row["cuts"] for row in manifest["cut"]["commonest"]) <= manifest["cut"]["paragraphs"]
    return len(shards), len(changed)


def run(spark: SparkSession, paths: Sequence[Path], output: Path) -> str:
    config = Config(quality_filter=QualityFilterConfig(privacy=PrivacyConfig(mask=())))  # masks are no cuts
    pipeline.run(spark, [str(path) for path in paths], str(output), config, Console(quiet=True))
    return str(output)


def test_of_the_demo(demo) -> None:
    texts, changed = check_texts(str(demo.run))
    assert texts > 300 and changed >= 20
    assert "paragraphs that their sites add" in demo.screen


@pytest.mark.slow
def test_of_real_pages(spark: SparkSession, shared_data: Path, tmp_path: Path) -> None:
    """A manual that repeats its own sentences keeps them; a guide loses the notice that heads its pages."""
    texts, changed = check_texts(run(spark, [shared_data / "crawl" / "docs-en-zh.warc.gz"], tmp_path / "run"))
    assert texts > 2000 and changed >= 9
    commonest = json.loads((tmp_path / "run/03_dedup/manifest.json").read_text())["cut"]["commonest"]
    assert {row["host"] for row in commonest} <= {"maint-guide.example.org", "maint-guide-zh-cn.example.org"}
    assert all(row["text"].startswith(("The rewrite of this tutorial", "本教程文档已被重写")) for row in commonest)


@pytest.mark.slow
@pytest.mark.parametrize("url", ["", "https://problems.example/{}"], ids=["no url", "one host"])
def test_of_real_exercises(spark: SparkSession, shared_data: Path, tmp_path: Path, url: str) -> None:
    """Thousands of records end with the same few answers."""
    lines = (shared_data / "leakage" / "gsm8k_train.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    given = [f"{item['question']}\n\n{item['answer']}" for item in items]
    rows = [{"text": text} | ({"url": url.format(i)} if url else {}) for i, text in enumerate(given)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    output = run(spark, [tmp_path / "in.jsonl"], tmp_path / "run")
    texts, changed = check_texts(output)
    assert texts > 5000 and changed == 0
    wanted = {unicodedata.normalize("NFC", cleaned(text)[0]).strip() for text in given}
    assert all(row["text"] in wanted for row in kept(output, "shards").values())
