"""Tables of data: their rows as the HTML standard's table model lays them out, and what is no table of data."""

import numpy as np
import pytest

from skypile.extraction.fast.assemble import join
from skypile.extraction.fast.blocks import cut
from skypile.extraction.fast.engine import main_text
from skypile.extraction.fast.tables import data_tables

LINE = "<p>A line of text before or after the table, longer than its cells.</p>"


def written(html: str) -> str:
    """All blocks of the page as one text."""
    page, *_ = cut(html.encode())
    return join(page, np.ones(len(page.start), np.bool_)).tobytes().decode()


@pytest.mark.parametrize(
    "rows, expected",
    [
        ("<tr><th>ship<th>crew<th>guns<tr><td>Anna<td><td>4<tr><td><td>30<td>", "ship\tcrew\tguns\nAnna\t\t4\n\t30\t"),
        ("<tr><th>hour<th>watch<tr><td>9<td><tr><td><td>tea", "hour\twatch\n9\t\n\ttea"),
        ("<td>a<td>1<tr><td>b<td>2", "a\t1\nb\t2"),  # a row that the first cell begins
        ("<tr><td>a<td>1<tbody><tr><td>b<td>2", "a\t1\nb\t2"),
        ("<tbody><td>a<td>1<tbody><td>b<td>2", "a\t1\nb\t2"),
        ("<tr><td rowspan=2>a<td>1<tr><td>2", "a\t1\na\t2"),
        ("<tr><td>a<td>1<tr><td><td><tr><td>b<td>2", "a\t1\nb\t2"),  # a row without text is no line
        ("<tr><td>a<td>1<tr></tr><tr><td>b<td><p>2</p><p>3<br>4</p>", "a\t1\nb\t2 3 4"),
        ("<tr><td rowspan=2>north<td>1<tr><td>2<tr><td>south<td>3", "north\t1\nnorth\t2\nsouth\t3"),
        ("<tr><td>1<td rowspan=2>north<tr><td>2<tr><td>3<td>south", "1\tnorth\n2\tnorth\n3\tsouth"),
        ("<tr><td rowspan=2>a<td>1<tr></tr><tr><td>b<td>2", "a\t1\nb\t2"),  # an empty row is a row
        ("<tr><td rowspan=0>a<td>1<tr><td>2<tbody><tr><td>b<td>3", "a\t1\na\t2\nb\t3"),  # to the group's end
        ("<tbody><tr><td rowspan=9>a<td>1<tbody><tr><td>b<td>3", "a\t1\nb\t3"),
        ("<tr><th>year<th colspan=2>rain<th>sun<tr><td>1901<td>3<td>4<td>5", "year\train\t\tsun\n1901\t3\t4\t5"),
        ("<tr><td colspan=100>all of it<tr><td>a<td>1<tr><td>b<td>2", "all of it\t\na\t1\nb\t2"),
        ("<tr><td colspan=x rowspan=-1>a<td>1<tr><td>b<td>2", "a\t1\nb\t2"),
        (
            "<thead><tr><th rowspan=2>port<th colspan=2>depth<tr><th>low<th>high<tbody><tr><td>Ost<td>2<td>3",
            "port\tdepth\t\nport\tlow\thigh\nOst\t2\t3",
        ),
        ("<caption>Ships</caption><tr><td>a<td>1<tr><td>b<td>2", "Ships\na\t1\nb\t2"),
        ("<tr><td>a<td>1</tr>stray words<tr><td>b<td>2</tr>more", "a\t1\nstray words\nb\t2\nmore"),
        ("<tr><td>a<td><ul><li>x<li>y</ul><tr><td>b<td>2", "a\tx y\nb\t2"),
        (
            f"<tr><th>port<th>log<tr><td>Ost<td>{'rain ' * 300}<tr><td><td>dry",
            f"port\tlog\nOst\t{('rain ' * 300)[:-1]}\n\tdry",
        ),
        (
            "<tr><th>say<th>if<th>do<tr><td><pre>ls</pre><td><td>list<tr><td><pre>cd</pre><td>x<td>go",
            "say\tif\tdo\nls\t\tlist\ncd\tx\tgo",
        ),
    ],
)
def test_rows_have_their_cells_in_their_columns(rows, expected):
    assert written(f"{LINE}<table>{rows}</table>{LINE}").split("\n\n")[1] == expected


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td>menu<td>text</table>",
        "<table><tr><td>one<tr><td>two<tr><td>three</table>",
        f"<table><tr><td>menu<td>{'text ' * 300}<tr><td>foot<td>note</table>",
        "<table><tr><td>1<td><pre>x = 1</pre><tr><td>2<td><pre>y = 2</pre></table>",
        "<table><tr><th>by<th>code<tr><td>Ann<td><pre>x = 1\n  y</pre><tr><td>Bo<td><pre>y = 2</pre></table>",
        f"<table><tr><th>by<th>post<tr><td>Ann<td>{'text ' * 300}<p>more<tr><td>Bo<td>note</table>",
        f"<table><tr><td>a<td>{'<p>b</p>' * 9}<tr><td>c<td>{'<p>d</p>' * 9}</table>",
    ],
)
def test_tables_that_lay_out_the_page_hold_no_data(table):
    page, *_ = cut(table.encode())
    assert not data_tables(page)[1].any()


def test_of_tables_in_tables_the_inner_one_holds_the_data():
    inner = "<table class=inner><tr><td>a<td>1<tr><td>b<td>2</table>"
    page, *_ = cut(f"<table class=outer><tr><td>menu<td>{inner}<tr><td>x<td>y</table>".encode())
    table, data = data_tables(page)
    assert data.sum() == 1
    assert (table[np.flatnonzero(data)[0]] > table).any()


def test_a_long_table_goes_on_in_the_next_window():
    """With the same elements open, at a row, and with all its cells."""
    rows = [f"port {n}\t{n if n % 3 else ''}\t{n} m" for n in range(15_000)]
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row.split("\t")) for row in rows)
    text = main_text(f"<header><ul><li>Log</ul></header><div><div><table>{cells}</table>{LINE * 3}".encode()).text
    assert "\n".join(rows) in text


def test_what_is_said_again_is_bounded_by_the_text():
    spans = "".join(f"<td rowspan=60000>{'w' * 150}" for _ in range(40))
    html = f"<table><tr>{spans}<td>x{'<tr><td>x<td colspan=1000><td>y' * 3000}</table>"
    page, *_ = cut(html.encode())
    assert len(join(page, np.ones(len(page.start), np.bool_))) < 3 * len(html)
