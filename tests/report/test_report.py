"""What the report says, and that nothing a page says acts in it."""

import html.parser
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from skypile.report import write_report
from skypile.report.bounded import MOST, forget
from skypile.report.collect import collect
from skypile.report.compare import mark
from skypile.report.formats import clean, is_link, percent
from skypile.report.samples import KEPT_SAMPLES, SAMPLES
from skypile.run_folder import takedowns
from skypile.schema import KEPT
from tests.report.run_folder import record, records, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("report") / "a <b>run</b>", records())


@pytest.fixture(scope="module")
def page(run):
    with open(write_report(str(run)), encoding="utf-8") as file:  # noqa: PTH123 (what is written is a path or URI)
        return file.read()


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_that_was_taken_down_is_not_quoted(tmp_path):
    """Whether the shards had it or an earlier stage had dropped it: its folder still has the text."""
    asked = {
        "zibeline": record(90, text="Only this page knows the zibeline."),
        "quagga": record(91, "quality_filter", reason="few_letters", text="Only that page knows the quagga."),
        "boilerplate": record(92, "dedup", reason="boilerplate", text="x" * 300, cut_paragraphs=1)
        | {"evidence": json.dumps({"cut": [{"text": "Ask the okapi.", "pages": 3}]})},
    }
    run = write_run(tmp_path / "run", list(asked.values()))
    told = Path(write_report(str(run))).read_text()
    assert all(word in told for word in ("zibeline", "quagga", "okapi"))
    keys = [asked["zibeline"]["record_id"], *(asked[name]["url"] for name in ("quagga", "boilerplate"))]
    takedowns.add(str(run), [takedowns.Takedown(key, "", "2026-11-27") for key in keys])
    told = Path(write_report(str(run))).read_text()
    assert not [word for word in ("zibeline", "quagga", "okapi") if word in told]
    assert all(row["url"] in told for row in asked.values())


def test_the_page_goes_beside_the_stages(run, page):
    assert (run / "report.html").read_text(encoding="utf-8") == page


def test_no_markup_of_a_page_becomes_markup_of_the_report(page):
    parsed = Page(page)
    assert not {tag for tag, _ in parsed.tags} & {
        "script",
        "img",
        "iframe",
        "object",
        "form",
        "link",
        "base",
    }
    attributes = {name for _, attrs in parsed.tags for name in attrs}
    assert not {name for name in attrs_that_act(attributes)}
    shown = "".join(parsed.text)
    assert shown.count("<script>document.title='owned'</script>") >= 6  # titles, texts, evidence, notes, config
    assert "{{ 7 * 7 }}" in shown
    assert "\u202e" not in page and "\x07" not in page


def attrs_that_act(names):
    return [
        name for name in names if name.startswith("on") or name in ("src", "srcset", "srcdoc", "action", "formaction")
    ]


def test_only_web_addresses_become_links_and_tell_the_site_nothing(page):
    links = [attrs for tag, attrs in Page(page).tags if tag == "a" and not attrs["href"].startswith("#")]
    assert len(links) > 15
    for link in links:
        assert re.match(r"https?://[^\s\"']+$", link["href"])
        assert set(link["rel"].split()) >= {"noopener", "noreferrer"}
    assert not [link for link in links if "onmouseover" in link["href"]]


def test_every_anchor_of_the_funnel_exists(page):
    tags = Page(page).tags
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    assert {attrs["href"][1:] for tag, attrs in tags if tag == "a" and attrs["href"].startswith("#")} <= ids


def test_counts_are_those_of_the_records(run):
    facts = collect(str(run))
    rows = records()
    tally = facts.tally
    assert [m["read"] for m in facts.manifests] == [42, 31, 30, 28, 26]
    for language in ("en", "zh", "xx"):
        mine = [r for r in rows if r["language"] == language]
        kept = [r for r in mine if r["verdict"] == KEPT]
        expected = [len(kept), len(mine) - len(kept), sum(r["characters"] for r in kept)]
        assert tally.languages[language] == expected, language
    hosts = {r["host"] for r in rows}
    assert {h: sum(pair) for h, pair in tally.hosts.items()} == {h: sum(r["host"] == h for r in rows) for h in hosts}
    assert tally.charsets["gb18030", "meta"] == [1, 0, 1]
    stayed = sum(r["verdict"] == KEPT for r in rows)
    assert tally.sources == {"a.warc.gz": [stayed, len(rows) - stayed]}
    assert tally.dates == ("2024-03-01", "2024-03-28")
    assert tally.lengths.counts.sum(axis=1).tolist() == [stayed, len(rows) - stayed - 1]  # all but the one without text
    long = tally.lengths.axis.bin_of(np.array([5000.0]))[0]
    assert tally.lengths.counts[:, long].tolist() == [1, 0]
    assert tally.lengths.axis.edges[long] <= 5000 < tally.lengths.axis.edges[long + 1]
    twin = tally.ranges["dedup", "near_duplicate"]
    assert (twin.count, twin.least, twin.most) == (1, 0.91, 0.91)
    assert (twin.least_bound, twin.most_bound) == (0.8, 0.8)


