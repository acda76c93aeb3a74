"""Arrivals one after the other against the oracle in one go, re-runs, and an update that died."""

import json
import random
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from skypile.config import DedupConfig
from skypile.dedup import stage
from skypile.dedup.arrivals import arrivals
from skypile.dedup.distributed import index as corpus_index
from skypile.dedup.distributed.index import IndexMismatch, check_index
from skypile.dedup.stage import dedup_decisions
from skypile.runtime import files
from tests.dedup import oracle
from tests.dedup.test_stage import Document, corpus, frame

ARRIVALS = 5


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


@pytest.mark.slow
@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
def test_arrivals_equal_one_go(spark: SparkSession, tmp_path: Path, local: int) -> None:
    documents = [d for seed in range(200, 212) for d in corpus(seed)]
    random.Random(1).shuffle(documents)
    parts: list[list[Document]] = [documents[i::ARRIVALS] for i in range(ARRIVALS)]
    index = tmp_path / "index"
    found: dict[str, tuple[str, str]] = {}
    reasons, kept = set(), set()
    for part in parts:
        decisions = dedup_decisions(frame(spark, part), settings(index, local_documents=local))
        dropped = matches(decisions)
        kept |= {document[0] for document in part} - set(dropped)
        assert {survivor for _, survivor in dropped.values()} <= kept  # in this arrival or one before
        found |= dropped
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


@pytest.mark.slow
@pytest.mark.parametrize("dies_at", ["batches", "buckets"])
def test_an_update_that_died_is_done_again(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """It dies before its last step, or half-way through its files; others do not see it, and it starts afresh."""
    documents = corpus(300)
    first, second = documents[::2], documents[1::2]
    copies = [("again-" + record, None, text) for record, _, text in second]
    dedup_decisions(frame(spark, first), settings(tmp_path / "undisturbed"))
    expected = matches(dedup_decisions(frame(spark, second), settings(tmp_path / "undisturbed")))
    expected_of_copies = matches(dedup_decisions(frame(spark, copies), settings(tmp_path / "undisturbed")))

    index = tmp_path / "index"
    dedup_decisions(frame(spark, first), settings(index))
    seen_before = matches(dedup_decisions(frame(spark, copies), settings(index, update_index=False)))
    before = arrivals(str(index))

    def die(uri: str, *_: object) -> None:
        raise OSError(f"disk full at {uri}")

    with monkeypatch.context() as broken:
        if dies_at == "batches":
            create = files.create_json
            broken.setattr(files, "create_json", lambda uri, value: (die if "/batches/" in uri else create)(uri, value))
        else:
            broken.setattr(corpus_index.F, "posexplode", die)
        with pytest.raises(OSError, match="disk full"):
            dedup_decisions(frame(spark, second), settings(index))
    assert len(list((index / "documents").glob("attempt=*"))) == 2
    assert arrivals(str(index)) == before
    assert matches(dedup_decisions(frame(spark, copies), settings(index, update_index=False))) == seen_before
    assert matches(dedup_decisions(frame(spark, second), settings(index))) == expected
    assert matches(dedup_decisions(frame(spark, copies), settings(index))) == expected_of_copies
    assert [arrival["number"] for arrival in arrivals(str(index))] == [0, 1, 2]


@pytest.mark.slow
def test_two_updates_at_once(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one is overtaken while it decides; it must end as if it had come second."""
    documents = corpus(302)
    fast, slow = documents[::2], documents[1::2]
    orderly = settings(tmp_path / "orderly")
    expected_fast = matches(dedup_decisions(frame(spark, fast), orderly))
    expected_slow = matches(dedup_decisions(frame(spark, slow), orderly))
    assert {document[0] for document in fast} & {survivor for _, survivor in expected_slow.values()}

    index, found = tmp_path / "index", {}
    decide = stage.decide

    def overtaken(*arguments: object) -> DataFrame:
        monkeypatch.setattr(stage, "decide", decide)
        fates = decide(*arguments)
        found["fast"] = matches(dedup_decisions(frame(spark, fast), settings(index)))
        return fates

    monkeypatch.setattr(stage, "decide", overtaken)
    found["slow"] = matches(dedup_decisions(frame(spark, slow), settings(index)))
    assert found == {"fast": expected_fast, "slow": expected_slow}
    counts = [(a["number"], a["documents"], a["kept"]) for a in arrivals(str(index))]
    assert counts == [(a["number"], a["documents"], a["kept"]) for a in arrivals(str(tmp_path / "orderly"))]
    named = {f"attempt={arrival['attempt']}" for arrival in arrivals(str(index))}
    assert {path.name for path in (index / "documents").iterdir()} == named  # the first attempt took its files away
    assert {path.name for path in (index / "buckets").iterdir()} == named


@pytest.mark.slow
def test_the_same_documents_twice_at_once(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, decide = corpus(303), stage.decide
    expected = matches(dedup_decisions(frame(spark, documents), settings(tmp_path / "alone")))
    index = tmp_path / "index"

    def overtaken(*arguments: object) -> DataFrame:
        monkeypatch.setattr(stage, "decide", decide)
        assert matches(dedup_decisions(frame(spark, documents), settings(index))) == expected
        return decide(*arguments)

    monkeypatch.setattr(stage, "decide", overtaken)
    assert matches(dedup_decisions(frame(spark, documents), settings(index))) == expected
    assert len(arrivals(str(index))) == 1


def test_an_index_with_other_settings_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    dedup_decisions(frame(spark, [("a", None, "some text")]), settings(tmp_path))
    with pytest.raises(IndexMismatch, match="word_shingle is 5, the run has 3"):
        dedup_decisions(frame(spark, [("a", None, "some text")]), settings(tmp_path, word_shingle=3))
    assert files.read_json(str(tmp_path / "index.json")) is not None


def test_update_needs_an_index() -> None:
    with pytest.raises(ValueError, match="against"):
        DedupConfig(update_index=True)


def test_an_index_of_an_older_format_is_refused(tmp_path: Path) -> None:
    """Its keys were made of less of the text: what differs in a sign alone would match it."""
    config = DedupConfig(against=str(tmp_path), update_index=True)
    check_index(str(tmp_path), config)
    made = json.loads((tmp_path / "index.json").read_text())
    check_index(str(tmp_path), config)
    (tmp_path / "index.json").write_text(json.dumps(made | {"format": 2}))
    with pytest.raises(IndexMismatch, match="format is 2, the run has 4"):
        check_index(str(tmp_path), config)
