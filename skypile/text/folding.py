"""Which characters count when two texts are compared, and how they are folded.

The folded text is what similarity is measured on: it is hashed and compared and never replaces the text of a document.
(Whether two texts are *equal* is asked of the texts themselves, see ``skypile.dedup.shingles``.) Folding removes what
differs between copies of one text: case, width (ＡＢＣ, ㎏), accents and other combining marks, prose punctuation,
white space, invisible characters, and the traditional forms of Chinese characters.

    fold("Ｈello, WORLD!  體育・新聞") -> "hello world体育新闻"

What is left is a row of *tokens*: a character of a script written without spaces (Han, kana, Thai, Lao,
Khmer, Burmese, Tibetan) is a token by itself; any other run of letters and digits is one token (a word).
One blank stands between two words and nowhere else.

*Marks* carry meaning: operators, brackets, signs, currencies, a superscript (as ^), and the point of 1.5. They belong
to the token after them, or to the last one, so that 3 + 5, 3 - 5 and (3) 5 have different tokens, and a text without
marks has the same tokens as ever. Marks at the begin of a line with white space after them are bullets, and do not
count, nor do lines of nothing else.

    fold("- f(x) = 3×10² - 5") -> "f (x )=3 ×10 ^2 -5"

The rules sit in one table of 0x40000 code points, frozen in ``folding.npz`` (60 KB) so that keys do not
change with the Unicode version of the Python that runs; ``python -m skypile.text.folding CHARACTERS``
rebuilds it, where CHARACTERS is OpenCC's ``TSCharacters.txt`` (Apache-2.0,
https://github.com/BYVoid/OpenCC). Where OpenCC gives several simplified forms the first is taken.
Trade-off: folding single characters confuses a few dozen characters that are distinct words in traditional
text (乾/干); for similarity that is harmless, because whole shingles are compared.
"""

import sys
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

SKIP, SEPARATOR, WORD, CHARACTER = 0, 1, 2, 3
"""Classes: drop without a trace, drop and end the word, part of a word, a token by itself."""

BLANK, LINE_END, INVISIBLE = 32, 10, 1
"""Payloads: of separators that are white space (other ones but 0 are marks), and of skipped characters without form."""

TABLE_SIZE = 0x40000  # the planes above hold tags and private use only; their characters are skipped
CLASS_SHIFT, EXPANDS, PAYLOAD = 30, 1 << 29, (1 << 29) - 1

_TABLE_FILE = Path(__file__).with_name("folding.npz")

_SCRIPTS_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # CJK and Kangxi radicals
    (0x3005, 0x3007),  # 々 〆 〇
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x312F),  # kana repeat marks, hiragana, katakana, bopomofo
    (0x31A0, 0x31BF),  # bopomofo extended
    (0x31F0, 0x31FF),  # katakana phonetic extensions
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)

_APOSTROPHES = "'\u2019\u02bc\uff07"  # don't and don’t are one word

_LINE_ENDS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_MARKS = "()[]{}*/%‰&@#\\^_⟨⟩⌈⌉⌊⌋"
_TYPOGRAPHIC = {**dict.fromkeys("‐‒–−", "-"), "⁄": "/", "∕": "/", "∗": "*", "∶": ""}  # after NFKD
_INVISIBLE = (
    *((0xAD, 0xAD), (0x180E, 0x180E), (0x200B, 0x200B), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064)),
    *((0x2066, 0x206F), (0xFEFF, 0xFEFF)),
)
PROSE = ".,:;!?"  # a mark between two digits and before "="


def character_class(char: str) -> int:
    """Class of one character that is already decomposed and case-folded.

    >>> [character_class(c) for c in ("\\u0301", "!", "a", "新")]
    [0, 1, 2, 3]
    """
    if char in _APOSTROPHES:
        return SKIP
    category, code = unicodedata.category(char), ord(char)
    if category in ("Cf", "Me", "Cs") or 0xFE00 <= code <= 0xFE0F or code >= 0xE0100:
        return SKIP
    if category == "Mn" and unicodedata.combining(char):
        return SKIP
    if category[0] not in "LNM":
        return SEPARATOR
    spaceless = any(low <= code <= high for low, high in _SCRIPTS_WITHOUT_SPACES)
    return CHARACTER if spaceless else WORD


def mark(char: str) -> str:
    """The mark that a separator is, in one of its forms; empty for prose punctuation.

    >>> mark("+"), mark("−"), mark("。")
    ('+', '-', '')
    """
    char = _TYPOGRAPHIC.get(char, char)
    return char if char and (char in _MARKS or char == "-" or unicodedata.category(char) in ("Sm", "Sc")) else ""


def _payload(char: str, kind: int, whole: str, traditional: dict[str, str]) -> int:
    """Payload of a character into which ``whole`` is decomposed."""
    if kind in (WORD, CHARACTER):
        return ord(traditional.get(char, char))
    if kind == SKIP:
        return INVISIBLE if any(low <= ord(char) <= high for low, high in _INVISIBLE) else 0
    if whole.isspace():
        return LINE_END if whole in _LINE_ENDS else BLANK
    return 0 if char.isspace() else ord(mark(char) or "\0")  # ´ is a blank with an accent


