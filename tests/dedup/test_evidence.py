"""Evidence as Spark's own functions would write it, and what decisions say of each kind of match."""

import json
import random

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.evidence import FOUND, dropped_decisions, kept_decisions

NOTHING = dict.fromkeys(FOUND.names)


def evidence(rows: list[dict]) -> list[str]:
    batch = pa.RecordBatch.from_pylist([NOTHING | row for row in rows], FOUND)
    return dropped_decisions(batch, DedupConfig())["evidence"].to_pylist()


def test_numbers_are_written_as_spark_writes_them(spark: SparkSession) -> None:
    rng = random.Random(0)
    values = [0.0, 1.0, 1e-7, 5e-7, 4.9e-7, 0.9999995, 0.99999949, 0.001, 0.00099999, 0.0005, 1 / 3]
    values += [rng.randrange(size) / size for size in (7, 64, 128, 256, 1024, 4096, 10**6, 10**7) for _ in range(300)]
    values += [number / 10**6 for number in range(1100)]
    frame = spark.createDataFrame([(value,) for value in values], "v double").coalesce(1)
    names = {"jaccard": "v", "containment": "v"}
    rounded = [F.round(column, 6).alias(name) for name, column in names.items()]
    expected = [row[0] for row in frame.select(F.to_json(F.struct(F.lit("s").alias("survivor"), *rounded))).collect()]
    assert len(expected) == len(values)
    assert evidence([{"survivor": "s", "jaccard": value, "containment": value} for value in values]) == expected


def test_texts_are_written_as_spark_writes_them(spark: SparkSession) -> None:
    texts = [chr(code) + "x" for code in [*range(1, 0x300), 0x2028, 0x732B, 0xFEFF, 0x1F600]] + ['"\\/', ""]
    frame = spark.createDataFrame([(text,) for text in texts], "t string").coalesce(1)
    struct = F.struct(F.col("t").alias("survivor"), F.col("t").alias("survivor_url"), F.col("t").alias("via"))
    expected = [row[0] for row in frame.select(F.to_json(struct)).collect()]
    assert evidence([{"survivor": text, "survivor_url": text, "via": text} for text in texts]) == expected


def test_each_kind_of_match() -> None:
    near = {"jaccard": 0.85, "containment": 0.97, "bands": 7, "component": 3}
    rows = [
        {"record_id": "a", "survivor": "s", "survivor_url": "u", "reason": "near_duplicate", **near},
        {"record_id": "b", "survivor": "s", "reason": "contained", **near | {"jaccard": 0.1, "bands": 0}},
        {"record_id": "c", "survivor": "s", "via": "\0batch\0t", "reason": "duplicate_text", "copies": 2},
        {"record_id": "d", "survivor": "\0batch\0s", "reason": "near_duplicate", **near},
    ]
    batch = pa.RecordBatch.from_pylist([NOTHING | row for row in rows], FOUND)
    found = dropped_decisions(batch, DedupConfig()).to_pylist()
    assert [(row["record_id"], row["reason"], row["score"], row["threshold"]) for row in found] == [
        ("a", "near_duplicate", 0.85, 0.8),
        ("b", "contained", 0.97, 0.95),
        ("c", "duplicate_text", None, None),
        ("d", "in_corpus", 0.85, 0.8),
    ]
    assert {(row["verdict"], row["duplicates"]) for row in found} == {("dropped", 0)}
    assert [json.loads(row["evidence"]) for row in found] == [
        {"survivor": "s", "survivor_url": "u", **near},
        {"survivor": "s", **near | {"jaccard": 0.1, "bands": 0}},
        {"survivor": "s", "copies": 2, "via": "t"},
        {"survivor": "s", **near, "match": "near_duplicate", "arrival": "batch"},
    ]


def test_those_that_stay() -> None:
    kinds = pa.schema(
        [("record_id", pa.string()), *((name, pa.int32()) for name in ("duplicates", "copies", "component"))]
    )
    rows = [
        {"record_id": "s", "duplicates": 2, "copies": None, "component": 3},
        {"record_id": "t", "duplicates": 1, "copies": 2, "component": None},
    ]
    found = kept_decisions(pa.RecordBatch.from_pylist(rows, kinds)).to_pylist()
    assert [(row["verdict"], row["reason"], row["evidence"], row["duplicates"]) for row in found] == [
        ("kept", None, '{"component":3,"duplicates":2}', 2),
        ("kept", None, '{"duplicates":1}', 1),
    ]
    assert [(row["exact_copies"], row["near_copies"]) for row in found] == [(1, 3), (2, 1)]
