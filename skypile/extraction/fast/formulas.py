"""Formulas into the page's text, as TeX: `$…$` in a line, `$$…$$` on a line of its own.

Where a page has its formulas from: MathML (its TeX annotation, its `alttext`, else the markup itself, `mathml`), the
`math/tex` scripts of MathJax 2, the `alt`, address or `data-tex` of a picture, the `data-tex` of an element that
shows glyphs. The scan notes where these stand (`Page.formulas`); here the TeX is put beside them, the glyphs that say
the same are taken out, and the page is scanned again. Time linear in the page.
"""

import html as html_entities
import re
from typing import Final, NamedTuple
from urllib.parse import unquote, unquote_plus

import numpy as np

from skypile.extraction.fast.mathml import tex_of
from skypile.extraction.fast.window import MATHML, PICTURE, RENDERED, TEX_ELEMENT, TEX_SCRIPT

MAX_TEX: Final = 4000  # characters of one formula; what is longer is no formula but a program
# Bytes between the forms of one formula: MathJax's glyphs and its script, Wikipedia's MathML and its picture.
BESIDE: Final = 400
_ATTRIBUTE: Final = re.compile(
    rb"""([^\s"'>/=]+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?""",
)
_TEX_ATTRIBUTES: Final = (
    b"data-tex", b"data-latex", b"data-formula", b"data-math", b"data-expr", b"data-equation", b"data-katex",
)  # fmt: skip
_ANNOTATION: Final = re.compile(
    rb"""<(?:\w+:)?annotation\b[^>]*?encoding\s*=\s*["']?(?:application/x-(?:la)?tex|text/x-(?:la)?tex|(?:la)?tex)["'\s>][^>]*+>?""",
    re.IGNORECASE,
)
_IN_ADDRESS: Final = re.compile(
    r"(?:latex|mathtex|mimetex)\.(?:php|cgi|exe|ashx)\?(?:[a-z]{1,8}=)?|[?&](?:tex|latex|chl|formula)="
)
_OF_FORMULAS: Final = re.compile(r"/(?:img)?math/|/(?:la)?tex/")  # folders of Sphinx and others
_CODECOGS: Final = re.compile(r"codecogs\.com/(?:gif|png|svg|pdf|swf|eq)\.(?:image|latex|download)?\?*(.+)", re.DOTALL)
_WRAPPED: Final = re.compile(r"\A\{\\(?:display|text|script)style\s*(.*)\}\Z", re.DOTALL)
_DELIMITERS: Final = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_TEX_SIGN: Final = re.compile(r"[\\^_={}+*/<>]|^[A-Za-z]$|[\u0370-\u03ff\u2200-\u22ff]")
_SPOKEN: Final = re.compile(r"[A-Za-z]{3}")  # "x squared": in words; words in TeX have commands
_MATHJAX_4: Final = re.compile(rb"<mjx-math\b[^>]*+>")
_BLOCK_PICTURE: Final = re.compile(rb"display|block", re.IGNORECASE)
_BLOCK_CLASS: Final = re.compile(rb"display|block|equation\*?$", re.IGNORECASE)


class _Edit(NamedTuple):
    """page[start:stop] becomes `text`."""

    start: int
    stop: int
    text: bytes


def with_formulas(page: bytes, formulas: np.ndarray, start: int, stop: int) -> bytes | None:
    """page[start:stop] with its formulas as TeX; None if there are none after all. `formulas`: as in Page."""
    edits: list[_Edit] = []
    rows = formulas.tolist()
    done = start  # what lies before has been decided
    for k, (kind, tag_from, holds_from, holds_to) in enumerate(rows):
        if tag_from < done:
            continue
        edit: _Edit | None = None
        if kind == MATHML:
            source = page[tag_from:holds_to]
            edit = (
                None
                if _said_again(page, rows, k)
                else _insert(holds_to, _of_mathml(source), _is_display(source, page, tag_from))
            )
        elif kind == TEX_SCRIPT:
            tag, source = page[tag_from:holds_from].lower(), page[holds_from:holds_to]
            if b"math/mml" in tag:
                edit = _insert(tag_from, _of_mathml(source), _is_display(source, page, tag_from))
            else:
                tex = _without_cdata(source.decode("utf-8", "replace"))
                edit = _insert(tag_from, _plain(tex), b"display" in tag)
        elif kind == PICTURE:
            edit = _of_picture(page[tag_from:holds_from], holds_from)
        elif kind == TEX_ELEMENT:
            edit = _of_element(page[tag_from:holds_from], holds_from, holds_to)
        elif kind == RENDERED and _is_said(page, rows, k, edits):
            edit = _Edit(holds_from, holds_to, b"")
        elif kind == RENDERED and b"katex" not in page[tag_from:holds_from].lower():
            edit = _of_glyphs(page, rows, k)
        if edit is not None:
            edits.append(edit)
            done = max(done, edit.stop)
    if not edits:
        return None
    pieces, at = [], start
    for edit in edits:
        pieces += [page[at : edit.start], edit.text]
        at = edit.stop
    return b"".join([*pieces, page[at:stop]])


