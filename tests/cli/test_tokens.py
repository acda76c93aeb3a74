"""The commands, from Parquet to a located page."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from skypile.cli.tokens import tokens, vocab
from skypile.errors import Refused
from skypile.tokens.encoder import Encoder, default_model_path
from tests.tokens.test_vocabulary import base

app = typer.Typer()
app.add_typer(vocab, name="vocab")
app.add_typer(tokens, name="tokens")


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def pages(tmp_path):
    path = tmp_path / "pages.parquet"
    texts = [f"{number} 今天天气不错，我们去公园。" * 9 for number in range(50)]
    rows = {
        "record_id": [f"{n:032x}" for n in range(50)],
        "url": [f"http://h{n}.example/" for n in range(50)],
        "text": texts,
    }
    pq.write_table(pa.table(rows), path)
    return path


def test_pack_shuffle_and_locate(pages, tmp_path):
    assert "50 documents" in run(
        "tokens", "pack", pages, "--output", tmp_path / "out", "--sequence-length", 64, "--validation", 0
    )
    packed, shuffled = tmp_path / "out" / "train", tmp_path / "shuffled"
    found = run("tokens", "locate", "http://h7.example/", packed)
    assert f"record {7:032x} from token 0" in found
    run("tokens", "shuffle", packed, "--output", shuffled, "--shards", 3)
    moved = run("tokens", "locate", "http://h7.example/", packed, "--shuffled", shuffled)
    assert moved.count("shard-") == found.count("sequence")
    absent = CliRunner().invoke(app, ["tokens", "locate", "http://x/", str(packed)])
    assert absent.exit_code == 1 and "URLs are matched exactly" in absent.output


def test_pack_folders_and_jsonl(tmp_path):
    """As the help says: a column text is enough, in Parquet and JSONL, and folders are read with all below them."""
    texts = {name: f"{name} 今天天气不错，我们去公园。" * 9 for name in ("a", "b", "c")}
    for folder in ("en", "zh", "_hidden"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    pq.write_table(pa.table({"text": [texts["a"]]}), tmp_path / "in" / "en" / "0.parquet")
    pq.write_table(pa.table({"text": ["hidden"]}), tmp_path / "in" / "_hidden" / "0.parquet")
    line = json.dumps({"text": texts["b"], "url": "http://b.example/"})
    (tmp_path / "in" / "zh" / "0.jsonl.gz").write_bytes(gzip.compress(f"{line}\nno json\n".encode()))
    (tmp_path / "in" / "notes.txt").write_text("no data")
    (tmp_path / "c.jsonl").write_text(json.dumps({"text": texts["c"]}))
    arguments = ("--output", tmp_path / "out", "--sequence-length", 64, "--validation", 0)
    told = run("tokens", "pack", tmp_path / "in", tmp_path / "c.jsonl", *arguments)
    assert [line.split(",")[0] for line in told.splitlines() if "documents" in line] == [
        "train/en-0: 1 documents", "train/zh-0: 1 documents", "train/c: 1 documents",
    ]  # fmt: skip
    assert "1 rows without a text left out (bad_json)" in told
    assert "zh-0" in run("tokens", "locate", "http://b.example/", tmp_path / "out" / "train")
    twice = CliRunner().invoke(
        app, [str(a) for a in ("tokens", "pack", tmp_path / "c.jsonl", tmp_path / "c.jsonl", *arguments)]
    )
    assert isinstance(twice.exception, ValueError) and "are one file" in str(twice.exception)
    (tmp_path / "empty").mkdir()
    none = CliRunner().invoke(app, [str(a) for a in ("tokens", "pack", tmp_path / "empty", *arguments)])
    assert isinstance(none.exception, FileNotFoundError)


def test_build_compare_and_export(pages, tmp_path):
    (tmp_path / "base.model").write_bytes(base())
    (tmp_path / "characters.txt").write_text("今\n天\t7\n气\n不\n错\n，\n我\n们\n去\n公\n园\n。\n", encoding="utf-8")
    model = tmp_path / "new.model"
    size = 3 + 256 + 15 + 12 + 4 + 17
    build = ("vocab", "build", pages, "--base", tmp_path / "base.model", "--characters", tmp_path / "characters.txt")
    run(*build, "--size", size, "--output", model)
    assert len(Encoder.load(model)) == size
    assert "base.model" in run("vocab", "compare", pages, "--model", tmp_path / "base.model")
    run("vocab", "export", "--model", model, "--output", tmp_path / "tokenizer.json")
    assert len(json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]) == size
    too_small = CliRunner().invoke(app, [str(a) for a in (*build, "--size", 100, "--output", tmp_path / "small.model")])
    assert isinstance(too_small.exception, Refused) and "size=100" in str(too_small.exception)


def test_the_default_model_is_in_the_package():
    assert default_model_path().is_file()
    assert 1_000_000 < default_model_path().stat().st_size < 1_200_000


def test_files_without_a_text_are_refused_and_what_remainder_drops_is_told(tmp_path, pages):
    """Before, they were packed into a finished folder of nothing."""
    (tmp_path / "other.jsonl").write_text('{"body": "x"}\n')
    with pytest.raises(Refused, match=r"no row has a text in a column text \(.*other\.jsonl: 1 rows, missing_field\)"):
        CliRunner().invoke(
            app,
            ["tokens", "pack", str(tmp_path / "other.jsonl"), "--output", str(tmp_path / "none")],
            catch_exceptions=False,
        )
    assert not (tmp_path / "none" / "manifest.json").exists()
    pq.write_table(pq.read_table(pages).slice(0, 0), tmp_path / "no-rows.parquet")
    with pytest.raises(Refused, match="there is no row"):
        CliRunner().invoke(
            app,
            ["tokens", "pack", str(tmp_path / "no-rows.parquet"), "--output", str(tmp_path / "none")],
            catch_exceptions=False,
        )
    told = run("tokens", "pack", pages, "--output", tmp_path / "some", "--remainder", "drop", "--validation", "0")
    assert "50 documents, 4096 tokens" in told and "tokens behind the last whole sequence were dropped" in told
