"""Stage 3: drop exact and near duplicates, with evidence.

spark-submit jobs/dedup.py [--config FILE] --output RUN
"""

from skypile.job import submit

if __name__ == "__main__":
    submit("dedup", __doc__)
