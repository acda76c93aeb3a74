"""What no text keeps goes, and is counted; what writing needs stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.text.cleaning import cleaned


@pytest.mark.parametrize(
    ("text", "clean", "gone"),
    [
        ("one\r\ntwo\rthree\x0bfour\x85five\u2028six", "one\ntwo\nthree\nfour\nfive\nsix", {"line_ends": 5}),
        ("\ufeff大\u200b海\u00ad边\u2060", "大海边", {"zero_width": 4}),
        ("nul\x00 bell\x07 c1\x9b del\x7f", "nul bell c1 del", {"controls": 4}),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07on", "red on", {"escape_sequences": 21}),
        ("\x1b]0;a\x0bb\x07c", "c", {"escape_sequences": 8}),  # the line end in it is no change of its own
        ("\x1b(B\x1b[mplain \x9b1;4mc1\x9b0m \x1bP1$r0m\x1b\\.", "plain c1 .", {"escape_sequences": 23}),
        ("L\x08LS(1) _\x08t_\x08i_\x08d_\x08e a\x08\nb", "LS(1) tide a\nb", {"struck_over": 10, "controls": 1}),
        ("lone \x1b escape", "lone  escape", {"controls": 1}),
        ("\u202emoc.elpmaxe\u202c \u2066a\u2069 \u200e\u061c", "moc.elpmaxe a ", {"direction_marks": 6}),
        ("pair \ud800 \ufdd0 \U0001ffff \ufffc", "pair    ", {"non_characters": 4}),
        ("a map \ufffc of it", "a map  of it", {"non_characters": 1}),  # nothing else that goes beside it
        ("Auf\u200clage, 中\u200d文", "Auflage, 中文", {"zero_width": 2}),
        ("pay\U000e0070\U000e0061 me", "pay me", {"tags": 2}),
        ("\uf0b7 first\n\uf0b7 second \ue001\ue002", " first\n second ", {"private_use": 4}),
        ("lost \ufffd\ufffd", "lost \ufffd\ufffd", {"replacement_characters": 2}),
        ("", "", {}),
    ],
)
def test_what_goes(text: str, clean: str, gone: dict[str, int]) -> None:
    assert cleaned(text) == (clean, gone)


@pytest.mark.parametrize(
    "text",
    [
        "tab\there\n\n  blanks\u00a0of\u3000all\u2009widths  \n",
        "نمی\u200cدانم کتاب\u200cها",  # Persian
        "क्\u200dष श्री\u200cमान",  # Hindi
        "👩🏽\u200d🌾 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3",
        "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",  # the flag of Wales
        "王\ue863先生",  # a character of a name that Unicode did not have
        "𠮷野家 𝒙² שָׁלוֹם",
        "葛\U000e0100城",  # a variant of an ideograph
    ],
)
def test_what_stays(text: str) -> None:
    assert cleaned(text) == (text, {})


@given(st.text())
def test_clean_text_stays_as_it_is(text: str) -> None:
    clean, gone = cleaned(text)
    assert cleaned(clean)[0] == clean
    assert sum(gone.values()) - gone.get("line_ends", 0) - gone.get("replacement_characters", 0) <= len(text)
    assert "\r" not in clean and "\0" not in clean


@pytest.mark.parametrize(
    "piece", ["\u200b", "a\x08", "\x9b1;", "\x1b[", "\x1b]", "\u200c", "\ue000", "\ue000a", "\x1b]" + "a" * 2000, "\r"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    text = piece * (2_000_000 // len(piece))
    began = time.process_time()
    cleaned(text)
    assert time.process_time() - began < 10.0
