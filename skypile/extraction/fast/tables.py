"""Tables of data: which they are, and their rows as text. Compiled.

A table holds data where two rows or more have two cells or more with text (or are covered by one), none of its cells
is long or holds many blocks, and no table with text and no preformatted text stands in it; other tables lay out the
page, and their cells are paragraphs like any others. With header cells, which layout has no use for, a cell of one
paragraph may be longer, a preformatted line may stand in one, and one row of two cells with text is enough.

A row is a line, its cells stand between tabs, empty ones too, each in the column that the table model of the HTML
standard (4.9.12) gives it. A cell that spans rows is said in every row it covers, since a row without its name or
year would say something else; one that spans columns is said in the first, and the others are left empty. What is
said again so, and the tabs of columns that no cell stands in, are bounded by the size of the text itself.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import TAG_ID
from skypile.extraction.fast.vectors import find

TABLE, TR, TD, TH, THEAD, TBODY, TFOOT = (TAG_ID[x] for x in ["table", "tr", "td", "th", "thead", "tbody", "tfoot"])
LONG_CELL, LONG_CELL_UNDER_HEADER = 1000, 4000  # bytes
BLOCKS_A_CELL = 4  # in the mean of the cells with text
MAX_COLUMNS = 1000  # cells beyond are written one after another
TO_THE_END = 1 << 30  # rows of a cell with rowspan=0


@borrows
def _has_lines(page, b):
    """Whether a block has two lines or more."""
    return find(page.text, page.start[b], page.stop[b], 10) < page.stop[b]


@njit(cache=True)
def data_tables(page):
    """Per element the table around it, -1 where there is none: int32 [E]; and which tables hold data: bool [E]."""
    n = len(page.parent)
    table, row, cell = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    data, headed = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    if not (page.tag == TABLE).any():
        return table, data
    for e in range(n):
        p, tag = page.parent[e], page.tag[e]
        if p >= 0:
            table[e], row[e], cell[e] = table[p], row[p], cell[p]
        if tag == TABLE:
            table[e], row[e], cell[e] = e, e, -1
            data[e] = True
        elif tag == TR or THEAD <= tag <= TFOOT:  # which holds a row where <tr> is left out
            row[e], cell[e] = e, -1
        elif tag in (TD, TH):
            cell[e] = e
            if tag == TH and table[e] >= 0:
                headed[table[e]] = True
    size, blocks = np.zeros(n, np.int64), np.zeros(n, np.int32)  # of cells
    for b in range(len(page.start)):
        e = page.outer[b]
        if table[e] < 0:
            continue
        if page.pre[b] and (not headed[table[e]] or _has_lines(page, b)):
            data[table[e]] = False
        up = page.parent[table[e]]
        while up >= 0 and table[up] >= 0 and data[table[up]]:  # a table with a table in it
            data[table[up]] = False
            up = page.parent[table[up]]
        if cell[e] >= 0:
            size[cell[e]] += page.stop[b] - page.start[b]
            blocks[cell[e]] += 1
    filled, rows = np.zeros(n, np.int32), np.zeros(n, np.int32)  # cells with text of a row, rows with two of a table
    held, cells = np.zeros(n, np.int32), np.zeros(n, np.int32)  # blocks and cells with text of a table
    said = np.zeros(n, np.int32)  # rows with text of a table
    spanned = np.zeros(n, np.int32)  # rows of a table that a cell with text still covers
    for e in range(n):
        t = table[e]
        if page.tag[e] == TR and t >= 0 and spanned[t] > 0:
            spanned[t] -= 1
            filled[e] += spanned[t] > 0
        if blocks[e] and t >= 0:
            if page.tag[e] in (TD, TH):
                spanned[t] = max(spanned[t], page.span[e] & 0xFFFF)
            cells[t] += 1
            held[t] += blocks[e]
            if size[e] > (LONG_CELL_UNDER_HEADER if headed[t] and blocks[e] == 1 else LONG_CELL):
                data[t] = False
            if row[e] >= 0:
                filled[row[e]] += 1
                said[t] += filled[row[e]] == 1
                rows[t] += filled[row[e]] == 2
    for e in range(n):
        enough = rows[e] >= 2 or (headed[e] and rows[e] == 1 and said[e] >= 2)
        data[e] &= enough and held[e] <= BLOCKS_A_CELL * cells[e]
    return table, data


@njit(cache=True)
def subtree_ends(page):
    """Per element, the first element after all that stand in it: int32 [E]."""
    end = np.arange(1, len(page.parent) + 1).astype(np.int32)
    for e in range(len(end) - 1, 0, -1):
        end[page.parent[e]] = max(end[page.parent[e]], end[e])
    return end


@borrows
def _columns(page, table_of, table, end):
    """Columns of the widest row, its last cell counted as one: a title over the whole table is as wide as that."""
    widest = here = last = 0
    for e in range(table + 1, end):
        if table_of[e] != table:
            continue
        tag = page.tag[e]
        if tag == TR or THEAD <= tag <= TFOOT:
            widest = max(widest, here + (last > 0))
            here = last = 0
        elif tag in (TD, TH):
            here += last
            last = page.span[e] >> 16
    return min(max(widest, here + (last > 0)), MAX_COLUMNS)


@borrows
def _write_blocks(page, b, stop, out, o):
    """Blocks b to stop as one line at out[o:]; returns its end."""
    for k in range(b, stop):
        if k > b:
            out[o] = 32
            o += 1
        for i in range(page.start[k], page.stop[k]):
            c = page.text[i]
            out[o] = 32 if c == 10 else c
            o += 1
    return o


@borrows
def _write_lines(page, b, stop, out, o):
    """Blocks b to stop, a line each, and a line break after it."""
    for k in range(b, stop):
        o = _write_blocks(page, k, k + 1, out, o)
        out[o] = 10
        o += 1
    return o


@borrows
def _write_spanned(page, column, left, covering, out, o, spare):
    """The tab before a column, and what a cell of a row above says in it. Returns the new ends."""
    if column > 0 and spare > 0:
        out[o] = 9
        o += 1
        spare -= 1
    b, stop = covering[column, 0], covering[column, 1]
    if left[column] > 0 and stop > b and page.stop[stop - 1] - page.start[b] + stop - b <= spare:
        before = o
        o = _write_blocks(page, b, stop, out, o)
        spare -= o - before
    return o, spare


@njit(cache=True)
def write_table(page, table_of, end, b, out, o, spare):
    """The table of data whose first block is b, at out[o:]. `end`: of `subtree_ends`; `spare`: bytes of `out` that may
    go to what is said again. Returns the new end, the first block after the table, and what is left of `spare`."""
    table, nb = table_of[page.outer[b]], len(page.start)
    width = _columns(page, table_of, table, end[table])
    left = np.zeros(MAX_COLUMNS, np.int64)  # rows that the cell above still covers, this one included
    covering = np.zeros((MAX_COLUMNS, 2), np.int64)  # the blocks of that cell
    column, used, line, said, in_row = 0, 0, o, False, False
    for e in range(table + 1, end[table] + 1):
        last = e == end[table]
        if not last and table_of[e] != table:
            continue
        tag = 0 if last else page.tag[e]
        if last or tag == TR or THEAD <= tag <= TFOOT:
            for k in range(column, used):
                if left[k] > 0:
                    for j in range(column, k + 1):
                        o, spare = _write_spanned(page, j, left, covering, out, o, spare)
                    column = k + 1
            if said:
                out[o] = 10
                line = o + 1
            o = line
            for k in range(used if in_row or column > 0 else 0):
                left[k] = left[k] - 1 if left[k] > 0 and not THEAD <= tag <= TFOOT else 0
            column, said, in_row = 0, False, tag == TR
        elif tag in (TD, TH):
            stop = b
            while stop < nb and page.outer[stop] < e and page.outer[stop] >= table:  # a caption, or text in no cell
                stop += 1
            if column == 0:
                o = line = _write_lines(page, b, stop, out, o)
                b = stop
            while stop < nb and e <= page.outer[stop] < end[e]:
                stop += 1
            while column < used and left[column] > 0:
                o, spare = _write_spanned(page, column, left, covering, out, o, spare)
                column += 1
            if column > 0:
                out[o] = 9
                o += 1
            o = _write_blocks(page, b, stop, out, o)
            said |= stop > b
            rows = page.span[e] & 0xFFFF
            for k in range(min(page.span[e] >> 16, max(width - column, 1))):
                if column < MAX_COLUMNS:
                    left[column] = TO_THE_END if rows == 0 else rows
                    covering[column, 0], covering[column, 1] = b, stop if k == 0 else b
                    used = max(used, column + 1)
                if k > 0 and spare > 0:
                    out[o] = 9
                    o += 1
                    spare -= 1
                column += 1
            b = stop
    stop = b
    while stop < nb and table <= page.outer[stop] < end[table]:
        stop += 1
    o = _write_lines(page, b, stop, out, o)
    return o - 1, stop, spare
