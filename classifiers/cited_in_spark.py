"""`cited` over many dumps in Spark: a row a cited page and language.

A task reads a piece of a dump and hands on its pages, each once; only those rows, of about 150 bytes, are shuffled.
Memory does not grow with the dumps: a piece's pages are handed on MOST at a time, and of the articles that cite a
page a task passes on `MAX_TITLES` names. Cost: per core 16 MB of XML a second from bz2, whose decompression takes two
thirds of that, and 50 from plain files; a dump of 20 GB (100 GB of XML) takes an hour and three quarters of one core.
5 GB of XML: 830 MB of memory for Java and two workers, from the first minute to the last.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.classifiers import cited
from skypile.classifiers.dumps import DumpError, Scan, articles, pieces
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.run_folder.storage import read_parquet
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow

FOLDER: Final = "pages"  # below the output
MAX_DAMAGE: Final = 20  # places named in the manifest
_PER_PARTITION: Final = 16  # pieces whose rows one task brings together: 2 GB of XML

# What the tasks hand on: cited pages and, with a null key, what a piece held (`articles`) and where it is damaged.
_PASSED: Final = cited.SCHEMA.append(pa.field("damage", pa.string()))


def cited_pages(spark: SparkSession, dumps: Sequence[str]) -> DataFrame:
    """`cited.SCHEMA` of all pages cited in the dumps, and a column damage; every row with a null key is about one
    piece, with the number of its `articles` and, where it cannot be read, the place in `damage`.

    DumpError if a file is no dump.
    """
    parts = [piece for dump in dumps for piece in pieces(dump)]
    shared = spark.sparkContext.broadcast(parts)

    def read(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in (number for batch in numbers for number in batch["id"].to_pylist()):
            piece, scan = shared.value[number], Scan()
            for batch in cited.rows(articles(piece, scan), piece.language):
                yield batch.append_column("damage", pa.nulls(batch.num_rows, pa.string()))
            about = [(scan.articles, None), *((0, place) for place in scan.damage)]
            nothing = {name: [None] * len(about) for name in _PASSED.names}
            told = {"articles": [number for number, _ in about], "damage": [place for _, place in about]}
            yield pa.RecordBatch.from_pydict(nothing | told, _PASSED)

    passed = map_arrow(spark.range(0, len(parts), 1, len(parts)), read, from_arrow_schema(_PASSED))
    partitions = -(-len(parts) // _PER_PARTITION)
    titles = F.slice(F.array_sort(F.flatten(F.collect_list("titles"))), 1, cited.MAX_TITLES)
    shortest = F.min_by("url", F.struct(F.length("url"), "url"))
    totals = [F.sum(name).alias(name) for name in ("references", "links", "articles")]
    together = passed.repartition(partitions, "key", "host", "language", "damage")
    found = together.groupBy("key", "host", "language", "damage").agg(
        shortest.alias("url"), *totals, titles.alias("titles")
    )
    return found.select(*_PASSED.names)


def extract(spark: SparkSession, dumps: Sequence[str], output: str) -> tuple[dict[str, Any], bool]:
    """Write the cited pages of the dumps below `output`/pages, each part sorted by host and key; the manifest.

    False beside it: it was there already. DumpError where no file is a dump, or none holds an article.
    """
    dumps, output = [files.absolute(dump) for dump in dumps], files.absolute(output)
    for dump in dumps:
        pieces(dump)

    def work() -> dict[str, Any]:
        began = time.monotonic()
        everything = files.join(output, "_read")
        files.remove_tree(everything)
        found = cited_pages(spark, dumps).withColumn("about", F.col("key").isNull())
        found.sortWithinPartitions("about", "host", "key", "language").write.partitionBy("about").parquet(everything)
        told = read_parquet(spark, from_arrow_schema(_PASSED), files.join(everything, "about=true"))
        about = told.agg(F.sum("articles"), F.sort_array(F.collect_set("damage"))).first()
        assert about is not None  # an aggregate of no group has a row
        if not about[0]:
            raise DumpError(f"no article in {', '.join(dumps)}" + "".join(f"; {place}" for place in about[1][:1]))
        if not files.exists(files.join(everything, "about=false")):
            raise DumpError(f"none of the {about[0]} articles in {', '.join(dumps)} cites a page")
        files.move_tree(files.join(everything, "about=false"), files.join(output, FOLDER))
        files.remove_tree(everything)
        return {
            "articles": int(about[0]),
            "damage": about[1][:MAX_DAMAGE],
            "counts": _counts(cited_frame(spark, output)),
            "seconds": round(time.monotonic() - began, 2),
        }

    made_of = {"dumps": sorted(dumps)}
    known = Result(
        "citations", "citations", dumps, made_of, lambda done: named_files(dumps), (FOLDER,), r"/part-[^/]*$"
    )
    return once(output, known, work)


def cited_frame(spark: SparkSession, folder: str) -> DataFrame:
    """The rows that `extract` wrote."""
    return read_parquet(spark, from_arrow_schema(cited.SCHEMA), files.join(folder, FOLDER))


def _counts(pages: DataFrame) -> dict[str, dict[str, int]]:
    """Pages, cited ones, hosts, references and links, by the dumps' language."""
    rows = (
        pages.groupBy("language")
        .agg(
            F.count("*").alias("pages"),
            F.count_if(F.col("references") > 0).alias("cited"),
            F.approx_count_distinct("host", 0.01).alias("hosts"),
            F.sum("references").alias("references"),
            F.sum("links").alias("links"),
        )
        .collect()
    )
    return {row["language"]: {k: int(v) for k, v in row.asDict().items() if k != "language"} for row in rows}
