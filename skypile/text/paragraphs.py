"""Paragraphs of a text, and which of them are running words."""

import re

BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_ITEM = re.compile(r"(?:\d{1,3}|[A-Za-z]|[一二三四五六七八九十]{1,3})[.)、．）]")  # "1.", "a)", "三、"
_CODE = re.compile(r"[{}\\]|[;(\[]$|==| = |->|::|\(\)|</|/\*|\*/")
_CLAUSE = re.compile(r"[，。？！；、,.?!;]\s*")
_INTRODUCING = ":：—"
VERSE_CLAUSES = 4  # so many clauses of one length are a verse: 床前明月光，疑是地上霜。举头望明月，低头思故乡。


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each paragraph of a text: ``"a\\nb\\n\\nc"`` -> ``[(0, 3), (5, 6)]``."""
    found, at = [], 0
    for blank in BLANK_LINES.finditer(text):
        found.append((at, blank.start()))
        at = blank.end()
    found.append((at, len(text)))
    return [(start, end) for start, end in found if text[start:end].strip()]


def is_flowing(paragraph: str) -> bool:
    """Whether a paragraph is one line of running words, as notices are; not code, an item, a quotation or verse.

    >>> is_flowing("All rights reserved by the county archive."), is_flowing("- one pound of flour")
    (True, False)
    """
    line = paragraph.strip()
    if "\n" in line or "\t" in line or not line or line[-1] in _INTRODUCING:
        return False
    # Quotations, bullets and comments begin with a mark, code with a small letter.
    if not (line[0].isalnum() or line[0] in "©(（【") or line[0].islower():
        return False
    if _ITEM.match(line) or _CODE.search(line):
        return False
    if line.count(" / ") > 1:  # lines of verse set in one
        return False
    clauses = [len(clause) for clause in _CLAUSE.split(line) if clause]
    return len(clauses) < VERSE_CLAUSES or len(set(clauses)) > 1


def weight(paragraph: str) -> int:
    """Characters, a Han character counting as 2."""
    return len(paragraph) + (0 if paragraph.isascii() else len(_HAN.findall(paragraph)))
