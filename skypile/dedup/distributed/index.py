"""An index of what a corpus already holds, so that new documents are deduplicated against it as they arrive.

    INDEX/index.json                                    the settings that shape sketches; a run with others is refused
    INDEX/documents/attempt=ID/batch=NAME/              sketch and fate of every document of an arrival, kept or not
    INDEX/buckets/attempt=ID/batch=NAME/band=NN/        LSH buckets of the documents that were kept
    INDEX/batches/NNNNN.json                            written last: an arrival that none names does not exist

An arrival adds files and changes none; nothing is rebuilt. Its name is a digest of its documents, so that a
re-run finds itself in the index and looks at the arrivals before it only: same decisions, nothing added
twice. Every attempt writes folders of its own. An update that died left some that no batches/*.json names;
nobody reads them, and they may be removed.

Updates may run at the same time. Each sees the arrivals that were there when it began and takes the next
number when it ends, by creating a file that must not exist. The one that comes second finds its number
taken, decides again with the other's documents in view, and takes the one after.

Guarantee: deduplicating arrivals one after the other equals deduplicating them in one go with the survivor
rule "earlier arrival first, then ``survivor``". Documents dropped on arrival stay in the index by their
keys, so that a later copy of a dropped document finds its survivor too.

Cost of an arrival: the index's keys and buckets are scanned (about 60 bytes a document and 21 × 60 bytes of
buckets a kept one); only rows that share a key or a bucket with an arriving document go on.
"""

import uuid
from contextlib import suppress
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.sketch import MARK
from skypile.errors import Refused
from skypile.run_folder.storage import read_parquet
from skypile.runtime import files

SHAPING = ("word_shingle", "character_shingle", "permutations", "bands", "rows", "seed", "max_shingles")
FORMAT = 4  # of the keys: a text's are those of `shingles`, a URL's that of `crawl.url`, and who has it
STORED = "record_id string, url string, text_key binary, url_key string, shingles binary, `limit` bigint, "
STORED += "buckets array<bigint>, matched string, survivor string, attempt string, batch string"
STORED_BUCKETS = "record_id string, bucket bigint, band int, attempt string, batch string"


class IndexMismatch(Refused):
    """The index was made with other settings."""


def is_new(record: str) -> Column:
    """Whether an id column names an arriving document and none of the corpus."""
    return ~F.col(record).startswith(MARK)


def marked(batch: str | Column, record: str) -> Column:
    """Id of a corpus document."""
    return F.concat(F.lit(MARK), F.lit(batch) if isinstance(batch, str) else batch, F.lit(MARK), F.col(record))


def check_index(index: str, config: DedupConfig) -> None:
    """Refuse an index made with settings that give other sketches; a run that will update it begins it if need be."""
    wanted, path = _shape(config), files.join(index, "index.json")
    if config.update_index:
        with suppress(FileExistsError):
            files.create_json(path, wanted)
    stored = files.read_json(path)
    if stored is not None and stored != wanted:
        differ = {key: (stored.get(key), wanted[key]) for key in wanted if stored.get(key) != wanted[key]}
        raise IndexMismatch(
            f"index {index} was made with other settings, so its sketches cannot be compared: "
            + ", ".join(f"{key} is {old}, the run has {new}" for key, (old, new) in differ.items())
        )


def _shape(config: DedupConfig) -> dict[str, Any]:
    return {"format": FORMAT} | {name: getattr(config, name) for name in SHAPING}


def batch_name(sketches: DataFrame) -> str:
    """Name of an arrival: a digest of its documents' ids and texts, in any order."""
    row = sketches.agg(
        F.count("*").alias("n"),
        F.expr("bit_xor(xxhash64(record_id, text_key))").alias("xor"),
        F.expr("sum(cast(xxhash64(text_key, record_id) as decimal(38, 0)))").alias("sum"),
    ).collect()[0]
    return f"{(row['xor'] or 0) & (2**64 - 1):016x}{int(row['sum'] or 0) & (2**64 - 1):016x}-{row['n']}"


