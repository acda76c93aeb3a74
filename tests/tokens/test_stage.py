"""The tokenize stage on Spark: what the pure functions give, whatever the partitions."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.run_folder.once import MANIFEST
from skypile.run_folder.output import OutputRefused
from skypile.tokens.encoder import Encoder
from skypile.tokens.megatron import open_indexed
from skypile.tokens.parquet_texts import shard_files
from skypile.tokens.provenance import locate
from skypile.tokens.shards import Packing, tokenize_batches
from skypile.tokens.stage import TokenizeSettings, shard_names, tokenize

TEXTS = {"zh": "今天天气不错，我们去公园。", "en": "The weather is fine today; we go to the park."}


@pytest.fixture
def run_folder(tmp_path):
    """Two files a language, as the shards stage leaves them: the language is a column and in the folder's name."""
    for number in range(4):
        language = "zh" if number % 2 else "en"
        rows = range(number * 100, number * 100 + 100)
        table = pa.table(
            {
                "record_id": [f"{row:032x}" for row in rows],
                "url": [f"http://host{row % 37}.example/{row}" for row in rows],
                "text": [f"{row} {TEXTS[language]}" * (row % 7) for row in rows],
                "language": [language] * len(rows),
            }
        )
        folder = tmp_path / "05_shards" / "documents" / "kept=true" / "wave=0" / f"lang={language}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / f"part-{number}.parquet")
    dropped = tmp_path / "05_shards" / "documents" / "kept=false" / "wave=0"
    dropped.mkdir(parents=True)
    pq.write_table(table, dropped / "part-9.parquet")
    return tmp_path


def test_one_shard_a_file_and_the_counts_in_the_manifest(spark, run_folder):
    settings = TokenizeSettings(Packing(sequence_length=64, validation=0.2))
    out = run_folder / "tokens"
    manifest = tokenize(spark, str(run_folder / "05_shards"), str(out), settings)
    assert sorted(p.stem for p in (out / "train").glob("*.idx")) == [
        "en-00000",
        "en-00001",
        "zh-00000",
        "zh-00001",
    ]
    train, validation = manifest["totals"]["train"], manifest["totals"]["validation"]
    assert train["documents"] + validation["documents"] == 400
    assert train["sequences"] == sum(len(open_indexed(p.with_suffix(""))) for p in (out / "train").glob("*.idx"))
    encoder = Encoder.load()
    expected = {"en": 0, "zh": 0}
    for row in range(400):
        language = "zh" if row // 100 % 2 else "en"
        expected[language] += len(encoder.encode(f"{row} {TEXTS[language]}" * (row % 7))) + 1
    counted = {k: train["tokens_by_language"][k] + validation["tokens_by_language"][k] for k in expected}
    assert counted == expected
    assert json.loads((out / MANIFEST).read_text()) == manifest
    assert next(locate(out, "http://host1.example/1")).record_id == f"{1:032x}"


def test_the_bytes_are_those_of_the_pure_function(spark, run_folder):
    packing = Packing(sequence_length=32, validation=0)
    tokenize(spark, str(run_folder / "05_shards"), str(run_folder / "a"), TokenizeSettings(packing))
    [source] = (run_folder / "05_shards").rglob("part-3.parquet")
    batches = pq.ParquetFile(source).iter_batches(1000, columns=["text", "record_id", "url"])
    tokenize_batches(batches, Encoder.load(), run_folder / "b", "zh-00001", packing)
    for suffix in (".bin", ".idx"):
        one, two = (run_folder / name / "train" / f"zh-00001{suffix}" for name in "ab")
        assert one.read_bytes() == two.read_bytes()


def test_a_finished_output_is_left_and_other_settings_refused(spark, run_folder):
    inputs, out = str(run_folder / "05_shards"), run_folder / "tokens"
    tokenize(spark, inputs, str(out), TokenizeSettings(Packing(sequence_length=32)))
    first = (out / "train" / "en-00000.bin").stat().st_mtime_ns
    tokenize(spark, inputs, str(out), TokenizeSettings(Packing(sequence_length=32)))
    assert (out / "train" / "en-00000.bin").stat().st_mtime_ns == first
    with pytest.raises(OutputRefused, match="token shards made from something else"):
        tokenize(spark, inputs, str(out), TokenizeSettings(Packing(sequence_length=16)))
    assert open_indexed(out / "train" / "en-00000").lengths[0] == 32


def test_a_shard_that_was_replaced_is_read_again(spark, run_folder, capsys):
    inputs, out = str(run_folder / "05_shards"), run_folder / "tokens"
    settings = TokenizeSettings(Packing(sequence_length=32))
    before = tokenize(spark, inputs, str(out), settings)["totals"]["train"]["documents"]
    [source] = (run_folder / "05_shards").rglob("part-3.parquet")
    pq.write_table(pq.read_table(source, partitioning=None).slice(5), source)
    after = tokenize(spark, inputs, str(out), settings)["totals"]["train"]["documents"]
    assert 0 < before - after <= 5
    assert "redone: file part-3.parquet changed" in capsys.readouterr().err


def test_what_is_not_ours_is_left_alone(spark, run_folder):
    (run_folder / "mine" / "notes").mkdir(parents=True)
    (run_folder / "mine" / "notes" / "thesis.md").write_text("ten days")
    with pytest.raises(OutputRefused, match="is not empty and holds no tokens of skypile"):
        tokenize(spark, str(run_folder / "05_shards"), str(run_folder / "mine"), TokenizeSettings(Packing()))
    with pytest.raises(OutputRefused, match="lies in the input"):
        tokenize(spark, str(run_folder), str(run_folder / "tokens"), TokenizeSettings(Packing()))
    assert (run_folder / "mine" / "notes" / "thesis.md").read_text() == "ten days"


def test_what_cannot_be_done_is_refused(spark, run_folder, tmp_path):
    with pytest.raises(ValueError, match="depend on another file"):
        tokenize(spark, str(run_folder), str(tmp_path / "x"), TokenizeSettings(Packing(remainder="carry")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no Parquet file"):
        tokenize(spark, str(tmp_path / "empty"), str(tmp_path / "x"), TokenizeSettings(Packing()))


def test_only_names_below_the_input_are_hidden(tmp_path):
    for name in ("a.parquet", "lang=zh/b.parquet", "_scratch/c.parquet", "lang=zh/.d.parquet"):
        path = tmp_path / ".cache" / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    folder = f"{tmp_path}/.cache/run"
    assert shard_files(folder) == [f"{folder}/a.parquet", f"{folder}/lang=zh/b.parquet"]


def test_shard_names():
    paths = ["r/lang=en/a.parquet", "r/lang=zh/a.parquet", "r/lang=zh/b.parquet", "r/c.parquet"]
    assert shard_names(paths) == ["en-00000", "zh-00000", "zh-00001", "text-00000"]
