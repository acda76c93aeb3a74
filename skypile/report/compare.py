"""Two texts side by side: which sentences only one of them has.

By sentence rather than by word: linear in the texts, so that no hostile pair can make it slow, and what a
reader wants to see is the changed statement, not its changed digit.
"""

import re

_SENTENCE = re.compile(r"[^。！？.!?\n]*(?:[。！？.!?]+[”’」』)\"']*\s*|\n+|$)")

Piece = tuple[str, str]  # ("same" | "only" | "gap", text)


def sentences(text: str) -> list[str]:
    """Sentences with their stops and the white space behind.

    >>> sentences("One. Two! 三。四")
    ['One. ', 'Two! ', '三。', '四']
    """
    return [match for match in _SENTENCE.findall(text) if match]


def mark(text: str, other: str, limit: int = 1200) -> list[Piece]:
    """`text` in pieces: what `other` has too, what it lacks, and gaps where much that is the same is left out.

    At most about `limit` characters: each difference with the sentence before and after it, or the beginning
    of a text that has none.

    >>> mark("A. B. C. D. E.", "A. B. C. X. E.")
    [('gap', '…'), ('same', 'C. '), ('only', 'D. '), ('same', 'E.')]
    """
    theirs = {sentence.strip() for sentence in sentences(other)}
    units = [(sentence, sentence.strip() in theirs or not sentence.strip()) for sentence in sentences(text)]
    only = [i for i, (_, shared) in enumerate(units) if not shared]
    near = {i + step for i in only or [0] for step in (-1, 0, 1)}
    pieces: list[Piece] = []
    size = 0
    for i, (sentence, shared) in enumerate(units):
        if i not in near:
            if not pieces or pieces[-1][0] != "gap":
                pieces.append(("gap", "…"))
            continue
        if size + len(sentence) > limit:
            sentence = sentence[: max(limit - size, 0)] + "…"
        kind = "same" if shared else "only"
        if pieces and pieces[-1][0] == kind:
            pieces[-1] = (kind, pieces[-1][1] + sentence)
        else:
            pieces.append((kind, sentence))
        size += len(sentence)
        if size >= limit:
            break
    return pieces
