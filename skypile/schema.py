"""Every column of every stage, in one place.

A *record* is one thing read from the input: a WARC response, a JSONL line, a Parquet row, an HTML file.
Each stage reads the rows the stage before it kept, adds its own columns, and gives every row it read a
*verdict*. Types are Arrow's, because readers and per-document functions hand over Arrow batches and know
no Spark; `skypile.stages` converts them where a DataFrame is made.
"""

import hashlib
from typing import Final, NamedTuple

import pyarrow as pa

from skypile.verdict import DROPPED as DROPPED
from skypile.verdict import FAILED as FAILED
from skypile.verdict import KEPT as KEPT

STAGES: Final = ("extraction", "distribution_filter", "dedup", "quality_filter", "shards")

LANGUAGES: Final = ("en", "zh")


class Column(NamedTuple):
    name: str
    type: pa.DataType
    comment: str


VERDICT_COLUMNS: Final = (
    Column("verdict", pa.string(), "kept, dropped or failed"),
    Column("reason", pa.string(), "why it was dropped or failed, a key of REASONS; null when kept"),
    Column("score", pa.float64(), "the measured value that decided; null where nothing was measured"),
    Column("threshold", pa.float64(), "the configured bound the score was held against"),
    Column("evidence", pa.string(), "JSON object with what a person needs to check the verdict"),
)

# What a reader yields: skypile.crawl. A row that could not be read carries its verdict from the start.
RECORD_COLUMNS: Final = (
    Column("record_id", pa.string(), "32 hex characters, see record_id()"),
    Column("url", pa.string(), "target URL; for a record without one, source#offset"),
    Column(
        "source",
        pa.string(),
        "input file, named from where the input path points (skypile.crawl.inputs), slashes forward",
    ),
    Column("offset", pa.int64(), "byte offset (WARC, JSONL) or row number (Parquet, HTML: 0) in the source"),
    Column("date", pa.string(), "capture time as the input gives it, ISO 8601; null if unknown"),
    Column("http_status", pa.int32(), "HTTP status of the response; null where there was no HTTP"),
    Column("content_type", pa.string(), "Content-Type header as sent; null if none"),
    Column("body", pa.large_binary(), "HTML bytes, transfer and content encoding undone; null for text inputs"),
    Column("text", pa.string(), "ready text (WET, JSONL text, Parquet text); null for HTML"),
    Column("metadata", pa.string(), "JSON object: a JSONL or Parquet record's own other columns; null if none"),
    *VERDICT_COLUMNS,
)

# What extraction hands on.
DOCUMENT_COLUMNS: Final = (
    *(c for c in RECORD_COLUMNS if c.name not in {"body", "text", "metadata", *(v.name for v in VERDICT_COLUMNS)}),
    Column("host", pa.string(), "lower-case host of the URL, without port and leading www."),
    Column("charset", pa.string(), "charset the body was decoded with; null for text inputs"),
    Column("charset_rung", pa.string(), "bom, http, meta, detected or lossy: the rule that chose the charset"),
    Column("replacements", pa.int32(), "U+FFFD characters that decoding put in"),
    Column("engine", pa.string(), "extraction engine; null for text inputs"),
    Column("title", pa.string(), "page title, null if none"),
    Column("text", pa.string(), "main text, paragraphs separated by a blank line, NFC; masked by the quality filter"),
    Column("characters", pa.int32(), "code points in text"),
    Column("language", pa.string(), "ISO 639-1 code of the main text (zh covers Hans and Hant), und if unsure"),
    Column("language_score", pa.float64(), "share of the text that is in it, 0 to 1"),
    Column("script", pa.string(), "of Chinese: Hans (simplified) or Hant (traditional); null if no character tells"),
    Column("metadata", pa.string(), "JSON object: a JSONL or Parquet record's own other columns; null if none"),
    Column(
        "alternates",
        pa.string(),
        "JSON object: the page in English and Chinese, language tag to URL, by its hreflang links; null if none",
    ),
    *VERDICT_COLUMNS,
)

