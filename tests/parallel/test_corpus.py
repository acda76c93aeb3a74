"""`skypile parallel` on runs that are written by hand."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from skypile.config import ParallelConfig
from skypile.errors import Refused
from skypile.parallel.corpus import parallel
from skypile.run_folder.output import OutputRefused
from skypile.run_folder.parts import summed
from tests.cli.terminal import Terminal
from tests.parallel.bilingual import CHINESE, ENGLISH, OTHER_CHINESE, text
from tests.report.run_folder import record, write_run

SITE = "https://island.example"


def pages() -> list[dict]:
    """A translated page, the same again elsewhere, one untranslated, one that is no translation, one alone."""
    half = [*CHINESE[:4], *ENGLISH[4:]]
    found = [
        ("/en/ferry", "en", ENGLISH),
        ("/zh/ferry", "zh", half),
        ("/en/mirror/ferry", "en", ENGLISH[:3]),
        ("/zh/mirror/ferry", "zh", CHINESE[:3]),
        ("/en/notes", "en", ENGLISH),
        ("/zh/notes", "en", ENGLISH),
        ("/en/news", "en", ENGLISH),
        ("/zh/news", "zh", OTHER_CHINESE),
        ("/en/alone", "en", ENGLISH),
    ]
    script = {"zh": "Hans", "en": None}
    return [
        record(n, url=SITE + path, language=language, script=script[language], text=text(lines))
        for n, (path, language, lines) in enumerate(found)
    ]


def written(root: Path, pages: list[dict]) -> Path:
    """A run whose manifests name its files, as those of whole stages do."""
    for manifest in write_run(root, pages).glob("*/manifest.json"):
        parts = summed(str(manifest.parent), ("documents", "verdicts"))
        manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | {"parts": parts}), "utf-8")
    return root


def rows(folder: Path) -> list[dict]:
    return [
        row for file in sorted(folder.rglob("*.parquet")) for row in pq.read_table(file, partitioning=None).to_pylist()
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written(tmp_path / "run", pages())


def test_paragraphs_of_a_translated_page_and_why_the_others_have_none(run: Path, tmp_path: Path) -> None:
    done = parallel(str(run), str(tmp_path / "out"), "shards", None, ParallelConfig())
    assert done["pages"] == {"read": 4, "kept": 2, "dropped": {"not_parallel": 1, "untranslated": 1}}
    assert done["kept"] == 4 and done["dropped"] == {"duplicate": 3, "untranslated": 4}
    assert done["read"] == done["kept"] + sum(done["dropped"].values())
    kept = rows(tmp_path / "out/documents/kept=true")
    assert {(row["en"], row["zh"]) for row in kept} == set(zip(ENGLISH[:4], CHINESE[:4], strict=True))
    assert all(row["source"] == "parallel/url" and row["confidence"] >= 0.8 for row in kept)
    assert all(row["text"] == f"{row['en']}\n\n{row['zh']}" and row["script"] == "Hans" for row in kept)
    fates = {row["en_url"]: row["reason"] for row in rows(tmp_path / "out/pages")}
    assert fates == {
        f"{SITE}/en/ferry": None,
        f"{SITE}/en/mirror/ferry": None,
        f"{SITE}/en/notes": "untranslated",
        f"{SITE}/en/news": "not_parallel",
    }


def test_the_order_of_the_documents_decides_nothing(tmp_path: Path) -> None:
    found = []
    for name, order in (("one", pages()), ("other", pages()[::-1])):
        run = written(tmp_path / name, order)
        parallel(str(run), str(tmp_path / f"out-{name}"), "shards", None, ParallelConfig())
        found.append(rows(tmp_path / f"out-{name}/documents"))
    assert found[0] == found[1] and len(found[0]) == 11


def test_hreflang_of_extraction_pairs_pages_of_other_addresses(tmp_path: Path) -> None:
    chinese = "https://dao.example/duchuan"
    made = [
        record(0, url=f"{SITE}/ferry", language="en", text=text(ENGLISH), alternates=json.dumps({"zh-cn": chinese})),
        record(1, url=chinese, language="zh", script="Hans", text=text(CHINESE)),
    ]
    done = parallel(str(written(tmp_path / "run", made)), str(tmp_path / "out"), "dedup", None, ParallelConfig())
    assert done["kept"] == 8
    assert {row["source"] for row in rows(tmp_path / "out/documents")} == {"parallel/hreflang"}


def test_pairs_from_a_file(run: Path, tmp_path: Path) -> None:
    listed = tmp_path / "pairs.txt"
    listed.write_text(f"# by hand\n{SITE}/en/alone {SITE}/zh/ferry\n", encoding="utf-8")
    parallel(str(run), str(tmp_path / "out"), "shards", str(listed), ParallelConfig())
    assert ("given", f"{SITE}/en/alone") in {(row["source"], row["en_url"]) for row in rows(tmp_path / "out/pages")}
    listed.write_text("https://a.example/x\n")
    with pytest.raises(Refused, match=r"line 1: two URLs"):
        parallel(str(run), str(tmp_path / "out2"), "shards", str(listed), ParallelConfig())


def test_a_finished_result_is_left_and_another_one_refused(run: Path, tmp_path: Path) -> None:
    first = parallel(str(run), str(tmp_path / "out"), "shards", None, ParallelConfig())
    assert parallel(str(run), str(tmp_path / "out"), "shards", None, ParallelConfig()) == first
    with pytest.raises(OutputRefused, match="choose another folder"):
        parallel(str(run), str(tmp_path / "out"), "shards", None, ParallelConfig(min_confidence=0.5))
    with pytest.raises(Refused, match="no stage of a run"):
        parallel(str(run), str(tmp_path / "out3"), "tokens", None, ParallelConfig())


def test_a_page_of_too_many_lines_is_dropped_with_its_reason(run: Path, tmp_path: Path) -> None:
    done = parallel(str(run), str(tmp_path / "out"), "shards", None, ParallelConfig(max_lines=5))
    assert done["pages"]["dropped"]["too_long"] == 2


def test_the_command_says_what_it_found(run: Path, tmp_path: Path, terminal: Terminal) -> None:
    shown = terminal("parallel", str(run), "--output", str(tmp_path / "out"))
    assert "pairs of pages: read 4, kept 2, dropped: not_parallel 1, untranslated 1" in shown.out
    assert "pairs of paragraphs: read 11, kept 4" in shown.out
    made = json.loads(terminal("parallel", str(run), "--output", str(tmp_path / "out"), "--json").out)
    assert made["kept"] == 4 and made["output"] == str(tmp_path / "out")


def test_a_run_without_pairs_gives_an_empty_corpus(tmp_path: Path) -> None:
    done = parallel(
        str(written(tmp_path / "run", pages()[-1:])), str(tmp_path / "out"), "shards", None, ParallelConfig()
    )
    assert (done["read"], done["kept"], done["pages"]["read"], done["documents"]) == (0, 0, 0, {"en": 1})
    assert rows(tmp_path / "out") == []
