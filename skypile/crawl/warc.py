"""WARC files (ISO 28500, 0.17 to 1.1), WET and WAT, as records.

`response`, `resource`, `conversion` and `revisit` records are pages or stand for one, and give a row each.
`warcinfo`, `request` and `metadata` describe others and give none; so do `continuation` records, whose first
part fails as truncated. A WAT file describes pages in `metadata` records of JSON: each gives a row dropped as
not_html, so that a funnel over a WAT file shows what was wrong with it. A `text/plain` page is text.

Damage costs the record it lies in, and one failed row says where and how many bytes were passed over: reading goes
on at the next line `WARC/` that stands where a record may begin, in the same segment or a later one. A record is
whole if its declared length is followed by a blank line, by the next record or by the end; anything else means that
the length is wrong, so its content cannot be trusted. That holds for a record too large to be read, too: if its
length proves wrong, the segment is decoded anew to where the record began, once: from then on in this segment no
length is believed that cannot be checked at once.

Ids come from the offset where the record starts: of its byte in a plain file, of its gzip member (zstd or lz4
frame) and its place among the records of that member in a compressed one. 11,000 pages of 15 KB a
second on one core (FastWARC: 52,000, zlib alone: 27,000), next to 10 to 300 that any extraction takes on.
"""

import re
from collections.abc import Iterator
from typing import IO

from skypile.crawl import http
from skypile.crawl.codec import Damage, codec_of
from skypile.crawl.content import media_type, with_content
from skypile.crawl.members import Members, Segment, plain_segment
from skypile.crawl.record import Record, dropped, failed, record
from skypile.crawl.url import spelled
from skypile.schema import KEPT
from skypile.text.limits import evidence_json, without_surrogates

MAX_HEADER = 64 << 10  # bytes of one WARC header; real ones have under 2 KB

_AFTER = 64  # bytes looked at after a record: blank lines and the next version line
# A header ends with a blank line and holds no version line: so a thousand version lines are each looked at once.
_HEADER_END = re.compile(rb"\r?\n(?:\r?\n|(WARC/\d+\.\d+[ \t]*\r?\n))")
_VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r?\n")
_NEXT = re.compile(rb"(?<=\n)WARC/\d+\.\d+[ \t]*\r?\n")
_BLANK = re.compile(rb"[\r\n]*")
_LENGTH = re.compile(r"\d{1,18}")
_PAGES = frozenset({"response", "resource", "conversion", "revisit"})


class _Header(dict[str, str]):
    """Fields by lower-case name, the first of several. WARC-Type and Content-Length are there."""

    @classmethod
    def parse(cls, head: bytes) -> "_Header | None":
        fields = cls()
        folded: dict[str, list[str]] = {}
        last = ""
        for line in head.decode("utf-8", "surrogateescape").split("\n")[1:]:
            if line[:1] in (" ", "\t") and last:  # folded line
                folded.setdefault(last, [fields[last]]).append(line.strip())
                continue
            name, colon, value = line.partition(":")
            if colon:
                last = name.strip().lower()
                fields.setdefault(last, value.strip())
        fields.update({name: " ".join(lines) for name, lines in folded.items()})
        for name, value in fields.items():
            if not value.isascii():
                fields[name] = spelled(value) if name.endswith("-uri") else without_surrogates(value)
        if "warc-type" not in fields or not _LENGTH.fullmatch(fields.get("content-length", "")):
            return None
        fields["warc-type"] = fields["warc-type"].lower()
        return fields

    @property
    def length(self) -> int:
        return int(self["content-length"])

    @property
    def url(self) -> str:
        """Target URI; old versions of wget put it between < and >."""
        return self.get("warc-target-uri", "").strip("<> ")

    @property
    def is_page(self) -> bool:
        """Whether the record gives a row. WAT records are the only metadata in JSON."""
        sort, declared = self["warc-type"], media_type(self.get("content-type"))
        if self.url.startswith("metadata:"):  # wget's logs and arguments, stored as resources
            return False
        return sort in _PAGES or (sort == "metadata" and declared == "application/json")


