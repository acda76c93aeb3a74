"""Folders within folders: the same rows and columns with Spark and without it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from tests.dedup.test_files_without_spark import compare, planted, write
from tests.dedup.test_files_without_spark import folder as folder  # the fixture that every `compare` needs


def test_folders_that_name_columns(spark: SparkSession, tmp_path: Path) -> None:
    """As partitionBy writes them: two levels, whole numbers and words; the columns stand last, typed as by Spark."""
    table = planted(425)
    step = len(table) // 3
    for number, names in enumerate(("wave=0/language=zh", "wave=0/language=zh_Hant", "wave=12/language=en")):
        write(table.slice(number * step, step), tmp_path / "in" / names)
    done = compare(spark, [str(tmp_path / "in")], tmp_path)
    assert done["read"] == 3 * step and done["kept"] < done["read"]
    kept = pq.read_table(tmp_path / "here" / "documents")
    assert kept.column_names == [*table.column_names, "wave", "language"]
    assert set(kept["wave"].to_pylist()) == {0, 12} and kept["wave"].type == pa.int32()
    assert set(kept["language"].to_pylist()) == {"zh", "zh_Hant", "en"}


def test_plain_folders_within_folders(spark: SparkSession, tmp_path: Path) -> None:
    """Spark by itself passes over them without a word."""
    table = planted(430)
    half = len(table) // 2
    write(table.slice(0, half), tmp_path / "in" / "a")
    write(table.slice(half), tmp_path / "in")
    write(table.slice(0, 3), tmp_path / "in" / "_hidden")
    assert compare(spark, [str(tmp_path / "in")], tmp_path)["read"] == len(table)
