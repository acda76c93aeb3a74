"""Stage 1: read the crawl and take the main text out of every page.

spark-submit jobs/extraction.py [--config FILE] --output RUN PATH...
"""

from skypile.job import submit

if __name__ == "__main__":
    submit("extraction", __doc__)