def warc_records(file: IO[bytes], source: str, start: int, end: int, size: int, limit: int) -> Iterator[Record]:
    """Rows of the records that begin in bytes [start, end) of the file, in order. See module docstring.

    `limit`: records with a larger block or a larger decoded body fail as too_large. A plain file cannot be
    entered in the middle: all of it belongs to the range that starts at 0.
    """
    file.seek(0)
    codec = codec_of(file.read(4))
    if codec is None:
        if start == 0:
            yield from _segment_records(plain_segment(file), source, limit, size)
        return
    try:
        members = Members(file, codec)
    except Damage as damage:
        if start == 0:
            yield failed(record(source, 0), damage.reason, at=damage.at, detail=damage.detail)
        return
    for segment in members.segments(start, end):
        yield from _segment_records(segment, source, limit)


def _segment_records(segment: Segment, source: str, limit: int, size: int | None = None) -> Iterator[Record]:
    """Rows of one segment. `size`: length of a plain file, whose rows are known by their own offset."""
    index = 0
    reported = False  # whether a row tells of segment.damage
    trusted = True  # whether lengths over the limit are
    while _skip_blank(segment):
        at = segment.position
        row = record(source, at) if size is not None else record(source, segment.offset, index)
        where = {"at": at} if size is not None else {"at": segment.offset, "decoded_at": at}
        index += 1
        header = _take_header(segment)
        problem = header if isinstance(header, str) else None
        if isinstance(header, _Header):
            row = row._replace(url=header.url or row.url, date=header.get("warc-date"))
            content = segment.position
            if header.length <= limit:
                problem = _problem(segment, header.length)
                if problem is None:
                    begin = segment.cursor
                    segment.cursor += header.length
                    if header.is_page:
                        yield _page(row, header, bytes(segment.buffer[begin : segment.cursor]), limit)
                    continue
            else:
                fits = size is None or header.length <= size - content
                lost = f"fewer than {header.length} bytes of content"
                problem = _skip(segment, header.length) if trusted and fits else lost
                trusted = trusted and (problem is None or not fits)
                if problem is not None:
                    _resynchronise(segment)  # if a record begins where this one's length says, it was right
                    behind = segment.position - content - header.length
                    sound = segment.ensure(1) or segment.damage is None
                    problem = None if 0 <= behind <= len(b"\r\n\r\n") and sound else problem
                if problem is None:
                    if header.is_page:
                        yield failed(row, "too_large", header.length, limit, **where)
                    continue
        # A damaged record counts even if it only describes: what followed it may be hidden in it.
        _resynchronise(segment)
        where["skipped"] = segment.position - at
        damage = None if segment.ensure(1) else segment.damage  # what breaks the stream may lie further on
        if damage is not None:
            where, reported = {"at": damage.at, "skipped": where["skipped"]}, True
        reason, detail = _reason(damage, problem, isinstance(header, _Header))
        yield failed(row, reason, **where, detail=detail)
    if segment.damage is not None and not reported:
        yield failed(
            record(source, segment.offset, index),
            segment.damage.reason,
            at=segment.damage.at,
            detail=segment.damage.detail,
        )


def _skip_blank(segment: Segment) -> bool:
    """Pass line ends; False at the end of the segment."""
    while segment.ensure(1):
        match = _BLANK.match(segment.buffer, segment.cursor)
        assert match is not None
        segment.cursor = match.end()
        if segment.cursor < len(segment.buffer):
            return True
    return False


def _take_header(segment: Segment) -> _Header | str:
    """The header at the cursor, which moves behind it; or what is wrong with it."""
    look = 4096
    while True:
        more = segment.ensure(look)
        begin = segment.cursor
        end = _HEADER_END.search(segment.buffer, begin, begin + MAX_HEADER)
        if end is not None or not more or look >= MAX_HEADER:
            break
        look *= 4
    start = bytes(segment.buffer[begin : begin + 60])
    if not _VERSION.match(start):
        segment.cursor += 1
        return f"a record should begin, but there stands {start!r}"
    if end is None or end[1]:
        segment.cursor += 1
        stop = min(MAX_HEADER, len(segment.buffer) - begin) if end is None else end.start(1) - begin
        return f"the WARC header has no end within {stop} bytes"
    segment.cursor = end.end()
    header = _Header.parse(bytes(segment.buffer[begin : end.start()]))
    return header if header is not None else f"no WARC-Type or no Content-Length: {start!r}"


