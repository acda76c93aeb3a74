"""attach() equals a left join, and moves no text."""

import random

import pytest
from pyspark.sql import functions as F

from skypile.run_folder import attach as attach_module
from skypile.run_folder.attach import attach


@pytest.fixture
def stored(spark, tmp_path):
    """1,000 documents in 7 files."""
    rows = spark.range(0, 1000, 1, 7).select(F.md5(F.col("id").cast("string")).alias("record_id"), "id")
    rows.withColumn("text", F.repeat(F.lit("长文 long text "), 20)).write.parquet(str(tmp_path / "documents"))
    return spark.read.parquet(str(tmp_path / "documents"))


@pytest.mark.parametrize("rows_per_bucket", [10_000, 90])
def test_attach_equals_a_left_join(spark, stored, tmp_path, monkeypatch, rows_per_bucket):
    monkeypatch.setattr(attach_module, "ROWS_PER_BUCKET", rows_per_bucket)
    chosen = random.Random(1).sample(range(1000), 400)
    notes = stored.where(F.col("id").isin(chosen)).select(
        "record_id", (F.col("id") * 2).alias("double"), F.concat(F.lit("n"), "id").alias("note")
    )
    got = attach(stored, notes, str(tmp_path / "scratch"), 1000)
    wanted = stored.join(notes, "record_id", "left")
    assert got.columns == wanted.columns
    assert sorted(got.collect()) == sorted(wanted.collect(), key=lambda r: r)
    assert got.where("double is not null").count() == 400


def test_a_column_of_the_same_name_is_replaced(stored, tmp_path):
    notes = stored.select("record_id", F.lit("new").alias("text"))
    got = attach(stored, notes, str(tmp_path / "scratch"), 1000)
    assert got.columns == ["record_id", "id", "text"]
    assert got.where("text = 'new'").count() == 1000


def test_no_annotations_at_all(stored, tmp_path):
    notes = stored.where("id < 0").select("record_id", F.lit(1.5).alias("score"))
    assert attach(stored, notes, str(tmp_path / "scratch"), 1000).where("score is null").count() == 1000


def test_text_is_never_shuffled(stored, tmp_path):
    notes = stored.select("record_id", F.lit(1).alias("n"))
    plan = attach(stored, notes, str(tmp_path / "scratch"), 1000)._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in plan
