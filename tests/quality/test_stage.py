"""The stage on documents whose fate is known, and training in a run from a small dump."""

import json
import random
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from skypile.classifiers.dumps import DumpError
from skypile.classifiers.in_run import train_in_run
from skypile.classifiers.nearest import nearest
from skypile.config import CitationConfig, PrivacyConfig, QualityFilterConfig, RuleThresholds
from skypile.quality.decision import decided, gated
from skypile.quality.stage import quality_filter
from skypile.schema import REASONS, STAGE_COLUMNS, names
from tests.documents import frame
from tests.quality.test_rules import CHINESE, ENGLISH

PLENTIFUL = CitationConfig(min_positives=20, min_hosts=3, epochs=10, dimension=8, buckets=1000)


def document(text: str, language: str = "en", score: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"text": text, "language": language, "language_score": score, "host": "example.org"} | more


def run(spark: SparkSession, rows: list[dict[str, Any]], config: QualityFilterConfig, **more: Any) -> list[Any]:
    documents = frame(spark, [{"record_id": f"{i:032x}"} | row for i, row in enumerate(rows)], "dedup", verdicts=False)
    result = quality_filter(config, mkdtemp(), **more)(documents)
    assert result.columns == names(STAGE_COLUMNS["quality_filter"])
    return sorted(result.collect(), key=lambda row: row["record_id"])


def prose(words: list[str], seed: int) -> str:
    """Sentences of `words` and function words, long enough for the rules."""
    chance = random.Random(seed)
    frames = ("the {} of the {} was in a {}", "it is the {} that {} and {} have", "from {} to {} by the {}")
    sentences = [chance.choice(frames).format(*(chance.choice(words) for _ in range(3))) for _ in range(25)]
    return " ".join(s.capitalize() + "." for s in sentences)


SCHOLARLY = [
    "history",
    "river",
    "century",
    "treaty",
    "emperor",
    "species",
    "battle",
    "archive",
    "comet",
    "glacier",
]
SELLING = [
    "discount",
    "basket",
    "voucher",
    "shipping",
    "coupon",
    "bargain",
    "checkout",
    "warranty",
    "sale",
    "brand",
]


def corpus() -> list[dict[str, Any]]:
    """30 cited pages on 10 hosts, 60 others on 20 hosts."""
    rows = []
    for i in range(90):
        cited = i % 3 == 0
        host = f"{'museum' if cited else 'shop'}{i % 10 if cited else i % 20}.example"
        words = SCHOLARLY if cited else SELLING
        url = f"http://www.{host}/page/{i}?utm_source=x"
        rows.append(document(prose(words, i), host=host, url=url, record_id=f"{i:032x}"))
    return rows


def dump(path: Path, urls: list[str]) -> str:
    refs = "".join(f"A fact.&lt;ref&gt;{{{{cite web|url={url}|title=T}}}}&lt;/ref&gt;" for url in urls)
    path.write_text(
        f"<mediawiki><page><title>T</title><ns>0</ns><revision><text>{refs}</text></revision></page></mediawiki>"
    )
    return str(path)


def test_language_then_rules_then_kept(spark: SparkSession) -> None:
    rows = [
        document(ENGLISH),
        document(CHINESE, "zh"),
        document(ENGLISH, "fr"),
        document(ENGLISH, "en", 0.4),
        document("Menu\nHome\nAbout", "fr"),  # breaks rules too: language comes first
        document("Menu\nHome\nAbout"),
    ]
    found = run(spark, rows, QualityFilterConfig())
    assert [row["reason"] for row in found] == [None, None, "language", "language", "language", "too_short"]
    assert [row["verdict"] for row in found] == ["kept"] * 2 + ["dropped"] * 4
    assert (found[3]["score"], found[3]["threshold"]) == (0.4, 0.5)
    assert json.loads(found[2]["evidence"])["language"] == "fr"
    assert json.loads(found[5]["evidence"]) == {"measure": "words", "words": 3.0}
    assert all(row["citation_score"] is None and row["quality_bin"] is None for row in found)
    assert all(row["reason"] in REASONS for row in found if row["reason"])


