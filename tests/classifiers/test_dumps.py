"""Articles from dumps: whole, in pieces, compressed, damaged, hostile."""

import bz2
import gzip
import io
import random
import time
from pathlib import Path

import pytest

from skypile.classifiers import dumps
from skypile.classifiers.bz2_blocks import blocks
from skypile.classifiers.dumps import Article, DumpError, Scan, articles, check, pieces
from tests.classifiers.wiki import HEAD, page, write


def read(path: object, scan: Scan | None = None) -> list[Article]:
    return [article for piece in pieces(str(path)) for article in articles(piece, scan)]


def many(number: int) -> str:
    chance = random.Random(7)
    texts = ["".join(chance.choices("abc <&\n县志", k=chance.randrange(3000))) for _ in range(number)]
    return HEAD + "".join(page(text, title=f"T{i}") for i, text in enumerate(texts)) + "</mediawiki>"


def test_only_articles_count(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dump.xml",
        page("one &lt; <ref>", title="A &amp; B"),
        page("talk", ns="1"),
        page("redirected", extra='<redirect title="X" />'),
        "<page><title>old</title><revision><text xml:space='preserve'>no ns</text></revision></page>",
        "<page><title>two</title><ns>0</ns><revision><text>before</text></revision><revision><text>after</text>"
        "</revision></page>",
        "<page><title>none</title><ns>0</ns><revision><text /></revision></page>",
    )
    assert read(path) == [("A & B", "one &lt; <ref>"), ("old", "no ns"), ("two", "after"), ("none", "")]
    assert [piece.language for piece in pieces(path)] == ["zh"]


