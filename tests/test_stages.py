"""The stages on DataFrames of a user's own: their rows, their columns, and what is missing."""

import pytest
from pyspark.sql import DataFrame, SparkSession

import skypile
from skypile.schema import DEDUP_COLUMNS, names

PROSE = "Salt was once carried over the pass on mules, in sacks that weighed as much as the driver who led them. "
VERDICT = ["verdict", "reason", "score", "threshold", "evidence"]


@pytest.fixture
def notes(spark: SparkSession) -> DataFrame:
    """Thirty texts and a copy, with a column that skypile does not know."""
    rows = [
        (f"n{i}", f"{PROSE}In {1800 + i} there were {7 * i + 3} mules, {i * i} of them lame.", i) for i in range(30)
    ]
    rows.append(("copy", rows[3][1], 99))
    return spark.createDataFrame(rows, "record_id string, text string, pages long")


def test_dedup(notes: DataFrame) -> None:
    judged = skypile.stages.dedup(skypile.config.DedupConfig(jaccard_threshold=1, containment_threshold=None))(notes)
    assert judged.columns == ["record_id", "text", *names(DEDUP_COLUMNS), *VERDICT, "pages"]
    rows = {row["record_id"]: row for row in judged.collect()}
    assert len(rows) == 31 and rows["copy"]["pages"] == 99
    assert sorted((row["verdict"], row["reason"]) for row in rows.values())[0] == ("dropped", "duplicate_text")
    assert {row["verdict"] for key, row in rows.items() if key not in ("copy", "n3")} == {"kept"}


def test_distribution_filter(notes: DataFrame, tmp_path) -> None:
    settings = skypile.config.DistributionFilterConfig(clusters=1, core_similarity=0.5, budget_min=5)
    judged = skypile.stages.distribution_filter(settings, scratch=str(tmp_path))(notes)
    rows = judged.collect()
    assert len(rows) == 31 and {row["reason"] for row in rows} == {None, "dense_cluster"}
    assert (tmp_path / "clusters" / "centroids.npy").is_file()


def test_extraction_then_quality(spark: SparkSession) -> None:
    page = f"<title>Salt</title><article><p>{PROSE * 3}</p><p>{PROSE.replace('mules', 'carts') * 3}</p></article>"
    rows = [("a", page, "http://a.example/", 1), ("b", None, None, 2), ("c", "<p>x", None, 3)]
    pages = spark.createDataFrame(rows, "record_id string, html string, url string, depth int")
    documents = skypile.stages.extraction()(pages)
    found = {row["record_id"]: row for row in documents.collect()}
    assert {key: (row["verdict"], row["reason"], row["depth"]) for key, row in found.items()} == {
        "a": ("kept", None, 1),
        "b": ("failed", "missing_field", 2),
        "c": ("dropped", "short_gate", 3),
    }
    assert found["a"]["title"] == "Salt" and found["a"]["host"] == "a.example" and "html" not in documents.columns
    lenient = skypile.config.QualityFilterConfig(
        rules=skypile.config.RuleThresholds(max_repeated_ngrams=1, max_top_ngram=1, max_repeated_lines=1)
    )
    judged = skypile.stages.quality_filter(lenient)(documents.where("verdict = 'kept'")).collect()
    assert [(row["record_id"], row["verdict"], row["depth"]) for row in judged] == [("a", "kept", 1)]


def test_ready_text_is_no_page(spark: SparkSession) -> None:
    given = spark.createDataFrame([("a", PROSE * 2)], "record_id string, text string")
    assert skypile.stages.extraction()(given).collect()[0]["text"] == (PROSE * 2).strip()


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        ("dedup", lambda f: f.drop("text"), "dedup needs the column(s) text; the frame has record_id, pages"),
        (
            "dedup",
            lambda f: f.withColumn("record_id", f.pages),
            "needs record_id as string, and the frame has it as big",
        ),
        ("dedup", lambda f: f.union(f), "needs a unique record_id"),
        ("distribution_filter", lambda f: f.drop("record_id"), "needs the column(s) record_id"),
        ("quality_filter", lambda f: f, "needs the column(s) language, language_score"),
        ("extraction", lambda f: f.drop("text"), "needs a column html or text"),
    ],
)
def test_the_column_that_is_missing_is_named(notes: DataFrame, stage: str, change, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        getattr(skypile.stages, stage)()(change(notes))
    assert message in str(raised.value)
