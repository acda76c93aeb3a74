"""Texts made to be slow, through every stage: the time should double with the size, up to the record limit.

    python -m benchmarks.hostile [--sizes 1 2 4] [--stages extraction …] [--kinds blanks …]

One row a kind and stage, seconds of processor time at each size in MB, and how the last grew over the one before; rows
that grow more than three-fold, and take long enough to tell, are marked. Stages run as pure functions in this
process, without the sandbox that would stop them.
"""

import argparse
import functools
import gzip
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from skypile.classifiers.tokens import tokens_for_classifier
from skypile.classifiers.wikitext import links
from skypile.config import DedupConfig, ExtractionConfig
from skypile.crawl.charset import decode
from skypile.crawl.inputs import plan
from skypile.crawl.read import read_split
from skypile.crawl.url import canonical
from skypile.dedup.paragraphs import Recurring, cut_text, occurrences
from skypile.dedup.sketch import sketch_batch
from skypile.distribution import embedding
from skypile.extraction.document import document_from_text
from skypile.extraction.engines import clean
from skypile.extraction.page import PageSettings, document_from_html, prepare
from skypile.quality.rules import measure
from skypile.text import language
from skypile.text.visible import visible
from skypile.tokens.encoder import Encoder

KINDS = {
    "prose": "The river rose again in spring, and the old bridge was closed. 春天河水又涨了。\n",
    "combining marks": "\u0301\u0316",
    "marks on letters": "e\u0301\u0323",
    "one letter": "x",
    "one ideograph": "中",
    "one digit": "7",
    "blanks": " ",
    "no-break blanks": "\u00a0\u3000",
    "line ends": "\n",
    "blank lines": " \t\n",
    "carriage returns": "\r",
    "short lines": "a\n",
    "words on one line": "word ",
    "brackets": "([{",
    "quotes": "\"'",
    "dots": ".",
    "hyphens": "-",
    "markup": "<div><p>",
    "open tags": "<a ",
    "references": "&amp;&#x41;",
    "comments": "<!-- ",
    "templates": "{{cite web|url=http://a.example/ ",
    "addresses": "http://a.example/b?c=d&",
    "right to left": "\u202e\u05d0\u064b",
    "zero width": "\u200b\u200d\ufeff",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "thai": "ภาษาไทย",
    "jamo": "\u1100\u1161\u11a8",
    "nul": "\0",
    "replacements": "\ufffd",
    "nested json": '{"a":[',
    "csv": '"a","b""c";1\t',
    "sentence marks": "。！？.!?",
    "nested references": "&amp;amp;lt;",
    "base64": "QUJDRA",
    "mixed scripts": "aа中アا",
    "soft hyphens": "a\u00ad",
    "selectors": "中\ufe0f\U000e0101",
}
SETTINGS = PageSettings("fast", ("en", "zh"), 100)
CONFIG = ExtractionConfig(max_record_bytes=1 << 30)
SMALL = ExtractionConfig(max_record_bytes=1 << 16)


@functools.cache
def encoder() -> Encoder:
    return Encoder.load()


def warc_head(text: str) -> bytes:
    """Records of a header field of 60 KB each."""
    fields = (text[at : at + 60_000].replace("\n", " ") for at in range(0, len(text), 60_000))
    return b"".join(
        f"WARC/1.0\r\nWARC-Type: metadata\r\nX: {field}\r\nContent-Length: 0\r\n\r\n\r\n\r\n".encode()
        for field in fields
    )


def read(name: str, content: bytes, config: ExtractionConfig = CONFIG) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for split in plan([str(path)], config):
            for _ in read_split(split, config):
                pass


def warc(text: str, sort: str, head: str) -> bytes:
    block = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() if sort == "response" else b""
    block += text.encode()
    kind = "application/http" if sort == "response" else "text/plain"
    fields = f"WARC/1.0\r\nWARC-Type: {sort}\r\nWARC-Target-URI: http://a.example/\r\nContent-Type: {kind}\r\n"
    return gzip.compress(f"{fields}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n", 1)


