"""Parquet to token shards and back: every token accounted for, every page found again."""

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.crawl.url import host
from skypile.tokens import shards
from skypile.tokens.encoder import Encoder
from skypile.tokens.megatron import open_indexed
from skypile.tokens.packing import document_lengths
from skypile.tokens.parquet_texts import parquet_batches
from skypile.tokens.provenance import documents_of, locate
from skypile.tokens.shards import Packing, ShardWriter, tokenize_batches
from skypile.tokens.shuffled import locate_shuffled, plan_shuffle, write_shuffled

END = 2


@pytest.fixture(scope="module")
def encoder():
    return Encoder.load()


@pytest.fixture(scope="module")
def pages() -> pa.Table:
    rng = random.Random(5)
    words = ["天气", "不错", "hello ", "world ", "2024年", "\n", "，", "the ", "数据", "é🏽"]
    texts = ["".join(rng.choices(words, k=rng.randrange(200))) for _ in range(1200)]
    return pa.table(
        {
            "record_id": [f"{number:032x}" for number in range(1200)],
            "url": [f"http://host{number % 60}.example/{number}" for number in range(1200)],
            "language": ["zh" if number % 3 else "en" for number in range(1200)],
            "text": texts,
        }
    )


def stream(encoder, texts: list[str]) -> list[int]:
    return [t for text in texts for t in [*encoder.encode(text).tolist(), END]]


def tokenized(encoder, pages, folder, name="a", **packing):
    return tokenize_batches(pages.to_batches(max_chunksize=70), encoder, folder, name, Packing(**packing))


def test_parquet_to_tokens_to_text(encoder, pages, tmp_path):
    pq.write_table(pages, tmp_path / "pages.parquet")
    packing = Packing(sequence_length=128, validation=0)
    counts, left = tokenize_batches(
        parquet_batches(str(tmp_path / "pages.parquet")), encoder, tmp_path / "out", "a", packing
    )
    dataset = open_indexed(tmp_path / "out" / "train" / "a")
    assert all(len(sequence) == 128 for sequence in dataset)
    tokens = np.concatenate(list(dataset))
    [count] = counts
    assert (count.documents, count.sequences) == (1200, len(dataset))
    assert count.tokens == len(tokens) - count.padding
    assert set(tokens[count.tokens :].tolist()) <= {END}
    assert sum(count.tokens_by_language.values()) == count.tokens
    assert count.characters == sum(map(len, pages["text"].to_pylist()))
    assert not len(left["train"].tokens)
    # documents come back as texts
    ends = np.flatnonzero(tokens[: count.tokens] == END)
    starts = np.concatenate([[0], ends[:-1] + 1])
    texts = [encoder.processor.decode(tokens[a:b].tolist()) for a, b in zip(starts, ends, strict=True)]
    assert texts == pages["text"].to_pylist()


def test_a_thousand_tokens_lead_to_their_pages(encoder, pages, tmp_path):
    tokenized(encoder, pages, tmp_path, sequence_length=600, validation=0)
    prefix = tmp_path / "train" / "a"
    dataset = open_indexed(prefix)
    texts = dict(zip(pages["record_id"].to_pylist(), pages["text"].to_pylist(), strict=True))
    urls = dict(zip(pages["record_id"].to_pylist(), pages["url"].to_pylist(), strict=True))
    encoded = {record: [*encoder.encode(text).tolist(), END] for record, text in texts.items()}
    rng = random.Random(6)
    places = {}
    for _ in range(1000):
        sequence, offset = rng.randrange(len(dataset) - 1), rng.randrange(600)
        if sequence not in places:
            places[sequence] = documents_of(prefix, sequence)
        [place] = [p for p in places[sequence] if p.start <= offset < p.stop]
        assert place.url == urls[place.record_id]
        at = place.document_offset + offset - place.start
        assert dataset[sequence][offset] == encoded[place.record_id][at]


