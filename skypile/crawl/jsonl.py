"""JSON Lines, plain or compressed, as records: one JSON object a line, blank lines passed over.

A range of a plain file owns the lines that begin in it. A compressed file is read as one stream, and the
offset of a line counts decoded bytes; there, damage costs the rest of the file, since no line can be found
again behind it, and gives one failed row. A line is never held beyond the limit.
"""

import json
from collections.abc import Iterator
from typing import IO, Any

from skypile.config import ExtractionConfig
from skypile.crawl.codec import Damage, codec_of
from skypile.crawl.members import READ, Segment, decoded_segment, plain_segment
from skypile.crawl.metadata import metadata
from skypile.crawl.record import Record, dropped, failed, record
from skypile.crawl.url import spelled
from skypile.text.limits import without_surrogates


def jsonl_records(file: IO[bytes], source: str, start: int, end: int, config: ExtractionConfig) -> Iterator[Record]:
    """Rows of the lines that begin in bytes [start, end) of the file, in order. See module docstring."""
    file.seek(0)
    codec = codec_of(file.read(4))
    if codec is not None:
        if start == 0:
            try:
                segment = decoded_segment(file, codec)
            except Damage as damage:
                yield failed(record(source, 0), damage.reason, at=damage.at, detail=damage.detail)
                return
            yield from _lines(segment, source, None, config)
        return
    segment = plain_segment(file, max(start - 1, 0))
    if start > 0:
        _pass_line(segment)  # from the byte before: a line that begins at `start` is this range's
    yield from _lines(segment, source, end, config)


def _lines(segment: Segment, source: str, end: int | None, config: ExtractionConfig) -> Iterator[Record]:
    limit = config.max_record_bytes
    while segment.ensure(1):
        offset = segment.offset + segment.position
        if end is not None and offset >= end:
            return
        length = _line_length(segment, limit)
        if length is None:
            yield failed(record(source, offset), "too_large", None, limit, at=offset)
            _pass_line(segment)
            if segment.damage is not None:
                return
            continue
        if segment.damage is not None:  # in the middle of this line
            break
        line = bytes(segment.buffer[segment.cursor : segment.cursor + length])
        segment.cursor += length + 1
        if line.strip():
            yield _parse(line, source, offset, config)
    if segment.damage is not None:
        row = record(source, segment.offset + segment.position)
        yield failed(row, segment.damage.reason, at=segment.damage.at, detail=segment.damage.detail)


def _line_length(segment: Segment, limit: int) -> int | None:
    """Bytes up to the line end or the end of the segment; None if there are more than `limit`."""
    looked = 0
    while True:
        found = segment.buffer.find(b"\n", segment.cursor + looked)
        if found >= 0:
            return found - segment.cursor if found - segment.cursor <= limit else None
        looked = len(segment.buffer) - segment.cursor
        if looked > limit:
            return None
        if not segment.ensure(looked + 1):
            return len(segment.buffer) - segment.cursor


def _pass_line(segment: Segment) -> None:
    """Move behind the next line end, or to the end of the segment."""
    while segment.ensure(1):
        found = segment.buffer.find(b"\n", segment.cursor)
        if found >= 0:
            segment.cursor = found + 1
            return
        segment.cursor = len(segment.buffer)
        if segment.cursor > READ:
            segment.forget()


def _parse(line: bytes, source: str, offset: int, config: ExtractionConfig) -> Record:
    row = record(source, offset)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and over-long integers are ValueErrors
        return failed(row, "bad_json", at=offset, detail=str(error)[:200], starts=line[:40].decode("latin-1"))
    if not isinstance(value, dict):
        return failed(row, "bad_json", at=offset, detail=f"a JSON {type(value).__name__}, not an object")
    return from_fields(row, value, config)


def from_fields(
    row: Record, fields: dict[str, Any], config: ExtractionConfig, unread: tuple[str, ...] = (), detail: str = ""
) -> Record:
    """`row` with the content, URL and date of a JSON object or Parquet row; ready text wins over HTML.

    Bytes where text should be are UTF-8, or fail: no replacement would be true to them. In HTML they are a page's own.
    All other fields become its metadata. `unread`: names of those too long to be read; `detail`: what is known to be
    wrong with the columns.
    """
    url, date = fields.get(config.url_field), fields.get("date")
    text, html = fields.get(config.text_field), fields.get(config.html_field)
    used = {config.text_field, config.html_field}
    if isinstance(url, bytes):
        url = url.decode("utf-8", "surrogateescape")
    if isinstance(url, str) and url:
        row = row._replace(url=spelled(url))
        used.add(config.url_field)
    if isinstance(date, str):
        row = row._replace(date=without_surrogates(date))
        used.add("date")
    row = row._replace(metadata=metadata({k: v for k, v in fields.items() if k not in used}, unread))
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            starts = error.object[:40].decode("latin-1")
            return failed(row, "bad_text", at=row.offset, column=config.text_field, detail=str(error), starts=starts)
    if isinstance(text, str) and (text or not html):
        return row._replace(text=without_surrogates(text)) if text else dropped(row, "empty_body")
    if isinstance(html, str):
        # As bytes like any other page; the header tells decoding what they are, whatever <meta> claims.
        body = without_surrogates(html).encode()
        row = row._replace(content_type="text/html; charset=utf-8")
    elif isinstance(html, bytes):
        body = html
    else:
        known: dict[str, Any] = {"wanted": [config.text_field, config.html_field], "found": list(fields)[:50]}
        return failed(row, "missing_field", at=row.offset, **known | ({"detail": detail} if detail else {}))
    if len(body) > config.max_record_bytes:
        return failed(row, "too_large", len(body), config.max_record_bytes, at=row.offset)
    return row._replace(body=body) if body else dropped(row, "empty_body")