def test_stored_scores_are_enough_to_decide_again(spark: SparkSession) -> None:
    rows = [document(ENGLISH), document(CHINESE, "zh"), document("word " * 60), document(ENGLISH * 2)]
    first, second = (
        QualityFilterConfig(),
        QualityFilterConfig(rules=RuleThresholds(min_words=100, max_top_ngram=1.0)),
    )
    before, after = run(spark, rows, first), run(spark, rows, second)
    assert [row["reason"] for row in before] != [row["reason"] for row in after]
    for old, new in zip(before, after, strict=True):
        (again,) = decided(gated(pa.RecordBatch.from_pylist([old.asDict()]), second), second, None).to_pylist()
        assert again == new.asDict()


def test_identifiers_are_masked_counted_and_listed_and_decide_nothing(spark: SparkSession) -> None:
    told = " Write to j.doe@example.org or call (212) 736-5000."
    rows = [
        document(ENGLISH + told, title="Call (212) 736-5000"),
        document("Menu\nQQ：98765432\nAbout", "zh"),
        document(ENGLISH),
    ]
    rows = [row | {"characters": len(row["text"])} for row in rows]
    found, unmasked = (
        run(spark, rows, QualityFilterConfig(privacy=privacy)) for privacy in (PrivacyConfig(), PrivacyConfig(mask=()))
    )
    assert found[0]["text"] == ENGLISH + " Write to [EMAIL] or call [PHONE]."
    assert (found[0]["title"], found[0]["characters"]) == ("Call [PHONE]", len(found[0]["text"]))
    assert [row["masked"] for row in found] == ['{"email": 1, "phone": 2}', '{"qq": 1}', None]
    spots = json.loads(found[0]["evidence"])["masked"]
    assert [(spot["kind"], spot.get("in", "text")) for spot in spots] == [
        *(("email", "text"), ("phone", "text"), ("phone", "title")),
    ]
    assert rows[0]["text"][spots[0]["start"] : spots[0]["end"]] == "j.doe@example.org"
    dropped = json.loads(found[1]["evidence"])
    assert (dropped["measure"], [spot["kind"] for spot in dropped["masked"]]) == ("words", ["qq"])
    for row, other in zip(found, unmasked, strict=True):
        assert other["masked"] is None and "[" not in other["text"]
        same = ("verdict", "reason", "score", "rules")
        assert [row[name] for name in same] == [other[name] for name in same]


def test_listed_words(spark: SparkSession, tmp_path: Path) -> None:
    listed = tmp_path / "words.txt"
    listed.write_text("river\n赌场\n", encoding="utf-8")
    found = run(
        spark, [document("river " * 8 + ENGLISH), document(ENGLISH)], QualityFilterConfig(bad_words=str(listed))
    )
    assert [row["reason"] for row in found] == ["bad_words", None]
    listed.write_bytes("赌场".encode("gb18030"))
    with pytest.raises(ValueError, match="no UTF-8"):
        quality_filter(QualityFilterConfig(bad_words=f"{tmp_path}/../{tmp_path.name}/words.txt"), str(tmp_path))


