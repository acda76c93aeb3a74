"""Stage 2: embed, cluster, and thin out what recurs.

spark-submit jobs/distribution_filter.py [--config FILE] --output RUN
"""

from skypile.job import submit

if __name__ == "__main__":
    submit("distribution_filter", __doc__)
