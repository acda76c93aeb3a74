"""The curve and the weights of a finished run, streamed from its folder without Spark: memory does not grow with it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import Config, RecurrenceConfig
from skypile.distribution.thinning import budget, read_clusters
from skypile.quality import judges
from skypile.recurrence.curve import COUNTS, LARGEST, READ, Curves, Look, count, curves
from skypile.recurrence.weights import Over, Weights, document_weights, fit, times
from skypile.run_folder import ledger, stage_folder
from skypile.runtime import files

STAGE: Final = "quality_filter"
ROWS: Final = 65_536  # of narrow columns at a time: some 5 MB


def look(run: str, tail: float, core_similarity: float) -> Look:
    """What the documents of a run's quality filter are looked at with: its clusters, and its quantiles of scores.

    `tail`: quality_filter.low_share; `core_similarity`: of the distribution filter.
    """
    table = clusters(run)
    cores, largest = np.empty(0, np.int32), []
    if table is not None and table.num_rows:
        cores = np.zeros(int(pc.max(table["cluster"]).as_py()) + 1, np.int32)
        cores[table["cluster"].to_numpy()] = table["core"].to_numpy()
        sizes = table.filter(pc.is_valid(table["topic"])).group_by("topic").aggregate([("size", "sum")])
        by_size = sizes.sort_by([("size_sum", "descending"), ("topic", "ascending")])
        largest = by_size["topic"].slice(0, LARGEST).to_pylist()
    fitted = judges.read(files.join(stage_folder.stage_dir(run, STAGE), "judges"))
    return Look(fitted or judges.Fitted("citation"), tail, cores, core_similarity, tuple(largest))


def core_budget(run: str, config: Config) -> int:
    """Documents that a dense core of the run may keep."""
    read = (stage_folder.manifest(run, "distribution_filter") or {"read": 0})["read"]
    return budget(read, config.distribution_filter)


def clusters(run: str) -> pa.Table | None:
    """A row a cluster of the distribution filter (topic, cluster, size, core, medoid_url, ...); None if it was off."""
    return read_clusters(stage_folder.stage_dir(run, "distribution_filter"))


def run_curves(run: str, config: Config) -> Curves:
    """The recurrence curves of a run whose quality filter is done.

    Raises:
        FileNotFoundError: it is not done. PrunedError: what it kept was removed.
    """
    check(run)
    return looked_at(run, of_config(run, config))


def looked_at(run: str, looked: Look) -> Curves:
    """The curves of the documents that the quality filter of a run has judged so far."""
    return curves(over(run)(lambda batch: count(batch, looked), COUNTS))


def run_weights(run: str, config: Config, recurrence: RecurrenceConfig) -> Weights:
    """The weights that `recurrence` gives the documents of a run; raises as `run_curves`."""
    check(run)
    return fit(of_config(run, config), core_budget(run, config), recurrence, over(run))


def drawn_times(run: str, config: Config, recurrence: RecurrenceConfig) -> Callable[[pa.RecordBatch], list[int]]:
    """A function from documents of a run (record_id and READ) to how often each is drawn with `recurrence`."""
    weights = run_weights(run, config, recurrence)

    def drawn(batch: pa.RecordBatch) -> list[int]:
        of_rows = zip(batch["record_id"].to_pylist(), document_weights(batch, weights).tolist(), strict=True)
        return [times(record, weight) for record, weight in of_rows]

    return drawn


def moved(run: str, config: Config) -> tuple[int, int]:
    """How many of the documents that a run keeps weigh more than 1 by `config`, and how many less."""
    weights = run_weights(run, config, config.recurrence)
    raised = lowered = 0
    for batch in _batches(run):
        found = document_weights(batch.filter(batch["reason"].is_null()), weights)
        raised, lowered = raised + int((found > 1).sum()), lowered + int((found < 1).sum())
    return raised, lowered


def of_config(run: str, config: Config) -> Look:
    """`look` by a run's settings."""
    return look(run, config.quality_filter.low_share, config.distribution_filter.core_similarity)


def check(run: str) -> None:
    """FileNotFoundError or PrunedError where a run's quality filter is not whole."""
    ledger.folder_of(run, STAGE)
    stage_folder.check_not_pruned(run, STAGE)


def over(run: str) -> Over:
    """Sums over the documents of a run's quality filter, kept and dropped."""

    def add_up(function: Callable[[pa.RecordBatch], pa.RecordBatch], schema: pa.Schema) -> Iterable[tuple[Any, ...]]:
        sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
        for batch in _batches(run):
            for *key, first, second in _rows(function(batch)):
                pair = sums[tuple(key)]
                pair[0] += first
                pair[1] += second
        return [(*key, *pair) for key, pair in sorted(sums.items())]

    return add_up


def _batches(run: str) -> Iterator[pa.RecordBatch]:
    found = ledger.documents(run, STAGE)
    for batch in found.to_batches(columns=list(READ), batch_size=ROWS, batch_readahead=1, fragment_readahead=1):
        if batch.num_rows:
            yield batch


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
