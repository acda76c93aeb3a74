"""A page as blocks, seen from Python: scan, title, and the blocks' text."""

import numpy as np

from skypile.text.fast_extraction.characters import append_text
from skypile.text.fast_extraction.page_type import OG_TITLE
from skypile.text.fast_extraction.scan import Page, scan
from skypile.text.fast_extraction.tags import build_names

NAMES = build_names()
MAX_TITLE_BYTES = 1000


def cut(html: bytes) -> tuple[Page, np.ndarray]:
    """Blocks of an HTML page in UTF-8, and its title (uint8, clean UTF-8; empty where there is none)."""
    buffer = np.frombuffer(html, np.uint8)
    page = scan(buffer, NAMES)
    return page, _title(buffer, page)


def _title(buffer: np.ndarray, page: Page) -> np.ndarray:
    start, stop = page.title.tolist()
    if start == stop:
        for key, first, last in page.metas.tolist():
            if key == OG_TITLE:
                start, stop = first, last
                break
    out = np.empty(2 * MAX_TITLE_BYTES, np.uint8)
    size, _ = append_text(buffer, start, min(stop, start + MAX_TITLE_BYTES), out, 0, 0, 0, False, NAMES)
    return out[:size]


def block_texts(page: Page) -> list[str]:
    """The text of each block, in document order."""
    text = page.text.tobytes()
    spans = zip(page.start.tolist(), page.stop.tolist(), strict=True)
    return [text[start:stop].decode("utf-8", "replace") for start, stop in spans]
