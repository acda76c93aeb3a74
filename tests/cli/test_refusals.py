"""Every kind of wrong use ends in one line that names the value, whole when piped, and with an exit code.

A case is (arguments, words in the message). The files of `wrong` are named in the arguments.
"""

import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A folder with one file for each thing that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("a rather long name, so that any message with it is wider than a terminal of 80")
    good = {"record_id": ["1", "2"], "url": ["http://a.example/", None], "text": ["one text", "another"]}
    for name, columns in {
        "good": good,
        "noid": {"url": ["u"], "text": ["t"]},
        "null": good | {"text": ["a", None]},
        "lists": good | {"text": [["a"], ["b"]]},
    }.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    (folder / "cut.parquet").write_bytes((folder / "good.parquet").read_bytes()[:200])
    texts = {
        "file": "x",
        "text.parquet": "no Parquet",
        "bad.jsonl": '{"text": \n',
        "lines.jsonl": '{"no_text": 1}\n\n{"text": null}\n',
        "word.model": "no model",
        "tokenizer.json": "{",
        "broken.toml": "[dedup\n",
        "nested.toml": "[quality_filter]\nmin_words = 1\n",
        "deeper.toml": "[quality_filter]\nepoch = 1\n",
        "misspelt.toml": "[dedup]\njacard_threshold = 0.9\n",
        "table.toml": "[deduplication]\nbands = 2\n",
        "above.toml": "bands = 2\n",
        "type.toml": "[shards]\nshard_mb = 'big'\n",
        "notable.toml": "dedup = true\n",
        "string.toml": "[extraction]\nlanguages = 'zh'\n",
        "two.toml": "[shards]\nshard_mb = -1\n[extraction]\nengine = 'magic'\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "bytes.toml").write_bytes(b"\xff\xfe")
    (folder / "dir").mkdir()
    (folder / "locked").mkdir()
    (folder / "tokens").mkdir()
    (folder / "tokens" / "a.idx").write_text("junk")
    for name, text in {"torn": "{", "list": "[]"}.items():
        (folder / name / "01_extraction" / "verdicts").mkdir(parents=True)
        (folder / name / "01_extraction" / "manifest.json").write_text(text)
    return folder


PACK = ("tokens", "pack", "good.parquet", "--output", "out")
CASES = [
    (("bogus",), "bogus"),
    (("run",), "paths"),
    (("run", "good.parquet"), "--output"),
    (("config", "--nonsense"), "--nonsense"),
    (("sample", "out", "--seed", "many"), "many"),
    (("config", "--config", "none.toml"), "none.toml"),
    (("config", "--config", "dir"), "dir: it is a folder"),
    (("config", "--config", "file/x.toml"), "file/x.toml: a part of this path is a file"),
    (("config", "--config", "broken.toml"), "broken.toml is no valid TOML"),
    (("config", "--config", "bytes.toml"), "bytes.toml is no valid TOML"),
    (
        ("config", "--config", "nested.toml"),
        "quality_filter.min_words = 1: no such setting; did you mean quality_filter",
    ),
    (("config", "--config", "nested.toml"), "did you mean quality_filter.rules.min_words?"),
    (("config", "--config", "deeper.toml"), "did you mean quality_filter.citations.epochs?"),
    (("config", "--config", "misspelt.toml"), "did you mean dedup.jaccard_threshold?"),
    (("config", "--config", "table.toml"), "deduplication"),
    (("config", "--config", "above.toml"), "did you mean dedup.bands?"),
    (("config", "--config", "type.toml"), "shards.shard_mb = 'big'"),
    (("config", "--config", "notable.toml"), "write [dedup]"),
    (("config", "--config", "string.toml"), "extraction.languages = 'zh': must be a list"),
    (("config", "--config", "two.toml"), "2 settings refused"),
    (("status", "nowhere"), "nowhere"),
    (("status", "dir"), "no run in dir"),
    (("status", "torn"), "torn/01_extraction/manifest.json is damaged"),
    (("status", "list"), "list/01_extraction/manifest.json"),
    (("report", "dir"), "dir"),
    (("why", "http://a.example/", "--run", "nowhere"), "nowhere"),
    (("diff", "http://a.example/", "--run", "nowhere"), "nowhere"),
    (("run", "none.warc.gz", "--output", "out"), "none.warc.gz"),
    (("run", "zzz://a/b", "--output", "out"), "zzz"),
    (("run", "good.parquet", "--output", "file"), "file is a file; give a folder"),
    (("run", "good.parquet", "--output", "/proc/none"), "/proc/none"),
    (("sample", "file"), "file"),
    (("demo", "--output", "file"), "file"),
    (("dedup", "good.parquet", "--output", "out", "--id-column", "nope"), "nope"),
    (("dedup", "good.parquet", "--output", "file", "--id-column", "record_id"), "file"),
    (("vocab", "compare", "none.jsonl"), "none.jsonl"),
    (("vocab", "compare", "dir"), "dir is a folder"),
    (("vocab", "compare", "bad.jsonl"), "bad.jsonl holds no text"),
    (("vocab", "compare", "lines.jsonl"), "lines.jsonl holds no text in its 2 rows, the first at 0 missing_field"),
    (("vocab", "compare", "cut.parquet"), "cut.parquet"),
    (("vocab", "compare", "good.parquet", "--model", "word.model"), "word.model is no SentencePiece model"),
    (("vocab", "compare", "good.parquet", "--model", "tokenizer.json"), "tokenizer.json"),
    (("vocab", "export", "--output", "dir"), "dir exists already"),
    (("vocab", "build", "good.parquet", "--base", "none.model", "--output", "new.model"), "none.model: no such file"),
    (("tokens", "pack", "null.parquet", "--output", "out"), "null.parquet: row 1 (from 0) has no text"),
    (("tokens", "pack", "lists.parquet", "--output", "out"), "lists.parquet: column text is list"),
    (("tokens", "pack", "cut.parquet", "--output", "out"), "cut.parquet is no whole Parquet file"),
    (("tokens", "pack", "text.parquet", "--output", "out"), "text.parquet is no whole Parquet file"),
    (("tokens", "pack", "dir", "--output", "out"), "no Parquet or JSONL file in dir"),
    (("tokens", "pack", "none.parquet", "--output", "out"), "none.parquet"),
    (("tokens", "pack", "good.parquet", "good.parquet", "--output", "out"), "are one file"),
    (("tokens", "pack", "good.parquet", "--output", "file"), "file is a file; give a folder"),
    ((*PACK, "--model", "word.model"), "word.model is no SentencePiece model"),
    ((*PACK, "--model", "none.model"), "none.model: no such file"),
    ((*PACK, "--sequence-length", "1"), "sequence_length=1 "),
    ((*PACK, "--sequence-length", "9999999999"), "sequence_length=9999999999"),
    ((*PACK, "--sequence-length", "long"), "long"),
    ((*PACK, "--remainder", "carry"), "carry"),
    ((*PACK, "--remainder", "lose"), "lose"),
    ((*PACK, "--validation", "1.5"), "1.5"),
    ((*PACK, "--validation", "nan"), "nan"),
    ((*PACK, "--end-of-document", "400"), "400"),
    (("tokens", "locate", "1", "nowhere"), "nowhere"),
    (("tokens", "locate", "1", "dir", "--shuffled", "dir"), "dir/shuffle.json is missing"),
    (("tokens", "shuffle", "nowhere", "--output", "out"), "nowhere"),
    (("tokens", "shuffle", "dir", "--output", "out"), "dir holds no .idx file"),
    (("tokens", "shuffle", "tokens", "--output", "out"), "tokens/a.idx"),
]


@pytest.mark.parametrize(("arguments", "words"), CASES, ids=lambda value: " ".join(value)[:60])
def test_wrong_use_is_one_line(terminal, wrong, monkeypatch, arguments, words):
    monkeypatch.chdir(wrong)
    said = terminal(*arguments)
    assert said.code == 2
    assert said.err.count("\n") == 1 and said.err.startswith("skypile: ")
    assert words in said.err


@pytest.mark.parametrize("arguments", [CASES[8][0], CASES[-1][0], (*PACK, "--validation", "7")])
def test_piped_it_is_whole_at_any_width(wrong, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "skypile.cli", *(str(wrong / a) if (wrong / a).exists() else a for a in arguments)],
        env=os.environ | {"COLUMNS": "80", "PYTHONPATH": str(REPOSITORY)},
        cwd=wrong,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not done.stdout and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and len(done.stderr) > 80


def test_the_help_is_all_that_a_bare_command_prints(terminal):
    said = terminal()
    assert said.code == 2 and "Usage:" in said.out + said.err and "skypile:" not in said.err


def test_a_bug_keeps_its_traceback(terminal, monkeypatch):
    from skypile.cli import main
    from skypile.tokens import provenance

    monkeypatch.setattr(provenance, "locate", lambda *_: {}["gone"])
    monkeypatch.setattr(sys, "argv", ["skypile", "tokens", "locate", "a", "b"])
    with pytest.raises(KeyError):
        main()


@pytest.mark.parametrize(
    ("job", "arguments", "words"),
    [
        ("tokenization", ("--shards", "x", "--output", "y", "--sequence-length", "1"), "sequence_length=1 "),
        ("shards", ("--config", "broken.toml", "--output", "y"), "broken.toml is no valid TOML"),
        ("extraction", ("--output", "y", "none.warc"), "none.warc"),
        ("dedup", ("--id-column", "nope", "--text-column", "text", "--output", "y", "good.parquet"), "nope"),
    ],
)
def test_jobs_end_so_too(wrong, job, arguments, words):
    command = [sys.executable, str(REPOSITORY / "jobs" / f"{job}.py"), *arguments]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, cwd=wrong, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith(f"{job}.py: ") and done.stderr.count("\n") == 1 and words in done.stderr
