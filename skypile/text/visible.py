"""What a terminal or a page is given of text that others wrote: all of it, and nothing that acts or hides.

URLs, titles, texts and file names come from the crawl. In them, control characters move the cursor, set colours, name
windows and make links (ESC, CSI, OSC), marks of direction reorder what stands around them (Unicode, "Bidirectional
Algorithm", UAX 9), and characters of no width make two addresses look like one. Each is spelled as JSON spells it.
"""

import functools
import re
import unicodedata

# What may need spelling: all but printable ASCII, Han, and the punctuation and full-width forms beside it.
_RARE = re.compile(r"[^ -~\u3000-\u3029\u4e00-\u9fff\uff01-\uff5e]")
# Letters and marks that show nothing: fillers, the grapheme joiner, inherent vowels, selectors of Mongolian forms.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
JOINERS = "\u200c\u200d"  # of Persian and Indic letters, and of emoji


def visible(text: str, keep: str = "") -> str:
    r"""`text` with every control, format, surrogate, private or unassigned character and line separator spelled out.

    Spaces of all widths stay, and the characters in `keep`.

    >>> print(visible("a\x1b[31m\u202eb\n"))
    a\u001b[31m\u202eb\n
    """
    return _RARE.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


@functools.lru_cache(maxsize=4096)
def _spelled(char: str) -> str:
    if char not in _FILLERS and (char.isprintable() or unicodedata.category(char) == "Zs"):
        return char
    if char in _NAMED:
        return _NAMED[char]
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
