"""What becomes of structure: tables and lists kept whole, formulas, repetitions. For any engine's text.

On labelled pages a table of data (as the fast engine's scanner sees it) is kept where a row of it with two cells or
more stands on a line that holds little else, and whole where all its rows do, each with all its cells in order (those
of signs alone, "$$" or "—", are not asked for); a list is kept where one of its items of three words or more stands
in the text, and whole where all of them do. Only tables and lists count of which the gold text has nine in ten words.
Formulas and repetitions are planted: pages of prose of our own with twelve formulas in six notations, and with
refrains, clauses, quantities and pieces of code that return.
"""

import random
import re
from collections.abc import Callable, Sequence

import numpy as np

from skypile.crawl import charset
from skypile.extraction.fast.blocks import block_texts, cut
from skypile.extraction.fast.scan import Page
from skypile.extraction.fast.tables import data_tables
from skypile.extraction.fast.tags import TAG_ID
from skypile.extraction.fast.wholes import list_of_blocks
from skypile.sample import prose

WORD = re.compile(r"\w+")
TEX = (
    r"x^2 + y^2 = r^2", r"\frac{a}{b}", r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}", r"\sqrt{2} \approx 1.414",
    r"e^{i\pi} + 1 = 0", r"\alpha_k \le \beta_{k+1}", r"\int_0^1 f(t)\,dt", r"\lim_{n \to \infty} a_n",
    r"A = \pi r^2", r"v = \frac{ds}{dt}", r"\vec{F} = m\vec{a}", r"P(A \mid B)",
)  # fmt: skip
NOTATIONS: tuple[Callable[[str], str], ...] = (
    lambda tex: (
        f'<math><semantics><mi>x</mi><annotation encoding="application/x-tex">{tex}</annotation></semantics></math>'
    ),
    lambda tex: f'<math alttext="{tex}"><mi>x</mi></math>',
    lambda tex: f'<script type="math/tex">{tex}</script>',
    lambda tex: f'<script type="math/tex; mode=display">{tex}</script>',
    lambda tex: f'<img class="latex" src="/f.png" alt="{tex}">',
    lambda tex: f'<span class="math">\\({tex}\\)</span>',
)


def _refrain(line: str, text: Sequence[str]) -> str:
    return "".join(f"<p>{other}</p><p>{line}</p>" for other in text[:3])


def _clause(line: str, text: Sequence[str]) -> str:
    third = [f"<p>{line}</p>" if i % 3 == 0 else "" for i in range(6)]
    return "".join(f"<section><h3>§ {i}</h3><p>{text[i]}</p>{third[i]}</section>" for i in range(6))


def _quantity(line: str, text: Sequence[str]) -> str:
    parts = ("crust", "filling")
    return f"<p>{text[0]}</p>" + "".join(
        f"<h3>{p}</h3><ul><li>{line}</li><li>salt for the {p}</li></ul>" for p in parts
    )


def _code(line: str, text: Sequence[str]) -> str:
    return "".join(f"<p>{other}</p><pre>{line}\n    return</pre>" for other in text[:2])


RETURNING = (_refrain, _clause, _quantity, _code)


def words(text: str) -> str:
    return f" {' '.join(WORD.findall(text.lower()))} "


def tables(page: Page) -> list[list[list[str]]]:
    """Rows of cells with words, of each table of data."""
    table, data = data_tables(page)
    texts = block_texts(page)
    found: dict[int, dict[int, dict[int, str]]] = {}
    for b, text in enumerate(texts):
        e = int(page.outer[b])
        if table[e] < 0 or not data[table[e]]:
            continue
        up, cell = e, -1
        while up > table[e] and page.tag[up] != TAG_ID["tr"]:
            cell = up if page.tag[up] in (TAG_ID["td"], TAG_ID["th"]) else cell
            up = int(page.parent[up])
        if cell >= 0:
            row = found.setdefault(int(table[e]), {}).setdefault(up, {})
            row[cell] = f"{row.get(cell, '')} {text}"
    return [[[words(c) for c in row.values() if WORD.search(c)] for row in rows.values()] for rows in found.values()]


