"""Count the paragraphs of all pages, and find those that recur."""

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.paragraphs import ANYWHERE, Recurring, occurrences
from skypile.runtime.map_arrow import map_batches


def recurring_paragraphs(pages: DataFrame, config: DedupConfig) -> Recurring:
    """The paragraphs to cut from ``pages`` (record_id, host, rank, text): counted in Spark, brought to the driver."""
    found = map_batches(
        pages.select("record_id", "host", "rank", "text"),
        occurrences,
        "paragraph bigint, host bigint, rank double, record bigint",
    )
    first = F.min(F.struct("rank", "record")).alias("first")
    on_host = found.groupBy("paragraph", "host").agg(F.count("*").alias("pages"), first)
    here = on_host.select("paragraph", "host", "pages", F.col("first.record").alias("keeper"))
    here = (
        here.where(F.col("pages") >= config.boilerplate_host_pages) if config.boilerplate_host_pages else here.limit(0)
    )
    over_hosts = on_host.groupBy("paragraph").agg(
        F.count("*").alias("hosts"), F.sum("pages").alias("pages"), F.min("first").alias("first")
    )
    anywhere = (
        over_hosts.where(F.col("hosts") >= config.boilerplate_hosts)
        if config.boilerplate_hosts
        else over_hosts.limit(0)
    )
    anywhere = anywhere.select(
        "paragraph", F.lit(ANYWHERE).alias("host"), "pages", F.col("first.record").alias("keeper")
    )
    commonest = here.union(anywhere).orderBy(F.desc("pages"), "paragraph", "host").limit(config.boilerplate_most)
    table = commonest.toArrow()
    hashes, hosts = (table[name].to_numpy().view(np.uint64) for name in ("paragraph", "host"))
    keys = hashes ^ hosts * np.uint64(0x9E3779B97F4A7C15)
    order = np.argsort(keys)
    return Recurring(keys[order], table["keeper"].to_numpy().view(np.uint64)[order], table["pages"].to_numpy()[order])