DISTRIBUTION_COLUMNS: Final = (
    Column("topic", pa.int32(), "index of the top-level cluster that `cluster` lies in; null as that is"),
    Column("cluster", pa.int32(), "index of the nearest centroid; null if the embedder knows too little of the text"),
    Column("centroid_similarity", pa.float32(), "cosine similarity to it, -1 to 1"),
    Column(
        "embedding_coverage", pa.float32(), "share of the embedded text's letters in words the embedder knows, 0 to 1"
    ),
)

DEDUP_COLUMNS: Final = (
    Column("duplicates", pa.int32(), "records dropped in favour of this one"),
    Column("cut_paragraphs", pa.int32(), "paragraphs that the site adds to its pages, cut from the text"),
    Column("exact_copies", pa.int32(), "records with the same text, itself among them; null for a dropped one"),
    Column("near_copies", pa.int32(), "texts in its component of near-duplicates; null for a dropped one"),
    Column(
        "paragraph_hosts",
        pa.int32(),
        "most hosts on which a paragraph of it stands, of the first and last ten that are long enough to be cut; null "
        "if dropped, or if no paragraphs are counted",
    ),
)

QUALITY_COLUMNS: Final = (
    Column("rules", pa.string(), "JSON object: measured value of every heuristic"),
    Column("citation_score", pa.float64(), "P(Wikipedia would cite this page), 0 to 1; null without a classifier"),
    Column("perplexity", pa.float64(), "of the text to a model of trusted text, low is like it; null without a model"),
    Column("contrast", pa.float64(), "log10 of how much likelier to it than to boilerplate a character is; only zh"),
    Column("rule_score", pa.float64(), "how far inside the rules' bounds it is on average, -1 to 1 (a factor of ten)"),
    Column("prose_score", pa.float64(), "share of its lines that close a sentence, 0 to 1; null but in Chinese"),
    Column("quality_bin", pa.int32(), "0 (worst) to bins - 1 (best); null where no judge but language and rules is"),
    Column(
        "quality_tier", pa.string(), "high, middle or low among the run's pages of its language; null as quality_bin"
    ),
    Column("masked", pa.string(), "JSON object: masks in text and title by kind of identifier; null if there are none"),
)

SHARD_COLUMNS: Final = (
    Column("shard", pa.int32(), "number of the shard within the language"),
    Column("keep_weight", pa.float32(), "how often it is to be drawn, by how often it recurs: skypile.recurrence"),
)

# The columns of each stage's documents folder: what came before, then its own, then its verdict.
STAGE_COLUMNS: Final[dict[str, tuple[Column, ...]]] = {}
_carried = tuple(c for c in DOCUMENT_COLUMNS if c not in VERDICT_COLUMNS)
for _stage, _own in zip(STAGES, ((), DISTRIBUTION_COLUMNS, DEDUP_COLUMNS, QUALITY_COLUMNS, SHARD_COLUMNS), strict=True):
    _carried += _own
    STAGE_COLUMNS[_stage] = _carried + VERDICT_COLUMNS

# What a verdicts folder holds: no text, so that it stays small enough to search.
LEDGER_COLUMNS: Final = (
    Column("record_id", pa.string(), "32 hex characters"),
    Column("url", pa.string(), "target URL"),
    Column("stage", pa.string(), "one of STAGES"),
    *VERDICT_COLUMNS,
)

