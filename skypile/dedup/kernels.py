"""Compile deduplication's kernels ahead of the first run; Numba keeps them beside the modules."""

import pyarrow as pa

from skypile.config import DedupConfig
from skypile.dedup.distributed.exact import measure_overlap
from skypile.dedup.distributed.survivors import solve_edges
from skypile.dedup.distributed.verify import measure_pairs
from skypile.dedup.one_task import fates
from skypile.dedup.sketch import sketch_batch


def prepare() -> None:
    """About 5 s, once an installation; without it every worker of the first run compiles for itself."""
    config, text, nothing = DedupConfig(), "one text of nine words that has a copy", pa.nulls(2, pa.string())
    ids, ranks, texts = pa.array(["a", "b"]), pa.array([0.0, 0.0]), pa.array([text, text + " of it"])
    sketches = sketch_batch(pa.record_batch([ids, nothing, ranks, texts], ["record_id", "url", "rank", "text"]), config)
    fates(pa.table(sketches).append_column("matched", nothing).append_column("survivor", nothing), config)
    pair = {"better": ids, "worse": ids}
    sets = {f"{side}_{name}": sketches[name] for side in pair for name in ("shingles", "limit", "buckets")}
    measure_pairs(pa.record_batch(pair | sets))
    sides = {"via": "better", "record_id": "worse"}
    named = {
        f"{name}_{column}": sets[f"{side}_{column}"] for name, side in sides.items() for column in ("shingles", "limit")
    }
    measure_overlap(pa.record_batch({name: ids for name in sides} | named))
    solve_edges(pa.table(pair))
