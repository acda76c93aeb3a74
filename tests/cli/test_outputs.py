"""Every command that writes refuses, by name and before it does anything, what is not its own to write."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from skypile.cli import app
from skypile.jobs import tokenization
from skypile.run_folder.output import OutputRefused
from skypile.runtime import session

COMMANDS = {
    "run": ["run", "INPUT", "--output", "OUTPUT"],
    "dedup": ["dedup", "INPUT", "--output", "OUTPUT"],
    "pack": ["tokens", "pack", "INPUT/a.parquet", "--output", "OUTPUT"],
    "shuffle": ["tokens", "shuffle", "INPUT", "--output", "OUTPUT"],
    "sample": ["sample", "OUTPUT"],
    "index": ["dedup", "INPUT", "--output", "NEW", "--against", "OUTPUT", "--update-index"],
    "export": ["vocab", "export", "--output", "OUTPUT/notes.md"],
    "build": ["vocab", "build", "INPUT/a.parquet", "--base", "INPUT/a.parquet", "--output", "OUTPUT/notes.md"],
    "demo": ["demo", "--output", "DEMO"],
}
OVERLAPPING = ["run", "dedup", "pack", "shuffle", "index"]


@pytest.fixture
def places(tmp_path):
    """An input, a folder of somebody's own, and names for new ones."""
    (tmp_path / "input").mkdir()
    columns = {"id": ["1", "2"], "record_id": ["1", "2"], "url": ["a", "b"], "text": ["one text", "another text"]}
    pq.write_table(pa.table(columns), tmp_path / "input" / "a.parquet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.md").write_text("ten days of work")
    (tmp_path / "demo" / "sample").mkdir(parents=True)
    (tmp_path / "demo" / "sample" / "notes.md").write_text("ten days of work")
    return {
        "INPUT": tmp_path / "input",
        "OUTPUT": tmp_path / "mine",
        "NEW": tmp_path / "new",
        "DEMO": tmp_path / "demo",
    }


def invoke(words, places):
    filled = []
    for word in words:
        for name, place in places.items():
            word = word.replace(name, str(place))
        filled.append(word)
    return CliRunner().invoke(app, filled).exception


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_ours_is_left_alone(command, places):
    before = sorted(places["OUTPUT"].parent.rglob("*"))
    refused = invoke(COMMANDS[command], places)
    assert isinstance(refused, OutputRefused), refused
    folder = places["DEMO"] / "sample" if command == "demo" else places["OUTPUT"]
    assert str(folder) in str(refused)
    assert (folder / "notes.md").read_text() == "ten days of work"
    assert [path for path in sorted(places["OUTPUT"].parent.rglob("*")) if path not in before] in ([], [places["NEW"]])


@pytest.mark.parametrize("command", OVERLAPPING)
@pytest.mark.parametrize("output", ["INPUT", "INPUT/new", "INPUT/.."])
def test_inputs_and_outputs_lie_apart(command, output, places):
    words = [word.replace("OUTPUT", output).replace("NEW", output) for word in COMMANDS[command]]
    if command == "pack" and output == "INPUT/new":
        words[2] = "INPUT"  # a file has nothing in it
    before = (places["INPUT"] / "a.parquet").read_bytes()
    refused = invoke(words, places)
    assert isinstance(refused, OutputRefused) and "input" in str(refused), refused
    assert (places["INPUT"] / "a.parquet").read_bytes() == before
    assert [path.name for path in places["INPUT"].iterdir()] == ["a.parquet"]


def test_the_job_that_packs_tokens_too(places, monkeypatch):
    monkeypatch.setattr(session, "start", lambda *_: None)
    for output in (places["OUTPUT"], places["INPUT"], places["INPUT"] / "new", places["INPUT"].parent):
        with pytest.raises(OutputRefused):
            tokenization.main(["--shards", str(places["INPUT"]), "--output", str(output)])
    assert (places["OUTPUT"] / "notes.md").read_text() == "ten days of work"
    assert [path.name for path in places["INPUT"].iterdir()] == ["a.parquet"]


def test_files_of_one_name_are_all_packed_and_named_twice_is_refused(places):
    for language in ("en", "zh"):
        (places["INPUT"] / language).mkdir()
        rows = {"record_id": [language], "url": [f"http://{language}.example/"], "text": [f"a text {language}"]}
        pq.write_table(pa.table(rows), places["INPUT"] / language / "part-00000.zstd.parquet")
    given = [str(places["INPUT"] / language / "part-00000.zstd.parquet") for language in ("en", "zh")]
    assert invoke(["tokens", "pack", *given, "--output", "NEW", "--validation", "0"], places) is None
    packed = [pq.read_table(path)["record_id"].to_pylist() for path in sorted(places["NEW"].rglob("*.parquet"))]
    assert packed == [["en"], ["zh"]]
    refused = invoke(["tokens", "pack", given[0], given[0], "--output", "DEMO/x"], places)
    assert isinstance(refused, ValueError) and "are one file" in str(refused)


def test_nothing_of_an_earlier_packing_is_left(places):
    words = ["tokens", "pack", "INPUT/a.parquet", "--output", "NEW", "--validation"]
    assert invoke([*words, "0.5"], places) is None
    refused = invoke([*words, "0"], places)
    assert isinstance(refused, OutputRefused) and "validation: 0.5, now 0.0" in str(refused)
    # One that never came to its end: its leftovers go.
    (places["NEW"] / "manifest.json").unlink()
    (places["NEW"] / "validation").mkdir(exist_ok=True)
    (places["NEW"] / "validation" / "left.bin").write_bytes(b"1")
    assert invoke([*words, "0.5"], places) is None
    assert not (places["NEW"] / "validation" / "left.bin").exists()
