"""Where the things end that are no elements to read: comments, raw text, what is not shown. Compiled.

By the tokenizer of the HTML standard (13.2.5): a comment ends at `-->`, at `--!>`, and, empty, at `<!-->` and `<!--->`;
`<!x`, `<?x` and `</ x` are comments up to the next ">". XML differs, and pages are in XML where their Content-Type or
their first bytes say so: `<script/>` is complete, and the text of a CDATA section is text.
"""

import numpy as np

from skypile.extraction.fast import attributes as at
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import fnv1a
from skypile.extraction.fast.vectors import find

# How sure it is that a page is XML: its doctype is one of XHTML (most such pages are served and read as HTML), it
# begins with an XML declaration, its Content-Type says so.
XHTML_DOCTYPE, XML_DECLARED, XML_SERVED = 1, 2, 3
CDATA, DOCTYPE, XHTML = fnv1a(b"![cdata["), fnv1a(b"!doctype"), fnv1a(b"xhtml")
MAX_DOCTYPE = 400  # bytes of one that are looked at
MAX_RULES = 64  # classes that a page's own style sheets hide
MAX_FALLBACK = 4096  # bytes inside <object>, <video>, …: what is longer before its end tag was left open


@borrows
def find_tag(value, tag_keys, tag_ids):
    """The id of the tag whose name, lowered, has the hash `value`; 0 for one that is not listed."""
    slot = np.int64(value) & (len(tag_keys) - 1)
    while tag_keys[slot] != 0:
        if tag_keys[slot] == value:
            return np.int64(tag_ids[slot])
        slot = (slot + 1) & (len(tag_keys) - 1)
    return 0


@borrows
def raw_end(buf, i, n, name):
    """Index of the "<" of </name …> at or after i; -1 where there is none."""
    i = find(buf, i, n, 60)
    while i + 2 < n:
        j = i + 1
        if buf[j] == 47:
            j += 1
            while j < n and 97 <= (buf[j] | 32) <= 122:
                j += 1
            if at.lower_hash(buf, i + 2, j) == name:
                return i
        i = find(buf, j, n, 60)
    return -1


@borrows
def next_end(buf, i, n, name, tag, memo):
    """`raw_end`, but n for none. `memo`: int64, by tag, what was found last, so that a page of open tags without an
    end is looked through once; it holds -1 at first."""
    if memo[tag] < i:
        end = raw_end(buf, i, n, name)
        memo[tag] = n if end < 0 else end
    return memo[tag]


@borrows
def skip_declaration(buf, i, n):
    """Next index after the comment, doctype or processing instruction at buf[i] == "<"."""
    if i + 3 < n and buf[i + 1] == 33 and buf[i + 2] == 45 and buf[i + 3] == 45:
        j = i + 4
        if j < n and buf[j] == 62:
            return j + 1
        while j < n:
            j = find(buf, j, n, 62)
            if j < n and buf[j - 1] == 45 and buf[j - 2] == 45:
                return j + 1
            if j < n and buf[j - 1] == 33 and j - 3 >= i + 4 and buf[j - 2] == 45 and buf[j - 3] == 45:
                return j + 1
            j += 1
        return n
    return min(find(buf, i + 1, n, 62) + 1, n)


@borrows
def is_cdata(buf, i, n):
    """Whether a CDATA section begins at buf[i] == "<"."""
    return i + 9 <= n and buf[i + 8] == 91 and at.lower_hash(buf, i + 1, i + 9) == CDATA


@borrows
def cdata_end(buf, i, n):
    """Index of the "]]>" that ends the section whose text begins at i; n where there is none."""
    j = find(buf, i, n, 62)
    while j < n and not (j - i >= 2 and buf[j - 1] == 93 and buf[j - 2] == 93):
        j = find(buf, j + 1, n, 62)
    return j - 2 if j < n else n


@borrows
def declared_xml(buf, i, n):
    """XHTML_DOCTYPE or XML_DECLARED if the declaration at buf[i] == "<" says so, else 0."""
    if i + 9 > n:
        return 0
    if buf[i + 1] == 63:  # "?"
        declared = (buf[i + 2] | 32) == 120 and (buf[i + 3] | 32) == 109 and (buf[i + 4] | 32) == 108
        return XML_DECLARED if declared and buf[i + 5] <= 32 else 0
    if at.lower_hash(buf, i + 1, i + 9) != DOCTYPE:
        return 0
    end = min(find(buf, i, n, 62), i + MAX_DOCTYPE)
    for j in range(i + 9, end - 4):
        if (buf[j] | 32) == 120 and at.lower_hash(buf, j, j + 5) == XHTML:
            return XHTML_DOCTYPE
    return 0


@borrows
def is_complete(buf, i, n, xml):
    """Whether a raw-text element that ends in "/>", at i, is complete: in XML it is. A page that only declares XML may
    be served as HTML, where it is not: there, if markup follows, which no script begins with."""
    if xml == 0 or xml == XML_SERVED:
        return xml == XML_SERVED
    while i < n and buf[i] <= 32:
        i += 1
    return i + 1 >= n or (buf[i] == 60 and buf[i + 1] != 33 and buf[i + 1] != 47)


@borrows
def read_rules(buf, i, end, memo, n_tags):
    """Note the classes that the style sheet buf[i:end] hides by rules of their own (`.a`, `span.a`, `.a, .b`), outside
    of @media and the like: their hashes into memo[n_tags + 1:], how many into memo[n_tags]."""
    depth, rule_from = 0, i
    opens, shuts = find(buf, i, end, 123), find(buf, i, end, 125)
    while shuts < end:
        if opens < shuts:
            following = find(buf, opens + 1, end, 123)
            if depth == 0 and shuts < following:
                if at.hides(buf, opens + 1, shuts):
                    _note_classes(buf, rule_from, opens, memo, n_tags)
                rule_from = shuts + 1
                shuts = find(buf, rule_from, end, 125)
            else:
                depth += 1
            opens = following
        else:
            depth = max(0, depth - 1)
            rule_from = shuts + 1
            shuts = find(buf, rule_from, end, 125)


@borrows
def _note_classes(buf, i, end, memo, n_tags):
    """The classes of a list of selectors, each of one class and at most an element's name."""
    for k in range(i, end):
        if buf[k] == 59 or (buf[k] == 47 and k > i and buf[k - 1] == 42):  # after a comment, or an @import
            i = k + 1
    j = i
    while j <= end:
        if j == end or buf[j] == 44:  # ","
            a, b, dot, plain = i, j, -1, True
            while a < b and buf[a] <= 32:
                a += 1
            while b > a and buf[b - 1] <= 32:
                b -= 1
            for k in range(a, b):
                c = buf[k]
                if c == 46 and dot < 0:
                    dot = k
                elif not (48 <= c <= 57 or 97 <= (c | 32) <= 122 or c == 45 or c == 95 or c >= 128):
                    plain = False
            if plain and 0 <= dot < b - 1 and memo[n_tags] < MAX_RULES:
                memo[n_tags] += 1
                memo[n_tags + memo[n_tags]] = at.lower_hash(buf, dot + 1, b)
            i = j + 1
        j += 1


@borrows
def is_ruled_out(buf, i, end, memo, n_tags):
    """Whether one of the classes in the attribute's value buf[i:end] is among those noted."""
    word_from = i
    for j in range(i, end + 1):
        if j == end or buf[j] <= 32:
            if j > word_from:
                value = np.int64(at.lower_hash(buf, word_from, j))
                for k in range(n_tags + 1, n_tags + 1 + memo[n_tags]):
                    if memo[k] == value:
                        return True
            word_from = j + 1
    return False
