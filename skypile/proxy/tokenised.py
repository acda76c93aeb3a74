"""The texts of two corpora as tokens, in files: what streams are cut from."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import xxhash

from skypile.errors import Refused
from skypile.proxy.corpora import Document
from skypile.tokens.encoder import Encoder
from skypile.tokens.packing import append_end_of_document

BOTH, BEFORE, AFTER, NEITHER = 0, 1, 2, 3  # which corpus has a text; neither, where it is hidden

BATCH_CHARACTERS: Final = 1 << 22
TOKENS, INDEX = "tokens.bin", "documents.npz"


class Tokenised(NamedTuple):
    """The texts of two corpora as tokens, n of them, each with an end of document.

    Attributes:
        ids: all of them end to end, mapped from a file.
        starts: int64 [n + 1], where each text begins.
        kind: uint8 [n], BOTH, BEFORE, AFTER or NEITHER.
        units, records: uint64 [n], hashes of their names.
        end: id of the end of document.
    """

    ids: np.memmap
    starts: np.ndarray
    kind: np.ndarray
    units: np.ndarray
    records: np.ndarray
    end: int

    def tokens(self, *kinds: int) -> int:
        """Tokens of texts of these kinds."""
        return int(np.diff(self.starts)[np.isin(self.kind, kinds)].sum())

    def texts(self, *kinds: int) -> int:
        """Texts of these kinds."""
        return int(np.isin(self.kind, kinds).sum())


def tokenise(documents: Iterable[Document], encoder: Encoder, folder: Path) -> Tokenised:
    """Encode the texts of two corpora into files below `folder`, which is made; a batch is in memory at once."""
    end = encoder.model.end_of_sentence
    if end is None:
        raise Refused("this vocabulary names no end of sentence, so nothing would part one document from the next")
    folder.mkdir(parents=True, exist_ok=True)
    lengths: list[np.ndarray] = []
    kinds: list[int] = []
    names: list[tuple[int, int]] = []
    with (folder / f"{TOKENS}.partial").open("wb") as file:
        for batch in _batches(_texts(documents)):
            ids, offsets = encoder.encode_batch([text for _, _, text in batch])
            file.write(append_end_of_document(ids, offsets, end).tobytes())
            lengths.append(np.diff(offsets) + 1)
            kinds += [kind for kind, _, _ in batch]
            names += [(name_hash(document.unit), name_hash(document.record_id)) for _, document, _ in batch]
    if not names:
        raise Refused("neither corpus has a document: there is nothing to train on")
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    units, records = np.array(names, np.uint64).T
    (folder / f"{TOKENS}.partial").rename(folder / TOKENS)
    kind = np.array(kinds, np.uint8)
    found = {"starts": starts, "kind": kind, "units": units, "records": records}
    np.savez(folder / f"{INDEX}.partial.npz", **found, end=end, dtype=np.dtype(encoder.id_dtype).str)
    (folder / f"{INDEX}.partial.npz").rename(folder / INDEX)  # last: with it the folder is whole
    return open_tokenised(folder)


def open_tokenised(folder: Path) -> Tokenised:
    """What `tokenise` wrote; FileNotFoundError if it did not come to its end."""
    with np.load(folder / INDEX) as found:
        ids = np.memmap(folder / TOKENS, found["dtype"].item(), "r")
        starts, kind, units, records = (found[name] for name in ("starts", "kind", "units", "records"))
        return Tokenised(ids, starts, kind, units, records, int(found["end"]))


def _texts(documents: Iterable[Document]) -> Iterator[tuple[int, Document, str]]:
    for document in documents:
        if document.before is not None and document.before == document.after:
            yield BOTH, document, document.before
            continue
        if document.before is not None:
            yield BEFORE, document, document.before
        if document.after is not None:
            yield AFTER, document, document.after


def _batches(texts: Iterable[tuple[int, Document, str]]) -> Iterator[list[tuple[int, Document, str]]]:
    batch: list[tuple[int, Document, str]] = []
    held = 0
    for text in texts:
        batch.append(text)
        held += len(text[2])
        if held >= BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def name_hash(name: str) -> int:
    """64 bits of a name, the same everywhere."""
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
