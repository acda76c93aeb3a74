"""Which characters count when two texts are compared, and how they are folded.

The folded text is a *key*: it is hashed and compared and never replaces the text of a document. Folding
removes what differs between copies of one text: case, width (ＡＢＣ, ㎏), accents and other combining marks,
punctuation, symbols, white space, invisible characters, and the traditional forms of Chinese characters.

    fold("Ｈello, WORLD!  體育・新聞") -> "hello world体育新闻"

What is left is a row of *tokens*: a character of a script written without spaces (Han, kana, Thai, Lao,
Khmer, Burmese, Tibetan) is a token by itself; any other run of letters and digits is one token (a word).
One blank stands between two words and nowhere else.

The rules sit in one table of 0x40000 code points, frozen in ``folding.npz`` (60 KB) so that keys do not
change with the Unicode version of the Python that runs; ``python -m skypile.text.folding CHARACTERS``
rebuilds it, where CHARACTERS is OpenCC's ``TSCharacters.txt`` (Apache-2.0,
https://github.com/BYVoid/OpenCC). Where OpenCC gives several simplified forms the first is taken.
Trade-off: folding single characters confuses a few dozen characters that are distinct words in traditional
text (乾/干); for a key that is harmless, because whole shingles are compared.
"""

import sys
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np

SKIP, SEPARATOR, WORD, CHARACTER = 0, 1, 2, 3
"""Classes: drop without a trace, drop and end the word, part of a word, a token by itself."""

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


def build_table(traditional: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Build the folding table from the Unicode database of this Python.

    Returns ``table`` (uint32[0x40000]: class << 30 | payload) and ``expansions`` (uint32: a length, then
    that many entries of the same form). The payload is the folded code point, or, with bit 29 set, an index
    into ``expansions``. ``traditional`` maps one character to one character.
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
            folded = ord(traditional.get(char, char)) if kind in (WORD, CHARACTER) else 0
            parts.append(kind << CLASS_SHIFT | folded)
        kept = [part for part in parts if part >> CLASS_SHIFT != SKIP]
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


def fold(text: str) -> str:
    """Folded form of one text, in plain Python: slow, for reading and for tests; the kernels do the same from UTF-8.

    >>> fold("Straße Ⅷ, naïve don’t 臺灣")
    'strasse viii naive dont台湾'
    """
    table, expansions = folding_table()
    out: list[str] = []
    last, broken = SEPARATOR, False
    for char in text:
        entry = int(table[ord(char)]) if ord(char) < TABLE_SIZE else 0
        entries = [entry]
        if entry & EXPANDS:
            start = entry & PAYLOAD
            entries = [int(part) for part in expansions[start + 1 : start + 1 + int(expansions[start])]]
        for part in entries:
            kind = part >> CLASS_SHIFT
            if kind == SEPARATOR:
                broken = True
            elif kind != SKIP:
                if kind == WORD and last == WORD and broken:
                    out.append(" ")
                out.append(chr(part & PAYLOAD))
                last, broken = kind, False
    return "".join(out)


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
