"""What comes back and what goes, on run folders written by hand."""

import json
import random
from pathlib import Path

import pytest

from skypile.config import Config, ConfigError, dumps
from skypile.errors import Refused
from skypile.proxy.corpora import Document, documents
from skypile.proxy.treatments import Treatment, against, changed, every, shares, until, without
from tests.report.run_folder import MEASURED, record, write_run

TEXT = """
    the old mill by the river was closed for most of the winter and people of the village walked to next town for
    their flour in spring when water was high again miller came back with his two sons set great wheel in motion
    """
WORDS = TEXT.split()
FOOTER = "This notice stands at the foot of every page of the site."


def prose(number: int) -> str:
    """Eight sentences that no other number has."""
    drawn = random.Random(number)
    sentences = [" ".join(drawn.choices(WORDS, k=12)).capitalize() + "." for _ in range(8)]
    return f"{' '.join(sentences)}\n\n{FOOTER}"


def rules(**values: float) -> str:
    return json.dumps(MEASURED | values)


def rows() -> list[dict]:
    """Ten pages kept whole, one kept with a cut, and what each stage dropped."""
    kept = [record(n, text=prose(n), language="en") for n in range(10)]
    text = prose(10)
    cut = {"start": text.index("\n\n" + FOOTER), "end": len(text), "pages": 12, "host_pages": 12, "text": FOOTER}
    spans = json.dumps({"cut_characters": cut["end"] - cut["start"], "cut": [cut]})
    survivor = json.dumps({"survivor": f"{3:032x}", "jaccard": 0.9})
    return [
        *kept,
        record(10, text=text, text_since_dedup=text[: cut["start"]], language="en", cut_in="dedup", evidence=spans),
        record(11, "dedup", reason="near_duplicate", text=prose(3)[:-6], language="en", evidence=survivor),
        record(12, "dedup", reason="duplicate_url", text="Too short to be kept.", language="en", evidence=survivor),
        record(13, "dedup", reason="boilerplate", text=prose(13), language="en", evidence=spans),
        record(14, "quality_filter", reason="symbols", language="en", rules=rules(symbol_share=0.3)),
        record(15, "quality_filter", reason="symbols", language="en", rules=rules(symbol_share=0.3, top_ngram=0.9)),
        record(16, "quality_filter", reason="repeated_ngrams", language="en", rules=rules(repeated_ngrams=0.3)),
        record(17, "quality_filter", reason="low_citation_score", language="en", citation_score=0.1),
        record(18, "quality_filter", reason="language", language="ja", language_score=0.9),
        record(19, "distribution_filter", reason="dense_cluster", text=prose(19), language="en"),
        record(20, "distribution_filter", reason="dense_cluster", text=prose(4), language="en"),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("run"), rows())


def made(folder: Path, records: list[dict], config: Config | None = None) -> str:
    write_run(folder, records)
    (folder / "config.toml").write_text(dumps(config or Config()), encoding="utf-8")
    return str(folder)


def difference(run: str, treatment: Treatment) -> tuple[set[int], set[int], list[Document]]:
    """Numbers of the records only before, only after, and the documents that have two texts."""
    found = list(documents(run, treatment, []))
    assert {d.record_id for d in found if d.before is not None} == {f"{n:032x}" for n in range(11)}
    gone = {int(d.record_id, 16) for d in found if d.after is None}
    come = {int(d.record_id, 16) for d in found if d.before is None}
    return gone, come, [d for d in found if d.before and d.after and d.before != d.after]


def test_without_the_quality_filter_all_that_dedup_kept_is_in(run: str):
    assert difference(run, without(run, "quality_filter")) == (set(), {14, 15, 16, 17, 18}, [])


@pytest.mark.parametrize(
    ("reason", "come"),
    [("symbols", {14}), ("repeated_ngrams", {16}), ("low_citation_score", {17}), ("language", {18})],
)
def test_without_a_reason_the_other_rules_still_judge(run: str, reason: str, come: set[int]):
    """15 has too many symbols, and repeats itself too."""
    assert difference(run, without(run, f"quality_filter:{reason}")) == (set(), come, [])


def test_a_setting_is_moved_either_way(run: str):
    assert difference(run, changed(run, "quality_filter.min_bin=0"))[:2] == (set(), {17})
    assert difference(run, changed(run, "quality_filter.rules.max_repeated_ngrams = 0.35"))[:2] == (set(), {16})
    assert difference(run, changed(run, 'quality_filter.languages=["zh"]'))[0] == set(range(11))


