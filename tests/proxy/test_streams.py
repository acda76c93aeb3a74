"""Streams against what each corpus holds, token by token: every document here is one number, said again and again."""

from pathlib import Path

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.proxy.corpora import Document
from skypile.proxy.streams import Stream, common_stream, halves, pair_streams
from skypile.proxy.tokenised import AFTER, BEFORE, BOTH, Tokenised, open_tokenised, tokenise
from skypile.tokens.encoder import Encoder

END = 2
LENGTH = 16


def tokenised(kinds: list[int], tokens: int = 50, units: list[int] | None = None) -> Tokenised:
    """Document i is the id 10 + i, `tokens` - 1 times, and its end."""
    ids = np.concatenate([np.append(np.full(tokens - 1, 10 + i), END) for i in range(len(kinds))]).astype(np.uint16)
    starts = np.arange(len(kinds) + 1) * tokens
    names = np.arange(len(kinds), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    belongs = names if units is None else names[units]
    return Tokenised(ids, starts, np.array(kinds, np.uint8), belongs, names, END)


def held(stream: Stream) -> set[int]:
    """Documents in a stream."""
    found = set(np.concatenate([stream[slot] for slot in range(len(stream))]).tolist())
    return {number - 10 for number in found - {END}}


def differing(before: Stream, after: Stream) -> int:
    return sum(not np.array_equal(before[slot], after[slot]) for slot in range(len(before)))


def test_slots_differ_by_the_share_of_what_comes_and_hold_the_same_elsewhere(tmp_path: Path):
    kinds = [BOTH] * 700 + [AFTER] * 300
    before, after = pair_streams(tokenised(kinds), 0, 0, 1, LENGTH, tmp_path)
    assert len(before) == len(after) == 700 * 50 // LENGTH
    assert differing(before, after) / len(before) == pytest.approx(0.3, abs=0.03)
    assert before.epochs == pytest.approx(1, abs=0.001) and after.epochs == pytest.approx(0.7, abs=0.01)
    came = {number for number in held(after) if number >= 700}
    assert len(came) / len(held(after)) == pytest.approx(0.3, abs=0.03)
    assert not any(number >= 700 for number in held(before))


def test_nothing_stands_twice_in_a_stream(tmp_path: Path):
    kinds = [BOTH] * 300 + [AFTER] * 200 + [BEFORE] * 100
    for stream in pair_streams(tokenised(kinds), 3, 0, 1, LENGTH, tmp_path):
        numbers, counts = np.unique(np.concatenate([stream[slot] for slot in range(len(stream))]), return_counts=True)
        assert counts[numbers != END].max() <= 49
        assert len(np.unique(stream.slots)) == len(stream)


def test_what_comes_faces_what_goes(tmp_path: Path):
    """Of both kinds as much: the slots of the one are those of the other."""
    kinds = [BOTH] * 400 + [BEFORE] * 100 + [AFTER] * 100
    before, after = pair_streams(tokenised(kinds, units=[*range(500), *range(400, 500)]), 1, 0, 1, LENGTH, tmp_path)
    assert len(before) == len(after)
    for slot in range(len(before)):
        left, right = set(before[slot].tolist()) - {END}, set(after[slot].tolist()) - {END}
        # the same document, in its text before (410 to 509) and after (510 to 609); or one of both corpora
        assert left == right or {number + 100 for number in left} == right


def twins(lengths: list[tuple[int, int]]) -> Tokenised:
    """Documents with two texts of these many tokens before and after, their ends among them: all are other ids."""
    sizes = [size for pair in lengths for size in pair]
    numbers = np.arange(sum(sizes), dtype=np.uint32) + 10
    starts = np.concatenate([[0], np.cumsum(sizes)])
    numbers[starts[1:] - 1] = END
    names = np.repeat(np.arange(len(lengths), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15), 2)
    return Tokenised(numbers, starts, np.array([BEFORE, AFTER] * len(lengths), np.uint8), names, names, END)


def facing(found: Tokenised, streams: tuple[Stream, Stream]) -> list[bool]:
    """Of each text before that begins in a slot: whether the same document's text after begins there too."""
    firsts = {int(found.ids[at]): number for number, at in enumerate(found.starts[:-1])}
    left, right = (np.concatenate([stream[slot] for slot in range(len(stream))]).tolist() for stream in streams)
    return [firsts.get(b) == firsts[a] + 1 for a, b in zip(left, right, strict=True) if a in firsts]


def test_two_texts_of_a_document_do_not_drift_apart(tmp_path: Path):
    """Texts after are 5 tokens longer or shorter, as it comes; each begins where the one before does."""
    lengths = [(70 + n % 7, 70 + n % 7 + 5 * (-1) ** (n // 2)) for n in range(300)]
    found = twins(lengths)
    begun = facing(found, pair_streams(found, 3, 0, 1, LENGTH, tmp_path / "ordered"))
    assert len(begun) > 290 and np.mean(begun) > 0.97
    assert np.mean(facing(found, pair_streams(found, 3, 0, 1, LENGTH, tmp_path / "not", ordered=False))) < 0.1


def test_what_the_longer_text_has_beyond_is_kept_and_ends_are_ends(tmp_path: Path):
    found = twins([(160, 400), (400, 160), (320, 320)])
    for stream, kind in zip(pair_streams(found, 0, 0, 1, LENGTH, tmp_path), (BEFORE, AFTER), strict=True):
        both, beginnings, beyond = stream.runs()
        assert (len(both), len(beginnings), len(beyond)) == (0, 160 + 160 + 320, 240)
        assert (beginnings == END).sum() == 3  # one of them in place of a token, with which what is beyond begins
        own = found.ids[np.repeat(found.kind == kind, np.diff(found.starts))]
        held = np.concatenate([beginnings, beyond])
        assert len(held) == len(own) and set(held.tolist()) == set(own.tolist())


def test_pairs_see_other_documents_and_all_are_seen(tmp_path: Path):
    found = tokenised([BOTH] * 500)
    seen = [held(pair_streams(found, 7, number, 4, LENGTH, tmp_path / str(number))[0]) for number in range(4)]
    assert sum(map(len, seen)) == len(set.union(*seen)) > 490
    assert all(100 < len(one) < 150 for one in seen)


def test_duplicates_go_where_their_originals_go(tmp_path: Path):
    units = [*range(200), *range(200)]
    found = tokenised([BOTH] * 200 + [AFTER] * 200, units=units)
    for number in range(4):
        before, after = pair_streams(found, 0, number, 4, LENGTH, tmp_path / str(number))
        copies = {one - 200 for one in held(after) if one >= 200}
        assert copies <= held(before)
        # the stream after is half as many units, each with its copy: not a sample that tears copies from originals
        both = copies & held(after)
        assert len(both) >= len(copies) - 2


def test_a_common_beginning_is_of_both_corpora_alike_and_of_what_no_pair_sees(tmp_path: Path):
    """Documents 0 to 399 are in both, each of the next 400 has a text before and another after."""
    names = [*range(800), *range(400, 800)]
    found = tokenised([BOTH] * 400 + [BEFORE] * 400 + [AFTER] * 400, units=names)
    found = found._replace(records=found.units)
    of_all, of_pairs = halves(found, 3)
    common = common_stream(of_all, 3, LENGTH, tmp_path / "common")
    before, after = pair_streams(of_all, 3, 0, 1, LENGTH, tmp_path / "all")
    chosen = [np.array_equal(common[slot], before[slot]) for slot in range(len(common))]
    other = [np.array_equal(common[slot], after[slot]) for slot in range(len(common))]
    assert len(common) == len(before) and all(map(any, zip(chosen, other, strict=True)))
    differ = [one for one, same in zip(chosen, other, strict=True) if one != same]
    assert len(differ) == pytest.approx(len(common) / 2, rel=0.2) and 0.42 < np.mean(differ) < 0.58
    units = {names[number] for number in held(common)}
    assert len(units) == pytest.approx(400, rel=0.15)
    for coupled in (True, False):
        for stream in pair_streams(of_pairs, 3, 0, 1, LENGTH, tmp_path / f"pair-{coupled}", coupled):
            seen = {names[number] for number in held(stream)}
            assert len(seen) > 300 and not seen & units
    assert common.digest() == common_stream(of_all, 3, LENGTH, tmp_path / "again").digest()


def test_uncoupled_streams_share_neither_documents_nor_slots(tmp_path: Path):
    found = tokenised([BOTH] * 800)
    before, after = pair_streams(found, 0, 0, 4, LENGTH, tmp_path, coupled=False)
    assert len(before) == len(after)
    assert differing(before, after) > 0.9 * len(before)
    assert len(held(before) & held(after)) == pytest.approx(len(held(before)) / 4, abs=25)
    coupled = pair_streams(found, 0, 0, 4, LENGTH, tmp_path / "coupled")
    assert differing(*coupled) == 0


def test_the_order_of_documents_that_come_in_plays_no_part(tmp_path: Path):
    found = tokenised([BOTH, AFTER, BEFORE] * 50)
    turned = np.arange(150)[::-1]
    ids = np.concatenate([found.ids[found.starts[i] : found.starts[i + 1]] for i in turned])
    other = Tokenised(ids, found.starts, found.kind[turned], found.units[turned], found.records[turned], END)
    for one, same in zip(
        pair_streams(found, 5, 1, 2, LENGTH, tmp_path / "a"),
        pair_streams(other, 5, 1, 2, LENGTH, tmp_path / "b"),
        strict=True,
    ):
        assert [one[slot].tolist() for slot in range(len(one))] == [same[slot].tolist() for slot in range(len(same))]
    another = pair_streams(found, 6, 1, 2, LENGTH, tmp_path / "c")[0]
    assert held(another) != held(pair_streams(found, 5, 1, 2, LENGTH, tmp_path / "d")[0])


def test_a_corpus_too_small_for_its_pairs_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="fewer pairs"):
        pair_streams(tokenised([BOTH, AFTER]), 0, 0, 40, LENGTH, tmp_path)


def test_texts_become_tokens_by_the_corpus_that_has_them(tmp_path: Path):
    encoder = Encoder.load()
    documents = [
        Document("a", "a", None, "in both", "in both"),
        Document("b", "b", None, "in one text", "and in another"),
        Document("c", "a", None, None, "came back 回来了"),
    ]
    found = tokenise(iter(documents), encoder, tmp_path)
    texts = encoder.decode_batch(found.ids, found.starts)
    expected = [(BOTH, "in both"), (BEFORE, "in one text"), (AFTER, "and in another"), (AFTER, "came back 回来了")]
    assert list(zip(found.kind.tolist(), texts, strict=True)) == expected
    assert (found.ids[found.starts[1:] - 1] == found.end).all()
    assert found.units[0] == found.units[3] and found.records[1] == found.records[2]
    again = open_tokenised(tmp_path)
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))
    assert found.texts(BOTH, AFTER) == 3 and found.tokens(BOTH, BEFORE, AFTER) == len(found.ids)
    with pytest.raises(Refused, match="nothing to train"):
        tokenise(iter([]), encoder, tmp_path / "none")