def build_table(traditional: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Build the folding table from the Unicode database of this Python.

    Returns ``table`` (uint32[0x40000]: class << 30 | payload) and ``expansions`` (uint32: a length, then
    that many entries of the same form). The payload is the folded code point (of separators: of the mark, or
    BLANK, LINE_END or 0), or, with bit 29 set, an index into ``expansions``. ``traditional`` maps one character
    to one character.
    """
    table = np.zeros(TABLE_SIZE, np.uint32)
    expansions: list[int] = []
    for code in range(TABLE_SIZE):
        if 0xD800 <= code <= 0xDFFF:
            continue
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        parts = []
        for char in decomposed:
            kind = character_class(char)
            parts.append(kind << CLASS_SHIFT | _payload(char, kind, chr(code), traditional))
        if unicodedata.decomposition(chr(code)).startswith("<super>") and decomposed in "0123456789+-−=()n":
            parts.insert(0, SEPARATOR << CLASS_SHIFT | ord("^"))  # 10² is not 102
        kept = [part for part in parts if part >> CLASS_SHIFT != SKIP] or parts[:1]
        if len(kept) == 1:
            table[code] = kept[0]
        elif len(kept) > 1:
            table[code] = EXPANDS | len(expansions)
            expansions.extend([len(kept), *kept])
    return table, np.array(expansions, np.uint32)


@cache
def folding_table() -> tuple[np.ndarray, np.ndarray]:
    """The frozen table and its expansions, read once a process (8 ms)."""
    with np.load(_TABLE_FILE) as stored:
        return np.cumsum(stored["steps"], dtype=np.uint32), stored["expansions"]


class Token(NamedTuple):
    """A word or character as it is folded, after its marks."""

    text: str
    kind: int


def fold(text: str) -> str:
    """Folded form of one text, in plain Python: slow, for reading and for tests.

    >>> fold("Straße Ⅷ, naïve don’t 臺灣")
    'strasse viii naive dont台湾'
    """
    last, parts = CHARACTER, []
    for token in tokens(text):
        parts += [" "] if token.kind == last == WORD else []
        parts.append(token.text)
        last = token.kind
    return "".join(parts)


def tokens(text: str) -> list[Token]:
    """Tokens of one text, in plain Python: slow, for tests; the kernels do the same from UTF-8.

    >>> [token.text for token in tokens("3 + x(2)，完")]
    ['3', '+x', '(2', ')完']
    """
    table, expansions = folding_table()
    found: list[Token] = []
    word, in_word = "", False
    marks = carried = ""  # before the next token; those from the lines before
    fresh = True  # no token on this line yet
    for i, char in enumerate(text):
        entry = int(table[ord(char)]) if ord(char) < TABLE_SIZE else 0
        entries = [entry]
        if entry & EXPANDS:
            start = entry & PAYLOAD
            entries = [int(part) for part in expansions[start + 1 : start + 1 + int(expansions[start])]]
        for part in entries:
            kind, payload = part >> CLASS_SHIFT, part & PAYLOAD
            if kind == SKIP:
                continue
            if kind == WORD:
                if not in_word:
                    word, in_word, marks, fresh = marks, True, "", False
                word += chr(payload)
                continue
            if in_word:
                found.append(Token(word, WORD))
                in_word = False
            if kind == CHARACTER:
                found.append(Token(marks + chr(payload), CHARACTER))
                marks, fresh = "", False
            elif payload in (BLANK, LINE_END):
                marks = carried if fresh else marks
                if payload == LINE_END:
                    fresh, carried = True, marks
            elif payload:
                marks += chr(payload)
            elif char in PROSE and _counts(text[i - 1 : i], text[i + 1 : i + 2]):
                marks += char
    if in_word:
        found.append(Token(word, WORD))
    marks = carried if fresh else marks
    if marks and found:
        found[-1] = Token(found[-1].text + marks, found[-1].kind)
    return found


def _counts(before: str, after: str) -> bool:
    """Whether prose punctuation between these characters is a mark: 1.5, x := 1."""
    digits = "0123456789"
    return after == "=" or bool(before and after and before in digits and after in digits)


def main(characters: Path) -> None:
    """Rebuild ``folding.npz`` from a tab-separated file of traditional and simplified characters."""
    pairs = (line.split() for line in characters.read_text(encoding="utf-8").splitlines() if line.strip())
    traditional = {pair[0]: pair[1] for pair in pairs if len(pair[0]) == 1 and len(pair[1]) == 1}
    table, expansions = build_table(traditional)
    # Most characters fold to themselves, so that differences of neighbours are nearly all 1 and compress
    # well.
    steps = np.diff(table, prepend=np.uint32(0))
    np.savez_compressed(_TABLE_FILE, steps=steps, expansions=expansions)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