def test_documents_are_drawn_by_keep_weights(tmp_path: Path):
    """What occurs twice is never rejected and weighs more; a second drawing is a document beside the first."""
    often = [record(n, text=prose(n), language="en", near_copies=2) for n in range(100)]
    once = [record(n, text=prose(n), language="en", near_copies=1) for n in range(100, 200)]
    bad = [record(n, "quality_filter", reason="symbols", language="en", near_copies=1) for n in range(200, 300)]
    run = made(tmp_path / "run", [*often, *once, *bad])
    found = list(documents(run, changed(run, "recurrence.strength=1"), []))
    twice = [d for d in found if "#" in d.record_id]
    assert {d.record_id for d in found if d.before} == {f"{n:032x}" for n in range(200)}
    assert all(d.after for d in found) and 80 < len(twice) <= 100  # half of what occurs once is kept
    assert all(d.before is None and d.record_id == f"{d.unit}#1" and int(d.unit, 16) < 100 for d in twice)
    assert not [d for d in documents(run, changed(run, "recurrence.strength=0"), []) if d.before != d.after]


def test_without_dedup_duplicates_come_back_beside_their_originals_and_are_judged(run: str):
    gone, come, changed_texts = difference(run, without(run, "dedup"))
    assert (gone, come) == (set(), {11, 13})  # 12 is too short for the quality filter
    units = {int(d.record_id, 16): int(d.unit, 16) for d in documents(run, without(run, "dedup"), [])}
    assert units[11] == 3 and units[13] == 13
    (cut,) = changed_texts
    assert cut.after == prose(10) and cut.before == prose(10).split("\n\n")[0]
    notes: list[str] = []
    list(documents(run, without(run, "dedup"), notes))
    assert notes == ["the quality filter judged 4 documents anew that come back or have other text"]


def test_without_a_reason_of_dedup(run: str):
    assert difference(run, without(run, "dedup:near_duplicate")) == (set(), {11}, [])
    gone, come, changed_texts = difference(run, without(run, "dedup:boilerplate"))
    assert (gone, come, len(changed_texts)) == (set(), {13}, 1)
    assert difference(run, without(run, "dedup:duplicate_url"))[:2] == (set(), set())


def test_without_the_distribution_filter_dedup_judges_what_comes_back(run: str):
    """20 says what 4 says: one of the two goes, and which one is dedup's rule."""
    assert difference(run, without(run, "distribution_filter")) == (set(), {19}, [])


def test_what_recurring_blocks_cut_comes_back_with_their_reason_alone(tmp_path: Path):
    text, filtered = prose(30), "distribution_filter"
    left = text[: text.index("\n\n" + FOOTER)]
    cut = {"start": len(left), "end": len(text), "pages": 40, "host_pages": 0, "hosts": 40, "text": FOOTER}
    evidence = json.dumps({"cut_characters": len(text) - len(left), "cut": [cut]})
    cut_page = record(30, text=text, text_since_dedup=left, language="en", cut_in=filtered, evidence=evidence)
    gone = [
        record(31, filtered, reason="recurring_blocks", text=prose(31), language="en"),
        record(32, filtered, reason="dense_cluster", text=prose(32), language="en"),
    ]
    run = made(tmp_path / "run", [*(record(n, text=prose(n), language="en") for n in range(9)), cut_page, *gone])
    texts = {
        reason: {int(d.record_id, 16): (d.before, d.after) for d in documents(run, without(run, filtered + reason), [])}
        for reason in ("", ":recurring_blocks", ":dense_cluster")
    }
    assert texts[""][30] == texts[":recurring_blocks"][30] == (left, text)
    assert texts[":dense_cluster"][30] == (left, left)
    assert [sorted(found.keys() - {*range(9), 30}) for found in texts.values()] == [[31, 32], [31], [32]]
    whole = {int(d.record_id, 16): (d.before, d.after) for d in documents(run, until(run, "extraction"), [])}
    assert whole[30] == (left, text)


def test_what_a_stage_left_is_all_of_it_as_it_left_it(run: str):
    gone, come, changed_texts = difference(run, until(run, "extraction"))
    assert (gone, come) == (set(), set(range(11, 21)))
    (cut,) = changed_texts
    assert cut.after == prose(10) and cut.before == prose(10).split("\n\n")[0]
    assert difference(run, until(run, "distribution_filter"))[:2] == (set(), set(range(11, 19)))
    assert difference(run, until(run, "dedup")) == (set(), {14, 15, 16, 17, 18}, [])
    units = {int(d.record_id, 16): int(d.unit, 16) for d in documents(run, until(run, "extraction"), [])}
    assert (units[11], units[12], units[13], units[19]) == (3, 3, 13, 19)
    for given in ("quality_filter", "shards", "dedupe"):
        with pytest.raises(Refused, match="there are extraction, distribution_filter, dedup"):
            until(run, given)


