"""Extraction engines on the test pages of other packages, which no engine here was trained on.

    python -m benchmarks.held_out PATH/TO/readability/test/test-pages
    python -m benchmarks.held_out FOLDER --gold benchmarks/held_out.tsv

A page is a folder with `source.html` and `expected.html`, as in mozilla/readability; pages below 20 KB, most of them
written for a test, stand apart there: they are bare, a text without a site around it. Or it is a line of a table: the
package in whose folder below FOLDER it lies, its path there, and the XPath of the elements that hold its main text.
Score: F1 of words, of characters where the text is Chinese.

`held_out.tsv` was made by reading the pages of seven packages that npm and PyPI have (each unpacked into FOLDER under
the name that the table has). 27 were left out where no engine comes to 0.93: what holds their main text holds share
buttons or related pages, too. None is among those the model learned from, by address and text.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from lxml import etree, html
from rich.console import Console
from rich.table import Table

from benchmarks.extraction import ENGINES
from skypile.classifiers.extraction.labels import character_f1, is_chinese, word_f1
from skypile.crawl import charset
from skypile.extraction.fast.utf8 import foreign_characters

SMALL = 20_000  # bytes
BREAKS = {"p", "div", "li", "br", "tr", "td", "th", "dt", "dd", "pre", "blockquote", "figcaption", "h1", "h2", "h3"}
NO_TEXT = ("script", "style", "noscript", "button", "select", "iframe", "object")


def tree_of(page: bytes) -> html.HtmlElement:
    """The page's elements, words in different blocks apart."""
    source = charset.decode(page, None, foreign_characters).source
    tree = html.fromstring(source, parser=html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True))
    etree.strip_elements(tree, *NO_TEXT, with_tail=False)
    for element in tree.iter():
        if element.tag in BREAKS:
            element.text = f"\n{element.text or ''}"
            element.tail = f"\n{element.tail or ''}"
    return tree


def of_folders(folder: Path) -> Iterator[tuple[str, str, bytes, str]]:
    """Set, name, page and main text of each folder with a page and what is expected of it."""
    for path in sorted(folder.glob("*/source.html")):
        page = path.read_bytes()
        gold = tree_of((path.parent / "expected.html").read_bytes()).text_content()
        yield f"below {SMALL // 1000} KB" if len(page) < SMALL else "others", path.parent.name, page, gold


def of_table(folder: Path, table: Path) -> Iterator[tuple[str, str, bytes, str]]:
    """The same of each line of a table."""
    for line in table.read_text().splitlines():
        package, path, elements = line.split("\t")
        page = (folder / package / path).read_bytes()
        found = tree_of(page).xpath(elements)
        outer = [element for element in found if not any(above in found for above in element.iterancestors())]
        yield package, path, page, "\n".join(element.text_content() for element in outer)


def address(page: bytes) -> str:
    """What the page says that its address is, since the engine reads it."""
    found = tree_of(page).xpath('//link[@rel="canonical"]/@href | //meta[@property="og:url"]/@content')
    return str(found[0]) if found else "https://example.org/page.html"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path)
    parser.add_argument("--gold", type=Path, help="table of the pages and of the elements that hold their text")
    parser.add_argument("--worse", action="store_true", help="name the pages on which another engine is better by 0.05")
    given = parser.parse_args()
    scores: dict[str, list[list[float]]] = {}
    for name, path, page, gold in of_table(given.pages, given.gold) if given.gold else of_folders(given.pages):
        measure = character_f1 if is_chinese(gold) else word_f1
        row = [measure(engine(page, address(page)), gold) for engine in ENGINES.values()]
        scores.setdefault(name, []).append(row)
        if given.worse and row[0] < max(row) - 0.05:
            print(f"{path}: {', '.join(f'{s:.3f} {e}' for e, s in zip(ENGINES, row, strict=True))}")
    table = Table("F1", *ENGINES)
    for name, rows in scores.items():
        table.add_row(f"{name} ({len(rows)})", *(f"{score:.4f}" for score in np.mean(rows, axis=0)))
    Console().print(table)


if __name__ == "__main__":
    main()
