"""What `extract` promises of any bytes: no exception, the same text twice, clean text of bounded size, and processor
time in proportion to the page."""

import time
import unicodedata
from pathlib import Path

from skypile.extraction.engines import extract, pretext
from skypile.text.cleaning import cleaned

FUZZED = Path(__file__).with_name("fuzzed")
# A page of 4 KB takes 1 ms: a hang, or a cost that grows with the square of the page, breaks this on any machine.
SECONDS, SECONDS_A_BYTE = 2.0, 1e-4


def assert_clean(text: str) -> None:
    assert cleaned(text)[0] == text, "junk characters"
    assert unicodedata.is_normalized("NFC", text), "not NFC"
    assert text == text.strip("\n"), "blank lines at an end"


def check(page: bytes) -> None:
    """One page against the promises; AssertionError or what else it raises tells which one broke."""
    start = time.process_time()
    found = extract(page, url="https://example.org/2026/11/page.html")
    again = extract(page, url="https://example.org/2026/11/page.html")
    seconds = time.process_time() - start
    assert found == again, "two runs differ"
    assert seconds < 2 * (SECONDS + SECONDS_A_BYTE * len(page)), f"{seconds:.1f} s for two runs of {len(page)} bytes"
    assert_clean(found.text)
    assert 0 <= found.blocks_kept <= found.blocks_seen, "more blocks kept than seen"
    # A byte of a legacy charset becomes up to 3 bytes of UTF-8, and of two blocks each has a line break or a blank.
    assert len(found.text.encode()) <= 8 * len(page) + 64, "text larger than the page allows"
    assert len(pretext(page, 100)) <= 100, "gate text over its limit"
