"""Who reads a run sees what is finished in it, while it is written and after a kill."""

import json

import pyarrow as pa
import pytest

from skypile.report import write_report
from skypile.run_folder import ledger
from skypile.run_folder.parquet_part import part
from skypile.run_folder.parts import DamagedParts
from skypile.schema import KEPT, LEDGER_COLUMNS, STAGE_COLUMNS, arrow_schema

STAGE = "extraction"


def rows(wave, number=5):
    for n in range(number):
        yield {"record_id": f"{wave}{n:031x}", "url": f"http://a.example/{wave}/{n}", "verdict": KEPT, "text": "a text"}


def write_wave(folder, wave, stage=STAGE, stamped=True):
    """A wave of a stage, as whoever extracts writes it."""
    parts = {}
    documents, verdicts = arrow_schema(STAGE_COLUMNS[stage]), arrow_schema(LEDGER_COLUMNS)
    for place, schema in ((f"documents/kept=true/wave={wave}", documents), (f"verdicts/wave={wave}", verdicts)):
        with part(str(folder / place), 0, schema, parts, "attempt") as add:
            full = [dict.fromkeys(schema.names) | row | {"stage": stage} for row in rows(wave)]
            add(pa.RecordBatch.from_pylist(full, schema=schema))
    entries = {name.removeprefix(f"{folder}/"): entry for name, entry in parts.items()}
    if stamped:
        (folder / "waves").mkdir(exist_ok=True)
        (folder / "waves" / f"{wave:05d}.json").write_text(json.dumps({"parts": entries}))
    return entries


def finish(folder, stage, parts, digest="0", inputs=None):
    manifest = {"stage": stage, "read": 5, "kept": 5, "dropped": {}, "failed": {}, "digest": digest, "seconds": 1.0}
    manifest |= {"notes": [], "versions": {}, "fingerprint": "f", "inputs": inputs or {}, "parts": parts}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def run(tmp_path):
    """A run that was killed in its second wave: one file of it has no footer yet, one is whole."""
    folder = tmp_path / "01_extraction"
    write_wave(folder, 0)
    write_wave(folder, 1, stamped=False)
    (folder / "plan.json").write_text(json.dumps({"waves": 3}))
    for place in ("documents/kept=true/wave=1", "verdicts/wave=1"):
        (folder / place / "part-00001-attempt.zstd.parquet").write_bytes(b"PAR1 and no more")
        (folder / place / "_part-00002-attempt.zstd.parquet").write_bytes(b"")
    return tmp_path


def test_readers_see_stamped_waves_and_no_others(run):
    assert [v.url for v in ledger.why(str(run), "http://a.example/0/3")] == ["http://a.example/0/3"]
    assert ledger.why(str(run), "http://a.example/1/3") == []
    assert len(list(ledger.fates(str(run)))) == 5
    page = write_report(str(run))
    assert page


def test_a_stage_without_a_finished_wave_has_no_verdicts(run):
    second = run / "02_distribution_filter"
    finish(run / "01_extraction", STAGE, ledger.stamped_parts(str(run / "01_extraction")))
    write_wave(second, 0, "distribution_filter", stamped=False)
    (second / "plan.json").write_text(json.dumps({"waves": 1}))
    assert list(ledger.stage_folders(str(run))) == [STAGE]
    assert list(ledger.stage_folders(str(run), begun=True)) == [STAGE, "distribution_filter"]
    assert len(list(ledger.fates(str(run)))) == 5


def test_a_stage_made_from_what_is_no_longer_there_is_not_shown(run):
    first, second = run / "01_extraction", run / "02_distribution_filter"
    parts = write_wave(second, 0, "distribution_filter")
    finish(first, STAGE, ledger.stamped_parts(str(first)), digest="1")
    finish(second, "distribution_filter", parts, inputs={"what extraction kept": "f 1"})
    assert list(ledger.stage_folders(str(run))) == [STAGE, "distribution_filter"]
    finish(first, STAGE, ledger.stamped_parts(str(first)), digest="2")  # done again, with other texts
    assert list(ledger.stage_folders(str(run))) == [STAGE]
    (first / "manifest.json").unlink()  # being done again
    assert list(ledger.stage_folders(str(run))) == [STAGE]


def test_a_part_that_is_gone_is_named(run):
    [part_file] = (run / "01_extraction" / "verdicts" / "wave=0").glob("part-*")
    part_file.unlink()
    with pytest.raises(DamagedParts, match=r"verdicts/wave=0/part-00000-attempt\.zstd\.parquet is missing"):
        ledger.why(str(run), "http://a.example/0/3")


def test_a_stage_that_kept_nothing_has_documents_all_the_same(tmp_path):
    """Of no rows: the columns are there."""
    folder = tmp_path / "01_extraction"
    (folder / "documents").mkdir(parents=True)
    (folder / "plan.json").write_text('{"waves": 1}')
    schema = arrow_schema(STAGE_COLUMNS[STAGE])
    assert ledger.dataset(str(folder / "documents"), schema).to_table(columns=["record_id", "wave"]).num_rows == 0
