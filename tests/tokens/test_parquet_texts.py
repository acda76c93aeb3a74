"""Users' own Parquet files: every spelling of text and ids, or a sentence that names file, column and type."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.errors import Refused
from skypile.tokens.encoder import Encoder
from skypile.tokens.parquet_texts import distinct_names, parquet_batches
from skypile.tokens.provenance import locate
from skypile.tokens.shards import Packing, tokenize_file

TEXTS = ["one text", "两个", "one text"]
URLS = ["http://a.example/1", None, "http://b.example/2"]


def written(path: Path, **columns) -> str:
    table = pa.table({"record_id": ["1", "2", "3"], "url": URLS, "text": TEXTS} | columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return str(path)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_spellings_of_text(tmp_path, kind):
    columns = {"text": TEXTS, "url": URLS, "record_id": ["x", "y", "z"]}
    path = written(tmp_path / "a.parquet", **{name: pa.array(v, pa.string()).cast(kind) for name, v in columns.items()})
    [batch] = parquet_batches(path)
    assert {name: batch[name].to_pylist() for name in columns} == columns


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.int64(), pa.uint64()], ids=str)
def test_ids_that_are_numbers_are_their_digits(tmp_path, kind):
    path = written(tmp_path / "a.parquet", record_id=pa.array([7, 0, 120], kind))
    counts = tokenize_file(path, parquet_batches(path), Encoder.load(), tmp_path / "t", "a", Packing(validation=0))
    assert sum(count.documents for count in counts) == 3
    assert [place.url for place in locate(tmp_path / "t", "120")] == ["http://b.example/2"]


def test_a_url_column_of_nulls_alone(tmp_path):
    [batch] = parquet_batches(written(tmp_path / "a.parquet", url=pa.nulls(3)))
    assert batch["url"].null_count == 3


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"record_id": [1.5, 2.5, 3.5]}, "column record_id is double"),
        ({"record_id": [["1"]] * 3}, "column record_id is list"),
        ({"record_id": ["1", None, "3"]}, "row 1 (from 0) has no record_id"),
        ({"text": [1, 2, 3]}, "column text is int64"),
        ({"text": [b"x"] * 3}, "column text is binary"),
        ({"text": ["a", "b", None]}, "row 2 (from 0) has no text"),
        ({"text": pa.nulls(3)}, "column text is null"),
        ({"url": [1, 2, 3]}, "column url is int64"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, columns, words):
    path = written(tmp_path / "odd name [1].parquet", **columns)
    with pytest.raises(Refused) as error:
        list(parquet_batches(path))
    assert str(error.value).startswith(path) and words in str(error.value)


def test_bytes_that_are_no_utf8_are_refused_with_the_file(tmp_path):
    offsets = pa.array([0, 2, 2, 2], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    for number, columns in enumerate([{"text": broken}, {"url": broken}, {"record_id": broken}]):
        path = written(tmp_path / f"{number}.parquet", **columns)
        for validation in (0.0, 0.5):
            with pytest.raises(Refused, match=r"\.parquet: a text, URL or id is no UTF-8"):
                tokenize_file(
                    path, parquet_batches(path), Encoder.load(), tmp_path / "t", "a", Packing(validation=validation)
                )


def test_files_that_are_not_whole(tmp_path):
    whole = Path(written(tmp_path / "a.parquet")).read_bytes()
    cases = {"cut": whole[:-20], "empty": b"", "text": b'{"text": "a"}\n', "torn": b"PAR1" + b"\xff" * 60 + whole[64:]}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Refused, match=f"/{name} is (no whole Parquet file|damaged)"):
            list(parquet_batches(str(tmp_path / name)))
    with pytest.raises(Refused, match="is a folder"):
        list(parquet_batches(str(tmp_path)))


def test_one_document_in_several_files_is_in_one_split(tmp_path):
    """By host, else by text: whatever the id, whether the URL is null, empty or names no host."""
    encoder, packing = Encoder.load(), Packing(validation=0.4, sequence_length=8)
    texts = [f"text {number}" for number in range(60)]
    hosts = [f"http://h{number}.example/x" for number in range(60)]
    one = {"record_id": list(range(120)), "url": [None] * 60 + hosts, "text": texts * 2}
    two = {"record_id": list(range(500, 620)), "url": ["file.jsonl#1"] * 60 + hosts, "text": texts + texts[::-1]}
    for name, columns in (("one", one), ("two", two)):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table(columns), path)
        tokenize_file(path, parquet_batches(str(path)), encoder, tmp_path / "t", name, packing)
    held = {
        (split, name): set(pq.read_table(tmp_path / "t" / split / f"{name}.documents.parquet")["record_id"].to_pylist())
        for split in ("train", "validation")
        for name in ("one", "two")
    }
    assert all(len(ids) > 20 for ids in held.values())
    for split in ("train", "validation"):
        assert {str(int(record) + 500) for record in held[split, "one"]} == held[split, "two"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.parquet", "b.parquet"], ["a", "b"]),
        (["en/p-0.zstd.parquet", "zh/p-0.zstd.parquet", "q.parquet"], ["en-p-0.zstd", "zh-p-0.zstd", "q"]),
        (["1/x/p.parquet", "2/x/p.parquet"], ["1-x-p", "2-x-p"]),
        (["en/p.parquet", "zh/p.parquet", "en-p.parquet"], ["r-en-p", "zh-p", "r-en-p"]),
        (["A.parquet", "x/a.parquet"], ["r-A", "x-a"]),
    ],
)
def test_files_of_one_name_get_names_of_their_own(paths, names):
    given = [Path("/r", path) for path in paths]
    if len(set(names)) < len(names):
        with pytest.raises(Refused, match="would both become shard"):
            distinct_names(given)
    else:
        assert distinct_names(given) == names


def test_a_file_given_twice_is_refused(tmp_path):
    path = Path(written(tmp_path / "a.parquet"))
    (tmp_path / "link.parquet").symlink_to(path)
    for second in (path, tmp_path / "x" / ".." / "a.parquet", tmp_path / "link.parquet"):
        with pytest.raises(Refused, match="are one file"):
            distinct_names([path, second])


def test_batches_are_bounded_by_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("skypile.tokens.parquet_texts.BATCH_BYTES", 1 << 20)
    texts = [f"{n} " + "x" * 100_000 for n in range(64)]
    table = pa.table({"record_id": [str(n) for n in range(64)], "url": ["u"] * 64, "text": texts})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=50)
    batches = list(parquet_batches(str(tmp_path / "a.parquet")))
    assert [text for batch in batches for text in batch["text"].to_pylist()] == texts
    assert max(batch.nbytes for batch in batches) < 3 << 20
