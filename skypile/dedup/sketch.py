"""What deduplication needs to know of a document, without its text.

One narrow pass over the documents. Everything that is shuffled later is taken from here: keys, the survivor
rank, bucket keys and the hashed shingle set. A set has 4 bytes a shingle: about 1.5 KB for 500 English
words, at most 80 KB (``max_shingles``) for a book.
"""

import numpy as np
import pyarrow as pa

from skypile.config import DedupConfig
from skypile.crawl.url import page_key
from skypile.dedup.minhash import band_keys, permutations, signatures
from skypile.dedup.shingles import shingle_texts
from skypile.dedup.similarity import limit_sets

MARK = "\0"  # record ids of the corpus are MARK batch MARK record_id: apart from new ones, whatever those are
SKETCH = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("rank", pa.float64()),  # survivor rule: the smallest (rank, record_id) of a group stays
        pa.field("text_key", pa.binary()),  # 16 bytes: hash of the text but for its layout
        pa.field("url_key", pa.string()),  # canonical URL; null where there is none
        pa.field("shingles", pa.binary()),  # sorted little-endian uint32
        pa.field("limit", pa.int64()),  # the set holds the document's shingles up to this hash
        pa.field("buckets", pa.list_(pa.int64())),  # one key a band; empty for a document without shingles
    ]
)


def sketch_batch(batch: pa.RecordBatch, config: DedupConfig) -> pa.RecordBatch:
    """Sketches of a batch with columns record_id, url, rank, text; the schema is ``SKETCH``."""
    made = shingle_texts(batch["text"], config.word_shingle, config.character_shingle)
    keys = band_keys(
        signatures(made.hashes, made.offsets, *permutations(config.permutations, config.seed)),
        config.bands,
        config.rows,
    )
    hashes, offsets, limits = limit_sets(made.hashes, made.offsets, config.max_shingles)
    has_shingles = np.diff(offsets) > 0
    bucket_offsets = np.concatenate([[0], np.cumsum(has_shingles * config.bands)]).astype(np.int32)
    columns = [
        batch["record_id"],
        batch["url"],
        batch["rank"],
        pa.array(made.text_keys, pa.binary()),
        pa.array([page_key(url) for url in batch["url"].to_pylist()], pa.string()),
        packed_sets(hashes, offsets),
        pa.array(limits.astype(np.int64)),
        pa.ListArray.from_arrays(pa.array(bucket_offsets), pa.array(keys[has_shingles].reshape(-1))),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SKETCH)


def packed_sets(hashes: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """Sets (uint32, offsets in elements) as an Arrow binary array, without a loop over documents."""
    bounds = pa.py_buffer((offsets * 4).astype(np.int32).tobytes())
    return pa.BinaryArray.from_buffers(pa.binary(), len(offsets) - 1, [None, bounds, pa.py_buffer(hashes.tobytes())])


def unpacked_sets(sets: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of ``packed_sets``: hashes (uint32) and offsets (int64, in elements)."""
    if not pa.types.is_large_binary(sets.type):
        sets = sets.cast(pa.large_binary())
    _, bounds, data = sets.buffers()
    offsets = np.frombuffer(bounds, np.int64, len(sets) + 1, sets.offset * 8) // 4
    hashes = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return hashes[: len(hashes) // 4 * 4].view(np.uint32), offsets
