"""Examples for the citation classifier: documents that Wikipedia cites, and others from the same crawl.

The labels are free: a document is positive if its canonical URL is among the citations of the dumps, else
negative. (Most pages worth citing are not cited, so negatives are unlabelled rather than bad: scores rank,
they do not accuse.) Ids and URLs are shuffled, never texts; only the sampled documents' tokens, at most
2 * max_documents a language, reach the driver.

Sampling keeps a document if the hash of its id is below a rate, so it needs no sort, no window over a host
and no count of more than a few hosts, and the same documents are taken whatever the partitioning. Rates are
set so that no host makes up more than `max_host_share` of a label.
"""

import dataclasses
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from skypile.classifiers.nearest import NEAREST, vectors_as_bytes
from skypile.classifiers.tokens import tokens_for_classifier
from skypile.classifiers.train import Examples
from skypile.config import CitationConfig
from skypile.crawl.url import canonical
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow

MOST_TITLES: Final = 5


@dataclasses.dataclass(frozen=True)
class Rates:
    """Share of a label's documents to sample: of most hosts, and of the few large ones."""

    usual: float
    of_host: dict[str, float]


def labelled(documents: DataFrame, cited: DataFrame, config: CitationConfig) -> DataFrame:
    """record_id, language, host, cited (bool), titles of every document. Both frames are shuffled by key, without text.

    `cited`: key, host, references and titles of each page, as `cited_in_spark` has them. titles: of MOST_TITLES
    articles that cite the page, null where it is not cited itself.
    """

    def keys(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            key = pa.array([canonical(url) for url in batch["url"].to_pylist()], pa.string())
            yield batch.drop_columns(["url"]).append_column("key", key)

    types = "record_id string, language string, host string, key string"
    pages = map_arrow(documents.select("record_id", "language", "host", "url"), keys, types)
    # Dumps in several languages may cite one page.
    by_key = cited.groupBy("key").agg(F.lit(True).alias("cited"), some_titles().alias("titles"))
    found = pages.join(by_key, "key", "left")
    found = found.withColumn("cited", F.coalesce("cited", F.lit(False)))
    if config.weak_host_citations:
        hosts = cited.groupBy("host").agg(F.sum("references").alias("citations"))
        hosts = hosts.where(F.col("citations") >= config.weak_host_citations).select("host", F.lit(True).alias("weak"))
        found = found.join(hosts, "host", "left")
        found = found.withColumn("cited", F.col("cited") | F.coalesce("weak", F.lit(False)))
    return found.select("record_id", "language", "host", "cited", "titles")


def some_titles() -> Column:
    """The first MOST_TITLES of the titles of a group of `cited_in_spark` rows, each once."""
    return F.slice(F.array_sort(F.array_distinct(F.flatten(F.collect_list("titles")))), 1, MOST_TITLES)


def sample(labels: DataFrame, language: str, config: CitationConfig) -> DataFrame:
    """record_id, host, cited, titles of the examples of one language."""
    of_language = labels.where(F.col("language") == language)
    by_host = of_language.groupBy("cited", "host").count()
    kept = F.lit(False)
    drawn = drawn_number(config.seed)
    for is_cited in (True, False):
        counts = by_host.where(F.col("cited") == is_cited)
        total, hosts = counts.agg(F.coalesce(F.sum("count"), F.lit(0)), F.count("*")).first()  # type: ignore[misc]
        largest = counts.orderBy(F.desc("count"), "host").limit(int(1 / config.max_host_share) + 1).collect()
        rates = sampling_rates({row["host"]: row["count"] for row in largest}, total, hosts, config)
        rate = F.lit(rates.usual)
        for host, of_host in sorted(rates.of_host.items()):
            rate = F.when(F.col("host") == host, F.lit(of_host)).otherwise(rate)
        kept = kept | ((F.col("cited") == is_cited) & (drawn < rate))
    return of_language.where(kept).select("record_id", "host", "cited", "titles")


def drawn_number(seed: int) -> Column:
    """A number from 0 up to 1 of the hash of a row's record_id: what is below a rate is a sample of that share."""
    return F.pmod(F.xxhash64(F.lit(seed), "record_id"), F.lit(1 << 53)) / F.lit(float(1 << 53))


def sampling_rates(largest: dict[str, int], total: int, hosts: int, config: CitationConfig) -> Rates:
    """Rates that take at most max_documents, and of each host at most max_host_share of what is taken.

    `largest`: documents of the hosts that have most, `total` and `hosts`: of all. With few hosts the share
    cannot be kept to (three hosts hold a third each): then twice the even share is allowed.

    >>> sampling_rates({"a": 900, "b": 50}, 1000, 20, CitationConfig(max_host_share=0.5)).of_host
    {'a': 0.1111111111111111}
    """
    if not total:
        return Rates(0.0, {})
    share = min(1.0, max(config.max_host_share, 2 / hosts))
    capped: list[str] = []
    rest, cap = total, share * total
    for host, count in sorted(largest.items(), key=lambda item: (-item[1], item[0])):
        if count <= cap or share * (len(capped) + 1) >= 1:
            break
        capped.append(host)
        rest -= count
        cap = share * rest / (1 - share * len(capped))  # the share of what is left when all capped hosts hold it
    usual = min(1.0, config.max_documents / (rest + cap * len(capped)))
    return Rates(usual, {host: usual * cap / largest[host] for host in capped})


def collect(documents: DataFrame, sampled: DataFrame, scratch: str) -> Examples:
    """Examples with their tokens, at most 2 * max_documents of them, by way of Parquet in `scratch`.

    Spark's own collect would hold them a second time, in the driver's Java heap. What is written of the cited ones is
    a row of `nearest.NEAREST` as well.
    """

    def tokenise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            texts, cited = batch["text"].to_pylist(), batch["cited"].to_pylist()
            lines = pa.array([tokens_for_classifier(text) for text in texts], pa.string())
            vectors = iter(vectors_as_bytes([text for text, is_cited in zip(texts, cited, strict=True) if is_cited]))
            kept = pa.array([next(vectors) if is_cited else None for is_cited in cited], pa.binary())
            yield batch.drop_columns(["text"]).append_column("line", lines).append_column("vector", kept)

    rows = documents.select("record_id", "language", "url", "text").join(F.broadcast(sampled), "record_id")
    rows = rows.select("record_id", "language", "url", "titles", "host", "cited", "text")
    types = "record_id string, language string, url string, titles array<string>, host string, cited boolean"
    map_arrow(rows, tokenise, f"{types}, line string, vector binary").write.mode("overwrite").parquet(scratch)
    table = _read(scratch).to_table(columns=["record_id", "host", "cited", "line"])
    return Examples(
        table["record_id"].to_pylist(),
        table["host"].to_pylist(),
        table["cited"].to_numpy(zero_copy_only=False).astype(np.bool_),
        table["line"].to_pylist(),
    )


def collected_cited(scratch: str) -> pa.Table:
    """`nearest.NEAREST` rows of the cited examples that `collect` wrote to `scratch`."""
    return _read(scratch).to_table(columns=NEAREST.names, filter=ds.field("cited")).cast(NEAREST)


def _read(folder: str) -> ds.Dataset:
    fs, path = files.filesystem(folder)
    return ds.dataset(path, format="parquet", filesystem=fs)
