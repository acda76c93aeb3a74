"""A page as blocks, seen from Python: scan, title, and the blocks' text."""

import numpy as np
from numba import njit

from skypile.extraction.fast.characters import append_text
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.formulas import with_formulas
from skypile.extraction.fast.open_block import AT
from skypile.extraction.fast.open_elements import MAX_BLOCKS
from skypile.extraction.fast.page_type import DESCRIPTION, OG_DESCRIPTION, OG_TITLE
from skypile.extraction.fast.scan import scan
from skypile.extraction.fast.tags import build_names
from skypile.extraction.fast.window import Opened, Page, opened
from skypile.text.limits import MAX_TITLE

NAMES = build_names()
MOST_BLOCKS = 4 * MAX_BLOCKS  # of a window that is scanned again: a formula may split a block
MAX_HEAD_BYTES = 16 * MAX_TITLE  # of the page; enough to see that a title is longer, in character references too

_FIRST = (opened(NAMES), opened(NAMES, xml=True))  # of any page: a scan begins with copies

# A page's blocks, its title and its description (uint8, clean UTF-8; empty where missing).
Scanned = tuple[Page, np.ndarray, np.ndarray]


def cut(html: bytes, xml: bool = False) -> Scanned:
    """Blocks, title and description of an HTML page in UTF-8; of a long one those of its first window (`following`).
    `xml`: its Content-Type says that it is XML."""
    page = _window(html, _FIRST[xml])
    buffer = np.frombuffer(html, np.uint8)
    metas = {key: (start, stop) for key, start, stop in reversed(page.metas.tolist())}
    title = page.title.tolist()
    if title[0] == title[1]:
        title = metas.get(OG_TITLE, (0, 0))
    described = metas.get(DESCRIPTION) or metas.get(OG_DESCRIPTION) or (0, 0)
    return page, _clean(buffer, *title), _clean(buffer, *described)


def following(html: bytes, page: Page) -> Page | None:
    """The window after `page`; None where that was the last."""
    return _window(html, opened(NAMES, page)) if page.at < len(html) else None


def _window(html: bytes, before: Opened) -> Page:
    """Scan on, and where there are formulas once more, with those written as TeX."""
    page = scan(np.frombuffer(html, np.uint8), NAMES, before, MAX_BLOCKS)
    if not len(page.formulas):
        return page
    start = int(before.state[AT])
    written = with_formulas(html, page.formulas, start, page.at)
    if written is None:
        return page
    state, memo = before.state.copy(), before.memo.copy()
    state[AT] = 0
    memo[: len(NAMES.flags)] = -1
    again = scan(np.frombuffer(written, np.uint8), NAMES, before._replace(state=state, memo=memo), MOST_BLOCKS)
    again.state[AT] = page.at
    return again._replace(title=page.title, metas=page.metas, scripts=page.scripts, at=page.at, memo=page.memo)


def _clean(buffer: np.ndarray, start: int, stop: int) -> np.ndarray:
    out = np.empty(2 * MAX_HEAD_BYTES, np.uint8)
    stop = min(stop, start + MAX_HEAD_BYTES)
    size, _ = append_text(buffer, start, stop, out, 0, 0, 0, False, NAMES.entity_keys, NAMES.entity_points)
    return out[:size]


def block_texts(page: Page) -> list[str]:
    """The text of each block, in document order."""
    text = page.text.tobytes()
    spans = zip(page.start.tolist(), page.stop.tolist(), strict=True)
    return [text[start:stop].decode("utf-8", "replace") for start, stop in spans]


def visible_text(page: Page, limit: int) -> str:
    """All blocks on one line, at most `limit` characters."""
    line = _one_line(page.text, page.start, page.stop, limit)
    return " ".join(line.tobytes().decode("utf-8", "replace").split())[:limit]


@njit(cache=True)
def _one_line(text, start, stop, limit):
    """The first blocks with more than `limit` characters together, a blank after each. uint8, UTF-8; no more bytes
    than six a character, however long a block is."""
    line = np.empty(6 * limit, np.uint8)
    return line[: _fill_line(text, start, stop, limit, line)]


@borrows
def _fill_line(text, start, stop, limit, line):
    size = characters = 0
    for b in range(len(start)):
        for i in range(start[b], min(stop[b], start[b] + len(line) - size)):
            line[size] = text[i]
            size += 1
            characters += (text[i] & 0xC0) != 0x80
        if size == len(line):
            break
        line[size] = 32
        size += 1
        characters += 1
        if characters > limit:
            break
    return size
