"""Stage 5: write balanced Parquet shards per language.

spark-submit jobs/shards.py [--config FILE] --output RUN
"""

from skypile.job import submit

if __name__ == "__main__":
    submit("shards", __doc__)
