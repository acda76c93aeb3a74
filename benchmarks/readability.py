"""Extraction engines on mozilla/readability's own test pages, which no engine here was trained on.

    python -m benchmarks.readability PATH/TO/readability/test/test-pages

A page is a folder with `source.html` and `expected.html`; F1 of words against the text of the latter. Pages below
20 KB, most of them written for a test, stand apart: they are bare, a text without a site around it.
"""

import argparse
from pathlib import Path

import numpy as np
from lxml import html
from rich.console import Console
from rich.table import Table

from benchmarks.extraction import ENGINES
from skypile.classifiers.extraction.labels import word_f1

SMALL = 20_000  # bytes
BREAKS = {"p", "div", "li", "br", "tr", "td", "th", "dt", "dd", "pre", "blockquote", "figcaption", "h1", "h2", "h3"}


def text_of(page: Path) -> str:
    """The text of an HTML file, words in different blocks apart."""
    tree = html.fromstring(page.read_bytes().decode("utf-8", "replace"))
    for element in tree.iter():
        if element.tag in BREAKS:
            element.text = f"\n{element.text or ''}"
            element.tail = f"\n{element.tail or ''}"
    return str(tree.text_content())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path)
    parser.add_argument("--worse", action="store_true", help="name the pages on which another engine is better by 0.05")
    given = parser.parse_args()
    folders = sorted(path.parent for path in given.pages.glob("*/source.html"))
    scores = np.zeros((len(folders), len(ENGINES)))
    small = np.zeros(len(folders), bool)
    for row, folder in enumerate(folders):
        page, gold = (folder / "source.html").read_bytes(), text_of(folder / "expected.html")
        small[row] = len(page) < SMALL
        scores[row] = [word_f1(engine(page, "https://example.org/page.html"), gold) for engine in ENGINES.values()]
        if given.worse and scores[row, 0] < scores[row].max() - 0.05:
            print(f"{folder.name}: {', '.join(f'{s:.3f} {e}' for e, s in zip(ENGINES, scores[row], strict=True))}")
    table = Table("F1", f"below {SMALL // 1000} KB ({small.sum()})", f"others ({(~small).sum()})")
    for at, engine in enumerate(ENGINES):
        table.add_row(engine, f"{scores[small, at].mean():.4f}", f"{scores[~small, at].mean():.4f}")
    Console().print(table)


if __name__ == "__main__":
    main()
