"""Deduplication: one decision a document, each with the match that was found and how close it was measured to be.

1. Sketch every document once, narrowly (``sketch``); nothing after this touches text.
2. Equal URLs with texts that agree, then equal folded texts (``exact``).
3. LSH buckets propose pairs (``candidates``), exact similarity of shingle sets confirms them (``verify``).
4. Components of confirmed pairs (``components``); within them the best documents stay, and only what is itself
   close to one that stays goes (``survivors``).

Decisions depend on the documents and the config alone: not on partitions, batches or order. Cost is linear:
each document has ``bands`` bucket rows, each bucket row at most ``bucket_limit`` pairs.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile import schema
from skypile.config import DedupConfig
from skypile.dedup.arrivals import arrivals
from skypile.dedup.distributed.candidates import bucket_pairs, refined_candidates, shared_buckets
from skypile.dedup.distributed.components import connected_components
from skypile.dedup.distributed.exact import agreeing_records, equal_records
from skypile.dedup.distributed.hold import Hold, holder, without_broadcast
from skypile.dedup.distributed.index import (
    add_arrival,
    arrivals_before,
    batch_name,
    check_index,
    is_new,
    matching_corpus,
)
from skypile.dedup.distributed.recurring import recurring_paragraphs
from skypile.dedup.distributed.survivors import best_match, dropped_documents
from skypile.dedup.distributed.verdicts import dropped_fates, verdict_rows
from skypile.dedup.distributed.verify import confirmed_edges
from skypile.dedup.evidence import DECISION_COLUMNS
from skypile.dedup.one_task import FATES_TYPE, MOST_SKETCHES, fates
from skypile.dedup.paragraphs import cut_batch
from skypile.dedup.sketch import SKETCH, sketch_batch
from skypile.run_folder.attach import attach
from skypile.run_folder.storage import spark_schema, stored
from skypile.runtime.map_arrow import map_arrow, map_batches


def dedup(config: DedupConfig, rows: int, scratch: str) -> Callable[[DataFrame], DataFrame]:
    """The stage: documents of the stage before -> the same rows with their fate, boilerplate cut from the text.

    `rows`: number of documents, which are read straight from Parquet (see `attach`). `scratch`: a folder
    that outlives the returned frame.
    """

    def drop_duplicates(documents: DataFrame) -> DataFrame:
        if not config.enabled:
            return _completed(documents.drop(*DECISION_COLUMNS[1:]))
        decisions = dedup_decisions(documents, config, f"{scratch}/tables", rows)
        fate = _completed(attach(documents, decisions, f"{scratch}/attached", rows))
        if not (config.boilerplate_host_pages or config.boilerplate_hosts):
            return fate
        kept = fate.where(F.col("verdict") == schema.KEPT).withColumn("rank", rank_column(config))
        recurring = documents.sparkSession.sparkContext.broadcast(
            recurring_paragraphs(kept, config, f"{scratch}/paragraphs")
        )

        def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield cut_batch(batch, recurring.value, config)

        return map_arrow(fate, cut, fate.schema)

    return drop_duplicates


def _completed(documents: DataFrame) -> DataFrame:
    """Fill in what documents without a decision lack; columns in the schema's order."""
    wanted = spark_schema(schema.STAGE_COLUMNS["dedup"])
    missing = {field.name: F.lit(None) for field in wanted if field.name not in documents.columns}
    filled = documents.withColumns(missing)
    defaults = {"verdict": F.lit(schema.KEPT), "duplicates": F.lit(0), "cut_paragraphs": F.lit(0)}
    filled = filled.withColumns({name: F.coalesce(name, value) for name, value in defaults.items()})
    alone = F.when(F.col("verdict") == schema.KEPT, F.lit(1))  # a copy that goes is counted with the one that stays
    filled = filled.withColumns({name: F.coalesce(name, alone) for name in ("exact_copies", "near_copies")})
    return filled.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in wanted])


def dedup_decisions(
    documents: DataFrame, config: DedupConfig, scratch: str | None = None, rows: int | None = None
) -> DataFrame:
    """Decisions on documents with record_id, url, text (and the column the survivor rule reads).

    Returns a row for each dropped document, and for each that stays and has duplicates: record_id, verdict
    ("dropped" or "kept"), reason, score, threshold (double), evidence (JSON), duplicates (int: records
    dropped in favour of this one). Documents without a row stay and have no duplicates.

    The work is done here, not lazily. Intermediate tables (and the result) go to Parquet under ``scratch``,
    which may be removed once the decisions are used; without it they are held by Spark on the executors'
    disks, which suits one machine: a lost executor then fails the run. ``rows``: number of documents, if known.
    """
    hold = holder(scratch)
    sketches = sketch_documents(documents, config)
    sketches = stored(sketches, f"{scratch}/sketches", "lz4_raw") if scratch else hold(sketches, "sketches")
    return sketch_decisions(sketches, config, hold, rows)


def sketch_decisions(sketches: DataFrame, config: DedupConfig, hold: Hold, rows: int | None = None) -> DataFrame:
    """Decisions, as ``dedup_decisions`` gives them, on documents by their sketches (``SKETCH``), which are at hand."""
    if not config.against:
        fates = decide(sketches, None, config, hold, rows)
        return hold(verdict_rows(fates, sketches, config), "decisions")
    check_index(config.against, config)
    name = batch_name(sketches)
    while True:
        known = arrivals(config.against)
        corpus = hold(matching_corpus(config.against, arrivals_before(known, name), sketches), "corpus")
        fates = decide(sketches, corpus, config, hold)
        names = sketches.select("record_id", "url").union(corpus.select("record_id", "url"))
        decisions = hold(verdict_rows(fates, names, config), "decisions")
        if not config.update_index or add_arrival(config.against, name, known, sketches, fates, corpus):
            return decisions


