"""Catalogues: of what `tokens pack` wrote, of Megatron's own shards, and lines that are none."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.errors import Refused
from skypile.mixture import order as order_of_runs
from skypile.mixture.catalogue import catalogue, read_catalogue, write_catalogue
from skypile.mixture.folder import open_plan, plan_folder
from skypile.mixture.order import drawn_tokens
from skypile.tokens.megatron import open_indexed, write_index
from skypile.tokens.outputs import pack_files
from skypile.tokens.shards import Packing
from skypile.tokens.shuffled import plan_shuffle, write_shuffled
from tests.mixture.test_plan import simple

TEXTS = {"zh": "今天天气不错，我们去公园。", "en": "The ferry left at noon. "}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    for language, text in TEXTS.items():
        rows = {
            "record_id": [f"{language}{n}" for n in range(40)],
            "url": [f"http://{language}{n}.example/" for n in range(40)],
            "language": [language] * 40,
            "keep_weight": pa.array([None, *([0.5] * 39)], pa.float32()),
            "text": [text * 9] * 40,
        }
        pq.write_table(pa.table(rows), folder / f"{language}.parquet")
    pack_files([folder / "en.parquet", folder / "zh.parquet"], str(folder / "tokens"), None, Packing(64, validation=0))
    return folder / "tokens"


def raw(folder, name: str, lengths: list[int]) -> None:
    folder.mkdir(exist_ok=True)
    np.arange(sum(lengths), dtype=np.uint16).tofile(folder / f"{name}.bin")
    write_index(folder / f"{name}.idx", np.array(lengths), np.dtype(np.uint16))


def test_a_packing_tells_languages_sizes_and_weights(packed, tmp_path):
    found = catalogue([f"web={packed}"])
    assert [(shard.language, shard.kind, shard.sequence_length) for shard in found] == [
        ("en", "web", 64),
        ("zh", "web", 64),
    ]
    for shard in found:
        dataset = open_indexed(shard.shard)
        assert shard.sequences == len(dataset)
        assert (shard.sequences - 1) * 64 < shard.tokens <= shard.sequences * 64
        assert shard.keep_weight == pytest.approx((1 + 39 * 0.5) / 40)  # texts are equally long; a null counts as 1
    write_catalogue(str(tmp_path / "c.jsonl"), found)
    assert read_catalogue(str(tmp_path / "c.jsonl")) == found


@pytest.mark.parametrize("weight", [0.5, 0.6])
def test_a_shuffle_keeps_one_weight_and_loses_two(weight, packed, tmp_path):
    shutil.copytree(packed, tmp_path / "tokens")
    manifest = tmp_path / "tokens" / "manifest.json"
    told = json.loads(manifest.read_text())
    for one, of_shard in zip(told["shards"], (0.5, weight), strict=True):
        one["keep_weight"] = of_shard
    manifest.write_text(json.dumps(told))
    (name,) = plan_shuffle(tmp_path / "tokens" / "train", tmp_path / "shuffled", 1, seed=0)
    write_shuffled(tmp_path / "tokens" / "train", tmp_path / "shuffled", 0)
    if weight == 0.5:
        (found,) = catalogue([f"en/web={tmp_path / 'shuffled'}"])
        assert found.shard.endswith(name) and found.keep_weight == 0.5
        assert found.sequences == sum(shard.sequences for shard in catalogue([f"web={packed}"]))
    else:
        with pytest.raises(Refused, match=f"unlike keep weights, which are lost in it: give {tmp_path}/tokens/train"):
            catalogue([f"en/web={tmp_path / 'shuffled'}"])


def test_shards_of_megatrons_own_need_a_language(tmp_path):
    raw(tmp_path / "books", "a", [8, 8, 8])
    (shard,) = catalogue([f"en/book={tmp_path / 'books'}"])
    assert (shard.language, shard.sequences, shard.tokens, shard.sequence_length) == ("en", 3, 24, 8)
    with pytest.raises(Refused, match="names its language"):
        catalogue([f"book={tmp_path / 'books'}"])
    with pytest.raises(Refused, match="given twice"):
        catalogue([f"en/book={tmp_path / 'books'}", f"en/web={tmp_path / 'books'}"])


@pytest.mark.parametrize("given", ["books", "=books", "/book=books", "en/=books", "web="])
def test_what_names_no_kind_is_refused(given):
    with pytest.raises(Refused, match="is not KIND=FOLDER"):
        catalogue([given])


@pytest.mark.parametrize("lengths", [[8, 9, 8], [3, 2, 4]])  # 3 + 2 + 4 is three times 3
def test_sequences_of_several_lengths_are_refused(lengths, tmp_path):
    raw(tmp_path / "books", "a", lengths)
    with pytest.raises(Refused, match=f"sequence 1 has {lengths[1]} tokens, sequence 0 has {lengths[0]}; pack"):
        catalogue([f"en/book={tmp_path / 'books'}"])


def test_a_shard_that_is_not_whole_is_refused(tmp_path):
    raw(tmp_path / "books", "a", [8, 8, 8])
    (tmp_path / "books" / "a.bin").write_bytes(bytes(32))
    with pytest.raises(Refused, match="32 bytes are not 3 sequences of 8 tokens"):
        catalogue([f"en/book={tmp_path / 'books'}"])
    index = tmp_path / "books" / "a.idx"
    whole = index.read_bytes()
    index.write_bytes(whole[:60])
    with pytest.raises(Refused, match="is cut short: 60 bytes for 3 sequences"):
        catalogue([f"en/book={tmp_path / 'books'}"])
    index.write_bytes(whole)
    (tmp_path / "books" / "a.bin").unlink()
    with pytest.raises(Refused, match="is missing beside"):
        catalogue([f"en/book={tmp_path / 'books'}"])
    with pytest.raises(Refused, match=r"holds no \.idx"):
        catalogue([f"en/book={tmp_path}"])


GOOD = {"shard": "a", "language": "en", "kind": "web", "sequences": 3, "tokens": 20, "sequence_length": 8}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no json", "line 2 is no shard"),
        ("[1]", "line 2 is no shard"),
        (json.dumps(GOOD | {"size": 3}), "line 2 is no shard"),
        (json.dumps(GOOD), "line 2: a stands in line 1"),
        (json.dumps(GOOD | {"shard": "b", "sequences": -1}), "sequences = -1 must be a whole number"),
        (json.dumps(GOOD | {"shard": "b", "sequences": 1.5}), "sequences = 1.5 must be"),
        (
            json.dumps(GOOD | {"shard": "b", "sequences": 2**53}),
            "sequences = 90071.* is more than any",
        ),
        (json.dumps(GOOD | {"shard": "b", "tokens": 10**400}), "tokens = 1000.* is more than any shard has"),
        (json.dumps(GOOD | {"shard": "b", "kind": ""}), "kind = '' must be a text"),
        (json.dumps(GOOD | {"shard": "my books/b"}), "has blanks"),
        (json.dumps(GOOD | {"shard": "b", "keep_weight": float("nan")}), "keep_weight = nan"),
        (json.dumps(GOOD | {"shard": "b", "sequence_length": 16}), "those before have 8"),
    ],
)
def test_a_line_that_is_no_shard_is_named(line, words, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n")
    with pytest.raises(Refused, match=words):
        read_catalogue(str(path))
    path.write_text("\n")
    with pytest.raises(Refused, match="names no shard"):
        read_catalogue(str(path))


def test_more_shards_than_may_be_open_are_read(tmp_path, monkeypatch):
    """Whoever holds on to the tokens holds no file."""
    number = 12
    for at in range(number):
        raw(tmp_path / "books", f"{at:02d}", [4, 4])
    names = [str(tmp_path / "books" / f"{at:02d}") for at in range(number)]
    monkeypatch.setattr(order_of_runs, "MOST_OPEN", 3)
    order = order_of_runs.Order(names, np.full(number, 2), np.full((1, number), 4), seed=1)
    held, most = [], 0
    for tokens in drawn_tokens(order, 0, 4 * number):
        held.append(tokens)
        most = max(most, Path("/proc/self/maps").read_text().count(f"{tmp_path / 'books'}/"))
    assert most == 3 and len(held) == 4 * number
    assert sorted(map(tuple, held)) == sorted([(0, 1, 2, 3), (4, 5, 6, 7)] * 2 * number)


@pytest.mark.parametrize("name", ["my plans/one", "tab\tbed"])
def test_a_plan_folder_with_blanks_is_refused(name, tmp_path):
    raw(tmp_path / "books", "a", [8] * 64)
    write_catalogue(str(tmp_path / "c.jsonl"), catalogue([f"en/book={tmp_path / 'books'}"]))
    with pytest.raises(Refused, match="has blanks, at which a shell cuts"):
        plan_folder(simple({"book": 1}, 64), str(tmp_path / "c.jsonl"), str(tmp_path / name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books", "c.jsonl"]


def test_the_tokens_of_a_plan_are_those_of_its_sequences(packed, tmp_path):
    """One epoch in a seeded order is every sequence once; a shard that changed is refused."""
    write_catalogue(str(tmp_path / "c.jsonl"), found := catalogue([f"web={packed}"]))
    sequences = sum(shard.sequences for shard in found)
    curriculum = simple({"web": 1}, sequences * 64, max_epochs=1).model_copy(update={"batch_sequences": 1})
    plan_folder(curriculum, str(tmp_path / "c.jsonl"), str(tmp_path / "plan"))
    _, order = open_plan(tmp_path / "plan")
    drawn = [tokens.tolist() for tokens in drawn_tokens(order, 0, sequences)]
    stored = [tokens.tolist() for shard in found for tokens in open_indexed(shard.shard)]
    assert drawn != stored and sorted(drawn) == sorted(stored)
    moved = order._replace(sequences=order.sequences + 1)
    with pytest.raises(Refused, match="was planned with"):
        list(drawn_tokens(moved, 0, 1))
    with pytest.raises(Refused, match="is not there"):
        list(drawn_tokens(order._replace(shards=["/nowhere/a", "/nowhere/b"]), 0, 1))
