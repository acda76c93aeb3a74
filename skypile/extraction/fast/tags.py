"""HTML element and entity names as lookup arrays for the compiled scanner.

Numba code sees no dicts or strings here: a name is hashed (32-bit FNV-1a) and found by linear probing in a
power-of-two table. The tables are arguments of the scanner, not globals, because Numba freezes globals into its
on-disk cache and would keep yesterday's values when only this file changes.
"""

from html.entities import html5
from typing import NamedTuple

import numpy as np

# Tag ids are features of the shipped model: append, never reorder. Id 0 is every element not listed here
# (custom elements, misspellings): inline, as HTML treats them.
_TAG_NAMES = (
    "? html body div p span a ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption "
    "section article main aside nav header footer form fieldset blockquote pre code figure figcaption "
    "address center details summary button label dialog hr br wbr img input area base link meta col embed "
    "source track param script style noscript iframe noembed noframes xmp textarea title svg math template "
    "object canvas map video audio select option optgroup datalist head menu hgroup search legend b strong "
    "i em u s small font big time picture ins del sup sub rp rt ruby tt nobr plaintext"
)
TAGS = _TAG_NAMES.split()
TAG_ID = {name: i for i, name in enumerate(TAGS)}
# Other names of the same: what publishers' XML leaves in HTML, obsolete ones that are read alike (HTML standard, 16.2).
_ALIASES = {"mml:math": "math", "m:math": "math", "listing": "pre", "rtc": "rt"}

BLOCK, VOID, RAW, DROP, CLOSES_P, SCOPE, SPECIAL, LEAVES_FOREIGN = (1 << k for k in range(8))

_FLAGGED = {
    # starts and ends a block of text
    BLOCK: "body div p ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption section "
    "article main aside nav header footer form fieldset blockquote pre figure figcaption address center "
    "details summary button label dialog hr menu hgroup search legend",
    VOID: "hr br wbr img input area base link meta col embed source track param",
    # content is not markup and no text of the page. <noscript> is read as markup: scripts are not run here, and
    # forum software (Discourse, Flarum) puts the whole thread into it.
    RAW: "script style iframe noembed noframes xmp textarea title",
    # the subtree is not text
    DROP: "svg math template object canvas video audio select datalist",
    # an open <p> ends here (HTML standard, 13.2.6.4.7)
    CLOSES_P: "div ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table section article main aside nav header footer "
    "form fieldset blockquote pre figure figcaption address center details summary dialog hr menu hgroup "
    "search p",
    # an end tag looks no further up than these
    SCOPE: "table td th caption button",
    # an inline end tag looks no further up than these
    SPECIAL: "body div p ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption section "
    "article main aside nav header footer form fieldset blockquote pre figure figcaption address center "
    "details summary button dialog menu hgroup search legend",
    # inside <svg>, <math> or <select> these show that the end tag was forgotten
    LEAVES_FOREIGN: "body div p ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table section article main aside nav "
    "header footer blockquote pre figure center hr br img span b strong em i",
}


# What the words of a class say of an element, or of a picture: bits.
GUTTER, NUMBER, LINE, JAMMER, TEX, KATEX, OF_HTML, JAX, PREVIEW, QL, EDIT = (1 << k for k in range(11))
_ROLES = {
    GUTTER: "gutter linenos lineno linenum linenums linenumber linenumbers numbering lnt ln",
    NUMBER: "num nums number numbers",  # of a LINE
    LINE: "line hljs blob crayon",
    JAMMER: "jammer",  # Discuz: characters strewn among those of a post, against copying
    TEX: "math tex latex formula equation",
    KATEX: "katex",
    OF_HTML: "html",
    JAX: "jax mathjax",
    PREVIEW: "preview",
    QL: "ql",
    EDIT: "editsection",  # MediaWiki: "[edit]" behind headings
}


class Names(NamedTuple):
    """Open-addressing tables: `tag_keys`/`tag_ids` (hash → tag id), `flags` and `name_hash` by tag id;
    `entity_keys`/`entity_points` (hash of the name, with `;` where it has one → one or two code points);
    `role_keys`/`role_bits` (hash of a class word → what it says)."""

    tag_keys: np.ndarray
    tag_ids: np.ndarray
    flags: np.ndarray
    name_hash: np.ndarray
    entity_keys: np.ndarray
    entity_points: np.ndarray
    role_keys: np.ndarray
    role_bits: np.ndarray


def fnv1a(name: bytes) -> int:
    """32-bit FNV-1a: fnv1a(b"a") == 0xE40C292C."""
    value = 0x811C9DC5
    for byte in name:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def _probe_table(size: int, hashes: list[int]) -> tuple[np.ndarray, list[int]]:
    """Keys placed by linear probing (0 = free slot), and the slot each hash got."""
    keys, slots = np.zeros(size, np.uint32), []
    for value in hashes:
        slot = value & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot] = value
        slots.append(slot)
    return keys, slots


def build_names() -> Names:
    """All tables; 3 ms, once a process."""
    tag_hashes = [fnv1a(name.encode()) for name in TAGS]
    alias_hashes = [fnv1a(name.encode()) for name in _ALIASES]
    tag_keys, slots = _probe_table(512, tag_hashes + alias_hashes)
    tag_ids = np.zeros(len(tag_keys), np.int16)
    tag_ids[slots] = [*range(len(TAGS)), *(TAG_ID[name] for name in _ALIASES.values())]
    flags = np.zeros(len(TAGS), np.int16)
    for flag, names in _FLAGGED.items():
        for name in names.split():
            flags[TAG_ID[name]] |= flag
    entities = sorted(html5.items())
    entity_hashes = [fnv1a(name.encode()) for name, _ in entities]
    assert len(set(entity_hashes)) == len(entities), "two entity names share a hash: take a wider one"
    entity_keys, slots = _probe_table(8192, entity_hashes)
    entity_points = np.zeros((len(entity_keys), 2), np.int32)
    for slot, (_, text) in zip(slots, entities, strict=True):
        entity_points[slot, : len(text)] = [ord(c) for c in text]
    roles = [(fnv1a(word.encode()), role) for role, words in _ROLES.items() for word in words.split()]
    role_keys, slots = _probe_table(256, [value for value, _ in roles])
    role_bits = np.zeros(len(role_keys), np.int64)
    role_bits[slots] = [role for _, role in roles]
    return Names(
        tag_keys, tag_ids, flags, np.array(tag_hashes, np.uint32), entity_keys, entity_points, role_keys, role_bits
    )
