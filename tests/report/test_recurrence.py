"""The drawing of the recurrence curve."""

import re
from xml.etree import ElementTree

from skypile.recurrence.curve import point
from skypile.report.recurrence import drawn, recurrence
from tests.report.run_folder import record, write_run


def test_every_point_has_its_dot_its_interval_and_its_numbers():
    drawing = drawn(
        {"rules": [point(0, 1000, 200), point(3, 100, 97)], "perplexity": [point(0, 900, 300), point(5, 9, 9)]}
    )
    svg = ElementTree.fromstring(str(drawing))
    said = [title.text for title in svg.iter("title")]
    assert said[:2] == ["rules, 1: 200 of 1,000 rejected", "rules, 5-8: 97 of 100 rejected"]
    dots = list(svg.iter("circle"))
    assert [dot.get("class") for dot in dots] == ["rules", "rules", "perplexity", "perplexity few"]
    heights = [float(dot.get("cy")) for dot in dots]
    assert heights[1] < heights[2] < heights[0] and heights[3] < heights[1]
    assert float(dots[1].get("cx")) < float(dots[3].get("cx"))
    shares = [text.text for text in svg.iter("text") if text.text.endswith("%")]
    assert shares == ["0 %", "25 %", "50 %", "75 %", "100 %"]  # of shares there is no more


def test_a_run_without_recurrence_has_no_drawing(tmp_path):
    write_run(tmp_path / "once", [record(n, near_copies=1) for n in range(4)])
    assert recurrence(str(tmp_path / "once"), {}, {"low_share": 0.4}).panels == []
    write_run(tmp_path / "twice", [record(n, near_copies=1 + n % 2) for n in range(4)])
    found = recurrence(str(tmp_path / "twice"), {}, {"low_share": 0.4})
    assert [panel.title for panel in found.panels] == ["texts in its component of near-duplicates"]
    assert found.judges == ["rules"] and not re.search("<script|http", str(found.panels[0].drawing))
