"""The sample holds what its truths say: checked with other readers than the pipeline's, and by brute force."""

import bz2
import itertools
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from skypile.sample import KINDS, prose, write_sample
from skypile.sample.planting import CITED_KINDS, plant
from skypile.sample.traditional import to_traditional
from skypile.schema import REASONS


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def truths(sample):
    return [json.loads(line) for line in Path(sample["truths"]).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def planted():
    return plant(Random("skypile sample 0"))


def body_of(crawl: str, truth: dict) -> bytes:
    with (Path(crawl) / truth["file"]).open("rb") as stream:
        stream.seek(truth["offset"])
        record = next(iter(ArchiveIterator(stream, parse_http=True)))
        return record.reader.read()


def shingles(article) -> frozenset:
    """Word 5-grams, or character 5-grams of the ideographs: written out, unlike the pipeline's."""
    text = unicodedata.normalize("NFKC", article.text).lower()
    units = re.findall(r"[一-鿿]", text) if article.language != "en" else re.findall(r"\w+", text)
    return frozenset(tuple(units[i : i + 5]) for i in range(len(units) - 4))


def jaccard(a: frozenset, b: frozenset) -> float:
    return len(a & b) / len(a | b)


def test_every_kind_is_planted_and_every_reason_is_known(truths):
    assert set(KINDS) == {truth["kind"] for truth in truths}
    assert {reason for kind in KINDS.values() for reason in kind.reasons} <= set(REASONS)
    assert not {truth["file"] for truth in truths if truth["url"] == ""} - {"export.jsonl"}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_texts(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_sample(tmp_path / name, seed=seed)
    files = {
        name: {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in "abc"
    }
    assert files["a"] == files["b"]
    assert all(files["a"][name] != files["c"][name] for name in files["a"])


def test_distinct_articles_are_no_near_duplicates(planted):
    """All pairs: only a copy, a template page, spam or a shared half may resemble another page."""
    alike = {"template", "spam"}
    pages = [p for p in planted if p.article and p.near is None and p.kind not in alike]
    pages = [p for p in pages if p.article.language in ("en", "zh")]
    assert len(pages) > 400
    for language in ("en", "zh"):
        sets = [(p.url, shingles(p.article)) for p in pages if p.article.language == language]
        worst = max((jaccard(a, b), u, v) for (u, a), (v, b) in itertools.combinations(sets, 2))
        assert worst[0] < 0.5, worst


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("exact_duplicate_of", 1.0, 1.0),
        ("duplicate_url", 1.0, 1.0),
        ("near_duplicate_of", 0.83, 0.999),
        ("excerpt_of", 0.55, 0.95),
        ("revised_article", 0.2, 0.6),
    ],
)
def test_copies_resemble_their_original_as_much_as_they_should(planted, kind, least, most):
    original = {p.url: p for p in planted if p.near is None}
    copies = [p for p in planted if p.kind == kind]
    assert len(copies) >= 6
    for copy in copies:
        ours, theirs = shingles(copy.article), shingles(original[copy.near].article)
        assert least <= jaccard(ours, theirs) <= most, copy.url
        if kind == "excerpt_of":
            assert len(ours & theirs) / len(ours) > 0.99
        if kind == "revised_article":
            assert len(ours & theirs) / min(len(ours), len(theirs)) < 0.8


def test_paragraphs_recur_only_where_planted(planted):
    """Else the cut of recurring paragraphs would take text from good articles."""
    singles = [p.article for p in planted if p.article and p.near is None and p.kind not in ("spam", "template")]
    counts = Counter(paragraph for article in singles for paragraph in article.paragraphs)
    twice = {paragraph for paragraph, n in counts.items() if n > 2 and len(paragraph) > 50}
    assert len(twice) == 2 and all(counts[p] == 12 for p in twice)  # the notices


def test_sound_records_are_readable_at_their_offsets(sample, truths):
    """By fastwarc, from the offset alone."""
    sound = [t for t in truths if t["file"].endswith("warc.gz") and "failed" not in t["verdicts"]]
    assert len(sound) > 850
    for truth in sound:
        with (Path(sample["crawl"]) / truth["file"]).open("rb") as stream:
            stream.seek(truth["offset"])
            record = next(iter(ArchiveIterator(stream, record_types=WarcRecordType.any_type)))
            assert record.headers["WARC-Target-URI"] == truth["url"]


def test_damage_costs_fastwarc_records_too(sample, truths):
    """What is planted as damage is damage: another reader does not get the page either."""
    for truth in truths:
        if truth["kind"] not in ("broken_gzip", "truncated"):
            continue
        with (Path(sample["crawl"]) / truth["file"]).open("rb") as stream:
            stream.seek(truth["offset"])
            whole = []
            try:
                for record in ArchiveIterator(stream, parse_http=False):
                    if len(record.reader.read()) == record.content_length:
                        whole.append(record.headers["WARC-Target-URI"])
            except Exception:  # a reader may also raise on it
                pass
            assert truth["url"] not in whole


@pytest.mark.parametrize(
    ("kind", "charset", "foreign"),
    [
        ("gbk_page", "gbk", ("utf-8", "ascii")),
        ("gb18030_page", "gb18030", ("gbk", "utf-8")),
        ("big5_page", "big5hkscs", ("utf-8", "gbk")),
        ("wrong_header_charset", "gbk", ("utf-8",)),
        ("windows_page", "cp1252", ("utf-8", "ascii")),
        ("utf16_page", "utf-16", ("utf-8", "gbk")),
    ],
)
def test_charset_pages_are_in_that_charset_and_in_no_other(sample, truths, kind, charset, foreign):
    chosen = [t for t in truths if t["kind"] == kind and "warc" in t["file"]]
    assert chosen
    for truth in chosen:
        body = body_of(sample["crawl"], truth)
        assert re.sub(r"\s", "", truth["sentence"]) in re.sub(r"\s", "", body.decode(charset))
        for other in foreign:
            try:
                misread = body.decode(other)
            except UnicodeDecodeError:
                continue
            assert truth["sentence"] not in misread


def test_wikipedia_cites_every_cited_page_and_no_other(sample, truths):
    text = bz2.decompress(Path(sample["wikipedia"]).read_bytes()).decode()
    root = ElementTree.fromstring(text)
    space = "{http://www.mediawiki.org/xml/export-0.11/}"
    articles = [p for p in root.iter(f"{space}page") if p.findtext(f"{space}ns") == "0"]
    wikitext = "\n".join(p.findtext(f"{space}revision/{space}text") or "" for p in articles)
    refs = " ".join(re.findall(r"<ref.*?</ref>", wikitext, re.S))
    for truth in truths:
        if truth["url"]:
            assert (truth["url"] in refs) == (truth["kind"] in CITED_KINDS), truth["url"]


def test_expand_takes_choices_numbers_and_words():
    template = "{a|b} {3-5} {town} {x {1-1}|x {1-1}}"
    texts = {prose.expand(template, {"town": "Wick"}, Random(i)) for i in range(60)}
    assert texts == {f"{letter} {number} Wick x 1" for letter in "ab" for number in (3, 4, 5)}


def test_no_article_shows_the_grammar(planted):
    for page in planted:
        if page.article:
            shown = page.article.title + page.article.text
            assert not re.search(r"[{}|]", shown.replace("|", "", 8) if page.kind == "spam" else shown), shown


def test_traditional_characters_agree_with_opencc(planted):
    """On every article: an independent converter, where installed."""
    opencc = pytest.importorskip("opencc", reason="opencc-python-reimplemented is not installed")
    back = opencc.OpenCC("t2s")
    for page in planted:
        if page.article and page.article.language == "zh" and page.kind != "gb18030_page":
            text = page.article.text
            assert to_traditional(text) != text
            assert back.convert(to_traditional(text)) == text


def test_a_character_with_two_traditional_forms_takes_that_of_its_word():
    shown = to_traditional("公里 村里 计划 划花 游客 上游 一周 面粉 海面 干草 主干 批准 瞄准")
    assert shown == "公里 村裏 計劃 划花 遊客 上游 一周 麵粉 海面 乾草 主幹 批准 瞄準"