def _skip(segment: Segment, length: int) -> str | None:
    """Move over the content at the cursor, or say what shows that it is not `length` bytes long and stay there."""
    start = segment.position
    if segment.skip(length):
        problem = _problem(segment, 0, length)
        if problem is None:
            return None
    else:
        problem = f"{segment.position - start} of {length} bytes of content"
    segment.go_back(start)
    return problem


def _problem(segment: Segment, length: int, declared: int | None = None) -> str | None:
    """What shows that the content that lies `length` bytes after the cursor does not end there."""
    segment.ensure(length + _AFTER)
    have = len(segment.buffer) - segment.cursor
    if have < length:
        return f"{have} of {length} bytes of content"
    rest = bytes(segment.buffer[segment.cursor + length : segment.cursor + length + _AFTER])
    following = rest.lstrip(b"\r\n")
    if following.startswith(b"WARC/"):
        return None
    if segment.damage is not None and segment.position + length > segment.verified:
        return f"{declared or length} bytes of content"  # in a member that breaks off or fails its checksum
    if not following or rest.startswith((b"\r\n\r\n", b"\n\n")):
        return None
    return f"Content-Length is {declared or length}, but there the content goes on with {rest[:20]!r}"


def _reason(damage: Damage | None, problem: str | None, header_read: bool) -> tuple[str, str]:
    """Reason and detail of a record with a problem of its own, one of the stream, or both."""
    if damage is not None:
        return damage.reason, f"{problem}; {damage.detail}" if problem else damage.detail
    assert problem is not None
    return "truncated" if header_read and problem.endswith("bytes of content") else "bad_warc_header", problem


def _resynchronise(segment: Segment) -> None:
    """Move to the next line that may begin a record, or to the end of the segment."""
    while True:
        match = _NEXT.search(segment.buffer, segment.cursor)
        if match is not None:
            segment.cursor = match.start()
            return
        segment.cursor = max(segment.cursor, len(segment.buffer) - _AFTER)
        if not segment.ensure(_AFTER + 1):
            segment.cursor = len(segment.buffer)
            return


def _page(row: Record, header: _Header, block: bytes, limit: int) -> Record:
    """The row of a sound record."""
    sort = header["warc-type"]
    declared = header.get("content-type")
    if sort == "revisit":
        to, when = header.get("warc-refers-to-target-uri"), header.get("warc-refers-to-date")
        return dropped(row, "revisit", refers_to=to, captured=when)
    if "warc-segment-number" in header:
        return failed(row, "truncated", at=row.offset, detail="first segment of a record stored in several")
    if sort == "conversion":
        row = row._replace(content_type=declared)
        return row._replace(text=block.decode("utf-8", "replace")) if block else dropped(row, "empty_body")
    if sort == "response" and (media_type(declared) == "application/http" or row.url.startswith("http")):
        return _response(row, block, limit, header.get("warc-truncated"))
    return with_content(row._replace(content_type=declared), block)


def _response(row: Record, block: bytes, limit: int, cut: str | None) -> Record:
    try:
        response = http.parse(block)
        row = row._replace(http_status=response.status, content_type=response.headers.get("content-type"))
        if response.status != 200:
            return dropped(row, "http_status", response.status, location=response.headers.get("location"))
        body = http.decode_body(response, limit)
    except http.HttpError as error:
        bound = limit if error.reason == "too_large" else None
        return failed(row, error.reason, None, bound, at=row.offset, detail=error.detail)
    row = with_content(row, body.content)
    # A page of which the server sent, or the crawler stored, the beginning is still a page.
    known = {"warc_truncated": cut, "body_broken": body.note}
    if row.verdict == KEPT and any(known.values()):
        row = row._replace(evidence=evidence_json({name: value for name, value in known.items() if value}))
    return row