@pytest.mark.parametrize("level", [1, 9])
def test_pieces_of_every_size_hold_every_article_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    """Of one stream and of many, of bzip2 and plain: pages and blocks lie across the pieces' bounds."""
    content = many(700).encode()
    step = len(content) // 5
    streams = b"".join(bz2.compress(content[at : at + step], level) for at in range(0, len(content), step))
    whole = tmp_path / "whole.xml"
    whole.write_bytes(content)
    expected = read(whole)
    assert len(expected) == 700
    for name, data in (("one.bz2", bz2.compress(content, level)), ("many.bz2", streams), ("plain", content)):
        (tmp_path / name).write_bytes(data)
        for size in (7_001, 100_000, len(data) // 2, len(data)):
            monkeypatch.setattr(dumps, "PIECE_BZ2", size)
            monkeypatch.setattr(dumps, "PIECE_PLAIN", size)
            assert len(pieces(str(tmp_path / name))) == -(-len(data) // size)
            assert read(tmp_path / name) == expected, (name, size)


def test_gzip_is_read_in_one_piece(tmp_path: Path) -> None:
    content = many(50).encode()
    (tmp_path / "a.gz").write_bytes(gzip.compress(content[:9000]) + gzip.compress(content[9000:]))
    (tmp_path / "a.xml").write_bytes(content)
    assert len(pieces(str(tmp_path / "a.gz"))) == 1
    assert read(tmp_path / "a.gz") == read(tmp_path / "a.xml")


def test_blocks_are_those_of_bzip2() -> None:
    content = random.Random(1).randbytes(2_500_000)  # blocks of the largest size, since nothing can be packed
    packed = bz2.compress(content)
    found = list(blocks(io.BytesIO(packed)))
    assert b"".join(block.content or b"" for block in found) == content
    assert [len(block.content or b"") for block in found[:2]] == [899_981, 899_981]
    later = list(blocks(io.BytesIO(packed), found[1].position))
    assert [block.content for block in later] == [block.content for block in found[1:]]
    assert list(blocks(io.BytesIO(b""))) == list(blocks(io.BytesIO(b"BZh9" + b"x" * 5000))) == []


def test_marks_within_a_block_are_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 48 bits that occur by chance: here a mark that does occur in the packed bytes."""
    content = many(400).encode()
    packed = bz2.compress(content, 1)
    from skypile.classifiers import bz2_blocks

    inside = [mark for mark in range(8 * 5000, 8 * 5100, 13)]
    true_marks = bz2_blocks._marks

    def marks(data: bytes, start: int) -> list[int]:
        more = [mark for mark in inside if start * 8 <= mark < len(data) * 8]
        return sorted({*true_marks(data, start), *more})

    monkeypatch.setattr(bz2_blocks, "_marks", marks)
    found = [block.content for block in blocks(io.BytesIO(packed))]
    assert None not in found and b"".join(filter(None, found)) == content


def test_a_damaged_block_costs_its_own_articles_alone(tmp_path: Path) -> None:
    content = many(700).encode()
    packed = bytearray(bz2.compress(content, 1))
    (tmp_path / "whole.xml").write_bytes(content)
    packed[len(packed) // 2] ^= 1
    (tmp_path / "damaged.bz2").write_bytes(packed)
    scan = Scan()
    found, whole = read(tmp_path / "damaged.bz2", scan), read(tmp_path / "whole.xml")
    assert len(scan.damage) == 1 and "bzip2 block at byte" in scan.damage[0]
    assert 400 < len(found) < 700 and found[0] == whole[0] and found[-1] == whole[-1]


def test_a_cut_dump_gives_what_comes_before(tmp_path: Path) -> None:
    content = many(300).encode()
    for name, data, said in (
        ("cut.bz2", bz2.compress(content, 1), "damaged or cut off"),
        ("cut.gz", gzip.compress(content), "cannot be unpacked to its end"),
        ("cut.xml", content, "breaks off after"),
    ):
        (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
        scan = Scan()
        assert 100 < len(read(tmp_path / name, scan)) < 300
        assert any(said in place for place in scan.damage), (name, scan.damage)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"<html></html>", "no <mediawiki>"),
        (b"PK\x03\x04", "no Wikipedia dump"),
        (b"", "no <mediawiki>"),
        (b"BZh9garbage", "no <mediawiki>"),
        (b"\x1f\x8bgarbage", "no <mediawiki>"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><mediawiki/>', "document type declaration"),
    ],
)
def test_no_dump(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "dump"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=message):
        check(str(path))
    with pytest.raises(DumpError, match=message):
        pieces(str(path))


def test_a_page_without_an_end_takes_neither_time_nor_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 GB of it, from bz2 of 1 KB; and the articles behind it are read."""
    monkeypatch.setattr(dumps, "MAX_PAGE", 4 << 20)
    sound = page("<ref>http://a.org/x</ref>")
    endless = bz2.compress(b"<page>" + b"x" * (8 << 20)) * 16
    path = tmp_path / "dump.xml.bz2"
    path.write_bytes(bz2.compress((HEAD + sound).encode()) + endless + bz2.compress(sound.encode()))
    scan, began = Scan(), time.process_time()
    assert [article.title for article in read(path, scan)] == ["T", "T"]
    assert time.process_time() - began < 20 and "no end within 4 MB" in scan.damage[0]


def test_entities_never_expand(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dump.xml", "<page><title>&l11;</title><ns>0</ns><text>&#60;ref&#62; &amp;lt;</text></page>"
    )
    assert read(path) == [("&l11;", "&#60;ref&#62; &lt;")]


def test_real_dump_as_expat_reads_it(shared_data: Path) -> None:
    from xml.etree import ElementTree

    path = shared_data / "quality/enwiki-sample.xml.bz2"
    space = "{http://www.mediawiki.org/xml/export-0.10/}"
    expected = [
        (found.findtext(f"{space}title"), found.findtext(f"{space}revision/{space}text") or "")
        for found in ElementTree.fromstring(bz2.decompress(path.read_bytes())).iter(f"{space}page")
        if found.findtext(f"{space}ns") == "0" and found.find(f"{space}redirect") is None
    ]
    assert [tuple(article) for article in read(path)] == expected
    assert len(expected) == 106
