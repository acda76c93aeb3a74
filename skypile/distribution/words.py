"""Documents of each class that hold each word: what `skypile.distribution.names` makes names of.

Words are runs of Latin letters, and Chinese cut by longest match into the 20,000 commonest words of jieba's dictionary,
which the embedder's table holds; two to four characters in a row that are in none of these, nor function characters,
are taken for a word that the dictionary lacks (螺纹钢). Both are folded as the embedder folds them: lower case, no
accents, simplified characters. Other scripts have no words.

A word is its own key: thirteen letters in base 27, or four characters of 15 bits, fit an integer. So no vocabulary is
built, nothing collides, and no order of documents shows. Longer words in Latin letters are passed over, but for those
of the table, whose key is their row.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from skypile.distribution import embedding
from skypile.distribution.embedding import FNV_OFFSET, FNV_PRIME, MAX_HAN, OTHER, StaticEmbedder, decode, find_row, utf8

LETTERS = 13  # 27^13 < 2^62
LEAST_LETTERS = 3
HAN = np.uint64(1 << 62)  # marks a key of characters
ROW = np.uint64(1 << 63)  # marks a key that is a row of the embedder's table
FIRST_HAN = 0x4E00
_FUNCTION_CHARACTERS = (
    "的了在是我有和就不人都一个上也很到说要去你会着没看好自这那他她它们与及其或之于对中为以而但并等被把从向由将又还再已所能可"
    "让给使得地过来出里后前时年月日号第二两三四五六七八九十百千万亿元多少些么什吗呢吧啊哦嗯呀哪谁几每各此该另同只才更最太"
    "便却则若如因故且虽然既即当跟比叫用做作想见听走起下左右内外间大小高低新旧来回先生位名次种样条件只张本部分点度者家"
)


class WordCounts:
    """In how many documents of each class each word stands. 16 bytes a pair, in a table filled to a half at most."""

    def __init__(self) -> None:
        table = embedding.load()
        assert isinstance(table, StaticEmbedder)
        self._table = table
        self._stops = np.zeros(1 << 16, np.uint8)
        self._stops[[ord(char) for char in _FUNCTION_CHARACTERS]] = 1
        self._slots = _empty(1 << 16)
        self._filled = 0
        self.documents: dict[int, int] = {}  # of each class

    def add(self, texts: Sequence[str], classes: NDArray[np.int32]) -> None:
        """Count `texts`, each of the class (0 or more) that stands at its place in `classes`."""
        keys, offsets = self._keys(texts)
        while 2 * (self._filled + len(keys)) > len(self._slots[0]):
            self._slots = _grown(*self._slots)
        self._filled += _count(keys, np.repeat(classes, np.diff(offsets)), *self._slots)
        for found, documents in zip(*np.unique(classes, return_counts=True), strict=True):
            self.documents[int(found)] = self.documents.get(int(found), 0) + int(documents)

    def pairs(self) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int32]]:
        """Class, word and number of documents of every pair, in no particular order."""
        keys, classes, counts = self._slots
        full = counts > 0
        return classes[full], keys[full], counts[full]

    def spelled(self, keys: Iterable[np.uint64]) -> Iterator[str]:
        """The words of keys."""
        return (self._table.words[int(key ^ ROW)] if key & ROW else spelled(int(key)) for key in keys)

    def words(self, text: str) -> list[str]:
        """The words that are counted of a text, each once.

        >>> sorted(WordCounts().words("Trains to Beijing: 北京的火车, 螺纹钢"))
        ['beijing', 'trains', '北京', '火车', '螺纹钢']
        """
        return list(self.spelled(self._keys([text])[0]))

    def _keys(self, texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Words of each text, each once, text after text, and where each begins; shapes (words,) and (texts + 1,)."""
        data, offsets = utf8(texts)
        table = self._table
        return _keys(data, offsets, table.fold, table.keys, table.rows, self._stops)


def spelled(key: int) -> str:
    """The word of a key of letters or characters.

    >>> spelled(((1 * 27) + 2) * 27 + 3), spelled(int(HAN) + ((0x5317 - 0x4E00 + 1) << 15) + (0x4EAC - 0x4E00 + 1))
    ('abc', '北京')
    """
    base, first = (1 << 15, FIRST_HAN - 1) if key & int(HAN) else (27, ord("a") - 1)
    key &= int(HAN) - 1
    letters = []
    while key:
        key, letter = divmod(key, base)
        letters.append(chr(first + letter))
    return "".join(reversed(letters))


