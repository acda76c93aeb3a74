"""Stage 4: language, heuristics and the Wikipedia-citation classifier.

spark-submit jobs/quality_filter.py [--config FILE] --output RUN
"""

from skypile.job import submit

if __name__ == "__main__":
    submit("quality_filter", __doc__)
