"""Examples for the citation classifier: pages that Wikipedia cites and others of the same crawl, matched.

    DIR/examples/      EXAMPLE: a row a page, with its text, its label and what the label rests on
    DIR/manifest.json  counts

What a label rests on is its `source`, and sources are never mixed but by whoever trains:

    page   the page's own URL is cited
    host   the page is not cited, but its host is, `host_citations` times or more
    list   the page's host stands on a list of reliable (cited) or deprecated (other) hosts that the user gave

A page that is not cited is a counterpart of one that is: see `matching`. It lies on no host of which Wikipedia cites a
page. Texts that are the same are one example, and no host gives more than `per_host` to a label.

Only ids, hosts and counts are shuffled, and only the sampled rows reach the driver, without their texts: at most
`max_documents` cited ones of a language and source, and CANDIDATES times as many others, 300 bytes each.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from xxhash import xxh3_64_intdigest

from skypile.classifiers.host_lists import listed
from skypile.classifiers.matching import Page, family, length_bin, match
from skypile.classifiers.tokens import tokens_for_classifier
from skypile.classifiers.training_set import drawn_number, some_titles
from skypile.crawl.url import canonical
from skypile.run_folder.storage import stored
from skypile.runtime.files import join
from skypile.runtime.map_arrow import map_arrow

SOURCES: Final = ("page", "list", "host")  # in this order cited pages choose their counterparts
CANDIDATES: Final = 4  # uncited pages drawn for each cited one, of its length and file, and again of its length
RELIABLE: Final = 1
DEPRECATED: Final = -1

EXAMPLE: Final = pa.schema(
    {
        "record_id": pa.string(),
        "url": pa.string(),
        "host": pa.string(),
        "language": pa.string(),
        "characters": pa.int32(),
        "cited": pa.bool_(),
        "source": pa.string(),
        "citations": pa.int64(),  # references to the page, or to its host where that is the source
        "alike": pa.string(),  # what a page and its counterpart share, see `matching.Pair`
        "titles": pa.list_(pa.string()),  # of some articles that cite the page, `training_set.some_titles`
        "text": pa.string(),
    }
)

_PAGES: Final = "record_id string, language string, host string, key string, listed int, length_bin int, source string"
_PAGE_COLUMNS: Final = ["record_id", "language", "host", "length_bin", "source", "family"]
_CHOSEN: Final = "record_id string, cited boolean, source string, citations long, alike string, titles array<string>"
_Cited = tuple[Page, int, list[str] | None]  # with citations, and titles of articles that cite it


class Choice(NamedTuple):
    """What to take. `languages` empty: all."""

    max_documents: int = 20_000
    per_host: int = 100
    host_citations: int = 0
    reliable: frozenset[str] = frozenset()
    deprecated: frozenset[str] = frozenset()
    languages: tuple[str, ...] = ()
    seed: int = 0


def examples(documents: DataFrame, cited: DataFrame, choice: Choice, scratch: str) -> tuple[DataFrame, dict[str, Any]]:
    """EXAMPLE rows, and counts. `documents` needs record_id, url, host, language, source, characters and text;
    `cited` key, host, references and titles. Writes its intermediate results below `scratch`."""
    spark = documents.sparkSession
    pages = stored(_pages(documents, choice), join(scratch, "pages"))
    pages = stored(_labelled(pages, cited, choice), join(scratch, "labelled"))
    chosen, counts = _choose(pages, choice)
    rows = spark.createDataFrame(chosen, _CHOSEN)
    texts = documents.select("record_id", "url", "host", "language", "characters", "text")
    return texts.join(F.broadcast(rows), "record_id").select(*EXAMPLE.names), counts


def _pages(documents: DataFrame, choice: Choice) -> DataFrame:
    """A row a page, with all that is known of it without the dumps."""
    reliable, deprecated = choice.reliable, choice.deprecated

    def on_a_list(name: str) -> int | None:
        if listed(name, deprecated):
            return DEPRECATED
        return RELIABLE if listed(name, reliable) else None

    def describe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            urls, hosts = batch["url"].to_pylist(), batch["host"].to_pylist()
            digests = (xxh3_64_intdigest(tokens_for_classifier(text).encode()) for text in batch["text"].to_pylist())
            yield pa.RecordBatch.from_arrays(
                [
                    *(batch[name] for name in ("record_id", "language", "host")),
                    pa.array([canonical(url) for url in urls], pa.string()),
                    pa.array([on_a_list(name) for name in hosts], pa.int32()),
                    pa.array([length_bin(n) for n in batch["characters"].to_pylist()], pa.int32()),
                    batch["source"],
                    pa.array([family(url) for url in urls], pa.string()),
                    pa.array([digest - (1 << 63) for digest in digests], pa.int64()),
                ],
                names=[*(column.split()[0] for column in _PAGES.split(", ")), "family", "digest"],
            )

    wanted = documents.where(F.col("language").isin(*choice.languages)) if choice.languages else documents
    wanted = wanted.select("record_id", "language", "host", "url", "characters", "source", "text")
    return map_arrow(wanted, describe, f"{_PAGES}, family string, digest long")


def _labelled(pages: DataFrame, cited: DataFrame, choice: Choice) -> DataFrame:
    """`pages` with label_source, cited and citations: of those with the same tokens one, a cited one if there is one,
    and at most per_host of a host and label."""
    references, titles = F.sum("references").alias("of_page"), some_titles().alias("titles")
    by_page = cited.where("references > 0").groupBy("key").agg(references, titles)
    by_host = cited.where("references > 0").groupBy("host").agg(F.sum("references").alias("of_host"))
    found = pages.join(by_page, "key", "left").join(by_host, "host", "left")
    warned = F.coalesce(F.col("listed") == DEPRECATED, F.lit(False))
    vouched = F.coalesce(F.col("listed") == RELIABLE, F.lit(False))
    enough = F.lit(False)
    if choice.host_citations:
        enough = F.coalesce(F.col("of_host") >= choice.host_citations, F.lit(False))
    source = (
        F.when(warned, "list")
        .when(F.col("of_page").isNotNull(), "page")
        .when(vouched, "list")
        .when(enough, "host")
        .when(F.col("of_host").isNull(), "crawl")
    )
    first = Window.partitionBy("digest").orderBy(F.col("label_source") != "page", "record_id")
    found = found.withColumn("label_source", F.coalesce(source, F.lit("none")))
    found = found.withColumn("n", F.row_number().over(first)).where("n = 1 and label_source != 'none'")
    found = found.withColumn("cited", (F.col("label_source") != "crawl") & ~warned)
    found = found.withColumn("citations", F.coalesce("of_page", "of_host", F.lit(0)))
    capped = Window.partitionBy("host", "label_source").orderBy(_hash(choice.seed), "record_id")
    found = found.withColumn("n", F.row_number().over(capped)).where(F.col("n") <= choice.per_host)
    return found.drop("n", "of_page", "of_host", "listed", "key", "digest")


def _choose(pages: DataFrame, choice: Choice) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """_CHOSEN rows, and counts by language and source."""
    chosen: list[tuple[Any, ...]] = []
    counts: dict[str, Any] = {}
    taken: set[str] = set()
    for source in SOURCES:
        cited = _cited(pages.where("cited").where(F.col("label_source") == source), choice)
        if not cited:
            continue
        others = pages.where(~F.col("cited"))
        warned = others.where(F.col("label_source") == "list")
        given = source == "list" and bool(choice.deprecated)
        other_pages = _candidates(warned if given else others.where("label_source = 'crawl'"), cited, choice.seed)
        other_pages = [page for page in other_pages if page.record_id not in taken]
        pairs = match([page for page, *_ in cited], other_pages, choice.seed)
        taken |= {other_pages[pair.other].record_id for pair in pairs}
        for pair in pairs:
            page, citations, titles = cited[pair.cited]
            chosen.append((page.record_id, True, source, citations, pair.alike, titles))
            chosen.append((other_pages[pair.other].record_id, False, source, 0, pair.alike, None))
        _count(counts, source, [page for page, *_ in cited], other_pages, pairs)
    return chosen, counts


def _cited(pages: DataFrame, choice: Choice) -> "list[_Cited]":
    """At most max_documents of each language, by a hash of their ids."""
    order = Window.partitionBy("language").orderBy(_hash(choice.seed), "record_id")
    first = pages.withColumn("n", F.row_number().over(order)).where(F.col("n") <= choice.max_documents)
    return [(Page(*row[:-2]), *row[-2:]) for row in first.select(*_PAGE_COLUMNS, "citations", "titles").collect()]


def _candidates(others: DataFrame, cited: "Sequence[_Cited]", seed: int) -> list[Page]:
    """CANDIDATES for each cited page, of its language, length and file, and again of its language and length."""
    spark = others.sparkSession
    near = Counter((page.language, page.length_bin, page.source) for page, *_ in cited)
    wide = Counter((page.language, page.length_bin) for page, *_ in cited)
    near_frame = _wanted(spark, near, "language string, length_bin int, source string, near long")
    wide_frame = _wanted(spark, wide, "language string, length_bin int, wide long")
    found = others.join(F.broadcast(wide_frame), ["language", "length_bin"])
    found = found.join(F.broadcast(near_frame), ["language", "length_bin", "source"], "left")
    counts = found.groupBy("language", "length_bin", "source").agg(F.count("*").alias("near_has"))
    sums = counts.groupBy("language", "length_bin").agg(F.sum("near_has").alias("wide_has"))
    found = found.join(F.broadcast(counts), ["language", "length_bin", "source"])
    found = found.join(F.broadcast(sums), ["language", "length_bin"])
    rate = F.greatest(
        CANDIDATES * F.coalesce("near", F.lit(0)) / F.col("near_has"), CANDIDATES * F.col("wide") / F.col("wide_has")
    )
    return [Page(*row) for row in found.where(drawn_number(seed) < rate).select(*_PAGE_COLUMNS).collect()]


def _wanted(spark: SparkSession, counts: "Counter[Any]", schema: str) -> DataFrame:
    return spark.createDataFrame([(*key, number) for key, number in sorted(counts.items())], schema)


def _hash(seed: int) -> Any:
    return F.xxhash64(F.lit(seed), "record_id")


def _count(
    counts: dict[str, Any], source: str, cited: Sequence[Page], others: Sequence[Page], pairs: Sequence[Any]
) -> None:
    for language in sorted({page.language for page in cited}):
        ours = [pair for pair in pairs if cited[pair.cited].language == language]
        counts.setdefault(language, {})[source] = {
            "cited": sum(page.language == language for page in cited),
            "pairs": len(ours),
            "alike": dict(sorted(Counter(pair.alike for pair in ours).items())),
            "cited_hosts": len({cited[pair.cited].host for pair in ours}),
            "other_hosts": len({others[pair.other].host for pair in ours}),
        }