def test_duplicates_of_two_runs_are_beside_their_originals_whoever_survived(run: str, tmp_path: Path):
    """The other run keeps 11 and drops 3 and 6 for it, where this one kept 3 and 6, and dropped 11 for 3."""
    survivor = json.dumps({"survivor": f"{11:032x}", "jaccard": 0.9})
    others = [
        record(n, "dedup", reason="near_duplicate", text=prose(n), language="en", evidence=survivor)
        if n in (3, 6)
        else record(n, text=prose(n), language="en")
        for n in range(12)
    ]
    units: dict[str, set[int]] = {}
    for document in documents(run, against(run, made(tmp_path, others)), []):
        units.setdefault(document.unit, set()).add(int(document.record_id, 16))
    assert sorted(units.values(), key=min) == [{0}, {1}, {2}, {3, 6, 11}, {4}, {5}, {7}, {8}, {9}, {10}]


def test_another_run(run: str, tmp_path: Path):
    others = [row for row in rows() if int(row["record_id"], 16) not in (0, 19, 20)]
    others[0] = record(1, text=prose(1) + " More.", language="en")
    others.append(record(40, text=prose(40), language="en"))
    other = made(tmp_path, others)
    found = list(documents(run, against(run, other), []))
    assert {int(d.record_id, 16) for d in found if d.after is None} == {0, 1}
    came = {int(d.record_id, 16): d.after for d in found if d.before is None}
    assert came == {1: prose(1) + " More.", 40: prose(40)}
    notes: list[str] = []
    stranger = made(tmp_path / "stranger", [record(90, text=prose(90), language="en")])
    list(documents(run, against(run, stranger), notes))
    assert "share no record id" in notes[0]


def test_all_are_the_stages_and_the_reasons_that_dropped_something(run: str):
    names = [treatment.name.removeprefix("without ") for treatment in every(run)]
    assert names[:3] == ["distribution_filter", "distribution_filter:dense_cluster", "dedup"]
    assert "quality_filter:symbols" in names and "quality_filter:long_words" not in names
    assert not any(name.startswith(("extraction", "shards")) for name in names)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("extraction", "there are distribution_filter, dedup, quality_filter"),
        ("dedupe", "there are distribution_filter, dedup, quality_filter"),
        ("quality_filter:repeated_ngram", "it dropped for language, low_citation_score, repeated_ngrams, symbols"),
        ("dedup:", "it dropped for boilerplate, duplicate_url, near_duplicate"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(run: str, given: str, told: str):
    with pytest.raises(Refused, match=told):
        without(run, given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("dedup.jaccard_threshold=0.9", "--against"),
        ("quality_filter.min_words=20", r"quality_filter\.rules\.min_words"),
        ("quality_filter.min_bin", r"quality_filter\.min_bin=2"),
    ],
)
def test_settings_that_no_stored_score_decides_are_refused(run: str, given: str, told: str):
    with pytest.raises(Refused, match=told):
        changed(run, given)


def test_a_value_is_held_against_the_settings_own_rule(run: str):
    with pytest.raises(ConfigError, match="min_bin"):
        changed(run, "quality_filter.min_bin=many")
    with pytest.raises(ConfigError, match="max_repeated_ngrams"):
        changed(run, "quality_filter.rules.max_repeated_ngrams=1.5")


def test_a_run_that_is_not_at_its_end_is_refused(tmp_path: Path):
    write_run(tmp_path, rows(), ("extraction", "distribution_filter", "dedup"))
    with pytest.raises(Refused, match="it ends with dedup"):
        without(str(tmp_path), "dedup")
    with pytest.raises(FileNotFoundError):
        against(str(tmp_path / "none"), str(tmp_path))


def test_shares_are_the_best_of_each_language_against_all_that_rules_let_through(tmp_path: Path):
    pages = [
        record(n, text=prose(n), language="en" if n < 40 else "zh", rules=rules(words=60.0 + 5 * n)) for n in range(60)
    ]
    pages.append(record(60, "quality_filter", reason="symbols", language="en", rules=rules(symbol_share=0.3)))
    place = made(tmp_path, pages)
    found = shares(place, "50,10")
    assert [treatment.name for treatment in found] == ["10 % kept", "50 % kept"]
    for treatment, share in zip(found, (0.1, 0.5), strict=True):
        texts = list(documents(place, treatment, []))
        assert len(texts) == 60 and all(document.before is not None for document in texts)
        after = {int(document.record_id, 16) for document in texts if document.after is not None}
        assert after == set(range(round(40 - 40 * share), 40)) | set(range(round(60 - 20 * share), 60))
    for given in ("5", "5,100", "0,5", "5;10", "5,x"):
        with pytest.raises(Refused, match="two or more whole per cents"):
            shares(place, given)
