"""The model's own file and ARPA: what is written is read again, and damage is refused, not followed."""

import dataclasses
import json
import struct

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.ngram.arpa import character, code_point
from skypile.proxy.ngram.model import MAGIC, _sound
from tests.proxy.test_ngram import batch
from tests.proxy.test_ngram_counting import texts

ARRAYS = ("starts", "discounts", "words", "logs", "suffixes", "backoffs", "children", "unigrams")
HELD = batch([*texts(8, many=5), [7, 49, 60, 60, 1]])


@pytest.fixture(scope="module", params=[2, 5, 6])
def model(request):
    return ngram.train([batch(texts(4))], request.param)


def test_a_model_comes_back_from_its_file(model, tmp_path):
    ngram.save(model, tmp_path / "m.ngram")
    again = ngram.load(tmp_path / "m.ngram")
    assert (again.order, again.vocabulary, len(again)) == (model.order, model.vocabulary, len(model))
    for name in ARRAYS:
        assert getattr(again, name).tobytes() == getattr(model, name).tobytes(), name
    assert (ngram.score(again, *HELD) == ngram.score(model, *HELD)).all()
    assert [path.name for path in tmp_path.iterdir()] == ["m.ngram"]


def test_a_file_cut_short_anywhere_is_refused(model, tmp_path):
    ngram.save(model, tmp_path / "m.ngram")
    data = (tmp_path / "m.ngram").read_bytes()
    last = 4 * len(model.children)
    for length in (0, 5, len(MAGIC), len(MAGIC) + 4, len(MAGIC) + 30, 400, len(data) // 2, len(data) - last):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(Refused, match="cut"):
            ngram.load(tmp_path / "cut")


@pytest.mark.parametrize("name", ["words", "suffixes", "children"])
def test_links_that_lead_out_of_the_model_are_refused(model, tmp_path, name):
    """Compiled code does not check where it reads: a damaged file must not get that far."""
    unigrams, nodes = int(model.starts[1]), len(model)
    places = {"words": (0, unigrams - 1), "suffixes": (unigrams, nodes - 1), "children": (0, unigrams // 2, -1)}
    for at in places[name]:
        for value in (2**32 - 1, nodes):
            damaged = getattr(model, name).copy()
            damaged[at] = value + (1 << 21) * (name == "words" and value == nodes)
            ngram.save(dataclasses.replace(model, **{name: damaged}), tmp_path / "m.ngram")
            if (name, at, value) == ("children", -1, nodes):
                continue  # as it should be
            with pytest.raises(Refused, match="hang together"):
                ngram.load(tmp_path / "m.ngram")


def test_children_that_overlap_are_refused(model):
    """Wherever they are, and if the words that are taken together happen to be in order."""
    assert _sound(model.starts, model.words, model.suffixes, model.children)
    for at in range(len(model.children) - 1):
        damaged = model.children.copy()
        damaged[at] = damaged[at + 1] + 1
        assert not _sound(model.starts, model.words, model.suffixes, damaged), at


@pytest.mark.parametrize("change", [{"version": 9}, {"order": 3}, {"starts": [0, 1]}, {"starts": [0, 9, 5, 99]}, {}])
def test_a_damaged_header_is_refused(tmp_path, change):
    header = {"version": 1, "order": 3, "vocabulary": 4, "starts": [0, 1, 1, 1], "discounts": [[1, 1, 1]] * 2}
    encoded = json.dumps(header | change).encode()
    (tmp_path / "m").write_bytes(MAGIC + struct.pack("<Q", len(encoded)) + encoded + bytes(1000))
    with pytest.raises(Refused, match="header is damaged"):
        ngram.load(tmp_path / "m")


def test_arpa_comes_back(model, tmp_path):
    ngram.write_arpa(model, tmp_path / "m.arpa")
    again = ngram.read_arpa(tmp_path / "m.arpa")
    for name in ("starts", "words", "suffixes", "children", "unigrams"):
        assert getattr(again, name).tobytes() == getattr(model, name).tobytes(), name
    assert again.vocabulary == model.vocabulary
    assert ngram.score(again, *HELD) == pytest.approx(ngram.score(model, *HELD), abs=1e-5)
    head = (tmp_path / "m.arpa").read_text(encoding="utf-8").splitlines()[: model.order + 1]
    assert head == ["\\data\\", *(f"ngram {k + 1}={n}" for k, n in enumerate(np.diff(model.starts)))]


def test_characters_are_named_so_that_a_line_can_hold_them(tmp_path):
    held = ["中 文\t\n\u3000U+é\u200b", "a\x00\x85\u2028b", "+U"]
    model = ngram.train([ngram.characters(held)])
    ngram.write_arpa(model, tmp_path / "m.arpa", character)
    again = ngram.read_arpa(tmp_path / "m.arpa", code_point)
    assert ngram.score(again, *ngram.characters(held)) == pytest.approx(
        ngram.score(model, *ngram.characters(held)), abs=1e-5
    )


TINY = """\\data\\
ngram 1=3
ngram 2=2

\\1-grams:
-1 <s> -0.5
-0.5 </s>
-0.3 4 -0.2

\\2-grams:
-0.1 <s> 4
-0.2 4 </s>

\\end\\
"""


def test_arpa_of_other_tools(tmp_path):
    """Spaces for tabs, no <unk>, backoffs left out, in no order, with a line before the head."""
    (tmp_path / "m.arpa").write_text("made by hand\n" + TINY)
    model = ngram.read_arpa(tmp_path / "m.arpa")
    assert ngram.score(model, np.array([4])) == pytest.approx([-0.1, -0.2])
    assert ngram.score(model, np.array([4, 4])) == pytest.approx([-0.1, -0.2 - 0.3, -0.2])
    assert ngram.score(model, np.array([5])) == pytest.approx([-0.5 - 99, -0.5])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\\data\\", "data", "ends too early"),
        ("\\end\\", "", None),
        ("-0.2 4 </s>\n", "", "stands among its 2-grams"),
        ("-0.3 4 -0.2", "-0.3 four -0.2", "four"),
        ("-0.3 4 -0.2", "-0.3 -4 -0.2", "-4"),
        ("-0.1 <s> 4", "-0.1 <s> 5", "not among its words"),
        ("-0.1 <s> 4", "x <s> 4", "x"),
        ("ngram 2=2", "ngram 2=3", "stands among its 2-grams"),
        ("ngram 2=2", "ngrams 2=2", "in its head"),
        ("ngram 2=2\n", "", "order is 1"),
        ("-1 <s> -0.5", "-1 5 -0.5", "<s>"),
        (
            "\n\\end",
            "\n\\3-grams:\n-0.1 4 <s> 4\n\\end",
            None,
        ),
    ],
)
def test_arpa_that_cannot_be_used_is_refused(tmp_path, old, new, said):
    assert old in TINY
    (tmp_path / "m.arpa").write_text(TINY.replace(old, new))
    if said is None:
        ngram.read_arpa(tmp_path / "m.arpa")  # what follows the last n-gram is not read
        return
    with pytest.raises(Refused, match=said):
        ngram.read_arpa(tmp_path / "m.arpa")


def test_arpa_that_lacks_a_context_is_refused(tmp_path):
    three = TINY.replace("ngram 2=2", "ngram 2=2\nngram 3=1").replace("\n\\end", "\n\\3-grams:\n-0.1 4 4 </s>\n\n\\end")
    (tmp_path / "m.arpa").write_text(three)
    with pytest.raises(Refused, match="'4 4 </s>' has no 2-gram"):
        ngram.read_arpa(tmp_path / "m.arpa")
