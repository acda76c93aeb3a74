"""Whatever a page, a file name or an argument holds, a terminal is shown it as text."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.cli.console import screen, shown
from tests.report.run_folder import record, write_run

# Colours, a link (OSC 8), the window's title, the cursor, C1, direction, no width, rich's markup and emoji.
HOSTILE = (
    "\x1b[31mred\x1b]8;;http://evil.example/\x1b\\here\x1b]8;;\x1b\\ \x1b]0;title\x07 \x1b[2J\r\x9b1A\x85 "
    "\u202egpj\u2066.exe\u200b\ufeff\u2028 [bold]loud[/bold] [/] [link=http://evil.example/]x[/link] "
    ":skull: \\[a\U000e0041"
)
URL = f"http://a.example/x[/y]?{HOSTILE}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    evidence = {f"key {HOSTILE}": HOSTILE, "survivor": f"{1:032x}", "survivor_url": f"http://b.example/{HOSTILE}"}
    twin = {"text": f"The same start. {HOSTILE} The same end.", "title": HOSTILE}
    rows = [
        record(1, url=f"http://b.example/{HOSTILE}", text="The same start. Another middle. The same end."),
        record(2, "dedup", url=URL, reason="near_duplicate", score=0.9, evidence=json.dumps(evidence), **twin),
    ]
    return write_run(tmp_path_factory.mktemp("run"), rows)


def pieces_shown(said):
    """Each hostile piece stands there as text, the markup unread."""
    assert not said.acting
    for piece in (r"\u001b[31mred", r"\u202egpj\u2066.exe\u200b\ufeff", "[bold]loud[/bold]", ":skull:", "[link=http"):
        assert piece in said.out + said.err


def test_why(terminal, run):
    said = terminal("why", URL, "--run", run)
    assert said.code == 0 and "http://a.example/x[/y]?" in said.out
    pieces_shown(said)


def test_diff(terminal, run):
    said = terminal("diff", URL, "--run", run)
    assert said.code == 0
    pieces_shown(said)
    assert "http://b.example/" in said.out and "Another middle" in said.out


def test_what_is_not_found_is_said_as_text(terminal, run):
    said = terminal("why", f"{HOSTILE}?", "--run", run)
    assert said.code == 1
    pieces_shown(said)


def test_status_of_a_folder_with_such_a_name(terminal, run, tmp_path):
    folder = tmp_path / "\x1b[31m[bold]\u202e"
    folder.symlink_to(run)
    said = terminal("status", folder)
    assert said.code == 0 and not said.acting
    assert r"\u001b[31m[bold]\u202e" in "".join(said.out.split())


def test_tokens_locate(terminal, tmp_path):
    table = pa.table({"record_id": [f"id {HOSTILE}"], "url": [URL], "text": ["hello"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert terminal("tokens", "pack", tmp_path / "a.parquet", "--output", tmp_path / "t").code == 0
    for key in (URL, f"id {HOSTILE}"):
        said = terminal("tokens", "locate", key, tmp_path / "t")
        assert said.code == 0 and "http://a.example/x[/y]?" in said.out
        pieces_shown(said)
    said = terminal("tokens", "locate", f"not {HOSTILE}", tmp_path / "t")
    assert said.code == 1
    pieces_shown(said)


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", HOSTILE),
        ("config", "--config", HOSTILE),
        ("tokens", "pack", HOSTILE, "--output", "t"),
        ("tokens", "shuffle", HOSTILE, "--output", "t"),
        ("vocab", "compare", HOSTILE),
        ("run", HOSTILE, "--output", "/nowhere"),
        ("config", f"--{HOSTILE}"),
        (HOSTILE,),
        ("tokens", "pack", "a", "--output", "b", "--sequence-length", HOSTILE),
    ],
    ids=lambda arguments: arguments[0][:6],
)
def test_errors(terminal, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = terminal(*arguments)
    assert said.code == 2 and not said.acting and said.err.count("\n") == 1
    assert "[bold]loud[/bold]" in said.err


def test_what_no_caller_has_thought_of(capsys):
    """The screen itself lets nothing through, styled or not, in tables too; the colours are its own."""
    from rich.table import Table
    from rich.text import Text

    console = screen()
    table = Table("a", title="\x1b[1m")
    table.add_row(Text("\u202e\x9b", style="red"))
    console.print(table)
    console.print("[red]x\x1b]0;t\x07[/red]", Text("\u200b"))
    said = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\x9b", "\u200b"} & set(said)
    assert r"\u001b]0;t" in said and r"\u202e\u009b" in said


def test_a_value_is_one_line(capsys):
    screen().print(shown("a\n  quality_filter kept [red]\\b"), soft_wrap=True)
    assert capsys.readouterr().out == "a\\n  quality_filter kept [red]\\b\n"


def test_a_value_of_the_evidence_is_one_line(terminal, tmp_path):
    feigned = "x\n  shards               kept\ty"
    row = record(3, "dedup", reason="near_duplicate", evidence=json.dumps({"detail": feigned, "bands": 2}))
    said = terminal("why", row["url"], "--run", write_run(tmp_path, [row]))
    assert r"      detail: x\n  shards               kept\ty" in said.out.splitlines()
    assert not any(line.startswith("  shards") for line in said.out.splitlines())
