"""Validation sets from files: a domain a file or folder, cut by language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skypile.errors import Refused
from skypile.text.language import identify
from skypile.tokens.text_files import text_batches, text_files


@dataclass(frozen=True)
class Validation:
    """Held-out texts of one domain in one language (ISO 639-1, or und)."""

    domain: str
    language: str
    texts: tuple[str, ...]


def validation_sets(
    given: Sequence[str], characters: int | None = None, told: Callable[[str], None] = lambda _: None
) -> list[Validation]:
    """Read `PATH` or `DOMAIN=PATH`, in this order; a domain without a name is called after its file or folder.

    JSONL and Parquet have a column text, a .txt file is one text. A path may be a folder of them. Domains given twice
    are one. Within a domain languages are in order of their codes.

    Args:
        given: what to read.
        characters: of a text that are read; None: all.
        told: called with a sentence on each file of which rows were left out.

    Raises:
        Refused, FileNotFoundError: nothing to read there, or no text in it.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for one in given:
        name, path = _named(one)
        by_language = found.setdefault(name, {})
        number = 0
        lost: list[str] = []
        for text in _texts(path, lost.append):
            text = text[:characters]
            if text.strip():
                number += 1
                by_language.setdefault(identify(text).code, []).append(text)
        left_out = (
            f"{path}: {len(lost):,} rows without a text in a column text were left out ({lost[0]})" if lost else ""
        )
        if not number:
            raise Refused(left_out or f"{path} holds no text to validate on")
        if left_out:
            told(left_out)
    return [
        Validation(domain, language, tuple(texts))
        for domain, by_language in found.items()
        for language, texts in sorted(by_language.items())
    ]


def _named(given: str) -> tuple[str, Path]:
    """ "news=a/b.jsonl" -> ("news", a/b.jsonl); "a/b.jsonl" -> ("b", a/b.jsonl)"""
    name, equals, path = given.partition("=")
    if equals and not Path(given).exists():
        return name, Path(path)
    return Path(given).name.split(".")[0], Path(given)


def _texts(path: Path, lost: Callable[[str], None]) -> Iterator[str]:
    plain = sorted(path.rglob("*.txt")) if path.is_dir() else [path] if path.suffix == ".txt" else []
    for file in plain:
        try:
            yield file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"{file} is no UTF-8 ({error}); convert it first") from None
    if plain and not path.is_dir():
        return
    try:
        others = text_files([path])
    except FileNotFoundError:
        if plain:
            return
        raise
    for file in others.values():
        for batch in text_batches(file, lost):
            yield from batch["text"].to_pylist()
