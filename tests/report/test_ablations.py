"""What `skypile ablate` found, in the report."""

import json
import re
from pathlib import Path

import pytest

from skypile.report import write_report
from skypile.report.ablations import MOST, ablations
from tests.report.run_folder import MARKUP, records, write_run

DIGEST = "0123456789abcdef"  # write_run's


def row(mean: float, half: float, p: float, **columns) -> dict:
    comparison = {"mean": mean, "low": mean - half, "high": mean + half, "p": p}
    return {"domain": "news", "language": "en", "rate": None, "comparison": comparison} | columns


def write(run: Path, findings: list, name: str = "a.json", **asked) -> None:
    (run / "ablations" / "trainings").mkdir(parents=True, exist_ok=True)
    question = {"digest": DIGEST, "pairs": 8, "coupled": True, "proxy": {"name": "ngram"}} | asked
    told = {"asked": question, "findings": [{"name": name, "rows": rows} for name, rows in findings]}
    (run / "ablations" / name).write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", records())


def test_dots_and_intervals_stand_on_one_scale(run: Path):
    write(run, [("without dedup", [row(0.02, 0.01, 0.001)]), ("without quality_filter", [row(-0.01, 0.02, 0.4)])])
    (answer,) = ablations(str(run), DIGEST)
    assert answer.title == "ngram, 8 pairs" and answer.more == 0
    # from -0.03 to 0.03
    assert answer.nought == pytest.approx(50)
    first, second = answer.effects
    assert (first.place, first.start, first.width) == pytest.approx((500 / 6, 400 / 6, 200 / 6))
    assert (second.place, second.start, second.width) == pytest.approx((200 / 6, 0, 400 / 6))
    page = Path(write_report(str(run))).read_text(encoding="utf-8")
    assert '<a href="#ablations">' in page
    assert re.search(r"without dedup</td>.*?\+0\.02000.*?0\.001", page, re.DOTALL)
    assert page.count('<span class="effect sure"') == 1 and page.count('<span class="effect"') == 1


def test_an_answer_about_other_decisions_is_not_shown(run: Path):
    write(run, [("without dedup", [row(0.02, 0.01, 0.001)])], digest="another")
    assert ablations(str(run), DIGEST) == []
    assert 'id="ablations"' not in Path(write_report(str(run))).read_text(encoding="utf-8")


def test_what_a_name_says_is_text_and_what_is_no_answer_is_passed_over(run: Path):
    write(run, [(f"against {MARKUP}", [row(0.02, 0.01, 0.001, domain=MARKUP)])])
    write(run, [("bad", [row(float("nan"), 0.01, 0.001)])], "b.json")
    write(run, [("bad", [{"domain": "news"}])], "c.json")
    (run / "ablations" / "d.json").write_text("[1, 2", encoding="utf-8")
    (run / "ablations" / "e.json").write_text("[]", encoding="utf-8")
    assert len(ablations(str(run), DIGEST)) == 1
    assert MARKUP not in Path(write_report(str(run))).read_text(encoding="utf-8")


def test_a_wide_interval_does_not_hide_the_others_and_long_answers_are_cut(run: Path):
    write(run, [("wide", [row(0.001, 5.0, 0.9)]), ("sure", [row(0.02, 0.001, 0.0)] * (MOST + 5))])
    (answer,) = ablations(str(run), DIGEST)
    assert answer.more == 6 and len(answer.effects) == MOST
    assert answer.effects[0].start == 0 and answer.effects[0].width == pytest.approx(100)
    assert answer.effects[1].place - answer.nought > 15


def test_shares_of_pages_are_drawn_as_a_curve_with_intervals(run: Path):
    rows = [("5 % kept", [row(0.02, 0.01, 0.001), row(0.01, 0.01, 0.1, domain=MARKUP)]),
            ("20 % kept", [row(-0.01, 0.02, 0.4), row(0.0, 0.01, 0.9, domain=MARKUP)])]  # fmt: skip
    write(run, rows, shares=[5, 20])
    write(run, rows, "b.json")
    write(run, rows, "c.json", shares=["many"])
    with_curve, without = ablations(str(run), DIGEST)
    assert without.curve is None and with_curve.curve is not None
    assert with_curve.curve.count("<polyline") == 3  # two domains, and all pages
    assert with_curve.curve.count('class="interval"') == 4
    page = Path(write_report(str(run))).read_text(encoding="utf-8")
    assert page.count('class="curve"') == 1 and MARKUP not in page
