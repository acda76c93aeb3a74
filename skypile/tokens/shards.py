"""Parquet text shards to token shards: encode, append the end-of-document id, cut into sequences, write.

One Parquet file gives one training shard and one validation shard, whatever machine or process writes it:
`<name>.bin`, `<name>.idx` (see `megatron`) and `<name>.documents.parquet` (see `provenance`). Memory holds
one batch of texts and less than one sequence of tokens for each split; 10 GB of text pass in about 400 MB.

What is left over when a file ends, less than one sequence, is by choice padded (the default: nothing is
lost), dropped (counted), or carried: handed to the caller, who may start another shard with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import Refused
from skypile.runtime import files
from skypile.tokens.encoder import Encoder
from skypile.tokens.megatron import write_index
from skypile.tokens.packing import (
    REMAINDERS,
    append_end_of_document,
    check_end_of_document,
    check_fraction,
    is_validation,
    split_key,
)
from skypile.tokens.parquet_texts import KEEP_WEIGHT
from skypile.tokens.piece_model import CONTROL, ModelError, PieceModel
from skypile.tokens.provenance import DOCUMENT_SCHEMA, SUFFIX, document_rows, split_rows

TRAIN, VALIDATION = "train", "validation"

MAX_LENGTH = (1 << 31) - 1  # of a sequence: the index holds lengths as int32


@dataclass(frozen=True)
class Packing:
    """How documents become sequences.

    Attributes:
        sequence_length: tokens in a sequence.
        end_of_document: id after every document; must be a control piece. None: the model's end of sentence.
        remainder: "pad", "drop" or "carry", what to do with the tokens after the last whole sequence.
        padding: id that fills the last sequence; also a control piece. None: the model's padding piece, or, as
            most have none, its end of document.
        validation: share of hosts whose pages go to the validation split, and of documents without one.
        seed: of the validation split.
    """

    sequence_length: int = 4096
    end_of_document: int | None = None
    remainder: str = "pad"
    padding: int | None = None
    validation: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.sequence_length <= MAX_LENGTH:
            raise Refused(f"sequence_length={self.sequence_length} must be at least 2 and at most {MAX_LENGTH}")
        if self.remainder not in REMAINDERS:
            raise Refused(f"remainder={self.remainder!r} must be one of {', '.join(REMAINDERS)}")
        if not -(1 << 63) <= self.seed < 1 << 63:
            raise Refused(f"seed={self.seed} must fit 64 bits")
        check_fraction(self.validation)

    def for_model(self, model: PieceModel) -> Packing:
        """With the ids of `model` where none are given, all of them checked.

        Raises:
            ModelError: no id is given and the model names no end of sentence.
            Refused: an id that the model lacks, or that a text could spell.
        """
        end = model.end_of_sentence if self.end_of_document is None else self.end_of_document
        if end is None:
            control = {i: model.pieces[i] for i in np.flatnonzero(model.types == CONTROL)[:5].tolist()}
            raise ModelError(
                f"the model names no end of sentence, so no id tells documents apart; name one of its control "
                f"pieces as end_of_document (the first: {control})"
            )
        padding = self.padding
        if padding is None:
            padding = end if model.pad is None else model.pad
        for number in (end, padding):
            check_end_of_document(number, model.types)
        return replace(self, end_of_document=end, padding=padding)


@dataclass
class Remainder:
    """Tokens after the last whole sequence, and the sidecar rows of the documents they belong to."""

    tokens: np.ndarray
    documents: pa.Table

    @classmethod
    def empty(cls, dtype: np.dtype) -> Remainder:
        return cls(np.empty(0, dtype), DOCUMENT_SCHEMA.empty_table())


@dataclass
class ShardCounts:
    """What went into one shard: `tokens` counts end-of-document ids, not padding.

    `keep_weight` is the mean of the documents' weights by tokens, 1 where they have none.
    """

    shard: str
    split: str
    documents: int = 0
    characters: int = 0
    tokens: int = 0
    sequences: int = 0
    padding: int = 0
    dropped_tokens: int = 0
    tokens_by_language: dict[str, int] = field(default_factory=dict)
    keep_weight: float = 1.0


class ShardWriter:
    """Writes one shard, a batch of documents at a time; `finish` completes it. `packing` names its ids."""

    def __init__(self, prefix: str, packing: Packing, dtype: np.dtype, split: str = TRAIN):
        if packing.end_of_document is None or packing.padding is None:
            raise ValueError("a shard needs the ids of a model: packing.for_model(encoder.model)")
        self.prefix = prefix
        self._end, self._padding = packing.end_of_document, packing.padding
        self.packing = packing
        self.dtype = np.dtype(dtype)
        self.counts = ShardCounts(shard=prefix.rpartition("/")[2], split=split)
        self._position = 0
        self._tail = np.empty(0, self.dtype)
        self._tail_documents = DOCUMENT_SCHEMA.empty_table()
        self._bin: IO[bytes] | None = None
        self._sidecar: pq.ParquetWriter | None = None

    def _open(self) -> tuple[IO[bytes], pq.ParquetWriter]:
        if self._bin is None or self._sidecar is None:
            fs, path = files.filesystem(self.prefix)
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._bin = files.open_uri(f"{self.prefix}.bin.partial", "wb")
            schema = DOCUMENT_SCHEMA.with_metadata({"sequence_length": str(self.packing.sequence_length)})
            sidecar = f"{path}{SUFFIX}.partial"
            self._sidecar = pq.ParquetWriter(sidecar, schema, compression="zstd", filesystem=fs)
        return self._bin, self._sidecar

    def continue_from(self, remainder: Remainder) -> None:
        """Start with what another shard carried over; before any document of this one."""
        if len(remainder.tokens):
            self._append(remainder.tokens, remainder.documents)

    def add(self, ids: np.ndarray, offsets: np.ndarray, record_ids: list[str], urls: list[str | None]) -> None:
        """Append documents encoded by `encode_batch`, in order."""
        tokens = append_end_of_document(ids, offsets, self._end)
        sizes = np.diff(offsets) + 1
        positions = self._position + np.cumsum(sizes) - sizes
        self.counts.documents += len(sizes)
        self.counts.tokens += len(tokens)
        self._append(tokens, document_rows(record_ids, urls, positions, sizes))

    def _append(self, tokens: np.ndarray, documents: pa.Table) -> None:
        file, sidecar = self._open()
        self._position += len(tokens)
        stream = np.concatenate([self._tail, tokens])
        whole = len(stream) - len(stream) % self.packing.sequence_length
        file.write(stream[:whole].tobytes())
        self._tail = stream[whole:].copy()
        documents = pa.concat_tables([self._tail_documents, documents])
        # rows that reach into the tail wait: only `finish` knows whether their last tokens stay here
        ends = documents["position"].to_numpy() + documents["tokens"].to_numpy()
        settled = int(np.searchsorted(ends, self._position - len(self._tail), side="right"))
        if settled:
            sidecar.write_table(documents.slice(0, settled).combine_chunks())
        self._tail_documents = documents.slice(settled)

    def finish(self) -> Remainder:
        """Deal with the remainder, write the index, give the files their names."""
        rest = len(self._tail)
        remainder = Remainder.empty(self.dtype)
        length = self.packing.sequence_length
        if rest and self.packing.remainder == "pad":
            self.counts.padding = length - rest
            file, sidecar = self._open()
            file.write(np.concatenate([self._tail, np.full(length - rest, self._padding, self.dtype)]).tobytes())
            sidecar.write_table(self._tail_documents.combine_chunks())
        elif rest:
            kept, left = split_rows(self._tail_documents, self._position - rest)
            self._open()[1].write_table(kept)
            if self.packing.remainder == "drop":
                self.counts.dropped_tokens = rest
                self.counts.tokens -= rest
            else:
                self.counts.tokens -= rest
                remainder = Remainder(self._tail, left)
        self.counts.sequences = (self._position - rest) // length + (self.counts.padding > 0)
        self._close()
        return remainder

    def _close(self) -> None:
        if self._bin is None or self._sidecar is None:
            return
        self._bin.close()
        self._sidecar.close()
        fs, path = files.filesystem(self.prefix)
        if not self.counts.sequences:  # everything was carried or dropped
            fs.rm([f"{path}{suffix}.partial" for suffix in (".bin", SUFFIX)])
            return
        for suffix in ".bin", SUFFIX:
            fs.mv(f"{path}{suffix}.partial", f"{path}{suffix}")
        # last: a shard with an index is whole
        sequences = np.full(self.counts.sequences, self.packing.sequence_length)
        write_index(f"{self.prefix}.idx", sequences, self.dtype)


def tokenize_batches(
    batches: Iterable[pa.RecordBatch], encoder: Encoder, folder: str | Path, name: str, packing: Packing
) -> tuple[list[ShardCounts], dict[str, Remainder]]:
    """Encode and write documents as shards `folder/train/name` and `folder/validation/name`.

    Args:
        batches: columns text, record_id and url; a column language, where there is one, is counted by.
        encoder: gives the ids and the type they are stored in.
        folder, name: where the shards go; missing folders are made.
        packing: how documents become sequences.

    Returns:
        One `ShardCounts` a split that got documents, and what each split carried over.
    """
    packing = packing.for_model(encoder.model)
    writers = {
        split: ShardWriter(files.join(str(folder), split, name), packing, encoder.id_dtype, split)
        for split in (TRAIN, VALIDATION)
    }
    weights: dict[str, float] = {}  # sums over tokens, where documents have weights
    for batch in batches:
        for split, part in _split_batch(batch, packing):
            ids, offsets = encoder.encode_batch(part["text"])
            writer = writers[split]
            writer.add(ids, offsets, part["record_id"].to_pylist(), part["url"].to_pylist())
            if KEEP_WEIGHT in part.schema.names:
                weighed = float((np.diff(offsets) + 1) @ part[KEEP_WEIGHT].to_numpy())
                weights[split] = weights.get(split, 0.0) + weighed
            writer.counts.characters += pc.sum(pc.utf8_length(part["text"]), min_count=0).as_py()
            if "language" in part.schema.names:
                by_language = writer.counts.tokens_by_language
                languages = part["language"].to_pylist()
                for language, tokens in zip(languages, (np.diff(offsets) + 1).tolist(), strict=True):
                    by_language[str(language)] = by_language.get(str(language), 0) + tokens
    for split, weight in weights.items():
        writers[split].counts.keep_weight = weight / writers[split].counts.tokens
    remainders = {split: writer.finish() for split, writer in writers.items()}
    return [writer.counts for writer in writers.values() if writer.counts.documents], remainders


def tokenize_file(
    path: str | Path,
    batches: Iterable[pa.RecordBatch],
    encoder: Encoder,
    folder: str | Path,
    name: str,
    packing: Packing,
) -> list[ShardCounts]:
    """Encode and write the batches of one file as `tokenize_batches`.

    Raises:
        Refused: as `tokenize_batches`, or a value that is no UTF-8; the file is named.
    """
    try:
        return tokenize_batches(batches, encoder, folder, name, packing)[0]
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise Refused(f"{path}: a text, URL or id is no UTF-8 ({error}); decode with errors='replace'") from None


def _split_batch(batch: pa.RecordBatch, packing: Packing) -> Iterator[tuple[str, pa.RecordBatch]]:
    if packing.validation == 0:
        yield TRAIN, batch
        return
    pages = zip(batch["url"].to_pylist(), batch["text"], strict=True)
    keys = (split_key(url, text.as_py) for url, text in pages)
    inside = pa.array([is_validation(key, packing.validation, packing.seed) for key in keys])
    for split, mask in ((TRAIN, pc.invert(inside)), (VALIDATION, inside)):
        part = batch.filter(mask)
        if part.num_rows:
            yield split, part
