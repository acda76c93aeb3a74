"""Stage 3: drop exact and near duplicates, with evidence.

As a stage of a run:      spark-submit jobs/dedup.py [--config FILE] --output RUN
Alone, on any Parquet:    spark-submit jobs/dedup.py --id-column id --text-column text --output DIR PATH…
"""

import sys

from skypile.job import submit, submit_dedup_files

if __name__ == "__main__":
    if any(argument.split("=")[0] in ("--id-column", "--text-column") for argument in sys.argv[1:]):
        submit_dedup_files(__doc__)
    else:
        submit("dedup", __doc__)
