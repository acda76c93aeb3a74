"""Which paragraphs are running words."""

import pytest

from skypile.text.paragraphs import is_flowing
from tests.dedup.test_paragraphs import FOOTER, NOTICE


@pytest.mark.parametrize(
    "text", ["© 2011 The Valley Archive. All rights reserved.", FOOTER, NOTICE, "（本文仅代表作者个人观点）"]
)
def test_notices_are_flowing(text: str) -> None:
    assert is_flowing(text)
