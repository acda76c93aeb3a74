"""Packing against its definition: the stream of documents, cut into equal lengths."""

import numpy as np
import pytest

from skypile.tokens import packing
from skypile.tokens.encoder import Encoder
from skypile.tokens.shuffle import permute, unpermute


def validates(url: str | None, fraction: float, text: str = "", seed: int = 0) -> bool:
    return packing.is_validation(packing.split_key(url, lambda: text), fraction, seed)


def test_end_of_document_follows_every_text():
    tokens = packing.append_end_of_document(np.array([1, 2, 3], np.uint16), np.array([0, 2, 2, 3]), 9)
    assert tokens.tolist() == [1, 2, 9, 9, 3, 9]
    assert tokens.dtype == np.uint16


@pytest.mark.parametrize(
    ("sequence", "lengths"),
    [([5, 6, 9, 7, 9, 8], [3, 2, 1]), ([9, 9], [1, 1]), ([1, 2], [2]), ([1, 9], [2])],
)
def test_document_lengths_and_positions(sequence, lengths):
    assert packing.document_lengths(np.array(sequence), 9).tolist() == lengths
    positions = packing.position_ids(np.array(sequence), 9).tolist()
    assert positions == [i for length in lengths for i in range(length)]


def test_spellings_of_a_host_fall_into_one_split():
    for number in range(200):
        spellings = [f"http://站{number}.example/a", f"https://WWW.站{number}.example.:8080/b"]
        spellings.append(f"http://{f'站{number}.example'.encode('idna').decode()}/c")
        assert len({validates(url, 0.5) for url in spellings}) == 1


def test_validation_takes_whole_hosts_and_grows_with_its_share():
    hosts = [f"site{number}.example" for number in range(4000)]
    small = {h for h in hosts if validates(f"http://{h}/a", 0.05, seed=3)}
    large = {h for h in hosts if validates(f"https://www.{h.upper()}:1/b/c", 0.10, seed=3)}
    other = {h for h in hosts if validates(f"http://{h}/a", 0.05, seed=4)}
    assert small < large and small != other
    assert 140 < len(small) < 260 and 320 < len(large) < 480  # 5 % and 10 % of 4,000, four sigma
    with pytest.raises(ValueError, match="below 1"):
        validates("http://a/", 1.0)


@pytest.mark.parametrize("url", [None, "", "no host", "mailto:someone", "part-0.jsonl#17", "file:///tmp/a"])
def test_without_a_host_the_text_decides(url):
    texts = [f"text {number}" for number in range(2000)]
    held = {text for text in texts if validates(url, 0.25, text)}
    assert held == {text for text in texts if validates(None, 0.25, text)}  # whatever names it
    assert 400 < len(held) < 600  # a quarter, five sigma
    assert held < {text for text in texts if validates(url, 0.5, text)}


def test_end_of_document_must_be_a_control_piece():
    types = Encoder.load().model.types
    packing.check_end_of_document(2, types)
    with pytest.raises(ValueError, match="no control piece"):
        packing.check_end_of_document(500, types)
    with pytest.raises(ValueError, match="no id of a"):
        packing.check_end_of_document(len(types), types)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 1000, 4097])
def test_the_shuffle_is_a_bijection(size):
    order = permute(np.arange(size), size, seed=7)
    assert sorted(order.tolist()) == list(range(size))
    assert unpermute(order, size, seed=7).tolist() == list(range(size))


def test_the_shuffle_mixes_and_follows_its_seed():
    size = 20_000
    order = permute(np.arange(size), size, seed=1)
    assert not np.array_equal(order, permute(np.arange(size), size, seed=2))
    # as uniform as chance: rank correlation with the input, neighbours, and where the first tenth lands
    assert abs(np.corrcoef(np.arange(size), order)[0, 1]) < 0.03
    assert np.mean(np.abs(np.diff(order))) == pytest.approx(size / 3, rel=0.03)
    assert np.mean(order[: size // 10]) == pytest.approx(size / 2, rel=0.06)


def test_numbers_outside_the_shuffle_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.9"):
        permute(np.array([10]), 10, seed=0)