def test_the_title_says_when_and_of_what(page):
    text = re.sub(r"\s+", " ", "".join(Page(page).text))
    assert "Finished 2026-11-26, 20:24 UTC · 42 records from 1 file, 38.5 MB: a.warc.gz" in text
    assert "captured 2024-03-01 to 2024-03-28" in text


def test_what_was_cut_is_told_in_words(page):
    text = re.sub(r"\s+", " ", "".join(Page(page).text))
    assert "From 2 pages 8 paragraphs with 340 characters were cut" in text
    assert "1 of these pages were dropped" in text
    assert "Menu on 12 pages" in text and "on 1,234 pages" in text
    assert "'pages':" not in text and '"pages":' not in text and "'text':" not in text


def test_samples_are_few_and_carry_their_evidence(run):
    samples = collect(str(run)).samples
    short = [s for s in samples if s.reason == "too_short"]
    assert len(short) == SAMPLES and all(s.text == "short" for s in short)
    assert len([s for s in samples if s.verdict == KEPT and s.language == "en"]) == KEPT_SAMPLES
    twin = next(s for s in samples if s.reason == "near_duplicate")
    assert (twin.other_url, twin.other_role) == ("https://site3.example/24", "kept instead")
    assert twin.other_text == "The common start. The kept middle. The common end."  # before its boilerplate was cut
    assert next(s for s in samples if s.reason == "dense_cluster").evidence == {"evidence": "no JSON"}


def test_the_same_run_gives_the_same_page_however_its_rows_are_laid_out(run, page, tmp_path):
    shuffled = records()
    random.Random(1).shuffle(shuffled)
    other = write_run(tmp_path / run.name, shuffled)
    assert (other / "report.html").exists() is False
    with open(write_report(str(other)), encoding="utf-8") as file:  # noqa: PTH123
        assert file.read() == page


def test_an_unfinished_run_is_reported_as_such(tmp_path):
    run = write_run(tmp_path / "half", records(), stages=("extraction", "distribution_filter"))
    (run / "02_distribution_filter/manifest.json").rename(run / "02_distribution_filter/plan.json")
    text = "".join(Page((run.parent / write_report(str(run))).read_text(encoding="utf-8")).text)
    assert "1 of 5 stages are whole, distribution_filter is under way" in re.sub(r"\s+", " ", text)


def test_an_empty_folder_has_no_report(tmp_path):
    with pytest.raises(FileNotFoundError, match="skypile run"):
        write_report(str(tmp_path))


def test_names_beyond_the_limit_are_forgotten_smallest_first():
    hosts = {f"h{number}": [number, 0] for number in range(MOST + 1)}
    assert forget(hosts)
    assert len(hosts) == MOST // 2 and min(pair[0] for pair in hosts.values()) == MOST // 2 + 1
    assert not forget(hosts)


@pytest.mark.parametrize(
    ("ours", "theirs", "pieces"),
    [
        ("A. B.", "A. B.", [("same", "A. B.")]),
        ("A. B.", "C.", [("only", "A. B.")]),
        ("甲。乙。丙。", "甲。丁。丙。", [("same", "甲。"), ("only", "乙。"), ("same", "丙。")]),
        ("A. B. C. D.", "A. B. C. E.", [("gap", "…"), ("same", "C. "), ("only", "D.")]),
        ("", "A.", []),
    ],
)
def test_marks_tell_what_only_one_text_says(ours, theirs, pieces):
    assert mark(ours, theirs) == pieces


def test_marks_stay_within_their_limit():
    text = "".join(f"Sentence {n}. " for n in range(5000))
    assert sum(len(piece) for _, piece in mark(text, "nothing", limit=500)) < 520


def test_marks_take_time_in_proportion_to_the_text():
    assert mark("." * 200_000, "!" * 200_000)
    assert mark("a" * 2_000_000, "b" * 2_000_000)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        " http://a/",
        "http://a/\nb",
        "//a/",
        "http:\\a",
        "",
    ],
)
def test_other_addresses_are_no_links(url):
    assert not is_link(url)


def test_unseen_characters_are_shown():
    assert clean("a\x00\u202e\u2067b", 0) == r"a\u0000\u202e\u2067b"
    assert clean("abcdef", 3) == "abc …"


def test_shares_never_look_like_nothing():
    assert [percent(1, 3), percent(1, 40_000), percent(0, 3), percent(0, 0)] == ["33.3 %", "< 0.1 %", "0.0 %", "–"]


def test_stages_that_are_out_of_date_are_named_and_not_shown(tmp_path):
    """The one that was made from what is no longer there, and those that follow it."""
    run = write_run(tmp_path / "run", records())
    path = run / "03_dedup" / "manifest.json"
    old = json.loads(path.read_text(encoding="utf-8")) | {"inputs": {"what distribution_filter kept": "older"}}
    path.write_text(json.dumps(old), encoding="utf-8")
    facts = collect(str(run))
    assert [manifest["stage"] for manifest in facts.manifests] == ["extraction", "distribution_filter"]
    assert facts.outdated == ["dedup", "quality_filter", "shards"]
    with open(write_report(str(run)), encoding="utf-8") as file:  # noqa: PTH123
        said = file.read()
    assert "Deduplication</b> <bdi>not shown, out of date" in said and "2 of 5 stages are whole" in said