def _insert(at: int, tex: str, display: bool) -> _Edit | None:
    return _Edit(at, at, _marked(tex, display)) if tex else None


def _marked(tex: str, display: bool) -> bytes:
    """TeX between its signs, as HTML."""
    text = html_entities.escape(tex, quote=False).encode("utf-8", "replace")
    return b"<br>$$" + text + b"$$<br>" if display else b"$" + text + b"$"


def _said_again(page: bytes, rows: list[list[int]], k: int) -> bool:
    """Whether the MathML of row k is followed by a picture of the same formula, which is shown where it is hidden."""
    if k + 1 == len(rows) or rows[k + 1][0] != PICTURE or rows[k + 1][1] - rows[k][3] > BESIDE:
        return False
    _, tag_from, holds_from, _ = rows[k + 1]
    return b"mwe-math" in page[tag_from:holds_from] and _of_picture(page[tag_from:holds_from], holds_from) is not None


def _is_said(page: bytes, rows: list[list[int]], k: int, edits: list[_Edit]) -> bool:
    """Whether the formula whose glyphs row k holds is written beside them: KaTeX's MathML before, MathJax's script
    after (a preview and glyphs may stand between)."""
    _, tag_from, holds_from, holds_to = rows[k]
    if b"katex" in page[tag_from:holds_from].lower():
        return bool(edits) and tag_from - edits[-1].stop <= BESIDE
    end = holds_to
    for kind, following, _, to in rows[k + 1 : k + 4]:
        if following < end:
            continue
        if following - end > BESIDE:
            return False
        if kind == TEX_SCRIPT:
            return True
        if kind != RENDERED:
            return False
        end = to
    return False


def _of_mathml(source: bytes) -> str:
    """TeX of a <math> element."""
    if found := _ANNOTATION.search(source):
        end = source.find(b"</", found.end())
        if tex := _plain(_unescaped(source[found.end() : end if end >= 0 else len(source)])):
            return tex
    tag = source[: source.find(b">") + 1]
    said = _plain(_unescaped(_attributes(tag).get(b"alttext", b"")))
    if "\\" in said or (_TEX_SIGN.search(said) and not _SPOKEN.search(said)):
        return said
    return _plain(tex_of(source)) or said


def _is_display(source: bytes, page: bytes, tag_from: int) -> bool:
    attributes = _attributes(source[: source.find(b">") + 1])
    if b"display" in attributes:
        return attributes[b"display"].lower() == b"block"
    return attributes.get(b"mode") == b"display" or b"katex-display" in page[max(0, tag_from - 120) : tag_from]


def _of_picture(tag: bytes, end: int) -> _Edit | None:
    """The formula that an <img> shows, after it."""
    attributes = _attributes(tag)
    classes = attributes.get(b"class", b"")
    display = bool(_BLOCK_PICTURE.search(classes)) or attributes.get(b"eeimg") == b"2"
    for name in _TEX_ATTRIBUTES:
        if tex := _formula(_unescaped(attributes.get(name, b""))):
            return _insert(end, tex, display)
    address = html_entities.unescape(attributes.get(b"src", b"").decode("utf-8", "replace"))
    alt = _plain(_unescaped(attributes.get(b"alt", b"")))
    known = (
        b"eeimg" in attributes
        or bool(re.search(rb"math|latex|\btex\b|formula|equation", classes, re.IGNORECASE))
        or bool(_OF_FORMULAS.search(address[:MAX_TEX]))
    )
    if "data:" not in address[:5]:
        if found := _CODECOGS.search(address):
            value = unquote(found[1]).replace("&space;", " ")
            return _insert(end, alt if _TEX_SIGN.search(alt) else _plain(value), display)
        if found := _IN_ADDRESS.search(address):
            value = address[found.end() :].partition("&")[0]
            return _insert(end, alt if _TEX_SIGN.search(alt) else _plain(unquote_plus(value)), display)
    if (known and _TEX_SIGN.search(alt)) or (re.search(r"\\[A-Za-z]{2,}", alt) and re.search(r"[{}^_=$]", alt)):
        return _insert(end, alt, display)
    return None


