"""One split of the input as records: the only door between files and Spark.

Bad data never raises: it is a row with a verdict. What raises is the machine's trouble (a disk error, an
object store that does not answer), which a retry of the task may cure.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

from skypile.config import ExtractionConfig
from skypile.crawl import content
from skypile.crawl.codec import Damage, codec_of
from skypile.crawl.html import UNREADABLE, html_records
from skypile.crawl.inputs import Format, Split
from skypile.crawl.jsonl import jsonl_records
from skypile.crawl.members import decoded_segment
from skypile.crawl.parquet import parquet_records
from skypile.crawl.record import Record, failed, record
from skypile.crawl.warc import warc_records
from skypile.runtime import files
from skypile.text.limits import MAX_FACT, MAX_URL, shortened

_SNIFF = 1024


def read_split(split: Split, config: ExtractionConfig) -> Iterator[Record]:
    """Records of `split`, one at a time.

    Every record that begins in the split is there, in the order of the file; damaged ones say what was wrong in
    `reason` and where in `evidence`. The splits of a file together give the records that the whole file as one
    split gives, ids included. What goes along with the content is cut to the lengths of `skypile.text.limits`.
    """
    for row in itertools.islice(_all_of(split, config), split.most):
        yield row if _is_short(row) else _shortened(row)


def _is_short(row: Record) -> bool:
    return (
        len(row.url) <= MAX_URL
        and (row.date is None or len(row.date) <= MAX_FACT)
        and (row.content_type is None or len(row.content_type) <= MAX_FACT)
    )


def _shortened(row: Record) -> Record:
    return row._replace(
        url=shortened(row.url, MAX_URL),
        date=row.date and shortened(row.date, MAX_FACT),
        content_type=row.content_type and shortened(row.content_type, MAX_FACT),
    )


def first_records(splits: Sequence[Split], number: int, config: ExtractionConfig) -> list[Split]:
    """The splits that hold the first `number` records of `splits`, cut off after the last of these.

    Reads so many records, one at a time, without extracting them: 10,000 pages take about 5 s.
    """
    chosen: list[Split] = []
    left = number
    for split in splits:
        if not left:
            break
        found = sum(1 for _ in read_split(replace(split, most=left), config))
        left -= found
        chosen.append(split if left else replace(split, most=found))
    return chosen


def _all_of(split: Split, config: ExtractionConfig) -> Iterator[Record]:
    if split.format == "html":
        yield from html_records(split, config.max_record_bytes)
        return
    try:
        file = files.open_uri(split.uri)
    except UNREADABLE as error:
        if split.start == 0:
            yield failed(record(split.source, 0), "unreadable_file", detail=str(error))
        return
    with file:
        sort, found = _sniff(file, split.format)
        if sort == "warc":
            limit = config.max_record_bytes
            yield from warc_records(file, split.source, split.start, split.end, split.size, limit)
        elif sort == "jsonl":
            yield from jsonl_records(file, split.source, split.start, split.end, config)
        elif sort == "parquet":
            yield from parquet_records(file, split.source, split.start, split.end, config)
        elif split.start == 0 and sort == "html":
            whole = Split(split.uri.removesuffix(split.source), split.source, "html", 0, split.size, split.size)
            yield from html_records(whole, config.max_record_bytes)
        elif split.start == 0:
            yield failed(record(split.source, 0), "unreadable_file", at=0, detail=found)


def _sniff(file: IO[bytes], declared: Format) -> tuple[Format, str]:
    """What a file is by its first bytes, and a word on what was found where it is nothing known.

    The extension decides between formats that are text inside; where the first bytes say otherwise, they win.
    """
    head = file.read(_SNIFF)
    if head.startswith(b"PAR1"):
        return "parquet", ""
    codec = codec_of(head)
    start = head
    if codec is not None:
        try:
            segment = decoded_segment(file, codec)
            segment.ensure(_SNIFF)
        except Damage:
            return declared, f"damaged {codec.name}"
        start = bytes(segment.buffer[:_SNIFF])
    if start.startswith(b"filedesc://"):
        return "unknown", "an ARC file; `warcio recompress` makes a WARC of it"
    if not start and codec is None:
        return "unknown", "the file is empty"
    if declared != "unknown":
        return declared, ""
    if start.lstrip(b"\r\n").startswith(b"WARC/"):
        return "warc", ""
    if codec is None and content.kind(None, start) == "html":
        return "html", ""
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b'{"', b"{ ")):
        return "jsonl", ""
    return "unknown", f"no known format; the file starts with {start[:40]!r}"
