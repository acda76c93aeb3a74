"""How well the quality filter's judges tell good pages from bad ones, alone and together, and how fast they are.

    python -m benchmarks.quality [--shared ../shared] [--citation FOLDER] [--trusted zh=PATH]...

Labels: people's on 218 English web texts (mlfoundations/dclm), and 240 clean Chinese articles against 100 raw crawl texts.
Neither is trained on. The perplexity models are trained on the sample of Wikipedia in English, and in Chinese on the gold
texts of the extraction set and the pages of `zh-web.warc.gz`, extracted by the fast engine; texts that also stand among the
judged ones are left out. AUC with a 95 % interval over texts (bootstrap, 1,000 draws), and beside each judge the correlation
of its score with the logarithm of the length, and the AUC of the length alone.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.classifiers.model import load as load_classifiers
from skypile.config import Config, ExtractionConfig, QualityFilterConfig
from skypile.crawl import inputs
from skypile.extraction.documents import extracted
from skypile.quality import judges
from skypile.quality.decision import gated
from skypile.quality.perplexity_models import load as load_perplexity
from skypile.quality.stage import scored
from skypile.quality.trusted import train_on_trusted
from skypile.schema import KEPT

DRAWS = 1000
