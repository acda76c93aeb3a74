"""Make the quality filter's model of boilerplate: `python -m skypile.classifiers.judges DATA` (10 CPU seconds).

DATA holds `extraction/zh_dev.parquet`: 76 Chinese pages with their main text. An n-gram learns from the blocks that are
none: menus, notices, teasers, forms. A block counts once a page. Nothing is learnt from texts that people judged.
The model card beside the file, `skypile/quality/built_in/CARD.md`, says what was tried.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from skypile.classifiers.extraction.labels import gold_labels
from skypile.crawl import charset
from skypile.extraction.fast.blocks import block_texts, cut
from skypile.proxy import ngram
from skypile.quality import boilerplate
from skypile.quality.perplexity import folded_lines

SETS: Final = {"zh": "zh_dev"}
NO_MAIN_TEXT: Final = 0.1  # share of a block that stands in the page's main text
ORDER: Final = 3  # 5 and 4: the same AUC to 0.003, 110,000 and 91,000 n-grams
PRUNE: Final = (0, 1, 1)


def boilerplate_of(path: Path) -> Iterator[str]:
    """Blocks of the pages of a set that are no main text, each on one line."""
    for batch in pq.ParquetFile(path).iter_batches(64, columns=["html", "gold"]):
        for row in batch.to_pylist():
            html = charset.decode(row["html"], None).text.encode("utf-8", "replace")
            found = [" ".join(text.split()) for text in block_texts(cut(html)[0])]
            labels = gold_labels(found, row["gold"] or "")
            yield from dict.fromkeys(text for text, label in zip(found, labels, strict=True) if label < NO_MAIN_TEXT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, default=boilerplate.FOLDER)
    given = parser.parse_args()
    for language, name in SETS.items():
        blocks = list(boilerplate_of(given.data / f"extraction/{name}.parquet"))
        model = ngram.train([folded_lines(blocks)[0]], ORDER, PRUNE)
        ngram.save(model, given.output / boilerplate.FILE.format(language))
        print(f"{language}: {len(blocks):,} blocks of {sum(map(len, blocks)):,} characters, {len(model):,} n-grams")


if __name__ == "__main__":
    main()
