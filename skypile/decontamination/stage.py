"""Decontamination of a Spark DataFrame: every row with a verdict, texts cut where passages are cut.

Two passes over the documents: common n-grams, then verdicts. Nothing is shuffled but counts of the items' n-grams; the
index goes to every worker.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from skypile.config import DecontaminationConfig
from skypile.decontamination.frequency import NO_SOURCE, Tally, new_tally
from skypile.decontamination.index import Index, build_index
from skypile.decontamination.items import Item
from skypile.decontamination.pieces import Written, tally_batch, verdicts_of, with_texts
from skypile.dedup.columns import Columns
from skypile.run_folder.storage import spark_schema
from skypile.runtime.map_arrow import Batches, map_arrow
from skypile.schema import VERDICT_COLUMNS, names


def decontamination(items: Sequence[Item], config: DecontaminationConfig) -> Callable[[DataFrame], DataFrame]:
    """The stage: documents with record_id, text and perhaps url -> their rows and columns, with `VERDICT_COLUMNS`.

    The documents are read twice: they had better be stored. Verdict columns of an earlier stage are replaced.
    """

    def take_items_out(documents: DataFrame) -> DataFrame:
        documents = documents.drop(*names(VERDICT_COLUMNS))
        columns = Columns("record_id", "text", "url" if "url" in documents.columns else None)
        index = build_index(items, config)

        def count(batches: Batches, index: Index, tally: Tally) -> None:
            for batch in batches:
                tally_batch(batch, columns, index, config, tally)

        narrow = documents.select(*dict.fromkeys(name for name in columns if name))
        final = build_index(items, config, common_in(narrow, count, index, config))
        shared = documents.sparkSession.sparkContext.broadcast(final)

        def judge(batches: Batches) -> Batches:
            for batch in batches:
                own, texts = verdicts_of(batch, columns, shared.value, config, Written(Counter(), Counter(), Counter()))
                batch = with_texts(batch, columns.text, texts)
                yield pa.RecordBatch.from_arrays(
                    [*batch.columns, *own.columns[2:]], [*batch.schema.names, *own.schema.names[2:]]
                )

        return map_arrow(documents, judge, StructType([*documents.schema, *spark_schema(VERDICT_COLUMNS)]))

    return take_items_out


def common_in(
    frame: DataFrame,
    count: Callable[[Batches, Index, Tally], None],
    index: Index,
    config: DecontaminationConfig,
) -> np.ndarray:
    """Keys of the n-grams that are common (``frequency``); `count` adds the rows of a task to its tally."""
    shared = frame.sparkSession.sparkContext.broadcast(index)

    def tallied(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tally = new_tally(shared.value, config)
        count(batches, shared.value, tally)
        grams = tally.texts.nonzero()[0]
        # Spark has no unsigned integers, and only asks which are equal.
        sources = [row[row != NO_SOURCE].view(np.int64).tolist() for row in tally.sources[grams]]
        arrays = [pa.array(grams), pa.array(tally.texts[grams]), pa.array(sources, pa.list_(pa.int64()))]
        yield pa.RecordBatch.from_arrays(arrays, ["gram", "texts", "sources"])

    counted = map_arrow(frame, tallied, "gram bigint, texts bigint, sources array<bigint>")
    sources = F.array_distinct(F.flatten(F.collect_list("sources")))
    summed = counted.groupBy("gram").agg(F.sum("texts").alias("texts"), F.size(sources).alias("sources"))
    often = summed.where((F.col("texts") >= config.common_documents) & (F.col("sources") >= config.common_sources))
    return index.gram_keys[sorted(row["gram"] for row in often.select("gram").collect())]
