"""Pages with no site around them, made from labelled ones: on real ones the text always has a menu to stand out from.

Two kinds, drawn from the page's id. `cut`: the smallest element that holds the page's gold text, in its own markup,
with or without its class names. `written`: the gold text anew, as paragraphs, between double line breaks, as one <pre>,
as text without any element, or its longest paragraph alone. The letters of a third of both are exchanged, within the
alphabet or for Greek or Cyrillic ones, so that the text's words are none that the model knows.
"""

import html
import random
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from skypile.classifiers.extraction.labels import is_chinese, shingles
from skypile.crawl import charset
from skypile.extraction.engines import JUNK

MIN_GOLD = 300  # characters
NOT_TEXT = ("script", "style", "noscript", "svg", "iframe", "template")
LETTERS, VOWELS = "bcdfghjklmnpqrstvwxz", "aeiouy"
GREEK, CYRILLIC = "βγδζθκλμνξπρστφχψςϑϕ" + "αεηιου", "бвгджзклмнпрстфхцчшщ" + "аеиоуы"


def bare_pages(rows: Iterator[dict], every: int) -> Iterator[dict]:
    """Rows like those of the evaluation files, one for every n-th row that has enough gold text."""
    for row in rows:
        draw = random.Random(zlib.crc32(row["id"].encode()))
        if len(row.get("gold") or "") >= MIN_GOLD and draw.random() * every < 1:
            made = cut(row, draw) if draw.random() < 0.5 else written(row, draw)
            if made:
                yield made


def cut(row: dict, draw: random.Random) -> dict | None:
    """The element that holds the gold text, alone on its page."""
    source = charset.decode(row["html"], None).text.replace("\0", "")
    try:
        tree = lxml_html.document_fromstring(source.encode("utf-8", "replace"), lxml_html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:
        return None
    etree.strip_elements(tree, *NOT_TEXT, etree.Comment, with_tail=False)
    chinese = is_chinese(row["gold"])
    gold = shingles(row["gold"], chinese)
    main, found = tree, len(gold & shingles(tree.text_content(), chinese))
    while True:
        held = [
            (len(gold & shingles(child.text_content(), chinese)), child) for child in main if isinstance(child.tag, str)
        ]
        most, child = max(held, key=lambda pair: pair[0], default=(0, None))
        if child is None or most < 0.95 * found:
            break
        main = child
    if found < 0.7 * len(gold):
        return None
    change = {} if chinese else letters(draw)
    plain = draw.random() < 0.5
    for element in main.iter():
        if plain:
            for name in ("class", "id", "style", "itemprop", "role"):
                element.attrib.pop(name, None)
        if change:
            element.text, element.tail = _changed(element.text, change), _changed(element.tail, change)
    main.tail = None
    body = lxml_html.tostring(main, encoding="unicode")
    title = tree.findtext(".//title") if draw.random() < 0.5 else None
    return _row(row, "cut", body, title, change)


def written(row: dict, draw: random.Random) -> dict:
    """The gold text in the plainest of markup."""
    lines = [line.strip() for line in row["gold"].split("\n") if line.strip()]
    change = {} if is_chinese(row["gold"]) else letters(draw)
    form = draw.randrange(6)
    if form == 4:
        lines = [max(lines, key=len)]
    texts = [html.escape(_changed(line, change) or "") for line in lines]
    if form == 0:
        body = "<br><br>\n".join(texts)
    elif form == 1:
        body = "<pre>" + "\n\n".join(texts) + "</pre>"
    elif form == 2:
        body = "\n".join(texts)
    else:
        body = "".join(f"<p>{text}</p>\n" for text in texts)
    if form == 5:
        body = f"<h1>{texts[0]}</h1><article>{body}</article>"
    return _row(row | {"gold": "\n".join(lines)}, "written", body, None, change)


def letters(draw: random.Random) -> dict[int, str]:
    """What letters become: nothing on two pages of three; consonants stay consonants, so that words look like words."""
    kind = draw.randrange(9)
    if kind > 2:
        return {}
    if kind == 0:
        to = "".join(draw.sample(LETTERS, len(LETTERS))) + "".join(draw.sample(VOWELS, len(VOWELS)))
    else:
        to = GREEK if kind == 1 else CYRILLIC
    return dict(zip(map(ord, LETTERS + VOWELS + (LETTERS + VOWELS).upper()), to + to.upper(), strict=True))


def _changed(text: str | None, change: dict[int, str]) -> str | None:
    return JUNK.sub("", text).translate(change) if text and change else text


def _row(row: dict, kind: str, body: str, title: str | None, change: dict[int, str]) -> dict:
    head = f"<title>{html.escape(_changed(title, change) or '')}</title>" if title else ""
    page = f"<!DOCTYPE html><html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>"
    return {
        "id": f"{kind}/{row['id']}",
        "url": f"http://{urlsplit(row['url']).netloc}/page.html",
        "html": page.encode("utf-8", "replace"),
        "gold": _changed(row["gold"], change),
    }
