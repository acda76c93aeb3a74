"""Masks over identifiers of people: what stands in the text instead, and what the evidence says of it.

One pattern over a whole column (RE2 in Arrow, 10 µs a page) finds the few texts that may hold an identifier; those are
read by the finders in the order of their certainty, each blind to what the ones before it have found. A text that was
masked is not changed by masking it again.

Evidence has the kind and place of each, and 16 bits of its hash: enough to see that a page repeats one, and too few to
find out which of ten thousand million telephone numbers it was.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile.config.privacy import IDENTIFIERS, Identifier, PrivacyConfig
from skypile.quality.privacy.addresses import emails, ip_addresses, without_pages
from skypile.quality.privacy.folding import BAR, Span, barred, fold
from skypile.quality.privacy.handles import handles
from skypile.quality.privacy.numbers import numbers
from skypile.text.spans import replaced

Finder = Callable[[str, PrivacyConfig], Iterable[Span]]

_GAP: Final = r"[ \x{A0}\x{3000}]?"
_EDGE: Final = r"(?:^|[^a-z])"
_JOINT: Final = r"[ ().·_\-（）．－＿‐‑‒–—―−﹣•‧・∙\x{A0}\x{3000}\x{202F}\x{2000}-\x{200A}]"
_DIGIT: Final = r"[0-9０-９\x{1D7CE}-\x{1D7FF}]"
# What everything that a finder finds has: an at sign; the dots of IPv4 or colons of IPv6; a word that speaks of a
# handle; seven digits that little parts. In the order of their certainty.
_FINDERS: Final[dict[Finder, str]] = {
    emails: rf"[@＠]|[\[({{<【（＜]{_GAP}at{_GAP}[\])}}>】）＞]",
    ip_addresses: (
        rf"{_DIGIT}[.．]{_DIGIT}{{1,3}}[.．]{_DIGIT}{{1,3}}[.．]{_DIGIT}"
        r"|[2-3２-３][0-9a-f０-９ａ-ｆ]{3}[:：][0-9a-f:０-９ａ-ｆ：]{2}"
    ),
    handles: (
        rf"{_EDGE}[qｑ]{_GAP}[qｑ]|扣扣|叩叩|企鹅|[加+＋][qｑvｖ薇威微]|[qｑ]群|微{_GAP}信|微❤|[薇威徽维围vｖ]信|[vｖ]❤"
        rf"|[wｗ][eｅ]{_GAP}[cｃ][hｈ][aａ][tｔ]|[wｗ][eｅ][iｉ][xｘ][iｉ][nｎ]|{_EDGE}[vwｖｗ]{_GAP}[xｘ]|[加添](?:我|个|下|加)+[微薇威vｖ]"
    ),
    numbers: rf"(?:{_DIGIT}{_JOINT}{{0,3}}){{6}}{_DIGIT}",
}
_ANY: Final = "|".join(_FINDERS.values())


class Masked(NamedTuple):
    """A text as it is handed on, and where in the text that was read each identifier stood."""

    text: str
    spans: list[Span]


def masked_rows(texts: pa.Array, config: PrivacyConfig) -> dict[int, Masked]:
    """Those rows of a string column that hold identifiers of `config.mask`, masked.

    >>> {row: found.text for row, found in masked_rows(pa.array(["none", "QQ：12345678"]), PrivacyConfig()).items()}
    {1: 'QQ：[QQ]'}
    """
    if not config.mask:
        return {}
    rows = pc.indices_nonzero(_matching(texts, _ANY))
    suspects = texts.take(rows)
    asked = [_matching(suspects, pattern).to_pylist() for pattern in _FINDERS.values()]
    found = {}
    for row, text, *due in zip(rows.to_pylist(), suspects.to_pylist(), *asked, strict=True):
        spans = find(text, config, [finder for finder, is_due in zip(_FINDERS, due, strict=True) if is_due])
        wanted = [span for span in spans if span.kind in config.mask]
        if wanted:
            put = ((start, end, placeholder(config, kind)) for start, end, kind in wanted)
            found[row] = Masked(replaced(text, put), wanted)
    return found


def _matching(texts: pa.Array, pattern: str) -> pa.BooleanArray:
    return pc.fill_null(pc.match_substring_regex(texts, pattern, ignore_case=True), False)


def masked(text: str, config: PrivacyConfig) -> Masked:
    """`text` with placeholders over the identifiers of `config.mask`.

    >>> masked("电话13800138000，QQ：12345678", PrivacyConfig()).text
    '电话[PHONE]，QQ：[QQ]'
    """
    return masked_rows(pa.array([text], pa.string()), config).get(0, Masked(text, []))


def find(text: str, config: PrivacyConfig, finders: Sequence[Finder]) -> list[Span]:
    """What `finders` find in `text`, also of kinds that are not masked: in order, and none overlaps another.

    They look again while they find anything: what stood beside an identifier may be one that stands alone now.
    """
    canvas = _covered(fold(text), config.placeholder)
    spans: list[Span] = []
    known = -1
    while len(spans) > known:
        known = len(spans)
        for finder in finders:
            seen = without_pages(canvas) if finder in (handles, numbers) else canvas
            found = _apart(finder(seen, config))
            spans += found
            canvas = barred(canvas, found)
    return sorted(spans)


def _covered(text: str, placeholder: str) -> str:
    """`text` with bars over the placeholders of an earlier run."""
    before, _, after = map(fold, placeholder.partition("{kind}"))
    if before not in text:
        return text
    bars = {str(kind): bar for kind, bar in BAR.items()}
    earlier = re.compile(f"{re.escape(before)}({'|'.join(bars)}){re.escape(after)}")
    return earlier.sub(lambda found: bars[found[1]] * len(found[0]), text)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """`spans` in order, less those that overlap one before them."""
    apart: list[Span] = []
    for span in sorted(spans):
        if not apart or span.start >= apart[-1].end:
            apart.append(span)
    return apart


def placeholder(config: PrivacyConfig, kind: Identifier) -> str:
    return config.placeholder.replace("{kind}", kind.upper())


def counted(spans: Iterable[Span]) -> dict[str, int]:
    """Number of each kind, in the order of skypile.config.privacy.IDENTIFIERS; kinds without one are left out."""
    counts = Counter(span.kind for span in spans)
    return {kind: counts[kind] for kind in IDENTIFIERS if counts[kind]}


def evidence(text: str, spans: Iterable[Span]) -> list[dict[str, Any]]:
    """What the ledger holds of identifiers masked in `text`: kind, place in code points of `text`, 16 bits of a hash.

    >>> evidence("QQ：12345678", [Span(3, 11, "qq")])
    [{'kind': 'qq', 'start': 3, 'end': 11, 'hash': '2ef6'}]
    """
    return [
        {
            "kind": kind,
            "start": start,
            "end": end,
            "hash": f"{xxhash.xxh3_64_intdigest(text[start:end].encode()) & 0xFFFF:04x}",
        }
        for start, end, kind in spans
    ]
