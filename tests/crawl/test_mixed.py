"""Pages that are not all in one charset, and declarations that a whole page speaks against."""

import time

import pytest

from skypile.crawl.charset import decode
from tests.crawl.test_charset import FRENCH, HANS, HANT, JAPANESE, KOREAN, RUSSIAN, html

TEXTS = {"gb18030": HANS, "big5hkscs": HANT, "cp932": JAPANESE, "euc_jp": JAPANESE, "cp949": KOREAN}


@pytest.mark.parametrize("declared", ["gb2312", "big5", "shift_jis", "euc-kr", "iso-8859-1", "windows-1251", None])
@pytest.mark.parametrize("text", [HANS, HANT, JAPANESE, KOREAN, RUSSIAN * 2, FRENCH * 3])
def test_one_bad_byte_does_not_make_another_charset_of_a_page(declared: str | None, text: str) -> None:
    page = html(text * 3, "<meta charset=utf-8>")
    for damage in (b"\xff", "中".encode()[:2], "é".encode()[:1]):
        at = page.encode().index(b"</p>")
        body = page.encode()[:at] + damage + page.encode()[at:]
        found = decode(body, declared and f"text/html; charset={declared}")
        assert (found.charset, found.rung, found.replacements, found.other) == ("utf-8", "meta", 1, None)
        assert found.text == page.replace("</p>", "\ufffd</p>")


@pytest.mark.parametrize("codec", TEXTS)
@pytest.mark.parametrize("declared", ["utf-8", "its own", None])
def test_a_text_in_another_charset_is_read_in_a_page_of_utf8(codec: str, declared: str | None) -> None:
    text = TEXTS[codec]
    template, inserted = html(text * 4).encode(), f"<div>{text}</div>".encode(codec)
    body = template[: template.index(b"<p>")] + inserted + template[template.index(b"<p>") :]
    label = {"its own": codec.replace("hkscs", "").replace("cp932", "shift_jis").replace("cp949", "euc-kr")}
    found = decode(body, declared and f"text/html; charset={label.get(declared, declared)}")
    assert (found.charset, found.other, found.replacements) == ("utf-8", codec, 0)
    assert found.text == html(text * 4).replace("<p>", f"<div>{text}</div><p>")


@pytest.mark.parametrize("codec", TEXTS)
def test_a_text_in_utf8_is_read_in_a_page_of_another_charset(codec: str) -> None:
    text = TEXTS[codec]
    template, inserted = html(text * 4).encode(codec), f"<div>{HANS}</div>".encode()
    body = template[: template.index(b"<p>")] + inserted + template[template.index(b"<p>") :]
    found = decode(body)
    assert (found.charset, found.other, found.replacements) == (codec, "utf-8", 0)
    assert found.text == html(text * 4).replace("<p>", f"<div>{HANS}</div><p>")


def test_letters_of_windows_1252_are_read_in_a_page_of_utf8() -> None:
    old = "<li>Entrées, désserts, café, thé à la menthe</li>".encode("cp1252")
    page = html(FRENCH * 9).encode()
    found = decode(page.replace(b"<p>", old + b"<p>"), "text/html; charset=utf-8")
    assert (found.charset, found.other, found.replacements) == ("utf-8", "cp1252", 0)
    assert "Entrées, désserts, café, thé à la menthe" in found.text and FRENCH in found.text


def test_what_shows_no_charset_is_replaced() -> None:
    """Lone bytes among ideographs are what is left of characters, and two words in GBK are too few to tell."""
    for piece in (
        b"<li>a\xe4b</li><li>c\xe4d</li><li>e\xe4f</li>",
        b"<b>" + "广告".encode("gbk") + b"</b>",
        b"<i>\xff\xfe</i>",
    ):
        found = decode(html(HANS * 5).encode().replace(b"<p>", piece + b"<p>"), "text/html; charset=utf-8")
        assert found.charset == "utf-8" and found.other is None and found.replacements > 0
        assert HANS * 5 in found.text


def test_hostile_pages_take_linear_time() -> None:
    utf8 = HANS.encode()
    for piece in (b"<\xff", b"<\xc4\xa3\xb0\xe5" + utf8[:3], utf8[:6] + b"<\xb9", HANS.encode("gbk") + b"\n" + utf8):
        body = utf8 * 9 + piece * ((2 << 20) // len(piece))
        began = time.process_time()
        decode(body, "text/html; charset=gbk")
        assert time.process_time() - began < 5.0
