"""What settings name must be there, and can match something, before the first stage begins: hours may lie between."""

import difflib
import importlib.util
from collections.abc import Sequence

from skypile.config import Config, TokensConfig
from skypile.dedup.index_folder import check_index_there
from skypile.errors import SkypileError
from skypile.run_folder.output import check_output
from skypile.runtime import files
from skypile.runtime.java import check_java
from skypile.schema import STAGES


class PreflightError(SkypileError):
    """A file or folder that a setting names is not there, or a language that nothing can be in is asked for."""


def preflight(config: Config, stages: Sequence[str] = STAGES, java: bool = False, inputs: Sequence[str] = ()) -> None:
    """Check what `stages` will need; `java`: whether Java is part of it. Opens what is small, reads no corpus.

    `inputs`: paths of the crawl, which no output may overlap.

    Raises PreflightError, JavaError, IndexMissing, OutputRefused, and the errors of the classifier and the dumps.
    """
    if java:
        check_java()
    for section in ("extraction", "quality_filter"):
        if section in stages:
            _check_languages(f"{section}.languages", getattr(config, section).languages)
    if "distribution_filter" in stages and config.distribution_filter.enabled and config.distribution_filter.model:
        _check_model(config.distribution_filter.model)
    if "distribution_filter" in stages and config.distribution_filter.enabled and config.distribution_filter.centroids:
        from skypile.distribution.centroid_files import read as read_centroids  # only here: it loads the embedder

        read_centroids(config.distribution_filter.centroids, config.distribution_filter.model)
    if "dedup" in stages:
        check_index_there(config.dedup)
    if "quality_filter" in stages:
        _check_quality(config)
    if "shards" in stages and config.tokens.enabled:
        _check_tokens(config.tokens, inputs)


def _check_languages(setting: str, codes: Sequence[str]) -> None:
    from skypile.text.language import CODES  # only here: it loads the identifier's tables

    for code in codes:
        if code not in CODES:
            base = code.lower().replace("_", "-").partition("-")[0]
            near = [base] if base in CODES else difflib.get_close_matches(base, CODES, 1)
            slip = f"did you mean {near[0]!r}? " if near else ""
            raise PreflightError(
                f"{setting} has {code!r}, which no text is ever found to be in; {slip}The codes are ISO 639-1: "
                f"{' '.join(sorted(CODES))}"
            )


def _check_model(path: str) -> None:
    _check_there("distribution_filter.model", path, "the local folder of a sentence-transformers model")
    if importlib.util.find_spec("sentence_transformers") is None:
        raise PreflightError(
            f"distribution_filter.model is {path}, which needs sentence-transformers: pip install 'skypile[models]'"
        )


def _check_quality(config: Config) -> None:
    section = config.quality_filter
    for setting, path, what in (
        ("bad_words", section.bad_words, "a file of words, one a line"),
        ("blocked_hosts", section.blocked_hosts, "a file of hosts, one a line"),
        ("lexicon", section.lexicon_file(), 'a TOML file of terms and weights, or "built-in"'),
    ):
        if path:
            _check_text(f"quality_filter.{setting}", path, what)
    if section.blocked_hosts:
        from skypile.classifiers.host_lists import read_hosts

        read_hosts(section.blocked_hosts, domains=True)
    if section.lexicon_file():
        from skypile.quality.lexicon import LexiconError, lexicon

        try:
            lexicon(section.lexicon)
        except LexiconError as error:
            raise PreflightError(str(error)) from None
    if section.classifier:
        from skypile.classifiers.model import load  # only here: it loads fastText

        _check_there("quality_filter.classifier", section.classifier, "the folder that training wrote")
        load(files.absolute(section.classifier))
    elif section.wikipedia:
        from skypile.classifiers.dumps import check

        for dump in section.wikipedia:
            _check_there("quality_filter.wikipedia", dump, "Wikipedia dumps (pages-articles XML; bz2, gz or plain)")
            check(files.absolute(dump))
    if section.perplexity_model:
        from skypile.quality.perplexity_models import load as load_perplexity

        _check_there("quality_filter.perplexity_model", section.perplexity_model, "a folder of perplexity models")
        load_perplexity(files.absolute(section.perplexity_model))
    else:
        from skypile.quality.trusted import check as check_trusted

        for path in section.trusted:
            _check_there("quality_filter.trusted", path, "Wikipedia dumps, JSONL, Parquet, WET or .txt files")
            check_trusted(files.absolute(path))


def _check_tokens(section: TokensConfig, inputs: Sequence[str]) -> None:
    from skypile.tokens.encoder import default_model_path
    from skypile.tokens.packing import check_end_of_document
    from skypile.tokens.piece_model import load_piece_model

    if section.output:
        check_output(section.output, "tokens", inputs)
    if section.model:
        _check_there("tokens.model", section.model, "a SentencePiece .model")
    model = load_piece_model(section.model or default_model_path())
    if section.end_of_document is not None:
        check_end_of_document(section.end_of_document, model.types)
    elif model.end_of_sentence is None:
        raise PreflightError(f"tokens.model {section.model} names no end of sentence: set tokens.end_of_document")


def _check_text(setting: str, path: str, what: str) -> None:
    _check_there(setting, path, what)
    with files.open_uri(path) as file:
        try:
            file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PreflightError(f"{setting}: {path} is no UTF-8 text ({error}); convert it") from None


def _check_there(setting: str, path: str, what: str) -> None:
    if not files.exists(path):
        raise PreflightError(f"{setting} names {path}, which does not exist ({files.absolute(path)}); give {what}")