def arrivals_before(known: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The arrivals that came before ``name``, all if it is none of them."""
    names = [arrival["name"] for arrival in known]
    return known[: names.index(name)] if name in names else known


def matching_corpus(index: str, before: list[dict[str, Any]], sketches: DataFrame) -> DataFrame:
    """Corpus documents that share a text, a URL or a bucket with one of ``sketches``, and the survivors of these.

    Sketch columns (with marked ids, and a rank before any new document's), ``matched`` (the pass it was
    dropped in, null if it was kept) and ``survivor`` (marked id, null if it was kept).
    """
    spark = sketches.sparkSession
    stored = _read(spark, index, "documents", before, STORED)
    corpus = stored.withColumn("record_id", marked(F.col("batch"), "record_id"))
    buckets = _read(spark, index, "buckets", before, STORED_BUCKETS)
    wanted = sketches.select(F.explode("buckets").alias("bucket")).distinct()
    ids = buckets.join(wanted, "bucket", "left_semi").select(marked(F.col("batch"), "record_id").alias("record_id"))
    for key in ("text_key", "url_key"):
        ids = ids.union(corpus.join(sketches.select(key), key, "left_semi").select("record_id"))
    found = corpus.join(ids.distinct(), "record_id", "left_semi")
    owners = found.select(F.col("survivor").alias("record_id")).where("record_id is not null")
    found = corpus.join(ids.union(owners).distinct(), "record_id", "left_semi")
    return found.withColumn("rank", F.lit(float("-inf"))).drop("attempt", "batch")


def _read(spark: SparkSession, index: str, table: str, batches: list[dict[str, Any]], schema: str) -> DataFrame:
    if not batches:
        return spark.createDataFrame([], schema)
    paths = [_place(index, table, batch["attempt"], batch["name"]) for batch in batches]
    return read_parquet(spark, schema, *paths, basePath=files.join(index, table))


def _place(index: str, table: str, attempt: str, name: str) -> str:
    return files.join(index, table, f"attempt={attempt}", f"batch={name}")


def add_arrival(
    index: str,
    name: str,
    known: list[dict[str, Any]],
    sketches: DataFrame,
    fates: DataFrame,
    corpus: DataFrame,
) -> bool:
    """Add an arrival to the index; ``fates``: record_id, reason, survivor of the documents that were dropped.

    The first document of a URL has its key, as it is what others with that URL are compared with, and its shingles
    even if it was dropped. ``corpus``: what is there of the URLs of ``sketches`` (``matching_corpus``).
    ``known``: the arrivals that the fates were decided by. Returns False, with nothing added, if another one has
    come since.
    """
    if name in {arrival["name"] for arrival in known}:
        return True
    survivor = F.when(is_new("survivor"), marked(name, "survivor")).otherwise(F.col("survivor"))
    fate = fates.select("record_id", F.col("reason").alias("matched"), survivor.alias("survivor"))
    kept = F.col("matched").isNull()
    groups = sketches.where("url_key is not null").groupBy("url_key")
    first = groups.agg(F.min(F.struct("rank", "record_id")).alias("best")).join(corpus, "url_key", "left_anti")
    first = first.select(F.col("best.record_id").alias("record_id"), F.col("url_key").alias("first_of"))
    documents = (
        sketches.join(fate, "record_id", "left")
        .join(first, "record_id", "left")
        .select(
            *("record_id", "url", "text_key", F.col("first_of").alias("url_key")),
            F.when(kept | F.col("first_of").isNotNull(), F.col("shingles")).alias("shingles"),
            "limit",
            F.when(kept, F.col("buckets")).otherwise(F.array().cast("array<bigint>")).alias("buckets"),
            "matched",
            "survivor",
        )
    )
    attempt = uuid.uuid4().hex[:12]
    place = _place(index, "documents", attempt, name)
    documents.write.mode("overwrite").parquet(place)
    stored = read_parquet(sketches.sparkSession, documents.schema, place)
    buckets = stored.select("record_id", F.posexplode("buckets").alias("band", "bucket"))
    buckets = buckets.select("record_id", "bucket", "band").repartition("band")
    writer = buckets.write.mode("overwrite").option("partitionOverwriteMode", "static").partitionBy("band")
    writer.parquet(_place(index, "buckets", attempt, name))
    counts = {"documents": stored.count(), "kept": stored.where(kept).count()}
    number = known[-1]["number"] + 1 if known else 0
    arrival = {"name": name, "number": number, "attempt": attempt} | counts
    try:
        files.create_json(files.join(index, "batches", f"{number:05d}.json"), arrival)
    except FileExistsError:
        for table in ("documents", "buckets"):
            files.remove_tree(files.join(index, table, f"attempt={attempt}"))
        return False
    return True
