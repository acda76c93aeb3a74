"""The distribution filter on a small crawl, in this process: the same decisions, files and digest as in Spark.

Over 5,000 short documents Spark's dozen small jobs take 4 s of processor time, 10 s in a session that is new, and this
0.9 s. It holds ids, vectors and decisions, about 1 KB a document, and reads the texts twice.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroid_files, vectors
from skypile.distribution.thinning import ASSIGNED, DECIDED, VECTORS, cluster_table, decide, draw, kept_unscored
from skypile.run_folder import stage_folder
from skypile.run_folder.parts import summed
from skypile.run_folder.stamp import Written
from skypile.run_folder.written_here import write_part
from skypile.runtime import files
from skypile.schema import STAGE_COLUMNS, STAGES, VERDICT_COLUMNS, arrow_schema, names

# Generated pages of 2,500 characters take one core 0.13 ms each: as many as this 13 s, in a process of 0.8 GB.
MOST_DOCUMENTS = 100_000
ROWS = 512  # documents with their texts at once
STAGE = "distribution_filter"
_BEFORE = STAGES[STAGES.index(STAGE) - 1]


def is_small(config: DistributionFilterConfig, documents: int) -> bool:
    """Whether so many documents are left to one process. A model of the user's is worth every core, or a GPU.

    Near-duplicates by meaning and recurring blocks are found in Spark alone.
    """
    alone = config.model is None and config.semantic_quantile is None and not config.recurring_hosts
    return alone and documents <= MOST_DOCUMENTS


def filter_here(
    run: str, config: DistributionFilterConfig, rows: int, clusters: str, folder: str, wave: int
) -> Written:
    """Write the stage's `wave`, its only one, to `folder`, and what it decides by to `clusters`, which lies in it.

    `rows`: documents that the stage before has kept.
    """
    decided = _decisions(run, config, rows, clusters) if config.enabled else None
    written = write_part(folder, STAGE, wave, 0, _judged(run, decided))
    return written._replace(read=rows, parts=written.parts | summed(folder, [clusters.rpartition("/")[2]]))


def _decisions(run: str, config: DistributionFilterConfig, rows: int, clusters: str) -> pa.Table:
    """DECIDED of all documents, in the order of the files."""
    leading = (_leading(batch, config.characters) for batch in _documents(run, ["record_id", "url", "text"]))
    embedded = pa.Table.from_batches([vectors.embedded(batch, config) for batch in leading], VECTORS).combine_chunks()
    if config.centroids:
        centres, manifest = centroid_files.read(config.centroids, config.model)
    else:
        centres, manifest = vectors.trained(_sample(embedded, config), rows, config), None
    looked = [vectors.assigned(batch, centres, config) for batch in embedded.to_batches()]
    assigned = pa.Table.from_batches(looked, ASSIGNED)
    table = cluster_table(assigned, rows, config)
    centroid_files.write(clusters, centres, manifest or vectors.manifest(config, centres, rows, table), table)
    return pa.Table.from_batches([decide(batch, table, config) for batch in assigned.to_batches()], DECIDED)


def _sample(embedded: pa.Table, config: DistributionFilterConfig) -> pa.ChunkedArray:
    """Vectors of the `sample` documents with the smallest hash, in its order."""
    known = pc.greater_equal(embedded["embedding_coverage"].cast(pa.float64()), config.min_coverage)
    held = embedded.filter(pc.and_(pc.is_valid(embedded["vector"]), known))
    draws = [draw(record_id, "sample", config.seed) for record_id in held["record_id"].to_pylist()]
    order = np.lexsort((held["record_id"].to_numpy(), draws))[: config.sample]
    return held["vector"].take(pa.array(order))


def _leading(batch: pa.RecordBatch, characters: int) -> pa.RecordBatch:
    text = pc.utf8_slice_codeunits(pc.fill_null(batch["text"], ""), 0, characters)
    return pa.RecordBatch.from_arrays([batch["record_id"], batch["url"], text], ["record_id", "url", "text"])


def _documents(run: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """What the stage before kept, file by file."""
    fs, path = files.filesystem(stage_folder.documents_dir(stage_folder.stage_dir(run, _BEFORE), True))
    for name in sorted(files.parquet_below(fs, path)) if fs.exists(path) else ():
        with fs.open(name) as file, pq.ParquetFile(file) as parquet:
            yield from parquet.iter_batches(ROWS, columns=columns)


def _judged(run: str, decided: pa.Table | None) -> Iterator[pa.RecordBatch]:
    """STAGE_COLUMNS of all documents, by their decisions; without any, kept and unscored."""
    carried = [name for name in names(STAGE_COLUMNS[_BEFORE]) if name not in names(VERDICT_COLUMNS)]
    schema = arrow_schema(STAGE_COLUMNS[STAGE])
    whole = None if decided is None else decided.combine_chunks()
    done = 0
    for batch in _documents(run, carried):
        if whole is None:
            judged = kept_unscored(batch["record_id"])
        else:
            judged = pa.concat_batches(whole.slice(done, len(batch)).to_batches())
        if not judged["record_id"].equals(batch["record_id"]):
            raise ValueError(f"the documents of {_BEFORE} in {run} changed while they were read")
        done += len(batch)
        added = {name: judged[name] for name in judged.schema.names}
        yield pa.RecordBatch.from_arrays(
            [added[name] if name in added else batch[name] for name in schema.names], schema=schema
        )
