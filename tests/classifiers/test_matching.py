"""Counterparts of cited pages, and the hosts that lists name."""

import math
import random
from pathlib import Path

import pytest

from skypile.classifiers.host_lists import HostListError, listed, read_hosts
from skypile.classifiers.matching import Page, family, length_bin, match
from skypile.crawl.url import host


def pages(number: int, prefix: str, seed: int) -> list[Page]:
    chance = random.Random(seed)
    return [
        Page(
            f"{prefix}{i}",
            chance.choice(["en", "zh"]),
            f"{prefix}{chance.randrange(30)}.org",
            chance.randrange(38, 42),
            chance.choice(["a.warc", "b.warc", "c.warc"]),
            chance.choice(["/a", "/a/9", "/9/9/a-.html"]),
        )
        for i in range(number)
    ]


def test_counterparts_are_alike_used_once_and_of_no_cited_host() -> None:
    cited, others = pages(120, "c", 1), pages(400, "o", 2) + pages(50, "c", 3)
    pairs = match(cited, others, 0)
    assert len({pair.cited for pair in pairs}) == len({pair.other for pair in pairs}) == len(pairs) >= 115
    hosts = {page.host for page in cited}
    for pair in pairs:
        one, other = cited[pair.cited], others[pair.other]
        assert (one.language, one.length_bin) == (other.language, other.length_bin)
        assert other.host not in hosts
        shared = ("file+" * (one.source == other.source) + "template" * (one.family == other.family)).strip("+")
        assert pair.alike == (shared or "length")
    kinds = [pair.alike for pair in pairs]
    assert kinds.count("file+template") > len(pairs) * 0.8


def test_the_order_of_rows_is_nothing_and_the_seed_is_something() -> None:
    cited, others = pages(50, "c", 1), pages(200, "o", 2)
    names = {(cited[p.cited].record_id, others[p.other].record_id) for p in match(cited, others, 0)}
    back_cited, back_others = cited[::-1], others[::-1]
    found = match(back_cited, back_others, 0)
    assert names == {(back_cited[p.cited].record_id, back_others[p.other].record_id) for p in found}
    assert names != {(cited[p.cited].record_id, others[p.other].record_id) for p in match(cited, others, 1)}


def test_a_better_likeness_goes_before_a_lesser_one_of_whoever_comes_first() -> None:
    one = Page("1", "en", "a.org", 40, "x", "/a")
    two = one._replace(record_id="2", source="y", family="/9")
    only = Page("3", "en", "b.org", 40, "y", "/9")
    (pair,) = match([one, two], [only], 0)
    assert (pair.cited, pair.alike) == (1, "file+template")
    assert match([one], [only._replace(length_bin=41)], 0) == []
    near, far = only._replace(source="x"), only._replace(record_id="4", source="z")
    for others in ([near, far], [far, near]):
        (pair,) = match([one], others, 0)
        assert (others[pair.other], pair.alike) == (near, "file")
    assert match([one], [far], 0)[0].alike == "length"


def test_texts_of_one_bin_are_of_like_length() -> None:
    for characters in range(1, 5000):
        ends = [n for n in range(characters, 2 * characters + 2) if length_bin(n) == length_bin(characters)]
        assert ends[-1] / characters < 2**0.25 + 1 / characters
    assert length_bin(0) == length_bin(1) == 0 and length_bin(2**20) == 4 * math.log2(2**20)


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("http://a.org/2020/01/02/first-title-here/", "https://b.org/1999/12/31/another/", False),
        ("http://a.org/2020/01/02/first-title-here/", "https://b.org/1999/12/31/another-one", True),
        ("http://a.org/thread-12-1-1.html", "http://b.org/thread-7-22-1.html", True),
        ("http://a.org/view.php?id=3", "http://b.org/show.php?p=9", True),
        ("http://a.org/view.php?id=3", "http://b.org/show.php?p=9&q=1", False),
        ("http://a.org/", "http://b.org", True),
        ("http://a.org/x.html", "http://a.org/x", False),
        ("http://[broken", "http://[other", True),
    ],
)
def test_families(one: str, other: str, same: bool) -> None:
    assert (family(one) == family(other)) is same


def test_lists_of_hosts(tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("﻿# reliable\nwww.a.org  # daily\nhttps://b.org/about\n\n县志.cn\n", encoding="utf-8")
    found = read_hosts(str(path))
    assert found == {"a.org", "b.org", host("http://县志.cn")}
    assert listed("news.a.org", found) and listed("a.org", found)
    assert not listed("aa.org", found) and not listed("org", found)
    path.write_text("a.org\nno host\n")
    with pytest.raises(HostListError, match="line 2: 'no host' names no host"):
        read_hosts(str(path))
    path.write_bytes("赌场.com".encode("gb18030"))
    with pytest.raises(HostListError, match="no UTF-8"):
        read_hosts(str(path))
