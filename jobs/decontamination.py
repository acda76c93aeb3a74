"""Decontamination with spark-submit: benchmark items out of any Parquet files.

    spark-submit jobs/decontamination.py --benchmarks gsm8k.jsonl --benchmarks cmmlu/ --output DIR --id-column id PATH…

gives the rows that stay and a verdict for every row (see skypile.decontamination.files).
"""

import sys

from skypile.job import submit_decontamination

if __name__ == "__main__":
    submit_decontamination(__doc__, sys.argv[1:])