@njit(cache=True, nogil=True)
def _keys(data, offsets, fold, table_keys, table_rows, stops):  # type: ignore[no-untyped-def]
    """Keys of the words of each text, each once, ascending, text after text; and where each text's begin."""
    texts = len(offsets) - 1
    out = np.empty(offsets[texts] // 2 + texts, np.uint64)
    starts = np.zeros(texts + 1, np.int64)
    filled = 0
    for t in range(texts):
        first = filled
        filled = _words(data, offsets[t], offsets[t + 1], fold, table_keys, table_rows, stops, out, filled)
        mine = np.sort(out[first:filled])
        filled = first
        for at in range(len(mine)):
            if at == 0 or mine[at] != mine[at - 1]:
                out[filled] = mine[at]
                filled += 1
        starts[t + 1] = filled
    return out[:filled].copy(), starts


@njit(cache=True, nogil=True)
def _words(data, start, end, fold, table_keys, table_rows, stops, out, filled):  # type: ignore[no-untyped-def]
    """Write the keys of the words of data[start:end] to `out` from `filled` on; where they end.

    A word has three bytes and, in Latin letters, one that ends it, or six: half as many places are enough.
    """
    lone = np.uint64(0)  # characters in a row that the dictionary has in no longer word
    lonely = 0
    i = start
    while i < end:
        point, i = decode(data, i, end)
        letter = fold[point]
        if letter < 0x80:
            if 2 <= lonely <= MAX_HAN:
                out[filled] = HAN | lone
                filled += 1
            lone, lonely = np.uint64(0), 0
        if letter <= OTHER:
            continue
        hashed = (FNV_OFFSET ^ np.uint64(letter)) * FNV_PRIME
        j = i
        if letter < 0x80:
            key = np.uint64(letter - 0x60)
            letters = 1
            while j < end:
                point, j = decode(data, j, end)
                letter = fold[point]
                if letter <= OTHER or letter >= 0x80:
                    break
                hashed = (hashed ^ np.uint64(letter)) * FNV_PRIME
                key = key * np.uint64(27) + np.uint64(letter - 0x60)
                letters += 1
                i = j
            if letters > LETTERS:
                row = find_row(table_keys, table_rows, hashed)
                if row >= 0:
                    out[filled] = ROW | np.uint64(row)
                    filled += 1
            elif letters >= LEAST_LETTERS:
                out[filled] = key
                filled += 1
            continue
        single = np.uint64(np.int64(letter) - FIRST_HAN + 1)
        key = single
        longest = np.uint64(0)
        stop = stops[letter]
        for _ in range(MAX_HAN - 1):
            if j >= end:
                break
            point, j = decode(data, j, end)
            letter = fold[point]
            if letter < 0x80:
                break
            hashed = (hashed ^ np.uint64(letter)) * FNV_PRIME
            key = key << np.uint64(15) | np.uint64(np.int64(letter) - FIRST_HAN + 1)
            if find_row(table_keys, table_rows, hashed) >= 0:
                longest = key
                i = j
        if longest or stop:
            if 2 <= lonely <= MAX_HAN:
                out[filled] = HAN | lone
                filled += 1
            lone, lonely = np.uint64(0), 0
        if longest:
            out[filled] = HAN | longest
            filled += 1
        elif not stop:
            lone = lone << np.uint64(15) | single if lonely < MAX_HAN else lone
            lonely += 1
    if 2 <= lonely <= MAX_HAN:
        out[filled] = HAN | lone
        filled += 1
    return filled


def _empty(slots: int) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    """Keys, classes and counts of an open-addressed table; a slot with count 0 is free."""
    return np.zeros(slots, np.uint64), np.zeros(slots, np.int32), np.zeros(slots, np.int32)


def _grown(
    keys: NDArray[np.uint64], classes: NDArray[np.int32], counts: NDArray[np.int32]
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    wider = _empty(2 * len(keys))
    _moved(keys, classes, counts, *wider)
    return wider


@njit(cache=True, nogil=True)
def _slot(key, found, keys, classes, counts):  # type: ignore[no-untyped-def]
    """Where the pair of a key and a class stands, or the free slot where it may."""
    mask = np.uint64(len(keys) - 1)
    mixed = (key ^ np.uint64(found) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    slot = (mixed ^ mixed >> np.uint64(29)) & mask
    while counts[slot] and (keys[slot] != key or classes[slot] != found):
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _count(words, of, keys, classes, counts):  # type: ignore[no-untyped-def]
    """Count each word in its class; the number of slots that were free before."""
    taken = 0
    for at in range(len(words)):
        slot = _slot(words[at], of[at], keys, classes, counts)
        taken += counts[slot] == 0
        keys[slot], classes[slot] = words[at], of[at]
        counts[slot] += 1
    return taken


@njit(cache=True, nogil=True)
def _moved(old_keys, old_classes, old_counts, keys, classes, counts):  # type: ignore[no-untyped-def]
    for at in range(len(old_keys)):
        if old_counts[at]:
            slot = _slot(old_keys[at], old_classes[at], keys, classes, counts)
            keys[slot], classes[slot], counts[slot] = old_keys[at], old_classes[at], old_counts[at]
