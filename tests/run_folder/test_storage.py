"""The laws of a stage folder: nothing lost, nothing half written, nothing done twice."""

import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from pyspark.sql import functions as F

from skypile.run_folder import stage_folder
from skypile.run_folder.stamp import ConservationError
from skypile.run_folder.storage import Stage, read_kept, write_stage
from tests import documents

ROWS = [
    {"text": "kept text", "language": "en"},
    {"text": "页", "verdict": "dropped", "reason": "too_short", "score": 2.0, "threshold": 100.0},
    {"verdict": "failed", "reason": "timeout", "evidence": '{"seconds": 20}'},
    {"text": "another", "language": "zh"},
]


def stage_of(table, count, settings=None, waves=1):
    return Stage("extraction", settings or {}, {}, [lambda: (count, table)] * waves)


def test_kept_rows_are_read_back_and_every_row_has_its_verdict(spark, tmp_path):
    manifest = documents.write(spark, str(tmp_path), ROWS)
    assert (manifest["read"], manifest["kept"]) == (4, 2)
    assert (manifest["dropped"], manifest["failed"]) == ({"too_short": 1}, {"timeout": 1})
    kept = read_kept(spark, str(tmp_path), "extraction")
    assert sorted(row["text"] for row in kept.collect()) == ["another", "kept text"]
    assert "verdict" not in kept.columns
    ledger = ds.dataset(str(tmp_path / "01_extraction" / "verdicts"), partitioning="hive").to_table().to_pylist()
    assert {(row["verdict"], row["reason"]) for row in ledger} == {
        ("kept", None),
        ("dropped", "too_short"),
        ("failed", "timeout"),
    }
    assert all(row["stage"] == "extraction" for row in ledger)


def test_a_lost_row_fails_the_run(spark, tmp_path):
    table = documents.frame(spark, ROWS)
    with pytest.raises(ConservationError, match="read 4 rows but wrote 3"):
        write_stage(spark, str(tmp_path), stage_of(table.where("language is null or language != 'zh'"), 4))
    assert stage_folder.manifest(str(tmp_path), "extraction") is None


def test_rows_are_counted_while_they_are_read(spark, tmp_path):
    from pyspark.sql import Observation

    rows = Observation()
    read = documents.frame(spark, ROWS).observe(rows, F.count(F.lit(1)).alias("rows"))
    stage = Stage("extraction", {}, {}, [lambda: (rows, read.limit(3))])
    with pytest.raises(ConservationError, match="read 4 rows but wrote 3"):
        write_stage(spark, str(tmp_path), stage)


@pytest.mark.parametrize(
    "row",
    [{"verdict": "dropped", "reason": "bored"}, {"verdict": "kept", "reason": "too_short"}, {"verdict": "maybe"}],
)
def test_a_reason_outside_the_vocabulary_fails_the_run(spark, tmp_path, row):
    with pytest.raises(ConservationError, match="1 rows have verdict"):
        write_stage(spark, str(tmp_path), stage_of(documents.frame(spark, [row]), 1))


def test_an_id_that_comes_twice_fails_the_run(spark, tmp_path):
    table = documents.frame(spark, [{"record_id": "ab"}, {"record_id": "ab"}])
    with pytest.raises(ConservationError, match="record ab has 2 verdicts"):
        write_stage(spark, str(tmp_path), stage_of(table, 2))


def test_columns_of_another_type_are_named(spark, tmp_path):
    table = documents.frame(spark, ROWS).withColumn("characters", F.col("characters").cast("long"))
    with pytest.raises(TypeError, match=r"missing columns \['characters int'\], unexpected \['characters bigint'\]"):
        write_stage(spark, str(tmp_path), stage_of(table, 4))


def test_a_finished_stage_is_redone_only_for_other_settings(spark, tmp_path):
    table = documents.frame(spark, ROWS)
    first, fresh = write_stage(spark, str(tmp_path), stage_of(table, 4))
    assert fresh
    again, fresh = write_stage(spark, str(tmp_path), stage_of(None, 4))  # None: would fail if it were touched
    assert not fresh and again == first
    other, fresh = write_stage(spark, str(tmp_path), stage_of(table.limit(1), 1, {"engine": "other"}))
    assert fresh and other["read"] == 1
    assert read_kept(spark, str(tmp_path), "extraction").count() == 1


def test_a_crash_loses_the_wave_it_hits_and_no_other(spark, tmp_path):
    run, built = str(tmp_path), []
    tables = [documents.frame(spark, [{"record_id": f"{n}{i}", "text": str(n)} for i in range(3)]) for n in range(3)]

    def wave(number, broken=False):
        def build():
            built.append(number)
            if broken:
                raise KeyboardInterrupt
            return 3, tables[number]

        return build

    with pytest.raises(KeyboardInterrupt):
        write_stage(spark, run, Stage("extraction", {}, {}, [wave(0), wave(1, broken=True), wave(2)]))
    # The crashed wave has left files behind, from before its stamp.
    leftover = Path(run, "01_extraction", "documents", "kept=true", "wave=1")
    tables[2].drop("wave").write.parquet(str(leftover))
    with pytest.raises(FileNotFoundError, match="run the extraction stage first"):
        read_kept(spark, run, "extraction")
    manifest, _ = write_stage(spark, run, Stage("extraction", {}, {}, [wave(0), wave(1), wave(2)]))
    assert built == [0, 1, 1, 2]
    assert manifest["kept"] == 9
    assert sorted(r["text"] for r in read_kept(spark, run, "extraction").collect()) == sorted("000111222")


def test_the_digest_ignores_order_and_partitions_but_no_decision(spark, tmp_path):
    table = documents.frame(spark, ROWS)
    digests = set()
    for number, shape in enumerate([table, table.repartition(3), table.orderBy(F.desc("record_id")).coalesce(1)]):
        digests.add(write_stage(spark, str(tmp_path / str(number)), stage_of(shape, 4))[0]["digest"])
    assert len(digests) == 1
    moved = table.withColumn("score", F.when(F.col("reason") == "too_short", 3.0).otherwise(F.col("score")))
    assert write_stage(spark, str(tmp_path / "other"), stage_of(moved, 4))[0]["digest"] not in digests


def test_a_stage_that_reads_nothing_is_whole(spark, tmp_path):
    manifest = documents.write(spark, str(tmp_path), [])
    assert manifest["read"] == manifest["kept"] == 0
    assert read_kept(spark, str(tmp_path), "extraction").count() == 0
    assert json.loads((tmp_path / "01_extraction" / "manifest.json").read_text())["versions"]["pyspark"]