def _of_element(tag: bytes, start: int, stop: int) -> _Edit | None:
    """The formula in an element's attribute, instead of what the element shows."""
    attributes = _attributes(tag)
    display = bool(_BLOCK_CLASS.search(attributes.get(b"class", b""))) or tag[1:4].lower() == b"div"
    if mathml := attributes.get(b"data-mathml"):
        source = _unescaped(mathml).encode("utf-8", "replace")
        tex = _of_mathml(source) if b"<math" in source else ""
        return _Edit(start, stop, _marked(tex, b'"block"' in source)) if tex else None
    values = [attributes.get(name, b"") for name in _TEX_ATTRIBUTES]
    if b"ql-formula" in attributes.get(b"class", b""):
        values.append(attributes.get(b"data-value", b""))
    for value in values:
        if tex := _formula(_unescaped(value)):
            return _Edit(start, stop, _marked(tex, display))
    return None


def _of_glyphs(page: bytes, rows: list[list[int]], k: int) -> _Edit | None:
    """MathJax's glyphs without its script: the MathML in an attribute, that for screen readers among them, or the TeX
    that MathJax 4 keeps."""
    _, tag_from, holds_from, holds_to = rows[k]
    if edit := _of_element(page[tag_from:holds_from], holds_from, holds_to):
        return edit
    for kind, start, _, stop in rows[k + 1 : k + 2]:
        if kind == MATHML and stop <= holds_to and (tex := _of_mathml(page[start:stop])):
            return _Edit(holds_from, holds_to, _marked(tex, _is_display(page[start:stop], page, start)))
    if found := _MATHJAX_4.search(page, holds_from, min(holds_to, holds_from + MAX_TEX)):
        attributes = _attributes(found[0])
        if tex := _plain(_unescaped(attributes.get(b"data-latex", b""))):
            return _Edit(holds_from, holds_to, _marked(tex, attributes.get(b"display") == b"true"))
    return None


def _formula(value: str) -> str:
    """The value of an attribute if it is TeX, else nothing."""
    tex = _plain(value)
    return tex if _TEX_SIGN.search(tex) and not tex.startswith(('{"', "[{", "http", "/", "=")) else ""


def _plain(tex: str) -> str:
    """TeX on one line, without the signs around it: "\\\\( x \\\\)" -> "x"."""
    tex = " ".join(tex.split())
    if len(tex) > MAX_TEX:
        return ""
    for left, right in _DELIMITERS:
        if len(tex) > len(left) + len(right) and tex.startswith(left) and tex.endswith(right):
            tex = tex[len(left) : len(tex) - len(right)].strip()
            break
    if (found := _WRAPPED.match(tex)) and _balanced(found[1]):
        tex = found[1].strip()
    return tex.removeprefix("\\displaystyle").strip()


def _balanced(tex: str) -> bool:
    """Whether no brace closes before it was opened."""
    depth = 0
    for sign in re.findall(r"(?<!\\)[{}]", tex):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _without_cdata(tex: str) -> str:
    """Of a script: `% <![CDATA[` and `%]]>`, which keep it from XML parsers."""
    return re.sub(r"%?\s*<!\[CDATA\[|%?\s*\]\]>", "", tex)


def _unescaped(value: bytes) -> str:
    return html_entities.unescape(value.decode("utf-8", "replace"))


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    """Of a start tag, the first of each name: b'<a b="c">' -> {b"b": b"c"}."""
    found: dict[bytes, bytes] = {}
    for name, *values in _ATTRIBUTE.findall(tag, tag.find(b" ") if b" " in tag else len(tag)):
        found.setdefault(name.lower(), next(filter(None, values), b""))
    return found
