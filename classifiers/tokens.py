"""What the citation classifier sees of a text: one line of tokens, the same in training and prediction.

Words in lower case, ideographs one by one (fastText's word bigrams then are Chinese words, near enough),
punctuation marks as tokens of their own (style tells reference works from advertising), digits masked, and
the beginning of the page only. No token can be mistaken for a fastText label or line end: underscores and
angle brackets stand alone. Cost: 13,000 English or 7,000 Chinese pages a CPU second.
"""

import re
from typing import Final

# Part of every stored classifier: a change of the rules below must change it, so that old models are refused.
VERSION: Final = 1

MAX_CHARACTERS: Final = 3000  # three quarters of the pages are shorter than 4,000; the rest are judged by it

_IDEOGRAPHS: Final = "㐀-鿿豈-﫿぀-ヿ\U00020000-\U0003ffff"
_TOKEN: Final = re.compile(rf"[{_IDEOGRAPHS}]|[^\W\d_{_IDEOGRAPHS}]+|\d+|[^\w\s]|_")


def tokens_for_classifier(text: str) -> str:
    """Tokens of the beginning of `text`, separated by single spaces.

    >>> tokens_for_classifier("In 1923, 铁路\\n接管!")
    'in 0000 , 铁 路 接 管 !'
    """
    beginning = text[:MAX_CHARACTERS].encode("utf-8", "ignore").decode().lower()
    return " ".join("0" * min(len(t), 4) if t.isdigit() else t for t in _TOKEN.findall(beginning))
