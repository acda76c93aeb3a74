"""Attach columns to documents by record id, without moving any text.

A shuffle join would send every document through the network once a stage. Here only (record_id, columns)
is shuffled: each annotation is sent to the bucket of the Parquet file that its document lives in and stored
there; the scan of the documents then looks its annotations up, file by file. Cost: one shuffle of ids, one
narrow pass over the text. A worker holds the annotations of one bucket at a time, about
`rows_per_bucket` rows.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow

ROWS_PER_BUCKET = 500_000  # about 100 MB of annotations in a worker with 200 bytes of evidence a row


def attach(documents: DataFrame, annotations: DataFrame, scratch: str, rows: int) -> DataFrame:
    """Left join of `documents` with `annotations` on record_id.

    `documents`: read straight from Parquet (its hidden `_metadata` column must exist), with record_id.
    `annotations`: record_id and the columns to add, at most one row a record; records without one get nulls.
    `scratch`: a folder that outlives the returned frame; its content is replaced.
    `rows`: number of documents, to size the buckets.
    """
    buckets = max(1, -(-rows // ROWS_PER_BUCKET))
    located = documents.select("record_id", F.pmod(F.xxhash64("_metadata.file_path"), F.lit(buckets)).alias("bucket"))
    bucketed = annotations.join(located, "record_id").repartition(buckets, "bucket")
    bucketed.write.mode("overwrite").partitionBy("bucket").option("partitionOverwriteMode", "static").parquet(scratch)

    added = annotations.drop("record_id").schema
    result_type = documents.drop(*added.fieldNames()).schema
    for field in added:
        result_type = result_type.add(field.name, field.dataType, nullable=True)  # records without one get nulls
    source = documents.select(
        *[F.col(name) for name in documents.columns if name not in added.fieldNames()],
        F.pmod(F.xxhash64("_metadata.file_path"), F.lit(buckets)).alias("bucket"),
    )
    arrow = to_arrow_schema(annotations.schema)

    def look_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: tuple[int, pa.Table] | None = None
        for batch in batches:
            for bucket in pc.unique(batch["bucket"]).to_pylist():
                if held is None or held[0] != bucket:
                    held = bucket, _read_bucket(files.join(scratch, f"bucket={bucket}"), arrow)
                rows_of_bucket = batch.filter(pc.equal(batch["bucket"], bucket)).drop_columns(["bucket"])
                at = pc.index_in(rows_of_bucket["record_id"], value_set=held[1]["record_id"])
                found = held[1].drop_columns(["record_id"]).take(at)
                for name in found.column_names:
                    rows_of_bucket = rows_of_bucket.append_column(
                        arrow.field(name),
                        pa.concat_arrays(found[name].chunks or [pa.nulls(0, arrow.field(name).type)]),
                    )
                yield rows_of_bucket

    return map_arrow(source, look_up, result_type)


def _read_bucket(folder: str, schema: pa.Schema) -> pa.Table:
    """The annotations of one bucket; none if no document in it is annotated."""
    if not files.exists(folder):
        return schema.empty_table()
    fs, path = files.filesystem(folder)
    return ds.dataset(path, schema=schema, format="parquet", filesystem=fs).to_table().combine_chunks()