def rank_column(config: DedupConfig) -> Column:
    """The survivor rule as a number: the smallest stays. Documents without a value go last."""
    worst = F.lit(float("inf"))
    if config.survivor == "longest":
        value = -F.length("text")
    elif config.survivor == "best_quality":
        value = -F.col(config.quality_column)
    elif config.survivor == "earliest":
        value = F.col(config.time_column).cast("timestamp").cast("double")
    else:
        value = F.lit(0.0)
    return F.coalesce(F.nanvl(value.cast("double"), worst), worst)


def sketch_documents(documents: DataFrame, config: DedupConfig) -> DataFrame:
    """Sketches (``SKETCH``) of documents with record_id, url, text and the column the survivor rule reads."""
    wanted = ("record_id", "url", "text", config.survivor_column)
    missing = sorted(name for name in wanted if name and name not in documents.columns)
    if missing:
        raise ValueError(
            f"deduplication with survivor={config.survivor!r} needs the column(s) {missing}; "
            f"the documents have {documents.columns}"
        )
    narrow = documents.select("record_id", "url", rank_column(config).alias("rank"), "text")
    return map_batches(narrow, lambda batch: sketch_batch(batch, config), from_arrow_schema(SKETCH))


def decide(
    sketches: DataFrame, corpus: DataFrame | None, config: DedupConfig, hold: Hold, rows: int | None = None
) -> DataFrame:
    """Fates of the documents to drop, from sketches and the documents of a corpus that may match (``matching_corpus``).

    Documents of the corpus outrank all others, so that they are never dropped.
    """
    nothing = F.lit(None).cast("string")
    rest = sketches.withColumns({"matched": nothing, "survivor": nothing})
    rest = rest if corpus is None else rest.unionByName(corpus)
    rows = rest.count() if rows is None or corpus is not None else rows
    if rows <= config.local_documents and _set_bytes(rest) <= MOST_SKETCHES:
        return hold(decide_locally(rest, config), "fates")
    with without_broadcast(sketches.sparkSession):
        return hold(decide_distributed(rest, config, hold), "fates")


def _set_bytes(sketches: DataFrame) -> int:
    return sketches.agg(F.sum(F.length("shingles"))).collect()[0][0] or 0


def decide_locally(sketches: DataFrame, config: DedupConfig) -> DataFrame:
    """Fates (``FATES_TYPE``) of sketches with ``matched`` and ``survivor`` columns, as ``dedup.decide`` gives them."""

    def decide(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = [batch for batch in batches if batch.num_rows]
        if held:
            yield from fates(pa.Table.from_batches(held), config).to_batches()

    return map_arrow(sketches.repartition(1), decide, FATES_TYPE)


def decide_distributed(rest: DataFrame, config: DedupConfig, hold: Hold) -> DataFrame:
    """The fates of ``decide`` by joins and shuffles; ``rest``: sketches with ``matched`` and ``survivor``."""
    survivors = rest.select("record_id", "survivor").where("survivor is not null")
    sketches, rest = rest, rest.drop("survivor")
    exact = []
    for key, reason in (("url_key", "duplicate_url"), ("text_key", "duplicate_text")):
        if key == "url_key" and not config.collapse_urls:
            continue
        equal = equal_records(rest, key).where(is_new("record_id"))
        if key == "url_key":
            equal = agreeing_records(hold(equal, key), sketches, config)
        equal = hold(equal, reason)
        rest = rest.join(equal, "record_id", "left_anti")
        rest = rest.where(F.col("matched").isNull() | (F.col("matched") != reason))  # went in this pass on arrival
        exact.append(equal.withColumn("reason", F.lit(reason)))
    distinct = rest.where(F.size("buckets") > 0)
    edges = near_edges(distinct, sketches, config, hold)
    components = hold(connected_components(edges.select("better", "worse"), config.local_edges, hold), "components")
    dropped = hold(dropped_documents(edges, components, config.local_edges, hold), "dropped")
    near = hold(near_duplicates(edges, components, dropped), "near")
    return dropped_fates(exact, near, survivors, config)


def near_edges(distinct: DataFrame, sketches: DataFrame, config: DedupConfig, hold: Hold) -> DataFrame:
    """Confirmed edges (better, worse, jaccard, containment, bands) among sketches with different texts.

    ``distinct``: the rows of ``sketches`` to compare. The sets are looked up in ``sketches``, which are at hand.
    """
    members = hold(shared_buckets(distinct), "members")
    seen = hold(bucket_pairs(members, config, "bucket"), "candidates")
    edges = hold(confirmed_edges(seen, sketches, config), "edges")
    left = members.where(F.col("size") > config.bucket_limit)
    for number in range(1, config.mega_rounds + 1):
        if left.isEmpty():
            break
        components = connected_components(edges.select("better", "worse"), config.local_edges, hold)
        gone = dropped_documents(edges, components, config.local_edges, hold)
        left = hold(left.join(gone, "record_id", "left_anti"), "large")
        fresh = refined_candidates(left, members, number, config)
        fresh = hold(fresh.join(seen, ["better", "worse"], "left_anti"), "candidates")
        if not fresh.isEmpty():
            more = hold(confirmed_edges(fresh, sketches, config), "edges")
            seen, edges = seen.union(fresh), edges.union(more)
    return edges


def near_duplicates(edges: DataFrame, components: DataFrame, dropped: DataFrame) -> DataFrame:
    """Dropped documents with their closest survivor and the size of their component."""
    sizes = components.groupBy("component").agg(F.count("*").cast("int").alias("size"))
    sized = components.join(sizes, "component").select(
        F.col("node").alias("record_id"), F.col("size").alias("component")
    )
    return best_match(edges, dropped).join(sized, "record_id")