def test_trains_on_cited_pages_and_drops_the_lowest_bins(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    wikipedia = dump(tmp_path / "dump.xml", [row["url"].replace("http://www.", "https://") for row in rows[::3]])
    loose = RuleThresholds(max_repeated_ngrams=1.0, max_top_ngram=1.0)
    config = QualityFilterConfig(wikipedia=(wikipedia,), citations=PLENTIFUL, min_bin=2, rules=loose)
    documents = frame(spark, rows, "dedup", verdicts=False)
    folder, notes = train_in_run(documents, config, str(tmp_path / "scratch"))
    assert folder is not None
    assert "30 documents of 10 hosts are cited" in notes[0]
    metrics = json.loads((Path(folder) / "classifier.json").read_text())["languages"]["en"]["metrics"]
    assert metrics["auc"] >= 0.95
    assert 0 < metrics["positives"] < 30
    kept = pq.read_table(Path(folder) / "cited.parquet").to_pylist()
    assert [row["record_id"] for row in kept] == sorted(row["record_id"] for row in rows[::3])
    assert all(row["titles"] == ["T"] for row in kept)
    own = rows[0]
    like = nearest(folder, own["text"], "en", own["record_id"])
    assert len(like) == 5 and own["url"] not in [page.url for page in like]
    assert {page.url for page in like} < {row["url"] for row in rows[::3]}

    fresh = [document(prose(SCHOLARLY, 1000)), document(prose(SELLING, 1001)), document(CHINESE, "zh")]
    found = run(spark, fresh, config, classifier=folder)
    assert [row["reason"] for row in found] == [None, "low_citation_score", None]
    assert found[0]["citation_score"] > 0.5 > found[1]["citation_score"]
    assert found[0]["quality_bin"] >= 2 > found[1]["quality_bin"]
    assert found[1]["threshold"] == 2 / 5
    assert found[2]["citation_score"] is None  # no classifier for Chinese: the rules alone decide


def test_training_is_the_same_however_the_documents_are_partitioned(spark: SparkSession, tmp_path: Path) -> None:
    rows = corpus()
    wikipedia = dump(tmp_path / "dump.xml", [row["url"] for row in rows[::3]])
    config = QualityFilterConfig(wikipedia=(wikipedia,), citations=PLENTIFUL)
    models = []
    for partitions, order in ((1, rows), (5, rows[::-1])):
        documents = frame(spark, order, "dedup", verdicts=False)
        folder, _ = train_in_run(documents.repartition(partitions), config, str(tmp_path / f"scratch{partitions}"))
        assert folder is not None
        models.append([(Path(folder) / name).read_bytes() for name in ("citation_en.bin", "cited.parquet")])
    assert models[0] == models[1]


@pytest.mark.parametrize(
    "cited, expected",
    [(9, "9 documents of 3 hosts are cited"), (0, "0 documents of 0 hosts are cited")],
)
def test_too_few_positives_leave_language_and_rules(
    spark: SparkSession, tmp_path: Path, cited: int, expected: str
) -> None:
    rows = corpus()
    by_host = sorted(rows[::3], key=lambda row: row["host"])[:cited]
    config = QualityFilterConfig(
        wikipedia=(dump(tmp_path / "dump.xml", [row["url"] for row in by_host]),), citations=PLENTIFUL
    )
    folder, notes = train_in_run(frame(spark, rows, "dedup", verdicts=False), config, str(tmp_path / "scratch"))
    assert folder is None
    assert expected in notes[0]
    assert "language and rules alone decide" in notes[0]
    assert notes[1].startswith("citation classifier, zh: 0 documents")


def test_random_citations_give_no_classifier(spark: SparkSession, tmp_path: Path) -> None:
    """A classifier that ranks unseen hosts no better than chance is not used."""
    rows = [
        document(prose(SCHOLARLY, i), host=f"h{i % 30}.example", url=f"http://h{i % 30}.example/{i}")
        for i in range(120)
    ]
    chosen = [row["url"] for i, row in enumerate(rows) if i % 30 < 10]
    config = QualityFilterConfig(wikipedia=(dump(tmp_path / "d.xml", chosen),), citations=PLENTIFUL)
    folder, notes = train_in_run(frame(spark, rows, "dedup", verdicts=False), config, str(tmp_path / "scratch"))
    assert folder is None
    assert "AUC on held-out hosts is" in notes[0]


def test_a_file_that_is_no_dump_is_refused_before_any_work(spark: SparkSession, tmp_path: Path) -> None:
    wrong = tmp_path / "dump.xml"
    wrong.write_text("<html>no</html>")
    config = QualityFilterConfig(wikipedia=(str(wrong),))
    with pytest.raises(DumpError, match="no Wikipedia dump"):
        train_in_run(frame(spark, corpus(), "dedup", verdicts=False), config, str(tmp_path / "scratch"))
