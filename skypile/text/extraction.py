"""HTML into text fit for pre-training."""

from typing import NamedTuple

from resiliparse.parse.encoding import bytes_to_str, detect_encoding


class DecodedPage(NamedTuple):
    text: str
    charset: str


def decode_page(html: bytes, content_type: str | None) -> DecodedPage:
    charset = detect_encoding(html)
    return DecodedPage(bytes_to_str(html, charset), charset)
