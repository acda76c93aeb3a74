"""Masks in the report: counted over all pages, kept or not."""

from skypile.config import PrivacyConfig, QualityFilterConfig
from skypile.report.evidence import told
from skypile.report.masks import KINDS, masks
from skypile.schema import STAGE_COLUMNS
from tests.report.run_folder import table


def test_masks_are_counted_by_kind(tmp_path):
    columns = STAGE_COLUMNS["quality_filter"]
    kept = ['{"phone": 2, "qq": 1}', None, '{"phone": 1}']
    table([{"masked": counts} for counts in kept], columns, tmp_path / "documents/kept=true/wave=0")
    table([{"masked": '{"qq": 5}'}], columns, tmp_path / "documents/kept=false/wave=0")
    settings = QualityFilterConfig(privacy=PrivacyConfig(mask=("phone", "qq"))).model_dump(mode="json")
    found = {one.kind: (one.masks, one.pages, one.asked) for one in masks(str(tmp_path), settings)}
    assert set(found) == set(KINDS)
    assert (found["phone"], found["qq"], found["email"]) == ((3, 2, True), (6, 2, True), (0, 0, False))


def test_evidence_tells_masks_in_numbers():
    spots = [
        {"kind": "phone", "start": 1, "end": 12, "hash": "00ff"},
        {"kind": "qq", "start": 20, "end": 28, "hash": "1"},
    ]
    assert told({"masked": spots}) == [("masked", "phone: 1; qq: 1")]
