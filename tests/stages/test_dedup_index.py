"""Arrivals one after the other against the oracle in one go, re-runs, and an update that died."""

import json
import random
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from skypile import files
from skypile.config import DedupConfig
from skypile.stages.dedup import dedup_decisions
from skypile.stages.dedup_index import IndexMismatch, arrivals
from tests.stages import dedup_oracle as oracle
from tests.stages.test_dedup import Document, corpus, frame

ARRIVALS = 4


def settings(index: Path, **changes: object) -> DedupConfig:
    return DedupConfig(bands=64, rows=2, against=str(index), update_index=True).model_copy(update=changes)


def matches(decisions: DataFrame) -> dict[str, tuple[str, str]]:
    """{dropped record: (how it matched, survivor)}, in the corpus or among the new."""
    rows = decisions.where("verdict = 'dropped'").collect()
    evidence = {row["record_id"]: json.loads(row["evidence"]) for row in rows}
    return {
        r["record_id"]: (evidence[r["record_id"]].get("match", r["reason"]), evidence[r["record_id"]]["survivor"])
        for r in rows
    }


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
def test_arrivals_equal_one_go(spark: SparkSession, tmp_path: Path, local: int) -> None:
    documents = [d for seed in range(200, 212) for d in corpus(seed)]
    random.Random(1).shuffle(documents)
    parts: list[list[Document]] = [documents[i::ARRIVALS] for i in range(ARRIVALS)]
    index = tmp_path / "index"
    found: dict[str, tuple[str, str]] = {}
    reasons = set()
    for part in parts:
        decisions = dedup_decisions(frame(spark, part), settings(index, local_documents=local))
        found |= matches(decisions)
        reasons |= {row["reason"] for row in decisions.select("reason").distinct().collect()}
    place = {document[0]: number for number, part in enumerate(parts) for document in part}
    plain = [(record, url and url.removesuffix("#top"), text) for record, url, text in documents]
    expected = oracle.survivors(plain, key=lambda d: (place[d[0]], -len(d[2]), d[0]))
    assert len(expected) > 60 and "in_corpus" in reasons
    assert found == expected
    assert [arrival["number"] for arrival in arrivals(str(index))] == list(range(ARRIVALS))
    assert sum(arrival["kept"] for arrival in arrivals(str(index))) == len(documents) - len(expected)

    before = tree(index)
    again = dedup_decisions(frame(spark, parts[1][::-1]).repartition(3), settings(index, local_documents=local))
    assert matches(again) == {k: v for k, v in found.items() if place[k] == 1}
    assert tree(index) == before

    # Without update_index the same documents under other ids are all in the corpus, and nothing is written.
    # (A text that went for its URL alone was never a part of the corpus.)
    texts = [d for d in parts[0] if found.get(d[0], ("",))[0] != "duplicate_url"]
    renamed = [("again-" + record, None, text) for record, _, text in texts]
    against = dedup_decisions(frame(spark, renamed), settings(index, update_index=False))
    counts = {row["reason"]: row["count"] for row in against.groupBy("reason").count().collect()}
    assert counts == {"in_corpus": len(renamed)}
    assert tree(index) == before


def test_an_update_that_died_is_done_again(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    first, second = corpus(300), corpus(301)
    dedup_decisions(frame(spark, first), settings(index))
    whole = matches(dedup_decisions(frame(spark, second), settings(index)))
    (number_two,) = (a for a in arrivals(str(index)) if a["number"] == 1)
    marker = index / "batches" / f"{number_two['name']}.json"
    marker.unlink()  # as if the run had died just before its last step
    (stale,) = list((index / "documents" / f"batch={number_two['name']}").glob("*.parquet"))[:1]
    (stale.parent / "part-stale.parquet").write_bytes(stale.read_bytes())
    assert matches(dedup_decisions(frame(spark, second), settings(index))) == whole
    assert json.loads(marker.read_text()) == number_two
    assert not (stale.parent / "part-stale.parquet").exists()


def test_an_index_with_other_settings_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    dedup_decisions(frame(spark, [("a", None, "some text")]), settings(tmp_path))
    with pytest.raises(IndexMismatch, match="word_shingle is 5, the run has 3"):
        dedup_decisions(frame(spark, [("a", None, "some text")]), settings(tmp_path, word_shingle=3))
    assert files.read_json(str(tmp_path / "index.json")) is not None


def test_update_needs_an_index() -> None:
    with pytest.raises(ValueError, match="against"):
        DedupConfig(update_index=True)
