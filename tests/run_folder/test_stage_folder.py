"""A stage folder whoever writes it: what is kept, what is made again, and what is not ours."""

import json
import uuid

import pyarrow as pa
import pytest

from skypile.run_folder import stage_folder
from skypile.run_folder.parquet_part import part
from skypile.run_folder.parts import DamagedParts, summed
from skypile.run_folder.stage_folder import Plan
from skypile.run_folder.stamp import Decisions, Written
from skypile.runtime import files
from skypile.schema import KEPT

SCHEMA = pa.schema([("record_id", pa.string()), ("text", pa.string())])


class Interrupted(Exception):
    pass


class Maker:
    """Makes waves of two rows, and remembers which."""

    def __init__(self, text="a", broken=()):
        self.text, self.broken, self.made, self.said = text, broken, [], []

    def write_wave(self, folder, number):
        self.made.append(number)
        parts = {}
        for place in ("documents/kept=true", "verdicts"):
            with part(f"{folder}/{place}/wave={number}", 0, SCHEMA, parts, uuid.uuid4().hex[:8]) as add:
                rows = [{"record_id": f"{number}{n}", "text": self.text} for n in range(2)]
                add(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
            if number in self.broken:
                raise Interrupted
        entries = {name.removeprefix(f"{folder}/"): entry for name, entry in parts.items()}
        return Written(2, [Decisions(KEPT, None, 2, hash(self.text) & 0xFF)], entries)

    def write(self, run, plan):
        return stage_folder.write(run, plan, self.write_wave, lambda folder: None, say=self.said.append)


def plan(*waves, settings=None, notes=list):
    inputs = {"input": {wave: wave for wave in waves}}
    return Plan("extraction", settings or {"min": 1}, inputs, waves, notes)


@pytest.fixture(params=["local", "memory"])
def run(request, tmp_path):
    return str(tmp_path / "run") if request.param == "local" else f"memory://{uuid.uuid4().hex}"


def test_a_finished_stage_is_left_until_something_differs(run):
    first, fresh = Maker().write(run, plan("a", "b"))
    assert fresh
    again = Maker()
    assert again.write(run, plan("a", "b")) == (first, False) and again.made == []
    assert stage_folder.why_redo(run, plan("a", "b")) is None
    assert stage_folder.why_redo(run, plan("a", "b", settings={"min": 2})) == "min was 1, now 2"
    other = Maker()
    other.write(run, plan("a", "b", settings={"min": 2}))
    assert other.made == [0, 1] and other.said == ["extraction           redone: min was 1, now 2"]


def test_only_waves_of_changed_input_are_made_again(run):
    Maker().write(run, plan("a", "b", "c"))
    changed = Maker()
    manifest, _ = changed.write(run, plan("a", "x"))
    assert changed.made == [1] and changed.said[0].endswith("redone: input x is new, input b is gone, input c is gone")
    assert manifest["read"] == 4
    assert sorted(manifest["parts"]) == sorted(
        f"{place}/{name}/{only}"
        for place in ("documents/kept=true", "verdicts")
        for name in ("wave=0", "wave=1")
        for only in files.list_names(f"{run}/01_extraction/{place}/{name}")
    )
    assert files.list_names(f"{run}/01_extraction/waves") == ["00000.json", "00001.json"]


def test_a_crash_leaves_stamped_waves_and_no_manifest(run):
    Maker().write(run, plan("a", "b"))
    with pytest.raises(Interrupted):
        Maker("b", broken=[1]).write(run, plan("a", "b", settings={"min": 2}))
    assert stage_folder.manifest(run, "extraction") is None
    rest = Maker("b")
    rest.write(run, plan("a", "b", settings={"min": 2}))
    assert rest.made == [1]
    assert [len(files.list_names(f"{run}/01_extraction/verdicts/wave={n}")) for n in (0, 1)] == [1, 1]


def test_notes_outlive_a_crash_after_the_wave(run):
    stage = plan("a", notes=lambda counts: ["trained on nothing"])
    Maker().write(run, stage)
    files.remove_tree(f"{run}/01_extraction/manifest.json")
    manifest, _ = Maker().write(run, plan("a"))
    assert manifest["notes"] == ["trained on nothing"]


def test_a_damaged_part_is_made_again_and_refused_by_who_reads_it(run):
    Maker().write(run, plan("a", "b"))
    name = files.list_names(f"{run}/01_extraction/verdicts/wave=1")[0]
    files.remove_tree(f"{run}/01_extraction/verdicts/wave=1/{name}")
    with pytest.raises(DamagedParts, match=f"01_extraction: verdicts/wave=1/{name} is missing"):
        stage_folder.check_finished(run, "extraction")
    mended = Maker()
    mended.write(run, plan("a", "b"))
    assert mended.made == [1]
    stage_folder.check_finished(run, "extraction")


@pytest.mark.parametrize("beside", ["clusters", "classifier"])
def test_what_a_stage_decided_by_is_a_part_too(run, beside):
    class Decider(Maker):
        def write_wave(self, folder, number):
            written = super().write_wave(folder, number)
            files.write_text(f"{folder}/{beside}/model", "a model")
            return written._replace(parts=written.parts | summed(folder, [beside]))

    Decider().write(run, plan("a"))
    again = Decider()
    again.write(run, plan("a"))
    assert again.made == []
    files.write_text(f"{run}/01_extraction/{beside}/model", "a m0del")
    again.write(run, plan("a"))
    assert again.made == [0]
    assert again.said == [f"extraction           redone: {beside}/model is not what was written (checksum)"]
    files.remove_tree(f"{run}/01_extraction/{beside}")
    with pytest.raises(DamagedParts, match=f"{beside}/model is missing"):
        stage_folder.check_finished(run, "extraction")


def test_the_first_wave_holds_what_is_written_besides():
    assert {"clusters", "classifier"} <= set(stage_folder.places_of(0))
    assert not {"clusters", "classifier"} & set(stage_folder.places_of(1))


def test_a_file_that_is_not_ours_stops_whoever_would_remove_it(run):
    Maker().write(run, plan("a"))
    files.write_text(f"{run}/01_extraction/documents/kept=true/mine.csv", "mine")
    with pytest.raises(DamagedParts, match=r"documents/kept=true/mine\.csv is no file of skypile's; move it"):
        Maker().write(run, plan("a", settings={"min": 2}))
    files.write_text(f"{run}/01_extraction/notes.md", "mine")
    files.remove_tree(f"{run}/01_extraction/documents/kept=true/mine.csv")
    Maker().write(run, plan("a", settings={"min": 2}))
    assert files.exists(f"{run}/01_extraction/notes.md")


def test_what_changed_while_it_was_read_is_read_again(run):
    changing = plan("a", "b")._replace(unsettled=lambda wave: ["b vanished"] * (wave == 1))
    manifest, _ = Maker().write(run, changing)
    assert manifest["unsettled"] == ["b vanished"]
    assert stage_folder.why_redo(run, plan("a", "b")) == "b vanished while it was read"
    again = Maker()
    assert again.write(run, plan("a", "b"))[0]["unsettled"] == [] and again.made == [1]


def test_the_code_of_a_stage_is_part_of_it(run, monkeypatch):
    Maker().write(run, plan("a"))
    monkeypatch.setattr(stage_folder, "code", lambda stage: {"the code of the stage": "another"})
    assert stage_folder.why_redo(run, plan("a")).startswith("the code of the stage changed")


def test_a_manifest_of_an_older_version_is_made_again(run):
    Maker().write(run, plan("a"))
    place = f"{run}/01_extraction/manifest.json"
    old = {key: value for key, value in json.loads(files.open_uri(place).read()).items() if key != "parts"}
    files.write_json(place, old)
    assert stage_folder.why_redo(run, plan("a")) == "another version of skypile made it"
