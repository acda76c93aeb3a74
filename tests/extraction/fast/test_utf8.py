"""Whether bytes are UTF-8, against Python's decoder."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.crawl import charset
from skypile.extraction.fast.utf8 import foreign_characters

# Where the rules for a byte change (RFC 3629, section 4).
EDGES = bytes([0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF])
EDGES += bytes([0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF])


@pytest.mark.parametrize("before", [b"", b"a" * 31, b"a" * 33])
def test_every_sequence_of_edges(before: bytes) -> None:
    for size in (1, 2, 3, 4):
        for sequence in itertools.product(EDGES[2:] if size == 4 else EDGES, repeat=size):
            body = before + bytes(sequence)
            assert foreign_characters(body) == charset.foreign_characters(body), body
    assert foreign_characters(before) == 0


@given(st.lists(st.text(max_size=40) | st.sampled_from(["a" * 32, "é", "中文", "😀"])), st.binary(max_size=2))
def test_text_and_text_that_is_damaged(parts: list[str], damage: bytes) -> None:
    body = "".join(parts).encode("utf-8", "surrogatepass") + damage
    for cut in (body, body[:-1], body[1:]):
        assert foreign_characters(cut) == charset.foreign_characters(cut)
