"""A drawing of lines: where points stand, and names that others wrote."""

import itertools
import xml.dom.minidom

import pytest

from skypile.report.curves import HEIGHT, LINE, WIDTH, curves


def parsed(lines: dict[str, list[tuple[float, float]]]) -> xml.dom.minidom.Document:
    return xml.dom.minidom.parseString(curves("losses", "tokens", "bits per byte", lines))


def points(line) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in line.getAttribute("points").split()]


def test_points_stand_where_the_ticks_say():
    drawing = parsed({"news en": [(100, 4.0), (400, 3.0)], "wiki zh": [(100, 5.0), (400, 2.0)]})
    labels = {node.firstChild.data: node for node in drawing.getElementsByTagName("text")}
    upright = {float(said): float(labels[said].getAttribute("y")) - 4 for said in ("2", "3", "4", "5")}
    along = {float(said): float(labels[said].getAttribute("x")) for said in ("100", "400")}
    news, wiki = map(points, drawing.getElementsByTagName("polyline"))
    expected = [[(along[x], upright[y]) for x, y in line] for line in ([(100, 4), (400, 3)], [(100, 5), (400, 2)])]
    for found, wanted in zip((news, wiki), expected, strict=True):
        assert [pytest.approx(point, abs=0.11) for point in wanted] == found


def test_all_stays_within_and_names_do_not_touch():
    """Twenty domains that end at nearly the same loss."""
    drawing = parsed({f"domain {n}": [(1, 4.0), (2, 3.0 + n / 1000)] for n in range(20)})
    names = [node for node in drawing.getElementsByTagName("text") if "domain" in node.firstChild.data]
    heights = sorted(float(node.getAttribute("y")) for node in names)
    assert len(heights) == 20 and heights[0] > 0 and heights[-1] < HEIGHT
    assert min(b - a for a, b in itertools.pairwise(heights)) >= LINE - 0.11
    for line in drawing.getElementsByTagName("polyline"):
        assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in points(line))


def test_a_flat_line_is_drawn():
    (line,) = parsed({"a": [(1, 2.0), (2, 2.0)]}).getElementsByTagName("polyline")
    assert len(points(line)) == 2


def test_names_are_text_and_nothing_hides_in_them():
    drawing = parsed({"</text><script>x</script>\u202e": [(1, 2.0), (2, 1.0)]})
    assert not drawing.getElementsByTagName("script")
    assert any("\\u202e" in node.firstChild.data for node in drawing.getElementsByTagName("title"))
