"""Deduplication on one machine, small and obvious: what the Spark stage must equal."""

from skypile.text.folding import CHARACTER, tokens


def shingles(text: str, words: int = 5, characters: int = 5) -> set[tuple[str, ...]]:
    folded = tokens(text)
    row = [token.text for token in folded]
    made = set()
    for i, token in enumerate(folded):
        size = characters if token.kind == CHARACTER else words
        if i + size <= len(row):
            made.add(tuple(row[i : i + size]))
    return made or ({tuple(row)} if row else set())


def jaccard(a: set, b: set) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def survivors(
    documents: list[tuple[str, str, str]],
    threshold: float = 0.8,
    containment: float | None = 0.95,
    key=None,
    overlap: float = 0.5,
) -> dict[str, tuple[str, str]]:
    """{dropped record: (reason, survivor)} of (record_id, url, text); ``key`` orders them, longest text first if None.

    The survivor of a record that equals another one is that one's survivor.
    """
    order = sorted(documents, key=key or (lambda d: (-len(d[2]), d[0])))
    dropped: dict[str, tuple[str, str]] = {}
    first: dict[tuple[str, str], str] = {}
    texts = {document[0]: document[2] for document in documents}
    for reason, column in (("duplicate_url", 1), ("duplicate_text", 2)):
        for document in order:
            value = " ".join(document[2].split()) if column == 2 else document[1]
            if document[0] not in dropped and value is not None:
                better = first.setdefault((reason, value), document[0])
                if better != document[0] and (column == 2 or agree(texts[better], document[2], overlap)):
                    dropped[document[0]] = (reason, better)
    kept: list[tuple[str, set]] = []
    for record, _, text in order:
        if record in dropped:
            continue
        own = shingles(text)
        close = []
        for other, theirs in kept:
            similar, inside = jaccard(own, theirs), len(own & theirs) / max(1, len(own))
            if similar >= threshold or (containment is not None and inside >= containment):
                close.append((similar < threshold, -similar, -inside, other))
        if close:
            far, _, _, survivor = min(close)
            dropped[record] = ("contained" if far else "near_duplicate", survivor)
        else:
            kept.append((record, own))
    return {record: (reason, _final(survivor, dropped)) for record, (reason, survivor) in dropped.items()}


def agree(one: str, other: str, overlap: float) -> bool:
    a, b = shingles(one), shingles(other)
    return len(a & b) >= overlap * max(1, min(len(a), len(b)))


def _final(record: str, dropped: dict[str, tuple[str, str]]) -> str:
    while record in dropped:
        record = dropped[record][1]
    return record


def close_pairs(sets: dict[str, set], threshold: float) -> list[tuple[str, str]]:
    """All pairs with Jaccard similarity at or over ``threshold``, by counting common shingles."""
    holders: dict[tuple[str, ...], list[str]] = {}
    for record in sorted(sets):
        for shingle in sets[record]:
            holders.setdefault(shingle, []).append(record)
    common: dict[tuple[str, str], int] = {}
    for records in holders.values():
        for i, a in enumerate(records):
            for b in records[i + 1 :]:
                common[a, b] = common.get((a, b), 0) + 1
    found = []
    for (a, b), n in common.items():
        if n / (len(sets[a]) + len(sets[b]) - n) >= threshold:
            found.append((a, b))
    return found