def lists(page: Page) -> list[list[str]]:
    """The blocks of each list that is one thing."""
    around, texts = list_of_blocks(page), block_texts(page)
    return [[words(texts[b]) for b in np.flatnonzero(around == e)] for e in np.unique(around[around >= 0])]


def _stands_in(cells: Sequence[str], line: str) -> bool:
    """Whether a line holds the cells in order, and little else: "score 10" stands in much prose."""
    if 2 * sum(cell.count(" ") - 1 for cell in cells) < line.count(" ") - 1:
        return False
    at = 0
    for cell in cells:
        at = line.find(cell, at)
        if at < 0:
            return False
        at += len(cell) - 1
    return True


def wholes(html: bytes, gold: str, text: str) -> np.ndarray:
    """Tables kept, tables whole, lists kept, lists whole: int64 [4]."""
    page, *_ = cut(charset.decode(html).source)
    wanted, all_words = set(WORD.findall(gold.lower())), words(text)
    lines = [words(line) for line in text.split("\n")]
    count = np.zeros(4, np.int64)

    def in_gold(parts: Sequence[str]) -> bool:
        held = [word in wanted for part in parts for word in part.split()]
        return bool(held) and sum(held) >= 0.9 * len(held)

    for rows in tables(page):
        full = [row for row in rows if len(row) > 1]
        if full and in_gold([cell for row in rows for cell in row]):
            on_line = [any(_stands_in(row, line) for line in lines) for row in full]
            count[:2] += any(on_line), all(on_line)
    for items in lists(page):
        long = [item for item in items if item.count(" ") > 3]
        if len(long) > 1 and in_gold(items):
            there = [item in all_words for item in long]
            count[2:] += any(there), all(there)
    return count


def planted(seed: int = 1, pages: int = 24) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Pages of prose: (formulas or repetitions, HTML, what should stand in the text and how often)."""
    made = []
    for i in range(pages):
        draw = random.Random(seed * 1000 + i)
        topic = draw.choice(sorted(prose.grammar("en")["topics"]))
        article = prose.article("en", topic, draw, 8)
        text = list(article.paragraphs)
        if i % 2:
            line = f"And {article.title.lower()} comes back with the evening tide"
            form = RETURNING[i // 2 % len(RETURNING)]
            body = form(line, text[:6]) + f"<p>{text[7]}</p>"
            wanted = [(line, body.count(line))]
        else:
            tex = draw.sample(TEX, len(TEX))
            notation = NOTATIONS[i // 2 % len(NOTATIONS)]
            body = "".join(
                f"<p>{p} Then {notation(a)} and {notation(b)} hold.</p>"
                for p, a, b in zip(text, tex[::2], tex[1::2], strict=False)
            )
            wanted = [(t, 1) for t in tex]
        html = (
            f"<html><head><title>{article.title}</title></head><body><nav><a href=/>Home</a> <a href=/n>News</a></nav>"
            f"<article><h1>{article.title}</h1>{body}</article><footer><a href=/i>Imprint</a></footer></body></html>"
        )
        made.append(("repetitions" if i % 2 else "formulas", html, wanted))
    return made


def planted_shares(extract: Callable[[bytes, str], str]) -> dict[str, float]:
    """Share of formulas and of repetitions that an engine keeps; white space aside."""
    kept, all_of = {"formulas": 0, "repetitions": 0}, {"formulas": 0, "repetitions": 0}
    for kind, html, wanted in planted():
        text = "".join(extract(html.encode(), "https://example.org/a").split())
        for what, times in wanted:
            all_of[kind] += times
            kept[kind] += min(text.count("".join(what.split())), times)
    return {kind: kept[kind] / all_of[kind] for kind in kept}
