"""Count the paragraphs at the edges of all pages, and find those that a site adds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.distributed.hold import holder
from skypile.dedup.paragraphs import A_PAGE, ANYWHERE, Recurring, host_key, occurrences
from skypile.runtime.map_arrow import map_batches

COMMONEST = 20  # paragraphs that `cut_summary` names
COMMONEST_CHARACTERS = 200


def recurring_paragraphs(pages: DataFrame, config: DedupConfig, scratch: str | None = None) -> Recurring:
    """The paragraphs to cut from ``pages`` (record_id, host, rank, text), and those that several hosts share.

    Counted in Spark, brought to the driver: ``boilerplate_most`` of each at most. ``scratch``: see ``dedup_decisions``.

    At least one of ``boilerplate_host_pages`` and ``boilerplate_hosts`` is not 0.
    """
    found = map_batches(
        pages.select("record_id", "host", "rank", "text").where("host != ''"),
        lambda batch: occurrences(batch, config.boilerplate_characters),
        "paragraph bigint, host bigint, rank double, record bigint, outermost bigint, long boolean",
    )
    first = F.min(F.struct("rank", "record")).alias("first")
    on_host = found.groupBy("paragraph", "host").agg(
        F.count("*").alias("pages"), F.sum("outermost").alias("outermost"), first, F.max("long").alias("long")
    )
    # Asked twice below, each time for other columns, so that Spark would read all pages twice.
    if not config.boilerplate_hosts:
        on_host = on_host.where(F.col("long") | (F.col("pages") >= config.boilerplate_host_pages))
    on_host = holder(scratch)(on_host, "paragraphs")
    parts = []
    if config.boilerplate_host_pages:
        here = on_host.where(F.col("pages") >= config.boilerplate_host_pages)
        parts.append(here.select("paragraph", "host", "pages", "outermost", F.col("first.record").alias("keeper")))
    if config.boilerplate_hosts:
        over_hosts = on_host.where(F.col("paragraph") != A_PAGE).groupBy("paragraph")
        sums = (F.sum(name).alias(name) for name in ("pages", "outermost"))
        everywhere = over_hosts.agg(F.count("*").alias("hosts"), *sums, F.min("first").alias("first"))
        everywhere = everywhere.where(F.col("hosts") >= config.boilerplate_hosts)
        host, keeper = F.lit(ANYWHERE).cast("bigint").alias("host"), F.col("first.record").alias("keeper")
        parts.append(everywhere.select("paragraph", host, "pages", "outermost", keeper))
    together = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    # A host has at least as many pages as any paragraph on it, so its own row comes before theirs.
    order = (F.desc("pages"), F.col("paragraph") != A_PAGE, "paragraph", "host")
    cut = together.orderBy(*order).limit(config.boilerplate_most)
    table = cut.withColumn("hosts", F.lit(0)).unionByName(_shared(on_host, config.boilerplate_most), True).toArrow()
    shared = table.filter(pc.greater(table["hosts"], 0)).sort_by("shared")
    counts = table.filter(pc.equal(table["hosts"], 0)).drop_columns(["hosts", "shared"])
    of_sites = _of_sites({name: counts[name].to_numpy() for name in counts.column_names}, config.boilerplate_host_share)
    hashes, hosts = shared["shared"].to_numpy().view(np.uint64), shared["hosts"].to_numpy().astype(np.int32)
    by_hash = np.argsort(hashes)
    return of_sites._replace(shared=hashes[by_hash], shared_hosts=hosts[by_hash])


def _shared(on_host: DataFrame, most: int) -> DataFrame:
    """Long paragraphs that stand on two hosts or more: shared (the hash), hosts."""
    hosts = (
        on_host.where("long").groupBy(F.col("paragraph").alias("shared")).agg(F.count("*").cast("int").alias("hosts"))
    )
    return hosts.where("hosts > 1").orderBy(F.desc("hosts"), "shared").limit(most)


def _of_sites(counts: dict[str, np.ndarray], least: float) -> Recurring:
    """Those of the paragraphs that stand on enough of their host's pages.

    ``counts``: int64 arrays paragraph, host, pages, outermost, keeper; the hosts' own rows (``A_PAGE``) are among them.
    """
    paragraphs, hosts, pages = (counts[name] for name in ("paragraph", "host", "pages"))
    totals = dict(zip(hosts[paragraphs == A_PAGE].tolist(), pages[paragraphs == A_PAGE].tolist(), strict=True))
    host_pages = np.array([totals.get(host, 0) for host in hosts.tolist()], np.int64)
    wanted = (paragraphs != A_PAGE) & ((hosts == ANYWHERE) | (pages >= least * host_pages))
    keys = host_key(paragraphs[wanted].view(np.uint64), hosts[wanted].view(np.uint64))
    order = np.argsort(keys)
    columns = (counts["keeper"].view(np.uint64), pages, host_pages, counts["outermost"])
    return Recurring(keys[order], *(column[wanted][order] for column in columns))


def cut_summary(documents: DataFrame) -> dict[str, Any]:
    """What was cut from the documents of a finished stage that were kept: for its manifest.

    records, paragraphs, characters; commonest: host, text (its beginning), cuts, of the paragraphs cut most often.
    """
    kept = documents.where("verdict = 'kept' and cut_paragraphs > 0")
    evidence = F.from_json("evidence", "cut_characters bigint, cut array<struct<text: string>>")
    read = kept.select("host", "cut_paragraphs", evidence.alias("evidence"))
    sums = read.agg(
        F.count("*").alias("records"),
        F.coalesce(F.sum("cut_paragraphs"), F.lit(0)).alias("paragraphs"),
        F.coalesce(F.sum("evidence.cut_characters"), F.lit(0)).alias("characters"),
    )
    total = sums.collect()[0].asDict()
    if not total["records"]:
        return total | {"commonest": []}
    text = F.substring(F.col("cut.text"), 1, COMMONEST_CHARACTERS).alias("text")
    each = read.select("host", F.explode("evidence.cut").alias("cut")).groupBy("host", text)
    rows = each.agg(F.count("*").alias("cuts")).orderBy(F.desc("cuts"), "host", "text").limit(COMMONEST).collect()
    return total | {"commonest": [row.asDict() for row in rows]}


def cut_notes(summary: dict[str, Any]) -> Iterator[str]:
    """The summary as sentences, for `skypile status`."""
    if summary["records"]:
        yield (
            f"cut from {summary['records']:,} kept records: {summary['paragraphs']:,} paragraphs that their sites add "
            f"({summary['characters']:,} characters); `skypile why` shows a record's"
        )
    for row in summary["commonest"][:3]:
        yield f"cut {row['cuts']:,} times, on {row['host']}: {' '.join(row['text'].split())}"
