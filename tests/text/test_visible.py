"""What a terminal acts on or hides is spelled out; what people read stays as it is."""

import json
import sys
import unicodedata

import pytest

from skypile.text.visible import JOINERS, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", r"\u001b[31mred\u001b[0m"),
        ("\x9b31m", r"\u009b31m"),  # CSI as one C1 control
        ("\x1b]8;;http://evil.example/\x1b\\here\x07", r"\u001b]8;;http://evil.example/\u001b\here\u0007"),
        ("a\rb\bc\x7f", r"a\rb\u0008c\u007f"),
        ("one\ntwo\tthree", r"one\ntwo\tthree"),
        ("exe.\u202etxt\u2066\u2069\u200f\u061c", r"exe.\u202etxt\u2066\u2069\u200f\u061c"),
        ("pay\u200bpal\ufeff\u2060\u00ad", r"pay\u200bpal\ufeff\u2060\u00ad"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\U000e0041\U000e007f", r"\udb40\udc41\udb40\udc7f"),  # tags: letters that nobody sees
        ("\udcff\ud800", r"\udcff\ud800"),  # a file name that is no UTF-8
        ("\u3164\u115f\u034f", r"\u3164\u115f\u034f"),
        ("中文、ＡＢ。『繁體』 café é🏽 ¿ü? [b]x[/b] \\n", "中文、ＡＢ。『繁體』 café é🏽 ¿ü? [b]x[/b] \\n"),
        ("全\u3000角\u00a0n", "全\u3000角\u00a0n"),
        ("עברית العربية ไทย हिन्दी", "עברית العربية ไทย हिन्दी"),
    ],
)
def test_what_acts_or_hides_is_spelled(text, expected):
    assert visible(text) == expected


def test_no_control_or_format_character_of_unicode_passes():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    left = {unicodedata.category(char) for char in visible(every)}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_spelling_is_that_of_json():
    text = "\x1b\u202e\U000e0041\n\u200b"
    assert json.loads(f'"{visible(text)}"') == text


def test_what_is_kept_is_kept():
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\u001b"
    assert visible("👩\u200d👧 می\u200cخواهم\u202e", keep=JOINERS) == "👩\u200d👧 می\u200cخواهم\\u202e"
