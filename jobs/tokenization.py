"""Encode and pack the Parquet shards of a run into token shards.

spark-submit jobs/tokenization.py [--model M.model] [--device cuda] --shards RUN/05_shards --output TOKENS
"""

import argparse

from skypile.config import SparkConfig
from skypile.failures import one_sentence
from skypile.runtime import files, session
from skypile.tokens.shards import Packing
from skypile.tokens.stage import TokenizeSettings, tokenize


def main(arguments: list[str] | None = None) -> None:
    default = Packing()
    parser = argparse.ArgumentParser(prog="tokenization.py", description=__doc__)
    parser.add_argument("--shards", required=True, help="folder of the shards stage, or of any Parquet files")
    parser.add_argument("--output", required=True, help="folder for the token shards, local or remote")
    parser.add_argument("--model", help="SentencePiece .model every worker can read; default: the package's")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda: the GPU Spark gives to each task")
    parser.add_argument("--gpus-per-task", type=float, default=0.0, help="ask for GPUs for this stage alone")
    parser.add_argument("--sequence-length", type=int, default=default.sequence_length)
    parser.add_argument("--end-of-document", type=int, help="id after every document; default: the model's")
    parser.add_argument("--remainder", default=default.remainder, help="pad or drop what is left of a file")
    parser.add_argument("--validation", type=float, default=default.validation, help="share of hosts held out")
    parser.add_argument("--seed", type=int, default=default.seed, help="of the validation split")
    given = parser.parse_args(arguments)
    packing = Packing(
        sequence_length=given.sequence_length,
        end_of_document=given.end_of_document,
        remainder=given.remainder,
        validation=given.validation,
        seed=given.seed,
    )
    settings = TokenizeSettings(packing, given.model, given.device, given.gpus_per_task)
    spark = session.start(SparkConfig(), "skypile tokenize")
    manifest = tokenize(spark, files.absolute(given.shards), files.absolute(given.output), settings)
    for split, total in sorted(manifest["totals"].items()):
        figures = ", ".join(f"{total[key]:,} {key}" for key in ("documents", "tokens", "sequences"))
        print(f"{split}: {figures}")
    spark.stop()


if __name__ == "__main__":
    with one_sentence("tokenization.py"):
        main()