def test_locate_finds_all_of_a_page_by_url_and_id(encoder, pages, tmp_path):
    tokenized(encoder, pages, tmp_path, sequence_length=50, validation=0.1)
    for row in pages.slice(100, 40).to_pylist():
        by_url, by_id = list(locate(tmp_path, row["url"])), list(locate(tmp_path, row["record_id"]))
        assert by_url == by_id and by_url
        tokens = np.concatenate([open_indexed(p.shard)[p.sequence][p.start : p.stop] for p in by_url])
        assert tokens.tolist() == [*encoder.encode(row["text"]).tolist(), END]
    assert list(locate(tmp_path, "http://nowhere.example/")) == []


def test_document_bounds_of_a_sequence_are_its_pages(encoder, pages, tmp_path):
    tokenized(encoder, pages, tmp_path, sequence_length=300, validation=0)
    prefix = tmp_path / "train" / "a"
    for number in range(5):
        lengths = document_lengths(open_indexed(prefix)[number], END).tolist()
        assert lengths == [p.stop - p.start for p in documents_of(prefix, number)]


@pytest.mark.parametrize("chunk", [1, 7, 2000])
def test_batch_size_changes_nothing(encoder, pages, tmp_path, chunk):
    some = pages.slice(0, 150)
    for name, size in (("a", 70), ("b", chunk)):
        tokenize_batches(some.to_batches(max_chunksize=size), encoder, tmp_path, name, Packing(sequence_length=64))
    for suffix in (".bin", ".idx"):
        one, two = (tmp_path / "train" / f"{name}{suffix}" for name in "ab")
        assert one.read_bytes() == two.read_bytes()
    one, two = (pq.read_table(tmp_path / "train" / f"{name}.documents.parquet") for name in "ab")
    assert one.equals(two)


def test_no_page_of_a_validation_host_is_trained_on(encoder, pages, tmp_path):
    counts, _ = tokenized(encoder, pages, tmp_path, sequence_length=64, validation=0.2)
    hosts = {
        split: {host(url) for url in pq.read_table(tmp_path / split / "a.documents.parquet")["url"].to_pylist()}
        for split in ("train", "validation")
    }
    assert hosts["train"] and hosts["validation"]
    assert not hosts["train"] & hosts["validation"]
    assert sum(count.documents for count in counts) == 1200


def test_dropped_remainders_are_counted_and_leave_the_sidecar(encoder, pages, tmp_path):
    [count], left = tokenized(encoder, pages, tmp_path, sequence_length=997, validation=0, remainder="drop")
    whole = stream(encoder, pages["text"].to_pylist())
    assert 0 < count.dropped_tokens < 997
    assert count.tokens == len(whole) - count.dropped_tokens == 997 * count.sequences
    assert np.concatenate(list(open_indexed(tmp_path / "train" / "a"))).tolist() == whole[: count.tokens]
    rows = pq.read_table(tmp_path / "train" / "a.documents.parquet").to_pylist()
    assert rows[-1]["position"] + rows[-1]["tokens"] == count.tokens
    assert not len(left["train"].tokens)


def test_carried_remainders_go_on_in_the_next_shard(encoder, pages, tmp_path):
    settings = {"sequence_length": 997, "validation": 0.0, "remainder": "carry"}
    parts = [pages.slice(0, 500), pages.slice(500, 500), pages.slice(1000, 1)]
    previous = None
    for number, part in enumerate(parts):
        writer = ShardWriter(f"{tmp_path}/part{number}", Packing(**settings).for_model(encoder.model), encoder.id_dtype)
        if previous is not None:
            writer.continue_from(previous)
        ids, offsets = encoder.encode_batch(part["text"].to_pylist())
        writer.add(ids, offsets, part["record_id"].to_pylist(), part["url"].to_pylist())
        previous = writer.finish()
    whole = stream(encoder, pages["text"].to_pylist()[:1001])
    written = [t for p in sorted(tmp_path.glob("*.idx")) for s in open_indexed(p.with_suffix("")) for t in s.tolist()]
    assert written + previous.tokens.tolist() == whole
    # the page that was cut is found in both shards, and its parts fit together
    cut = next(pq.read_table(tmp_path / "part1.documents.parquet").to_batches()[0].to_pylist().__iter__())
    assert cut["document_offset"] > 0
    places = list(locate(tmp_path, cut["url"]))
    assert {p.shard[-5:] for p in places} == {"part0", "part1"}
    tokens = [t for p in places for t in open_indexed(p.shard)[p.sequence][p.start : p.stop].tolist()]
    text = pages.filter(pa.compute.equal(pages["url"], cut["url"]))["text"][0].as_py()
    assert tokens == [*encoder.encode(text).tolist(), END]


