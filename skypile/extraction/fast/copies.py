"""What the page says twice, and what its author does. Compiled.

A page repeats its blocks: quoted posts, captions, a slider's clones, the mobile version, "share with friends" under
each item; the first of equal blocks stays. An author repeats them too: a refrain, a clause, a line of a recipe, a piece
of code. Of 5,097 such blocks kept on the labelled pages (WCXB dev, Chinese, mixed) the gold text has 46 in a hundred as
often as the page; of those that stand where the block before them stood, in like elements below their common one, 64;
of these, of brothers 83, of those the model is SURE of 89, of those that at most half of the like places hold 62; of
brothers side by side 22. So a repetition of its author's is a block that returns in its place, not at once, is
preformatted or one of these, and is not one of many on end that return: those are a quoted post, or the page's other
version, unless something as long as a verse stands before they return in their place. A refrain may then be sung twice
on end. Blocks between line breaks of one element are brothers too.

A bare page, one that is nothing but its text, has no machinery that would say a thing again: there only a run of blocks
that returns is the page's (its other version), and anything else the author's.

A table or list is dropped as a copy only where all of it was said in the same order, and not under another heading. A
block of FLAT_BYTES or more is one where the blocks before it make up nine tenths of it: the article once more in one
piece, for sharing or searching.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import hash_text
from skypile.extraction.fast.elements import group_ids, sibling_keys
from skypile.extraction.fast.tags import TAG_ID

H1, H6 = TAG_ID["h1"], TAG_ID["h6"]
COPY_BYTES = 20  # shorter copies may be meant ("Yes." under two posts); tried 15 to 200, flat from 15 to 100
SURE, LIKELY_ENOUGH = 0.75, 0.5
LONG_RUN, SHORT_RUN = 8, 3
LONGEST_RUN = 64
VERSE = 1.25  # blocks from a run to its return, by the run: more stands between, a verse between refrains
FLAT_BYTES, FLAT_SHARE = 400, 0.9
HEAD, PROBES = 24, 8  # bytes by which a block is recognised in a longer one; blocks tried that begin alike


@njit(cache=True)
def _place(page, signature, e, f):
    """How many levels two elements are below their common one, where the elements up to it are alike, else -1; and
    which element is just below it, above e."""
    levels, top = 0, e
    while e != f and e >= 0 and f >= 0:
        if signature[e] != signature[f]:
            return -1, top
        top = e
        e, f = page.parent[e], page.parent[f]
        levels += 1
    return (levels if e == f else -1), top


@njit(cache=True)
def _headed_apart(page, text, whole, first, b):
    """Whether the tables or lists that begin with blocks `first` and b are brothers, each under a heading of its own:
    the salt for the dough, and the salt for the filling."""
    if first == 0 or text[first - 1] == text[b - 1]:
        return False
    if _place(page, page.signature, whole[first], whole[b])[0] != 1:
        return False
    return H1 <= page.tag[page.outer[first - 1]] <= H6 and H1 <= page.tag[page.outer[b - 1]] <= H6


@njit(cache=True)
def _run(text, b, before):
    """How many blocks around b, b among them, say what those around `before` do."""
    n = 1
    while n < LONGEST_RUN and before - n >= 0 and b - n > before and text[b - n] == text[before - n]:
        n += 1
    k = 1
    while n < LONGEST_RUN and b + k < len(text) and before + k < b and text[b + k] == text[before + k]:
        n += 1
        k += 1
    return n


@njit(cache=True)
def _repeated(page, b, slots, work):
    """Share of block b that blocks before it make up, if two or more do, else 0. `work`: int64 [1], bytes that may yet
    be compared: on a hostile page every place looks like a block's beginning."""
    text, start, stop, mask = page.text, page.start[b], page.stop[b], np.uint64(len(slots) - PROBES - 1)
    said, parts, i = 0, 0, start
    while i + HEAD <= stop and work[0] > 0:
        longest = 0
        if i == start or text[i - 1] <= 46 or text[i - 1] >= 0x80:  # after a blank or a full stop
            slot = np.int64(hash_text(text, i, i + HEAD) & mask)
            for k in range(slot, slot + PROBES):
                other = slots[k]
                if other < 0:
                    break
                n, same = page.stop[other] - page.start[other], 0
                if longest < n < stop - start and i + n <= stop:
                    while same < n and text[i + same] == text[page.start[other] + same]:
                        same += 1
                    work[0] -= same
                    if same == n:
                        longest = n
        if longest:
            said += longest
            parts += 1
        i += max(longest, 1)
    return said / (stop - start) if parts >= 2 else 0.0


