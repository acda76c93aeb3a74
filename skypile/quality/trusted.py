"""Trusted texts, and the perplexity models trained on them: Wikipedia dumps, and JSONL, Parquet, WET and .txt files.

The language of a text is identified as a page's is. The first `perplexity.max_trusted` characters of every file, and
of every language, are taken, in the order of the files' names, so that a dump of any size trains in bounded time and
memory.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from skypile.classifiers import dumps
from skypile.config import ExtractionConfig, QualityFilterConfig
from skypile.crawl import inputs
from skypile.crawl.read import read_split
from skypile.errors import Refused
from skypile.quality import perplexity, perplexity_models
from skypile.quality.article_text import article_text
from skypile.runtime import files
from skypile.text.language import identify

DUMP: Final = (".xml", ".xml.bz2", ".xml.gz")
PLAIN: Final = ".txt"


class TrustedTextError(Refused):
    """Trusted texts are not there, or are no texts."""


def train_on_trusted(config: QualityFilterConfig, folder: str) -> list[str]:
    """Train a model of each language that has enough text, and write them to `folder`; notes for the manifest.

    Nothing is written where no language has enough.
    """
    taken = collect(config)
    models, details, notes = {}, {}, []
    for language in sorted({*taken, *config.languages}):
        texts = taken.get(language, [])
        size = sum(map(len, texts))
        said = f"perplexity model, {language}: {len(texts):,} trusted texts of {size:,} characters"
        if size < config.perplexity.min_trusted:
            notes.append(f"{said}; {config.perplexity.min_trusted:,} are needed: none trained")
            continue
        models[language] = perplexity.train(texts)
        details[language] = {"texts": len(texts), "characters": size}
        notes.append(f"{said}, {len(models[language]):,} n-grams")
    if models:
        perplexity_models.save(folder, models, details)
    return notes


def collect(config: QualityFilterConfig) -> dict[str, list[str]]:
    """Trusted texts by language; TrustedTextError if a path holds none."""
    most = config.perplexity.max_trusted
    taken: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for path in config.trusted:
        for text in (text for one in _files(path) for text in _first(_texts(one), most)):
            language = identify(text).code
            if (config.languages and language not in config.languages) or sizes.get(language, 0) >= most:
                continue
            taken.setdefault(language, []).append(text)
            sizes[language] = sizes.get(language, 0) + len(text)
    return taken


def check(path: str) -> None:
    """TrustedTextError or DumpError, which say why, if no file under `path` holds a text. Stops at the first."""
    if not any(True for one in _files(path) for _ in _texts(one)):
        raise TrustedTextError(
            f"quality_filter.trusted: {path} holds no text; give Wikipedia dumps (.xml, .xml.bz2, .xml.gz), .txt, "
            "or JSONL, Parquet or WET with a column text"
        )


def _first(texts: Iterator[str], most: int) -> Iterator[str]:
    """Texts until `most` characters have gone by."""
    gone = 0

    def room(text: str) -> bool:
        nonlocal gone
        gone += len(text)
        return gone - len(text) < most

    return takewhile(room, texts)


def _files(path: str) -> list[str]:
    """The files that a path names, in the order of their names."""
    fs, inner = files.filesystem(path)
    found = sorted(fs.find(inner)) if fs.isdir(inner) else [inner]
    below = inner.rstrip("/")
    shown = [one for one in found if not files.hidden(one.removeprefix(below).lstrip("/"))]
    return [str(fs.unstrip_protocol(one)) if "://" in path else one for one in shown]


def _texts(path: str) -> Iterator[str]:
    """The texts of one file; those without a letter are none."""
    if path.lower().endswith(DUMP):
        articles = (article for piece in dumps.pieces(path) for article in dumps.articles(piece))
        found: Iterator[str] = (article_text(article.text) for article in articles)
    elif path.lower().endswith(PLAIN):
        found = _plain(path)
    else:
        config = ExtractionConfig()
        found = (row.text for split in inputs.plan([path], config) for row in read_split(split, config) if row.text)
    return (text for text in found if text.strip())


def _plain(path: str) -> Iterator[str]:
    with files.open_uri(path) as file:
        try:
            yield file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise TrustedTextError(f"quality_filter.trusted: {path} is no UTF-8 text ({error}); convert it") from None