def parquet(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        pq.write_table(pa.table({"text": [text]}), path)
        for split in plan([str(path)], CONFIG):
            list(read_split(split, CONFIG))


def columns(text: str) -> pa.RecordBatch:
    row = {"record_id": "0", "url": "http://a.example/", "host": "a.example", "rank": 0.0, "text": text}
    return pa.RecordBatch.from_pylist([row])


def members(text: str) -> bytes:
    """As many gzip members as the text has pieces of 64 characters."""
    return gzip.compress(text[:64].encode(), 1) * (len(text) // 64)


# A paragraph that recurs, so that texts are looked at.
RECURRING = Recurring(*(np.array([value], np.uint64) for value in (1, 2)), *(np.array([9]),) * 3)

STAGES: dict[str, Callable[[str], object]] = {
    "read wet": lambda text: read("a.warc.wet.gz", warc(text, "conversion", "")),
    "read text/plain": lambda text: read("a.warc.gz", warc(text, "response", "Content-Type: text/plain")),
    "read text/plain, gbk": lambda text: read(
        "a.warc.gz", warc(text.encode("gb18030").decode("latin-1"), "response", "Content-Type: text/plain; charset=gbk")
    ),
    "read warc junk": lambda text: read("a.warc", b"WARC/1.0\r\n" + text.encode()),
    "read gzip junk": lambda text: read(
        "a.warc.gz", gzip.compress(b"WARC/1.0\r\n\r\n") + b"\x1f\x8b\x08\x08" + text.encode()
    ),
    "read jsonl": lambda text: read("a.jsonl", b'{"text": "' + text.encode() + b'"}\n'),
    "read parquet": parquet,
    "read jsonl without an end": lambda text: read("a.jsonl", text.replace("\n", " ").encode(), SMALL),
    "read jsonl's other fields": lambda text: read("a.jsonl", json.dumps({"text": "x", "a": text}).encode()),
    "read gzip members": lambda text: read("a.warc.gz", members(text)),
    "warc header": lambda text: read("a.warc", warc_head(text)),
    "header": lambda text: read("a.warc", warc("x", "response", "Content-Type: text/html;" + text[:250_000])),
    "page": lambda text: document_from_html(text.encode(), "http://a.example/", None, SETTINGS),
    "paragraph": lambda text: document_from_html(
        f"<title>{text[:50_000]}</title><article><p>{text}</p></article>".encode(), "http://a.example/", None, SETTINGS
    ),
    "charset": lambda text: decode(f"<meta charset='{text}".encode("gb18030", "replace")),
    "ready text": lambda text: document_from_text(text, 100),
    "clean": clean,
    "language gate": lambda text: language.certainly_other(text, ("en", "zh")),
    "embedding": lambda text: embedding.load().encode([text]),
    "sketch": lambda text: sketch_batch(columns(text), DedupConfig()),
    "paragraphs": lambda text: occurrences(columns(text)),
    "boilerplate": lambda text: cut_text(text, "0", "a.example", RECURRING, 80),
    "what is shown": visible,
    "rules": measure,
    "tokens": lambda text: encoder().encode(text),
    "classifier tokens": tokens_for_classifier,
    "url key": canonical,
    "wikitext": lambda text: list(links(text)),
}


def seconds(stage: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    stage(text)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=float, default=[1, 2, 4], help="MB of UTF-8")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--slow", type=float, default=0.2, help="print kinds that take so many seconds at the last size"
    )
    given = parser.parse_args()
    prepare()
    table = Table("stage", "kind", *(f"{size:g} MB" for size in given.sizes), "grows")
    for name in given.stages:
        STAGES[name](KINDS["prose"] * 1000)  # compiles
        for kind in given.kinds:
            piece = KINDS[kind]
            texts = ["a" + piece * int(size * 2**20 / len(piece.encode())) + "z" for size in given.sizes]
            took = [seconds(STAGES[name], text) for text in texts]
            growth = took[-1] / max(took[-2], 1e-3)
            step = given.sizes[-1] / given.sizes[-2]
            mark = " <-- superlinear" if growth > 1.5 * step and took[-1] > 0.5 else ""
            if took[-1] >= given.slow or mark:
                table.add_row(name, kind, *(f"{value:.2f}" for value in took), f"{growth:.1f}{mark}")
    Console().print(table)


if __name__ == "__main__":
    main()
