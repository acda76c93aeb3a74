"""Compressed archives as segments: stretches of decoded bytes that begin where a record begins.

A WARC file is compressed record by record: each record is a gzip *member* (zstd and lz4 say *frame*) of its
own, so that a reader may start at any of them. Real files keep to that loosely: all records in one member, a
record over several members, blocks that ignore records. A *segment* covers them all: it begins at a member
whose first decoded bytes are `WARC/` and runs until the next such member. Members in between continue it.

That one rule serves three ends. A range of bytes owns the segments that begin in it, so a file can be read
in pieces that together give what reading it whole gives. Damage ends its segment and reading goes on at the
next member that starts a record. And a record whose declared length is too long cannot swallow the next.

Why not let a library do it: FastWARC is faster, but hands out a record that is cut off as if it were whole
(`clipped.warc.gz` of the jwarc test data: 74,970 of 88,038 bytes, no error), stops at the first damaged
header and knows no offsets inside a member. It is the oracle of the tests instead.

Limits. Decoding advances in steps that cannot grow past 16 MB (a zip bomb costs time, no memory). A range
that starts inside a member whose *content* is itself a stored, not recompressed, WARC file may take that
for a member of its own: set split_mb above the file size for a crawl of WARC files. zstd and lz4 frames may
lack a checksum; damage in such a frame is noticed only where it breaks the frame or the records.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any

from skypile.crawl.codec import ERRORS, GZIP, SKIPPABLE, ZSTD, Codec, Damage, with_dictionary

READ = 1 << 17  # bytes per read of the file
_START = re.compile(rb"[\r\n]*WARC/")  # some writers put the blank lines after a record before the next
_START_BYTES = 16
# Compressed bytes within which a member must show that it starts a record, to be entered by: a header whose name has
# no end, or empty blocks, would else be read to the end of the file at each of a million places that look like one.
_FIND_BYTES = 4096


class Segment:
    """Decoded bytes that begin at file offset `offset`, read through a buffer that moves forward.

    `buffer[cursor:]` is what is decoded and not yet taken. `damage` is set once the bytes have run out
    because the stream broke, not because the segment is over.
    """

    def __init__(
        self, offset: int, begin: Callable[["Segment"], Iterator[bytes]], damage: Damage | None = None
    ) -> None:
        """`begin`: the decoded bytes, from the start each time it is called."""
        self.offset = offset
        self._begin = begin
        self.buffer = bytearray()
        self.cursor = 0
        self.damage = damage
        self.verified = 0  # decoded bytes from the start of the segment in members that ended as they should
        self._pieces = begin(self)
        self._before = 0  # bytes that left the buffer

    @property
    def position(self) -> int:
        """Decoded bytes between the start of the segment and the cursor."""
        return self._before + self.cursor

    def ensure(self, count: int) -> bool:
        """Decode until `count` bytes lie after the cursor; False if the segment ends before."""
        while len(self.buffer) - self.cursor < count:
            if self.cursor > READ:
                self.forget()
            try:
                piece = next(self._pieces, None)
            except Damage as damage:
                self.damage = damage
                return False
            if piece is None:
                return False
            self.buffer += piece
        return True

    def forget(self) -> None:
        """Let go of the bytes before the cursor."""
        del self.buffer[: self.cursor]
        self._before += self.cursor
        self.cursor = 0

    def skip(self, count: int) -> bool:
        """Move the cursor by `count` bytes without holding them; False if the segment ends before."""
        while count > 0:
            step = min(count, READ)
            if not self.ensure(step):
                self.cursor = len(self.buffer)
                return False
            self.cursor += step
            count -= step
        return True

    def go_back(self, position: int) -> None:
        """Move the cursor to where it was, by decoding all that lies before once more."""
        self._pieces = self._begin(self)
        self.buffer.clear()
        self.cursor = self.verified = self._before = 0
        self.damage = None
        self.skip(position)


def plain_segment(file: IO[bytes], offset: int = 0) -> Segment:
    """An uncompressed file from `offset` on, as one segment."""

    def begin(segment: Segment) -> Iterator[bytes]:
        file.seek(offset)
        return iter(lambda: file.read(READ), b"")

    return Segment(offset, begin)


def decoded_segment(file: IO[bytes], codec: Codec) -> Segment:
    """A whole compressed file as one segment, for formats in which members mean nothing."""
    return Segment(0, lambda segment: Members(file, codec).all_bytes())


class Members:
    """Cursor over the members of a compressed file."""

    def __init__(self, file: IO[bytes], codec: Codec) -> None:
        self._file = file
        self._codec = with_dictionary(file, codec) if codec is ZSTD else codec
        self._raw = b""  # window of the file, and where it lies
        self._raw_at = 0
        self._cursor = 0
        self._decoder: Any = None
        self._member = 0  # offset of the member being decoded
        self._damage: Damage | None = None  # found in it
        self._next: int | None = None  # where the next segment begins
        self._broken = False  # whether that is a member that cannot be decoded
        file.seek(0)

    def segments(self, start: int, end: int) -> Iterator[Segment]:
        """Segments that begin in bytes [start, end). Take what you want of one before asking for the next."""
        self._next = self._first() if start == 0 else self._find(start)
        self._broken = False
        # A broken start of a member belongs to the range that comes upon it: scanning from the range it lies
        # in would not see it.
        while self._next is not None and (self._next < end or self._broken):
            offset, self._broken = self._next, False
            try:
                self._begin(offset)
            except Damage as damage:
                yield Segment(offset, lambda segment: iter(()), damage)
                self._next = self._find(offset + 1)
                continue
            segment = Segment(offset, self._segment_bytes)
            yield segment
            while segment.skip(READ):
                pass
            if segment.damage:
                self._next = self._find(self._member + 1)

    def all_bytes(self) -> Iterator[bytes]:
        """All members decoded, one after the other. Raises Damage."""
        offset = self._first()
        while offset is not None:
            yield self._begin(offset)
            while piece := self._piece():
                yield piece
            offset = self._following()

    def _segment_bytes(self, segment: Segment) -> Iterator[bytes]:
        """Decoded bytes of the segment; sets where the next segment begins."""
        self._next, self._broken = None, False
        decoded = 0
        head = self._begin(segment.offset)
        while True:
            decoded += len(head)
            yield head
            while piece := self._piece():
                decoded += len(piece)
                yield piece
            segment.verified = decoded
            offset = self._following()
            if offset is None:
                return
            try:
                head = self._begin(offset)
            except Damage:  # nothing of this segment is missing; segments() will come upon it again
                self._broken = True
            if self._broken or _START.match(head):
                self._next = offset
                return

    def _first(self) -> int | None:
        """Offset of the first member."""
        self._seek(0)
        return self._following()

    def _find(self, start: int) -> int | None:
        """Offset of the first member at or after `start` that starts a record."""
        self._seek(start)
        magic = self._codec.magic
        while True:
            found = self._raw.find(magic, self._cursor)
            if found < 0:
                # keep what may be the first bytes of a magic across the window's edge
                self._cursor = max(self._cursor, len(self._raw) - len(magic) + 1)
                if not self._more():
                    return None
                continue
            offset = self._raw_at + found
            try:
                if _START.match(self._begin(offset, _FIND_BYTES)):
                    return offset
            except Damage:
                pass
            self._seek(offset + 1)

    def _begin(self, offset: int, most: int = sys.maxsize) -> bytes:
        """Start to decode the member at `offset`; its first bytes, enough to recognise a record, as far as they lie
        in its first `most` compressed bytes."""
        self._seek(offset)
        self._member = offset
        magic = self._codec.magic
        while len(self._raw) - self._cursor < len(magic) and self._more():
            pass
        if not self._raw.startswith(magic, self._cursor):
            raise Damage("bad_compression", f"no {self._codec.name} data where a member should start", offset)
        self._decoder = self._codec.decoder()
        self._damage = None
        head = b""
        while len(head) < _START_BYTES and (piece := self._piece(offset + most)):
            head += piece
        return head

    def _piece(self, end: int = sys.maxsize) -> bytes:
        """More decoded bytes of the member; empty at its end, or if there are none before the file's byte `end`."""
        if self._damage is not None:
            raise self._damage
        decoder, step = self._decoder, min(self._codec.step, end - self._member)
        while not decoder.eof and self._raw_at + self._cursor < end:
            if self._cursor >= len(self._raw) and not self._more():
                raise Damage("truncated", f"the file ends inside a {self._codec.name} member", self._member)
            data = self._raw[self._cursor : self._cursor + step]
            try:
                piece = decoder.decompress(data)
            except ERRORS as error:
                self._damage = Damage("bad_compression", f"{self._codec.name}: {error}", self._member)
                if piece := self._before_damage(data):
                    return piece
                raise self._damage from None
            self._cursor += len(data) - len(decoder.unused_data or b"")
            if piece:
                return piece
        return b""

    def _before_damage(self, data: bytes) -> bytes:
        """What `data` decodes to before it breaks; decoders keep that to themselves when they raise.

        Decodes the member once more, up to `data`, and then byte by byte.
        """
        resume = self._raw_at + len(self._raw)
        decoder = self._codec.decoder()
        self._file.seek(self._member)
        remaining = self._raw_at + self._cursor - self._member
        while remaining > 0 and (again := self._file.read(min(self._codec.step, remaining))):
            decoder.decompress(again)
            remaining -= len(again)
        pieces = []
        with suppress(*ERRORS):
            for i in range(len(data)):
                pieces.append(decoder.decompress(data[i : i + 1]))
        self._file.seek(resume)
        return b"".join(pieces)

    def _following(self) -> int | None:
        """Offset of what follows the member that has ended, padding and skippable frames passed. None: the end."""
        while True:
            while len(self._raw) - self._cursor < 8 and self._more():
                pass
            rest = self._raw[self._cursor : self._cursor + 8]
            if not rest:
                return None
            if self._codec is not GZIP and len(rest) == 8 and SKIPPABLE.match(rest):
                self._seek(self._raw_at + self._cursor + 8 + int.from_bytes(rest[4:], "little"))
            elif rest[0]:
                return self._raw_at + self._cursor
            else:
                self._cursor += len(rest) - len(rest.lstrip(b"\0"))

    def _seek(self, offset: int) -> None:
        if self._raw_at <= offset <= self._raw_at + len(self._raw):
            self._cursor = offset - self._raw_at
        else:
            self._file.seek(offset)
            self._raw, self._raw_at, self._cursor = b"", offset, 0

    def _more(self) -> bool:
        """Read on; False at the end of the file. What lies before the cursor is let go."""
        data = self._file.read(READ)
        self._raw_at += self._cursor
        self._raw = self._raw[self._cursor :] + data
        self._cursor = 0
        return bool(data)