@njit(cache=True)
def _drop_flattened(page, keep):
    """Take out of `keep` the blocks that say again what two or more kept before them said."""
    size = 16
    while size < 2 * len(keep):
        size *= 2
    slots = np.full(size + PROBES, -1, np.int64)  # of the blocks before, by the hash of their first bytes
    work = np.full(1, 8 * len(page.text), np.int64)
    for b in range(len(keep)):
        start, stop = page.start[b], page.stop[b]
        if not keep[b] or stop - start < 2 * HEAD:
            continue
        if stop - start >= FLAT_BYTES and _repeated(page, b, slots, work) >= FLAT_SHARE:
            keep[b] = False
            continue
        slot = np.int64(hash_text(page.text, start, start + HEAD) & np.uint64(size - 1))
        for k in range(slot, slot + PROBES):
            if slots[k] < 0:
                slots[k] = b
                break


@njit(cache=True)
def drop_copies(page, keep, score, whole, bare):
    """Take out of `keep` what the page says again. `score`: float32 [B]; `whole`: of `whole_of_blocks`; `bare`: of
    `is_bare`."""
    _drop_flattened(page, keep)
    nb = len(keep)
    keys = np.empty(nb, np.uint64)
    for b in range(nb):
        keys[b] = hash_text(page.text, page.start[b], page.stop[b]) if keep[b] else np.uint64(b)
    text, n_texts = group_ids(keys)
    times = np.zeros(n_texts, np.int32)
    copies = 0
    for b in range(nb):
        if keep[b] and page.stop[b] - page.start[b] >= COPY_BYTES:
            times[text[b]] += 1
            copies += times[text[b]] > 1
    if not copies:
        return
    brothers = sibling_keys(page)
    kin, n_kin = group_ids(brothers)
    of_kin = np.zeros(n_kin, np.int32)
    for e in range(len(kin)):
        of_kin[kin[e]] += 1
    refrain = np.zeros(n_texts, np.bool_)  # texts that their author has repeated
    last = np.full(n_texts, -1, np.int64)
    said = np.full(n_texts, -1, np.int64)  # the table or list that begins with the text
    skip_to = 0
    for b in range(nb):
        if not keep[b] or b < skip_to:
            continue
        t = text[b]
        if whole[b] >= 0:
            stop = b
            while stop < nb and whole[stop] == whole[b]:
                stop += 1
            first = said[t]
            same = first >= 0 and not _headed_apart(page, text, whole, first, b)
            for k in range(b, stop):
                same = same and first + k - b < b and text[k] == text[first + k - b]
            for k in range(b, stop):
                if same:
                    keep[k] = False
                last[text[k]] = k
            if first < 0:
                said[t] = b
            skip_to = stop
            continue
        before = last[t]
        last[t] = b
        if page.stop[b] - page.start[b] < COPY_BYTES or before < 0:
            continue
        levels, top = _place(page, page.signature, page.outer[b], page.outer[before])
        run, near = _run(text, b, before), 0 <= levels <= 2
        returns = (run >= LONG_RUN and b - before <= VERSE * run) if near else run >= SHORT_RUN
        brother = levels >= 1 or (levels == 0 and page.split[b] == 1)
        likely = (
            levels <= 1
            or page.pre[b] == 1
            or score[b] >= SURE
            or (score[b] >= LIKELY_ENOUGH and 2 * times[t] <= of_kin[kin[top]])
        )
        meant = brother and ((b > before + 1 and likely) or (refrain[t] and levels <= 1))
        refrain[t] = refrain[t] or (meant and not returns)
        keep[b] = (meant or (bare and (levels >= 0 or b > before + 1))) and not returns
