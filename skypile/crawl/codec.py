"""Compressions whose files are a sequence of members (gzip) or frames (zstd, lz4)."""

import re
from collections.abc import Callable
from typing import IO, Any, NamedTuple, cast

import lz4.frame
import zstandard
from zlib_ng import zlib_ng

DICTIONARY_LIMIT = 16 << 20
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)  # RFC 8878, 3.1.2, also of lz4 frames


class Codec(NamedTuple):
    """A compression whose files are a sequence of members.

    `step` is the largest number of compressed bytes decoded at once, such that the output stays under 16 MB:
    deflate expands at most 1032-fold, lz4 255-fold; a zstd block of 4 bytes makes up to 128 KB.
    """

    name: str
    magic: bytes
    step: int
    decoder: Callable[[], Any]  # with decompress(bytes) -> bytes, eof, unused_data


GZIP = Codec("gzip", b"\x1f\x8b\x08", 1 << 14, lambda: zlib_ng.decompressobj(wbits=31))
LZ4 = Codec("lz4", b"\x04\x22\x4d\x18", 1 << 14, lz4.frame.LZ4FrameDecompressor)
ZSTD = Codec("zstd", b"\x28\xb5\x2f\xfd", 1 << 9, lambda: zstandard.ZstdDecompressor().decompressobj())
INFLATE_ERROR = cast("type[Exception]", zlib_ng.error)  # an instance, says its stub
ERRORS = (INFLATE_ERROR, zstandard.ZstdError, RuntimeError, EOFError)  # lz4 raises RuntimeError


class Damage(Exception):
    """The stream breaks: a reason of skypile.schema.REASONS, and where in the file."""

    def __init__(self, reason: str, detail: str, at: int) -> None:
        super().__init__(reason, detail, at)
        self.reason, self.detail, self.at = reason, detail, at


def codec_of(head: bytes) -> Codec | None:
    """The compression a file with these first bytes has; None if it has none that is known here."""
    if head.startswith(GZIP.magic):
        return GZIP
    if head.startswith(LZ4.magic):
        return LZ4
    if head.startswith(ZSTD.magic) or (SKIPPABLE.match(head) and not head.startswith(LZ4.magic)):
        return ZSTD
    return None


def with_dictionary(file: IO[bytes], codec: Codec) -> Codec:
    """ZSTD with the dictionary the file begins with (IIPC's WARC-zstd), or `codec` if it begins with none."""
    file.seek(0)
    head = file.read(8)
    if head[:4] != b"\x5d\x2a\x4d\x18":
        return codec
    data = file.read(min(int.from_bytes(head[4:], "little"), DICTIONARY_LIMIT))
    if data.startswith(codec.magic):
        try:
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=DICTIONARY_LIMIT)
        except zstandard.ZstdError as error:
            raise Damage("bad_compression", f"dictionary of the file: {error}", 0) from None
    dictionary = zstandard.ZstdCompressionDict(data)
    return codec._replace(decoder=lambda: zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj())
