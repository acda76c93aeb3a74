"""Scores on fates written by hand."""

import pytest

from skypile.run_folder.ledger import Verdict
from skypile.sample import KINDS
from skypile.sample.score import match, tabulate


def truth(kind, url, offset=0, **other):
    base = {"kind": kind, "url": url, "file": "a.warc.gz", "offset": offset}
    return base | {"group": None, "near": None, "sentence": None, "absent": None} | other


def fate(url, verdict, reason=None, stage="dedup"):
    return Verdict(f"id of {url}", url, stage, verdict, reason, None, None, {})


def scores(truths, fates, texts=None):
    return {row.kind: row for row in tabulate(truths, match(truths, fates), texts or {})}


@pytest.mark.parametrize(
    ("verdict", "reason", "found"),
    [("dropped", "not_html", 1), ("dropped", "http_status", 0), ("kept", None, 0), ("failed", "not_html", 0)],
)
def test_a_truth_is_found_by_an_expected_verdict_for_an_expected_reason(verdict, reason, found):
    row = scores([truth("non_html", "http://a/")], [fate("http://a/", verdict, reason)])["non_html"]
    assert (row.planted, row.found, len(row.missed)) == (1, found, 1 - found)


def test_a_record_without_url_is_found_by_its_place_and_a_lost_one_is_missed():
    truths = [truth("broken_gzip", "http://a/", 700), truth("broken_gzip", "http://b/", 900)]
    row = scores(truths, [fate("crawl/a.warc.gz#700", "failed", "bad_compression")])["broken_gzip"]
    assert (row.planted, row.found) == (2, 1)
    assert row.missed == ["http://b/: no record of it"]


def test_the_url_counts_more_than_the_place():
    truths = [truth("broken_gzip", "http://a/", 700)]
    by_url, by_place = fate("http://a/", "failed", "truncated"), fate("a.warc.gz#700", "failed", "bad_compression")
    for fates in ([by_url, by_place], [by_place, by_url]):
        assert match(truths, fates) == [by_url]


@pytest.mark.parametrize(
    ("original", "copy", "found"),
    [
        (("kept", None), ("dropped", "near_duplicate"), (1, 1)),
        (("dropped", "duplicate_text"), ("kept", None), (1, 1)),
        (("kept", None), ("kept", None), (1, 0)),
        (("dropped", "near_duplicate"), ("dropped", "near_duplicate"), (0, 0)),
        (("kept", None), ("dropped", "language"), (1, 0)),
    ],
)
def test_of_a_text_and_its_copy_one_is_kept(original, copy, found):
    truths = [
        truth("cited", "http://a/", group="g"),
        truth("near_duplicate_of", "http://b/", 1, group="g", near="http://a/"),
    ]
    table = scores(truths, [fate("http://a/", *original), fate("http://b/", *copy)])
    assert (table["cited"].found, table["near_duplicate_of"].found) == found


def test_a_template_may_keep_a_few_pages_but_no_more():
    most = KINDS["template"].keeps[1]
    truths = [truth("template", f"http://t/{i}", i, group="t") for i in range(most + 5)]
    row = scores(truths, [fate(t["url"], "kept") for t in truths])["template"]
    assert (row.found, len(row.missed)) == (most, 5)


def test_a_kept_page_must_hold_its_sentence_whatever_its_white_space():
    truths = [truth("gbk_page", f"http://{c}/", i, sentence="灯塔 1931年") for i, c in enumerate("ab")]
    fates = [fate(t["url"], "kept") for t in truths]
    texts = {"id of http://a/": "东屿\n灯塔1931 年", "id of http://b/": "ζΖ1931年"}
    assert scores(truths, fates, texts)["gbk_page"].found == 1


def test_a_cut_notice_must_be_gone_from_all_pages_but_one():
    truths = [truth("boilerplate_notice", f"http://{c}/", i, absent="Write to us") for i, c in enumerate("abcd")]
    fates = [fate(t["url"], "kept") for t in truths]
    texts = {f"id of http://{c}/": f"Text {c}.\n\nWrite to us" for c in "bcd"} | {"id of http://a/": "A tea garden."}
    assert scores(truths, fates, texts)["boilerplate_notice"].found == 2
