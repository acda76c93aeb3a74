"""Looking for bytes 32 at a time, against Python's own search."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.extraction.fast.vectors import WIDTH, find, occurrences, skip_blanks


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=3 * WIDTH + 5) | st.lists(st.sampled_from([0, 32, 33, 60, 255]), max_size=3 * WIDTH).map(bytes),
    st.sampled_from([0, 60, 127, 128, 255]),
    st.data(),
)
def test_find_and_count(text: bytes, byte: int, data: st.DataObject) -> None:
    stop = data.draw(st.integers(0, len(text)))
    start = data.draw(st.integers(0, stop))
    array = np.frombuffer(text, np.uint8)
    found = text.find(bytes([byte]), start, stop)
    assert find(array, start, stop, byte) == (stop if found < 0 else found)
    assert occurrences(array, stop, byte) == text[:stop].count(byte)
    assert skip_blanks(array, start, stop) == next((k for k in range(start, stop) if text[k] > 32), stop)
