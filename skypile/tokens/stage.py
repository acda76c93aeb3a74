"""Parquet shards to token shards on Spark: one task a file, one encoder a worker, nothing shuffled.

Spark only hands out file names. A worker reads its Parquet file itself, encodes it in Arrow batches and writes
the token shards named after it (see `skypile.tokens.shards`), so neither text nor tokens pass through the JVM and
the result depends on the files alone, not on partitions, executors or order. What comes back is one row of
counts a shard; they go into the manifest, which is written last.

A task that is tried again writes the same bytes to the same names; a shard without its .idx is not whole.

GPUs. Where a task is given one (`device`), kernels on it encode (see `cuda_encoder`). For the whole application:

    spark-submit --conf spark.executor.resource.gpu.amount=1 --conf spark.task.resource.gpu.amount=1 \\
        --conf spark.executor.resource.gpu.discoveryScript=getGpusResources.sh jobs/tokenization.py --device cuda …

On YARN, Kubernetes or standalone with dynamic allocation, stage-level scheduling asks for them for this stage
alone (`gpus_per_task`). A local master has no such profiles.
"""

from __future__ import annotations

import functools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.resource import (
    ExecutorResourceRequests,
    ResourceProfile,
    ResourceProfileBuilder,
    TaskResourceRequests,
)
from pyspark.sql import SparkSession
from rich.console import Console

from skypile.config import TokensConfig
from skypile.run_folder import stage_folder
from skypile.run_folder.once import once
from skypile.run_folder.output import tokens_folder
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.tokens.encoder import Encoder
from skypile.tokens.outputs import packed_result
from skypile.tokens.parquet_texts import parquet_batches, shard_files
from skypile.tokens.shards import Packing, tokenize_file

_RESULT = "counts string"
_RESULT_ARROW = pa.schema([("counts", pa.string())])


@dataclass(frozen=True)
class TokenizeSettings:
    """What shapes the tokens: stored in the manifest, and compared before anything is done again.

    Attributes:
        model: path of a SentencePiece .model that every worker can read; None: the package's default.
        packing: how documents become sequences; its remainder must be "pad" or "drop".
        device: "cpu", or "cuda": the GPU that Spark gives to the task.
        gpus_per_task: share of a GPU a task asks for, where the master supports stage-level scheduling; 0: none.
    """

    packing: Packing
    model: str | None = None
    device: str = "cpu"
    gpus_per_task: float = 0.0


def tokenize(
    spark: SparkSession, inputs: str, output: str, settings: TokenizeSettings, ours: bool = False
) -> dict[str, Any]:
    """Tokenize every Parquet file below `inputs` into `output`/train and /validation; returns the manifest.

    A finished output with the same settings and inputs is left as it is. `ours`: the folder is part of a run, and made
    anew where they are others.

    Raises:
        FileNotFoundError: no Parquet file below `inputs`.
        ValueError: the remainder policy is "carry" (files are independent of each other).
        OutputRefused, FolderLocked: the output holds something else, or another process writes to it.
    """
    if settings.packing.remainder == "carry":
        raise ValueError('remainder="carry" would make a shard depend on another file; use "pad" or "drop"')
    paths = shard_files(inputs)
    result, packing = packed_result(paths, settings.model, settings.packing)

    def work() -> dict[str, Any]:
        rows = spark.createDataFrame(list(zip(paths, shard_names(paths), strict=True)), "path string, name string")
        rows = rows.repartitionByRange(len(paths), "name")
        profile = gpu_profile(settings.gpus_per_task) if settings.gpus_per_task else None
        worker = _worker(output, replace(settings, packing=packing))
        results = map_arrow(rows, worker, _RESULT, profile=profile).collect()
        counts = sorted((json.loads(row["counts"]) for row in results), key=lambda c: (c["split"], c["shard"]))
        return {"shards": counts, "totals": totals(counts)}

    made_of = {"settings": result.made_of["settings"], "shards_in": files.absolute(inputs)}
    whole = result._replace(inputs=[inputs, *result.inputs], made_of=made_of)
    return once(output, whole, work, same=lambda: ours)[0]


def tokenize_run(spark: SparkSession, run: str, section: TokensConfig, console: Console) -> dict[str, Any]:
    """Token shards of a run's shards, in its folder or where `[tokens]` says; their manifest."""
    packing = Packing(
        section.sequence_length, section.end_of_document, section.remainder, None, section.validation, section.seed
    )
    how = TokenizeSettings(packing, section.model, section.device, section.gpus_per_task)
    began = time.monotonic()
    with console.status("tokens: encoding and packing the shards"):
        found = tokenize(
            spark,
            stage_folder.stage_dir(run, "shards"),
            tokens_folder(run, section.output),
            how,
            section.output is None,
        )
    seconds = time.monotonic() - began
    for split, total in sorted(found["totals"].items()):
        told = f"{total['documents']:,} documents, {total['tokens']:,} tokens, {total['sequences']:,} sequences"
        console.print(f"tokens/{split:<13} {told}  {seconds:>7.1f} s", soft_wrap=True, highlight=False)
    return found


def totals(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums by split: documents, tokens, sequences, … and tokens by language."""
    result: dict[str, Any] = {}
    for count in counts:
        total = result.setdefault(count["split"], {"tokens_by_language": Counter()})
        for key, value in count.items():
            if isinstance(value, int):
                total[key] = total.get(key, 0) + value
        total["tokens_by_language"].update(count["tokens_by_language"])
    return {split: total | {"tokens_by_language": dict(total["tokens_by_language"])} for split, total in result.items()}


def shard_names(paths: list[str]) -> list[str]:
    """Name of each file's shards: its partition values and number in order, the same wherever the run lies.

    "run/05_shards/documents/kept=true/wave=0/lang=zh/part-3.parquet" -> "zh-00003"
    """
    names = []
    seen: Counter[str] = Counter()
    for path in paths:
        language = _language(path) or "text"
        names.append(f"{language}-{seen[language]:05d}")
        seen[language] += 1
    return names


def gpu_profile(gpus_per_task: float) -> ResourceProfile:
    """Resource profile of a stage whose tasks each get a (share of a) GPU."""
    executor = ExecutorResourceRequests().resource("gpu", 1)
    task = TaskResourceRequests().cpus(1).resource("gpu", gpus_per_task)
    return ResourceProfileBuilder().require(executor).require(task).build


def _worker(output: str, settings: TokenizeSettings):
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                encoder = _encoder(settings.model, _device(settings.device))
                fs, inner = files.filesystem(row["path"])
                texts = parquet_batches(inner, filesystem=fs, language=_language(row["path"]))
                counts = tokenize_file(inner, texts, encoder, output, row["name"], settings.packing)
                rows = [json.dumps(asdict(count), ensure_ascii=False) for count in counts]
                yield pa.RecordBatch.from_arrays([pa.array(rows, pa.string())], schema=_RESULT_ARROW)

    return run


@functools.cache
def _encoder(model: str | None, device: str) -> Encoder:
    """This worker's encoder; Spark reuses workers, so it serves many tasks."""
    return Encoder.load(model, device=device)


def _device(device: str) -> str:
    """ "cuda" -> "cuda:1" where Spark gave the task GPU 1."""
    context = TaskContext.get()
    given = context.resources().get("gpu") if context else None
    return f"cuda:{given.addresses[0]}" if device == "cuda" and given else device


def _language(path: str) -> str | None:
    """Language that one of a file's folders names, as the shards stage names them or Spark a partition."""
    found = (part.partition("=") for part in path.split("/"))
    return next((value for name, _, value in found if name in ("lang", "language")), None)
