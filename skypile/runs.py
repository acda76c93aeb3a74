"""A run as an object: what `skypile.run` returns, and `skypile.open_run` of a folder that holds one."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skypile import schema
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.run_config import run_config
from skypile.runtime import files

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

    from skypile.config import Config, DistributionFilterConfig, QualityFilterConfig
    from skypile.report.portrait import Portraits


class Run:
    """A run folder, local or remote. Reads Parquet alone, no Spark.

    Attributes:
        folder: where it lies.
    """

    def __init__(self, folder: str) -> None:
        self.folder = files.absolute(folder)
        ledger.stage_folders(self.folder)  # FileNotFoundError, if this is no run

    def __repr__(self) -> str:
        return f"Run({self.folder!r}): {', '.join(self.manifests) or 'no stage is finished'}"

    @property
    def stages(self) -> list[str]:
        """Names of the stages that have verdicts, in their order."""
        return list(ledger.stage_folders(self.folder))

    @property
    def manifests(self) -> dict[str, dict[str, Any]]:
        """Manifest of each finished stage: settings, counts by reason, digest of all decisions, seconds, versions."""
        found = {stage: stage_folder.manifest(self.folder, stage) for stage in self.stages}
        return {stage: manifest for stage, manifest in found.items() if manifest is not None}

    @cached_property
    def config(self) -> "Config":
        """Settings of the whole run."""
        return run_config(self.folder)

    def funnel(self) -> pa.Table:
        """A row a finished stage: stage, read, kept, dropped, failed (int64)."""
        rows = [
            {
                "stage": stage,
                "read": manifest["read"],
                "kept": manifest["kept"],
                "dropped": sum(manifest[schema.DROPPED].values()),
                "failed": sum(manifest[schema.FAILED].values()),
            }
            for stage, manifest in self.manifests.items()
        ]
        counts = [(name, pa.int64()) for name in ("read", "kept", "dropped", "failed")]
        return pa.Table.from_pylist(rows, pa.schema([("stage", pa.string()), *counts]))

    def documents(self, stage: str = schema.STAGES[-1], kept: bool | None = True) -> "Dataset":
        """Documents as a stage left them, with all their columns (`skypile.schema.STAGE_COLUMNS`).

        Args:
            stage: one of `stages`; without it the last, whose documents are the corpus.
            kept: True for those that it kept, False for those that it dropped or failed, None for all.

        Returns:
            A pyarrow Dataset, of which nothing is read yet: `.to_table(columns=[...])`, `.head(10)`, `.to_batches()`.

        Raises:
            PrunedError: what the stage kept was removed (`skypile prune`).
        """
        import pyarrow.compute as pc

        found = ledger.documents(self.folder, self._known(stage))
        if kept is not False:
            stage_folder.check_not_pruned(self.folder, stage)
        return found if kept is None else found.filter(pc.field("kept") == str(kept).lower())

    def verdicts(self, stage: str | None = None) -> "Dataset":
        """Verdicts (`skypile.schema.LEDGER_COLUMNS`) of one stage or of all, as a pyarrow Dataset."""
        import pyarrow.dataset as ds

        chosen = self.stages if stage is None else [self._known(stage)]
        return ds.dataset([ledger.verdict_files(self.folder, name) for name in chosen])

    def why(self, key: str) -> list[ledger.Verdict]:
        """Every verdict on the records with the URL or record id `key`: by record, then in the order of the stages."""
        return ledger.why(self.folder, key)

    def clusters(self) -> pa.Table:
        """A row a cluster of the distribution filter: topic, cluster, size, core, budget, bound, medoid, medoid_url."""
        from skypile.distribution.thinning import read_clusters

        folder = stage_folder.stage_dir(self.folder, "distribution_filter")
        found = read_clusters(folder)
        if found is None:
            raise FileNotFoundError(
                f"{folder} has no clusters.parquet: the distribution filter was off, or has not run"
            )
        return found

    def portraits(self, shown: int = 0) -> "Portraits | None":
        """Name, counts, hosts and pages of every cluster, as `skypile clusters` shows them; None if there is none.

        Args:
            shown: of so many of the largest, also the texts of their pages, and those at their borders.
        """
        from skypile.report.portraits import portraits  # only here: it loads the embedder's table

        folders = ledger.stage_folders(self.folder)
        manifest = stage_folder.manifest(self.folder, self._known("distribution_filter"))
        return portraits(folders, manifest["settings"], shown) if manifest is not None else None

    def thin(self, distribution_filter: "DistributionFilterConfig") -> pa.Table:
        """What other settings of the distribution filter would have thinned, of the stored clusters.

        Only `core_similarity`, `budget_share` and `budget_min` count; others would give other clusters.

        Returns:
            record_id, url, cluster, verdict: a row a document that the stage has read.
        """
        import pyarrow.compute as pc

        from skypile.distribution.thinning import ASSIGNED, cluster_table, decide

        found = self.documents("distribution_filter", kept=None).to_table(columns=[*ASSIGNED.names, "reason"])
        table = found.select(ASSIGNED.names).cast(ASSIGNED)
        cut = pc.fill_null(pc.equal(found["reason"], "recurring_blocks"), False)  # gone before cores were counted
        at = ASSIGNED.get_field_index("cluster")
        left = pc.if_else(cut, pa.scalar(None, pa.int32()), table["cluster"])
        counted = table.set_column(at, ASSIGNED.field(at), left)
        clusters = cluster_table(counted, table.num_rows, distribution_filter)
        made = [decide(batch, clusters, distribution_filter) for batch in counted.to_batches(max_chunksize=1 << 16)]
        verdicts = pa.chunked_array([batch["verdict"] for batch in made], pa.string())
        return table.select(["record_id", "url", "cluster"]).append_column("verdict", verdicts)

    def decide(self, quality_filter: "QualityFilterConfig") -> pa.Table:
        """What other settings of the quality filter would have decided, from stored scores: no stage is run again.

        Only thresholds and languages count; another word list or classifier would give other scores.

        Returns:
            record_id, url, verdict, reason, score, threshold: a row a document that the stage has read.
        """
        from skypile.quality import decision  # only here: what asks a finished run needs no rules

        documents = self.documents("quality_filter", kept=None)
        columns = ["record_id", "url", *decision.READ]
        ranked = decision.was_ranked(self.folder, quality_filter)
        made = decision.decide_again(documents.to_batches(columns=columns), quality_filter, ranked)
        return pa.Table.from_batches([batch.select(_DECIDED.names).cast(_DECIDED) for batch in made], _DECIDED)

    def _known(self, stage: str) -> str:
        if stage not in self.stages:
            raise ValueError(f"{self.folder} has no stage {stage!r}; it has {', '.join(self.stages)}")
        return stage


# What `Run.decide` gives.
_DECIDED = pa.schema(
    [(c.name, c.type) for c in schema.LEDGER_COLUMNS if c.name in ("record_id", "url", "verdict", "reason")]
    + [("score", pa.float64()), ("threshold", pa.float64())]
)


def open_run(folder: str) -> Run:
    """The run in `folder`, finished or not; FileNotFoundError if there is none."""
    return Run(folder)
