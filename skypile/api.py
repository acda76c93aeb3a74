"""What `import skypile` offers that is not said elsewhere: one page, and a whole run."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skypile import config as settings
from skypile.config import Config
from skypile.runs import Run
from skypile.runtime import files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from skypile.extraction.engines import Engine


@dataclass(frozen=True)
class Page:
    """The main text of a page and what is known of it.

    Attributes:
        text: paragraphs separated by a blank line, list items and table rows on lines of their own, NFC; may be empty.
        title: None if the page has none.
        language: ISO 639-1 code of the text (zh covers both scripts), "und" if unsure.
        language_score: share of the text in that language, 0 to 1.
        charset: what the bytes were decoded with; None where text was given.
        page_type: article, forum, product, …, as the fast engine sees it; None from other engines.
        engine: which one took the text out.
    """

    text: str
    title: str | None
    language: str
    language_score: float
    charset: str | None
    page_type: str | None
    engine: str


def extract(
    html: bytes | str, url: str | None = None, *, content_type: str | None = None, engine: "Engine" = "fast"
) -> Page:
    """The main text of one page, in this process: no limit of time or memory holds here, as it does in a run.

    Examples:
        >>> extract("<title>Tea</title><p>Tea is made of the leaves of a shrub, poured over with hot water.").title
        'Tea'

    Args:
        html: the page, best as the bytes that the server sent: then the charset is found as a browser would.
        url: its address, by which the engine knows links to the same site.
        content_type: the Content-Type header.
        engine: fast, trafilatura, trafilatura-fast or resiliparse.

    Raises:
        ValueError: no such engine; or trafilatura's parser gave up on a page nested thousands of elements deep.
    """
    from skypile.extraction import engines
    from skypile.text import language

    page = engines.extract(html, url, content_type, engine)
    found = language.identify(page.text)
    return Page(page.text, page.title, found.code, found.score, page.charset, page.page_type, page.engine)


def run(
    paths: str | Sequence[str],
    output: str,
    config: Config | str | Path | dict[str, Any] | None = None,
    *,
    spark: "SparkSession | None" = None,
) -> Run:
    """Every stage, from crawl to shards, and the report; what is finished already with the same settings and inputs is
    left as it is.

    Args:
        paths: files, folders or globs of WARC, WET, HTML, JSONL or Parquet, local or remote.
        output: folder of the run.
        config: settings, a TOML file with them, or a dict of its tables; without one the defaults.
        spark: the session to work in; without one a session is started as `config.spark` says, and stopped at the end.

    Raises:
        SkypileError, FileNotFoundError, ValueError: in one sentence, what is wrong with settings, inputs or output.
    """
    from skypile.runtime.sandbox import PAGE_FUNCTION, template

    chosen, folder = _settings(config), files.absolute(output)
    given = [paths] if isinstance(paths, str) else list(paths)
    if forks := spark is None and _forks_safely():
        template(PAGE_FUNCTION)  # loads while this process imports
    from skypile.whole_run import whole_run

    whole_run(given, folder, chosen, spark=spark, forks=forks, stop=True)
    return Run(folder)


def _settings(config: Config | str | Path | dict[str, Any] | None) -> Config:
    if isinstance(config, Config):
        return config
    return settings.parse(config) if isinstance(config, dict) else settings.load(config)


def _forks_safely() -> bool:
    """Whether this process has but one thread: a fork copies none of the others, and whatever lock they hold."""
    return sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) == 1
