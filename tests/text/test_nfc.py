"""NFC: what Unicode and CPython say it is, and linear where CPython is not."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.text.nfc import LONGEST_RUN, nfc

EVERYTHING = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
# U+0F73 and U+0344 are no marks of one class: they come apart, the first although it is a starter.
MARKS = "\u0301\u0316\u0308\u0323\u0344\u0340\u0345\u05b0\u064b\u0f71\u0f72\u0f73\u0f75\u0f81\u3099\u1d165\u034f"
BASES = "aeé\u1100\u1161가中\u09c7\u09be \n"


def test_every_character_with_a_long_run_behind_it():
    text = "".join(c + "\u0316\u0301\u0327" * 12 for c in EVERYTHING if ord(c) < 0x3000)
    assert nfc(text) == unicodedata.normalize("NFC", text)
    text = "".join(EVERYTHING)
    assert nfc(text) == unicodedata.normalize("NFC", text)


def test_every_mark_inside_a_long_run():
    for character in EVERYTHING:
        if unicodedata.combining(unicodedata.normalize("NFD", character)[0]):
            text = "a" + "\u0301\u0316" * 20 + character + "\u0327" * 20
            assert nfc(text) == unicodedata.normalize("NFC", text), hex(ord(character))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(BASES + MARKS), st.integers(1, 45)), max_size=40), st.randoms())
def test_it_is_what_cpython_says(runs, random):
    text = "".join(random.choice(MARKS) if n > 2 else c for c, count in runs for n in range(count))
    assert nfc(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "piece",
    [
        "\u0301\u0316",
        "\u0f73\u0301",
        "a" + "\u0301\u0316" * (LONGEST_RUN // 2),
        "\u064b\u0650\u05b0",
        "e\u0301",
        "\u0344",
    ],
)
def test_the_time_is_linear(piece):
    def seconds(size: int) -> float:
        text = "a" + piece * (size // len(piece))
        began = time.process_time()
        nfc(text)
        return time.process_time() - began

    seconds(1000)
    assert seconds(1 << 20) < 2.0  # CPython: half an hour for the first
