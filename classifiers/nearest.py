"""The cited pages that a page is most like: the vectors of a classifier's positives, kept beside it.

    DIR/cited.parquet   NEAREST: a row a page that the classifier learned to be cited

Vectors are the built-in embedder's (`skypile.distribution.embedding`), whatever embedder the run clusters with, so that
a folder can be taken elsewhere. 250 bytes a page; a look-up reads a language's rows, 20,000 at most by default, and
multiplies them in 20 ms.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skypile.distribution import embedding
from skypile.distribution.quantized import cosines, vectors_of
from skypile.runtime import files

FILE: Final = "cited.parquet"
MOST: Final = 5
BATCH: Final = 200  # texts held at once
MAX_CHARACTERS: Final = 32_768  # of a text that are embedded

NEAREST: Final = pa.schema(
    {
        "record_id": pa.string(),
        "language": pa.string(),
        "url": pa.string(),
        "titles": pa.list_(pa.string()),  # of articles that cite it, a few
        "vector": pa.binary(),  # int8 [dimension]
    }
)


class Near(NamedTuple):
    url: str
    similarity: float  # cosine
    titles: list[str]  # of articles that cite it


def keep(examples: str, folder: str, languages: list[str], sources: tuple[str, ...]) -> None:
    """Write FILE to `folder`: the cited pages among the `examples` (a folder of EXAMPLE rows) of these languages and
    sources, in the order of their ids."""
    wanted = pc.field("cited") & pc.field("language").isin(languages) & pc.field("source").isin(list(sources))
    fs, path = files.filesystem(examples)
    found: list[pa.RecordBatch] = []
    for batch in ds.dataset(path, format="parquet", filesystem=fs).to_batches(
        columns=[*NEAREST.names[:-1], "text"], filter=wanted, batch_size=BATCH
    ):
        vectors = pa.array(vectors_as_bytes(batch["text"].to_pylist()), pa.binary())
        found.append(batch.drop_columns(["text"]).append_column("vector", vectors))
    write(pa.Table.from_batches(found).cast(NEAREST) if found else NEAREST.empty_table(), folder)


def write(cited: pa.Table, folder: str) -> None:
    """NEAREST rows as FILE of `folder`, in the order of their ids."""
    fs, path = files.filesystem(files.join(folder, FILE))
    with fs.open(path, "wb") as file:
        pq.write_table(cited.sort_by("record_id"), file, compression="zstd")


def vectors_as_bytes(texts: list[str]) -> list[bytes]:
    """The `vector` of NEAREST rows."""
    return [vector.tobytes() for vector in _vectors(texts)]


def nearest(folder: str, text: str, language: str, own: str | None = None) -> list[Near]:
    """The MOST pages of a language in `folder` whose vectors are nearest to that of `text`; none where the folder keeps
    none, or `text` has no word that the embedder knows. `own`: the record that asks, which is passed over."""
    fs, path = files.filesystem(files.join(folder, FILE))
    mine = _vectors([text])
    if not fs.exists(path) or not mine.any():
        return []
    best: list[Near] = []
    for batch in _rows(fs, path, language, own):
        near = cosines(vectors_of(batch["vector"]), mine)[:, 0]
        for row in np.argsort(-near, kind="stable")[:MOST].tolist():
            titles = batch["titles"][row].as_py() or []
            best.append(Near(batch["url"][row].as_py(), round(float(near[row]), 4), titles))
    return sorted(best, key=lambda one: (-one.similarity, one.url))[:MOST]


def _rows(fs: object, path: str, language: str, own: str | None) -> Iterator[pa.RecordBatch]:
    rows = ds.dataset(path, schema=NEAREST, format="parquet", filesystem=fs)
    wanted = pc.field("language") == language
    if own is not None:
        wanted &= pc.field("record_id") != own
    yield from (batch for batch in rows.to_batches(filter=wanted) if batch.num_rows)


def _vectors(texts: list[str]) -> NDArray[np.int8]:
    return embedding.load().encode([text[:MAX_CHARACTERS] for text in texts])
