"""The pages that Wikipedia cites, from its dumps.

spark-submit jobs/citations.py [--config FILE] --output CITED DUMP...
"""

import argparse
import json

from skypile import config as settings
from skypile.classifiers.cited_in_spark import extract
from skypile.failures import one_sentence
from skypile.runtime import session


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="citations.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", help="TOML settings; without it, the defaults")
    parser.add_argument("--output", required=True, metavar="CITED", help="folder for the cited pages")
    parser.add_argument("dumps", nargs="+", metavar="DUMP", help="pages-articles XML; bz2, gz or plain")
    given = parser.parse_args(arguments)
    spark = session.start(settings.load(given.config).spark, "skypile citations extract")
    manifest, _ = extract(spark, given.dumps, given.output)
    print(json.dumps(manifest["counts"], ensure_ascii=False))
    spark.stop()


if __name__ == "__main__":
    with one_sentence("citations.py"):
        main()
