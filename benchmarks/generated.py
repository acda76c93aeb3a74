"""Made-up documents with planted duplicates, any number of them, the same for the same seed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VOCABULARY = 60_000
WORDS = 120  # mean length of a document
CHUNK = 10_000
EXACT, NEAR = 0.05, 0.10  # shares of exact copies and of copies with two words changed


def write_documents(folder: Path, count: int, files: int = 2, seed: int = 0) -> None:
    """Write ``count`` documents (id, text) to ``files`` Parquet files. Copies are of documents of the same chunk."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 26, (VOCABULARY, 9), dtype=np.uint8) + 97
    words = [bytes(row[: 3 + number % 7]).decode() for number, row in enumerate(letters)]
    chances = 1 / np.arange(10, VOCABULARY + 10)
    rising = np.cumsum(chances / chances.sum())
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    writers = [pq.ParquetWriter(folder / f"part-{number}.parquet", schema) for number in range(files)]
    for number, start in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - start)
        rows: list[list[int]] = []
        for length, luck in zip(rng.poisson(WORDS, size), rng.random(size), strict=True):
            if rows and luck < EXACT + NEAR:
                row = list(rows[int(rng.integers(len(rows)))])
                if luck >= EXACT:
                    for _ in range(2):
                        row[int(rng.integers(len(row)))] = int(rng.integers(VOCABULARY))
            else:
                row = np.searchsorted(rising, rng.random(max(10, length))).tolist()
            rows.append(row)
        texts = [" ".join(words[min(word, VOCABULARY - 1)] for word in row) for row in rows]
        ids = [f"{start + i:09d}" for i in range(size)]
        writers[number % files].write_table(pa.table({"id": ids, "text": texts}, schema))
    for writer in writers:
        writer.close()
