"""What a stage's counts mean: a share of records that fail alike warns, nothing kept is an error or a warning."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.run_folder.outcome import NothingKept, check_kept, warnings


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A stage folder whose verdicts know the columns of a failed record."""
    evidence = [None, json.dumps({"wanted": ["text", "html"], "found": ["id", "corps"]})]
    place = tmp_path / "stage" / "verdicts" / "wave=0"
    place.mkdir(parents=True)
    pq.write_table(pa.table({"reason": ["no_text", "missing_field"], "evidence": evidence}), place / "a.parquet")
    return str(tmp_path / "stage")


def counts(read: int, kept: int, dropped: dict[str, int], failed: dict[str, int]) -> dict:
    return {"stage": "extraction", "read": read, "kept": kept, "dropped": dropped, "failed": failed}


def test_a_share_that_fails_for_one_reason_warns_with_the_columns(folder: str) -> None:
    (note,) = warnings(counts(100, 60, {"language": 35}, {"missing_field": 5}), folder)
    assert note.startswith("5 of 100 records (5%) failed: missing_field")
    assert "id, corps" in note and "extraction.text_field" in note
    assert warnings(counts(100, 96, {}, {"missing_field": 4}), folder) == []
    assert len(warnings(counts(10, 4, {"no_text": 3, "too_short": 3}, {}), folder)) == 1
    assert warnings(counts(0, 0, {}, {}), folder) == []


def test_an_input_that_is_not_what_it_was_taken_for_is_an_error_that_says_why(folder: str) -> None:
    check_kept(counts(12, 1, {}, {"missing_field": 11}), folder)
    for given, words in (
        (counts(12, 0, {}, {"missing_field": 12}), ["failed all 12", "missing_field", "id, corps", "text_field"]),
        (counts(12, 0, {"no_text": 12}, {}), ["dropped all 12", "no_text"]),
        (counts(12, 0, {"not_html": 8}, {"timeout": 4}), ["dropped 8 of 12", "not_html"]),
        (counts(0, 0, {}, {}), ["no record"]),
    ):
        with pytest.raises(NothingKept) as error:
            check_kept(given, folder)
        assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)
        assert not any(note.startswith("nothing is kept") for note in warnings(given, folder))


@pytest.mark.parametrize("dropped", [{"language": 12}, {"too_short": 7, "no_text": 5}, {"near_duplicate": 12}])
def test_a_filter_that_judged_texts_and_kept_none_is_a_warning(folder: str, dropped: dict[str, int]) -> None:
    given = counts(12, 0, dropped, {})
    check_kept(given, folder)
    note = warnings(given, folder)[0]
    assert note.startswith("nothing is kept: extraction dropped") and max(dropped, key=dropped.__getitem__) in note


def test_a_stage_after_one_that_kept_nothing_has_nothing_to_say(folder: str) -> None:
    given = counts(0, 0, {}, {}) | {"stage": "shards"}
    check_kept(given, folder)
    assert warnings(given, folder) == []
