"""Compile decontamination's kernels ahead of the first command; Numba keeps them beside the modules."""

import pyarrow as pa

from skypile.config import DecontaminationConfig
from skypile.decontamination.frequency import add_texts, merge, new_tally
from skypile.decontamination.index import build_index
from skypile.decontamination.items import Item
from skypile.decontamination.judge import judge
from skypile.decontamination.matches import matches
from skypile.decontamination.pieces import sources
from skypile.decontamination.scan import scan

QUESTION = (
    "Of all the kernels that a worker would otherwise compile by itself, which is the one that takes so long that who "
    "waits for the first page goes to fetch a cup of tea"
)


def prepare() -> None:
    """About 15 s, once an installation."""
    config = DecontaminationConfig()
    index = build_index([Item("", "", QUESTION)], config)
    texts = pa.array([QUESTION[:-20]], pa.large_string())
    judge(texts, index, config)
    hits, tally = scan(texts, index), new_tally(index, config)
    read = pa.record_batch({"record_id": ["a"], "url": pa.nulls(1, pa.string())})
    add_texts(tally, hits, matches(hits, texts, index, config), sources(read, hits.pair_text), index)
    merge(tally, tally.texts.nonzero()[0], tally.texts[tally.texts > 0], tally.sources[tally.texts > 0])
