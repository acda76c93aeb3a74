"""Numbers of people: Chinese identity numbers, bank cards, telephones (`phones`), however they are grouped.

Digits that stand in a *run*, groups joined by blanks, dashes, dots or brackets, are tried from each group on, the
longest first. What stands before and after a number says whether it is one at all: amounts (￥…, …元), decimals,
names of files and parts of a code are none.

*Identity number* (GB 11643-1999): 6 digits of a region, of which the first two are one of 35, the date of birth, 3
digits and a check digit by ISO 7064 MOD 11-2; of random numbers 1 in 60,000 passes. The old form has 15 digits, no
check digit and the year in two: 1 in 80 passes, so it has to stand in one piece.
*Bank card* (ISO/IEC 7812): a known issuer's prefix and length, and Luhn's check digit.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from skypile.config.privacy import PrivacyConfig
from skypile.quality.privacy import phones
from skypile.quality.privacy.folding import Span
from skypile.quality.privacy.phones import Written

_RUN: Final = re.compile(r"[0-9]+(?:[ ().·_-]{1,3}[0-9]+)*")
_GROUP: Final = re.compile("[0-9]+")
_FEWEST: Final = 7  # digits of the shortest number, a telephone's without its area
_MOST: Final = 19  # of the longest, a card's
_MOST_GROUPS: Final = 11  # a mobile number, digit by digit
_AROUND: Final = 32  # characters before a number that may say what it is

_PROVINCES: Final = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83, 91]
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ISSUERS: Final = (  # prefixes and lengths
    (re.compile("4"), (16, 19)),  # Visa; those of 13 digits are gone, and barcodes have as many
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile("3[47]"), (15,)),  # American Express
    (re.compile("30[0-5]|3[689]"), (14,)),  # Diners Club
    (re.compile("352[89]|35[3-8]"), (16,)),  # JCB
    (re.compile("6011|64[4-9]|65"), (16,)),  # Discover
    (re.compile("62|8[01]"), (16, 17, 18, 19)),  # UnionPay
    (re.compile("9558|60(?:1382|1428|3367|3694)|690755|685800|94|98"), (16, 18, 19)),  # Chinese banks before it
)
_CARD_WORD: Final = re.compile(r"(?:卡|账号|帐号|账户|賬號|card|account|acct)[^0-9\n]{0,12}\Z")
_CHECKED_BY_X: Final = re.compile("x(?![a-z0-9])")
_CARD_GROUPS: Final = ((4, 6, 5), (4, 6, 4), (6, 10), (6, 13), (8, 8), (8, 11), (4, 12), (4, 15))

_COUNTRY: Final = re.compile("(?:86|1[ (.-]{1,2}[0-9]{3})(?![0-9])")  # with so few digits a number may begin in a run
_PARTED: Final = re.compile("[ ()]")  # a joint without any of these makes one code of what it joins
_ATTACHED: Final = re.compile(r"[a-z_$¥￥€£#=&%@^\\<>]\Z|[a-z_][/.-]\Z")
_LABEL: Final = re.compile(
    r"(?<![a-z])(?:telephone|tel|phone|mobile|mob|cell|call|fax|wx|vx|wechat|weixin|v|q|qq|whatsapp|no|id|sfz|dh|sj|t|m|p)"
    r"[.=:-]?\Z",
)
_CONTINUED: Final = re.compile(
    r"(?!(?:qq|wx|vx|we|v|tel|mobile|fax|e-?mail)(?![a-z]))[a-z_]|[@%‰^\\#]| ?=|\.(?:[0-9]|[a-z]{2,4}(?![a-z]))|-[a-z]"
    r"| ?(?:[元块万亿千兆]|美[元金]|人次|英镑|欧元|日元|人民币|平方|公里|公斤|字节)",
)


def numbers(text: str, config: PrivacyConfig) -> Iterator[Span]:
    """Identity numbers, bank cards and telephones of a folded text.

    >>> text = "身份证11010119900307109x，电话138-0013-8000"
    >>> [text[start:end] for start, end, _ in numbers(text, PrivacyConfig())]
    ['11010119900307109x', '138-0013-8000']
    """
    phone_end = -1
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _FEWEST:
            continue
        groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run[0])]
        at, first = 0, 0  # first: where the run begins, less the identifiers found in it
        while at < len(groups):
            found = _identifier(text, groups, at, at == first, phone_end, config.phone_regions)
            if found is None:
                at += 1
                continue
            phone_end = found.end if found.kind == "phone" else -1
            while at < len(groups) and groups[at][0] < found.end:
                at += 1
            first = at
            yield found


def _identifier(
    text: str, groups: list[tuple[int, int]], at: int, first: bool, phone_end: int, regions: tuple[str, ...]
) -> Span | None:
    """The longest identifier that begins with group `at`."""
    start = groups[at][0]
    sizes = [end - begin for begin, end in groups[at : at + _MOST_GROUPS]]
    if sum(sizes) < _FEWEST or not (first or sizes[0] > 2 or _COUNTRY.match(text, start)):
        return None
    before = text[max(0, start - _AROUND) : start]
    labelled = bool(_LABEL.search(before))
    if _ATTACHED.search(before) and not labelled if first else not _PARTED.search(text[groups[at - 1][1] : start]):
        return None
    said = phones.said(before)
    tries: list[tuple[int, Written]] = []
    digits, parts, joints = "", [], []
    for number in range(at, min(at + _MOST_GROUPS, len(groups))):
        begin, end = groups[number]
        joints += [text[groups[number - 1][1] : begin]] if number > at else []
        digits += text[begin:end]
        parts.append(end - begin)
        if len(digits) > _MOST:
            break
        alone = first and number + 1 == len(groups)
        tries.append((number, Written(start, end, digits, tuple(parts), tuple(joints), before, *said, alone)))
    for number, written in reversed(tries):
        if len(written.digits) < _FEWEST:
            break
        following = text[written.end : groups[number + 1][0]] if number + 1 < len(groups) else None
        if found := _judged(text, written, following, labelled, phone_end, regions):
            return found
    return None


def _judged(
    text: str, written: Written, following: str | None, labelled: bool, phone_end: int, regions: tuple[str, ...]
) -> Span | None:
    """What `written` is; `following`: what joins it to the next group of its run, None for its last."""
    start, end, digits = written.start, written.end, written.digits
    if following is None and len(digits) == 17 and _CHECKED_BY_X.match(text, end) and is_id_number(digits + "x"):
        return Span(start, end + 1, "id_number")
    if following is None:
        ends = not _CONTINUED.match(text, end)
    else:
        ends = bool(_PARTED.search(following))
    goes_on = phone_end >= 0 and phones.goes_on(text[phone_end:start])
    if ends and is_id_number(digits) and (len(digits) == 18 or (len(written.parts) == 1 and not labelled)):
        return Span(start, end, "id_number")
    apart = len(written.parts) == 1 or written.alone or not written.blank or bool(_CARD_WORD.search(written.before))
    if ends and apart and is_bank_card(digits, written.parts):
        return Span(start, end, "bank_card")
    if phones.is_phone(written, goes_on, text[end : end + _AROUND], regions):
        end = phones.extended(text, written)
        if ends or end > written.end:
            return Span(phones.begun(text, written), end, "phone")
    return None


def is_id_number(number: str) -> bool:
    """
    >>> is_id_number("11010119900307109x"), is_id_number("110101199003071090"), is_id_number("110101900307109")
    (True, False, True)
    """
    if len(number) not in (15, 18) or int(number[:2]) not in _PROVINCES:
        return False
    born = number[6:14] if len(number) == 18 else "19" + number[6:12]
    if not ("1900" <= born[:4] < "2050" and _is_day(born)):
        return False
    if len(number) == 15:
        return True
    return "10x98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, number, strict=False)) % 11] == number[17]


def _is_day(day: str) -> bool:
    try:
        return bool(date(int(day[:4]), int(day[4:6]), int(day[6:])))
    except ValueError:
        return False


def is_bank_card(number: str, parts: tuple[int, ...]) -> bool:
    """Whether `number`, written in groups of so many digits, has an issuer's prefix, its length, and a check digit.

    >>> is_bank_card("4111111111111111", (4, 4, 4, 4)), is_bank_card("4111111111111112", (16,))
    (True, False)
    """
    fours = all(part == 4 for part in parts[:-1]) and parts[-1] <= 7
    if not (len(parts) == 1 or fours or parts in _CARD_GROUPS):
        return False
    if not any(len(number) in lengths and prefix.match(number) for prefix, lengths in _ISSUERS):
        return False
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2]]
    return (sum(doubled) + sum(map(int, number[-1::-2]))) % 10 == 0 and len(set(number)) > 1
