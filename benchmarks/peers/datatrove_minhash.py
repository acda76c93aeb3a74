"""datatrove's four MinHash stages on a Parquet file; prints one JSON line.

python datatrove_minhash.py FILE.parquet OUTPUT WORKERS LANGUAGE
"""

import json
import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter


def main(path: str, output: str, workers: int, language: str) -> None:
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    source = Path(path)
    parts = sorted(entry.name for entry in source.iterdir() if entry.suffix == ".parquet")
    reader = ParquetReader(str(source), glob_pattern="*.parquet", id_key="id", text_key="text")

    def step(name: str, pipeline: list, tasks: int) -> LocalPipelineExecutor:
        return LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=workers, logging_dir=f"{output}/logs/{name}"
        )

    began = time.perf_counter()
    step(
        "1", [reader, MinhashDedupSignature(f"{output}/signatures", config=config, language=language)], len(parts)
    ).run()
    step(
        "2", [MinhashDedupBuckets(f"{output}/signatures", f"{output}/buckets", config=config)], config.num_buckets
    ).run()
    step("3", [MinhashDedupCluster(f"{output}/buckets", f"{output}/removed", config=config)], 1).run()
    last = [reader, MinhashDedupFilter(f"{output}/removed"), JsonlWriter(f"{output}/kept", compression=None)]
    step("4", last, len(parts)).run()
    seconds = time.perf_counter() - began
    kept = sum(sum(1 for _ in file.open("rb")) for file in Path(output, "kept").rglob("*.jsonl"))
    print(json.dumps({"seconds": seconds, "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
