"""What settings name is looked for before the first stage, in a run and in each job, in a sentence that helps."""

from pathlib import Path

import pytest
import tomli_w

from skypile import job
from skypile.cli.run import _print_dry_run, _run
from skypile.config import Config, parse
from skypile.dedup.index_folder import IndexMissing
from skypile.errors import SkypileError
from skypile.preflight import PreflightError, preflight
from skypile.runtime import java

TABLES = [
    ({"quality_filter": {"wikipedia": ["absent.xml.bz2"]}}, "quality_filter", ["wikipedia", "absent.xml.bz2"]),
    ({"quality_filter": {"bad_words": "absent.txt"}}, "quality_filter", ["bad_words", "absent.txt"]),
    ({"quality_filter": {"lexicon": "absent.toml"}}, "quality_filter", ["lexicon", "absent.toml"]),
    ({"quality_filter": {"blocked_hosts": "absent.txt"}}, "quality_filter", ["blocked_hosts", "absent.txt"]),
    ({"quality_filter": {"classifier": "absent"}}, "quality_filter", ["classifier", "absent"]),
    ({"quality_filter": {"perplexity_model": "absent"}}, "quality_filter", ["perplexity_model", "absent"]),
    ({"quality_filter": {"trusted": ["absent.jsonl"]}}, "quality_filter", ["trusted", "absent.jsonl"]),
    ({"distribution_filter": {"model": "absent"}}, "distribution_filter", ["model", "absent"]),
    ({"dedup": {"against": "absent"}}, "dedup", ["index", "absent", "update_index"]),
    ({"quality_filter": {"languages": ["zh-Hant"]}, "extraction": {"languages": []}}, "quality_filter", ["'zh'"]),
    ({"extraction": {"languages": ["en", "zh", "cn"]}}, "extraction", ["'cn'", "ISO 639-1", " zh"]),
    ({"extraction": {"languages": ["EN", "en", "zh"]}}, "extraction", ["'EN'", "'en'"]),
]


@pytest.mark.parametrize("table, stage, words", TABLES, ids=lambda value: "")
def test_what_is_not_there_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict, stage: str, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "t"}\n')
    config = parse(table)
    for stages in (None, [stage]):
        with pytest.raises(SkypileError) as error:
            preflight(config, *([stages] if stages else []))
        assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)
    others = [other for other in ("extraction", "distribution_filter", "dedup", "quality_filter") if other != stage]
    preflight(config, others)
    with pytest.raises(SkypileError):
        _run(["a.jsonl"], str(tmp_path / "run"), config)
    (tmp_path / "c.toml").write_text(tomli_w.dumps(table))
    paths = ["a.jsonl"] if stage == "extraction" else []
    with pytest.raises(SystemExit):
        job.submit(stage, None, ["--config", "c.toml", "--output", "run", *paths])
    assert not (tmp_path / "run").exists()


def test_what_is_there_is_let_through(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("word\n词\n")
    index = tmp_path / "index"
    index.mkdir()
    with pytest.raises(IndexMissing, match=r"no index\.json"):
        preflight(parse({"dedup": {"against": str(index)}}))
    preflight(parse({"dedup": {"against": str(tmp_path / "new"), "update_index": True}}))
    preflight(parse({"dedup": {"against": "absent", "enabled": False}}))
    (index / "index.json").write_text("{}")
    preflight(parse({"dedup": {"against": str(index)}, "quality_filter": {"bad_words": str(words)}}))
    words.write_bytes("词".encode("gbk"))
    with pytest.raises(PreflightError, match=r"words\.txt is no UTF-8"):
        preflight(parse({"quality_filter": {"bad_words": str(words)}}))
    dump = tmp_path / "dump.xml"
    dump.write_text("<html/>")
    with pytest.raises(ValueError, match=r"dump\.xml is no Wikipedia dump"):
        preflight(parse({"quality_filter": {"wikipedia": [str(dump)]}}))


def test_missing_java_is_found_before_extraction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "a.jsonl").write_text('{"text": "t"}\n')
    with pytest.raises(java.JavaError, match="no bin/java"):
        _run([str(tmp_path / "a.jsonl")], str(tmp_path / "run"), Config())
    assert not (tmp_path / "run").exists()


def test_a_folder_for_tokens_that_is_not_to_be_written_is_refused_at_once(tmp_path):
    """Before, after the last stage."""
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "a.jsonl").write_text('{"text": "t"}\n')
    inside = parse({"tokens": {"enabled": True, "output": str(tmp_path / "crawl" / "tokens")}})
    with pytest.raises(SkypileError, match="lies in the input"):
        preflight(inside, inputs=[str(tmp_path / "crawl")])
    with pytest.raises(SkypileError, match="holds no tokens of skypile"):
        preflight(parse({"tokens": {"enabled": True, "output": str(tmp_path / "crawl")}}))
    with pytest.raises(SkypileError, match=r"tokens\.validation = 1: Input should be less than 1"):
        parse({"tokens": {"enabled": True, "validation": 1}})


def test_a_dry_run_looks_for_what_settings_name_and_tells_of_tokens(tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "t"}\n')
    given = ([str(tmp_path / "a.jsonl")], str(tmp_path / "run"))
    with pytest.raises(PreflightError, match="absent"):
        _print_dry_run(*given, parse({"quality_filter": {"trusted": ["absent.jsonl"]}}), None, "shards")
    _print_dry_run(*given, parse({"tokens": {"enabled": True}}), None, "shards")
    assert f"tokens               packed into {tmp_path}/run/06_tokens" in capsys.readouterr().out