def test_a_shard_shorter_than_a_sequence(encoder, pages, tmp_path):
    few = pages.slice(0, 2)
    for policy, sequences in (("pad", 1), ("drop", 0), ("carry", 0)):
        [count], left = tokenized(
            encoder, few, tmp_path / policy, sequence_length=100_000, validation=0, remainder=policy
        )
        assert count.sequences == sequences
        assert (tmp_path / policy / "train" / "a.idx").exists() == (sequences > 0)
        assert (len(left["train"].tokens) > 0) == (policy == "carry")
        assert not list((tmp_path / policy).rglob("*.partial"))


def test_nothing_in_nothing_out(encoder, pages, tmp_path):
    assert tokenized(encoder, pages.slice(0, 0), tmp_path)[0] == []
    assert not list(tmp_path.rglob("*.bin"))


def test_shuffled_shards_hold_every_sequence_once_and_stay_traceable(encoder, pages, tmp_path):
    packed, out = tmp_path / "packed", tmp_path / "shuffled"
    for number in range(3):
        part = pages.slice(number * 400, 400)
        tokenized(encoder, part, packed, f"s{number}", sequence_length=64, validation=0)
    names = plan_shuffle(packed / "train", out, shards=4, seed=11)
    for number in reversed(range(len(names))):  # any order, any machine
        write_shuffled(packed / "train", out, number)
    before = [s.tobytes() for n in range(3) for s in open_indexed(packed / "train" / f"s{n}")]
    after = [s.tobytes() for name in names for s in open_indexed(out / name)]
    assert sorted(before) == sorted(after) and before != after
    for row in pages.slice(0, 1200).to_pylist()[::50]:
        places = list(locate_shuffled(packed / "train", out, row["url"]))
        tokens = [t for p in places for t in open_indexed(p.shard)[p.sequence][p.start : p.stop].tolist()]
        assert tokens == [*encoder.encode(row["text"]).tolist(), END]


def test_wrong_settings_are_refused(encoder, pages, tmp_path):
    with pytest.raises(ValueError, match="carry, pad, drop"):
        Packing(remainder="keep")
    with pytest.raises(ValueError, match="at least 2"):
        Packing(sequence_length=1)
    with pytest.raises(ValueError, match="no control piece"):
        tokenized(encoder, pages, tmp_path, end_of_document=400)
    pq.write_table(pages.select(["text", "url"]), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"lacks the columns \['record_id'\]"):
        list(parquet_batches(str(tmp_path / "x.parquet")))


def test_mds_round_trip(encoder, pages, tmp_path):
    streaming = pytest.importorskip("streaming", reason="mosaicml-streaming is not installed")
    from skypile.tokens.streaming_dataset import write_mds

    tokenized(encoder, pages, tmp_path, sequence_length=64, validation=0)
    count = write_mds(tmp_path / "train", tmp_path / "mds")
    index = json.loads((tmp_path / "mds" / "index.json").read_text())
    assert sum(shard["samples"] for shard in index["shards"]) == count
    read = streaming.StreamingDataset(local=str(tmp_path / "mds"), shuffle=False, batch_size=1)
    packed = open_indexed(tmp_path / "train" / "a")
    assert len(read) == len(packed) == count
    for number in (0, count // 2, count - 1):
        assert np.array_equal(read[number]["tokens"], packed[number])


def test_the_writer_needs_less_than_a_sequence_of_memory(encoder, tmp_path):
    writer = ShardWriter(
        f"{tmp_path}/a", Packing(sequence_length=10, end_of_document=END, padding=END), encoder.id_dtype
    )
    for number in range(50):
        writer.add(np.full(995, 7, np.uint16), np.array([0, 995]), [str(number)], ["u"])
        assert len(writer._tail) < 10 and writer._tail_documents.num_rows <= 1
    assert writer.finish() is not None
    assert shards.ShardCounts("a", "train").tokens_by_language == {}