# reason -> meaning. The vocabulary is closed: a stage that writes another word fails its run.
REASONS: Final = {
    # reading
    "bad_compression": "the compressed stream is damaged here (gzip, lz4, zstd)",
    "truncated": "the file or record ends before its declared length",
    "bad_warc_header": "the WARC header cannot be parsed",
    "bad_http": "the HTTP header block is missing or cannot be parsed",
    "bad_http_encoding": "chunked, gzip, deflate or brotli body cannot be decoded",
    "too_large": "the record is over extraction.max_record_bytes",
    "bad_json": "the line is not a JSON object",
    "bad_text": "the text is not in UTF-8",
    "missing_field": "the row has neither text nor html",
    "unreadable_file": "the file cannot be opened, is empty, or is of no known format",
    "http_status": "the response is no 200",
    "not_html": "the content is no HTML, XHTML or plain text",
    "revisit": "a revisit record: the page is stored elsewhere",
    "empty_body": "the response has no bytes",
    # extraction
    "language_gate": "the raw page is certainly in a language that is not wanted",
    "short_gate": "the raw page, tags stripped, is shorter than any text worth keeping",
    "no_text": "no main text was found",
    "too_short": "the main text is shorter than the limit",
    "too_deep": "elements nest deeper than any sound page's",
    "timeout": "the page took longer than extraction.timeout_seconds",
    "out_of_memory": "the page needed more than extraction.memory_mb",
    "crash": "the extraction process died on the page",
    "extraction_error": "the extraction engine raised on the page",
    # distribution filter
    "dense_cluster": "one of too many look-alikes: its cluster's dense core is over budget",
    "semantic_near_duplicate": "it says nearly what a kept document says: their vectors are closer than the threshold",
    "recurring_blocks": "mostly paragraphs that many hosts have in other words; too little is left",
    # dedup
    "duplicate_text": "the same text, but for white space, is kept under another record",
    "duplicate_url": "the same canonical URL is kept under another record",
    "near_duplicate": "Jaccard similarity to the survivor is at or over the threshold",
    "contained": "almost all of it stands in the survivor",
    "boilerplate": "mostly paragraphs that its site adds to its pages; too little is left",
    "in_corpus": "a match stands in the corpus deduplicated against",
    # quality filter
    "language": "the text is in no wanted language, or too uncertain",
    "few_letters": "too small a share of letters and ideographs",
    "few_function_words": "too few of the commonest words: names, keywords or wrongly decoded text",
    "few_sentences": "sentences end in too few lines: a list or a menu",
    "short_lines": "too much of the text stands in short lines",
    "repeated_lines": "too large a share of lines says what another line says",
    "repeated_ngrams": "too large a share of the text is repeated n-grams",
    "symbols": "too many symbols, ellipses or bullets",
    "bad_words": "too many listed words for its length",
    "adult": "explicit terms: too many for its length",
    "gambling": "gambling terms: too many for its length",
    "adverts": "advertising terms: too many for its length",
    "blocked_host": "its host is on the list of blocked ones",
    "long_words": "mean word length is outside what prose has",
    "low_citation_score": "Wikipedia would hardly cite this page",
    "high_perplexity": "of all judges, the language model ranks it lowest, and too low: the text is too surprising",
    "low_rule_score": "of all judges, the rules rank it lowest, and too low: it is near many of their bounds",
    "low_contrast": "of all judges, the model of boilerplate ranks it lowest, and too low: too much is like that",
    "low_prose_score": "of all judges, its line ends rank it lowest, and too low: too few close a sentence",
    "low_quality": "no judge ranks it high enough, or not all together",
    # shards
    "taken_down": "it was asked to be removed (`skypile takedown`)",
    # decontamination
    "contaminated": "an item of a benchmark stands in it",
}


def record_id(source: str, offset: int, index: int = 0) -> str:
    """128-bit id of the record at `offset` of `source`, as 32 hex characters.

    `source` is the file's name as `skypile.crawl.inputs` gives it, so a crawl that is moved keeps its ids. `index`
    tells apart records that share an offset (several records in one gzip member).

    >>> record_id("crawl/a.warc.gz", 0)
    '4094076b5005a1e3f855d596735b6ad0'
    """
    key = f"{source}\0{offset}\0{index}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(key, digest_size=16).hexdigest()


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Arrow schema of `columns`, each field carrying its comment as metadata."""
    return pa.schema([pa.field(c.name, c.type, metadata={"comment": c.comment}) for c in columns])


def names(columns: tuple[Column, ...]) -> list[str]:
    """Column names in order."""
    return [c.name for c in columns]
