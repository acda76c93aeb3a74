"""Benchmarks as files: JSON Lines or Parquet with a question, perhaps choices and an answer, in each row.

The field is `question`; choices are a list `choices` (or one in a struct, as `{"text": [...], "label": [...]}`), or the
columns `A`, `B`, `C`, …; the answer is a text, or the number or letter of a choice. Capitals do not matter, and other
columns are passed over. An item is known by its column `id`, or else by its row, from 0.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from skypile.crawl import inputs
from skypile.errors import Refused
from skypile.runtime import files
from skypile.runtime.parquet_rows import open_parquet
from skypile.text.limits import without_surrogates

MOST_CHARACTERS = 100_000  # of a question; a book is no item
_LETTERS = "abcdefghij"
_ENDING = re.compile(r"\.(?:parquet|pq|jsonl|ndjson|json)(?:\.gz)?$", re.IGNORECASE)
_NAMES = ("id", "question", "text", "choices", "options", "answer")


class Item(NamedTuple):
    """One item of a benchmark."""

    benchmark: str
    name: str
    question: str
    choices: tuple[str, ...] = ()
    answer: str = ""


def read_items(paths: Sequence[str], whole: bool = False) -> list[Item]:
    """All items of the benchmarks in ``paths`` (files, folders, globs), each named after its file, in order.

    ``whole``: a row without a question may have a `text`, which is all of the item. (Where items are searched for, such
    a file is more likely a corpus that was given by mistake.)

    Raises Refused for a file that is neither JSON Lines nor Parquet, a line that is no JSON object, a row without a
    question, and two files of one name.
    """
    found: dict[str, str] = {}
    for path in paths:
        prefix, listed = inputs.listed(path)
        below = [prefix + file.path for file in sorted(listed)]
        chosen = [uri for uri in below if _ENDING.search(uri)]
        if not chosen:
            other = f"; it has {', '.join(below[:3])}" if below else f"; {inputs.why(path)}"
            raise Refused(f"benchmark {path!r} names no .jsonl or .parquet file{other}")
        for uri in chosen:
            name = _ENDING.sub("", uri.rsplit("/", 1)[-1])
            if name in found:
                raise Refused(f"two benchmarks are named {name}: {found[name]} and {uri}; rename one of the files")
            found[name] = uri
    return [item for name, uri in found.items() for item in _items(name, uri, whole)]


def _items(benchmark: str, uri: str, whole: bool) -> Iterator[Item]:
    parquet = re.search(r"\.(?:parquet|pq)$", uri, re.IGNORECASE)
    for number, row in enumerate(_parquet_rows(uri) if parquet else _json_rows(uri)):
        known = {key.casefold(): value for key, value in row.items()}
        question = _text(known.get("question"))
        if whole and not question.strip():
            question = _text(known.get("text"))
        if not question.strip() or len(question) > MOST_CHARACTERS:
            what = "no question" if not question.strip() else f"a question of {len(question):,} characters"
            raise Refused(
                f"{uri}: row {number} (from 0) has {what}; an item needs a column question{' or text' * whole} of 1 to "
                f"{MOST_CHARACTERS:,} characters, and the row has {', '.join(list(row)[:20]) or 'no column'}"
            )
        choices = _choices(known)
        name = known.get("id")
        yield Item(benchmark, str(number if name is None else name), question, choices, _answer(known, choices))


def _json_rows(uri: str) -> Iterator[dict[str, Any]]:
    with files.open_uri(uri) as raw:
        lines = gzip.GzipFile(fileobj=raw) if uri.lower().endswith(".gz") else raw
        number = 1
        try:
            for line in lines:
                if line.strip():
                    row = json.loads(line.decode("utf-8-sig"))
                    if not isinstance(row, dict):
                        raise ValueError(f"a JSON {type(row).__name__}")
                    yield row
                number += 1
        except (ValueError, OSError, EOFError, RecursionError) as error:
            raise Refused(
                f"{uri}: line {number} is no JSON object ({error}); a benchmark has one object a line, "
                'as {"question": "…", "choices": ["…", "…"], "answer": "…"}'
            ) from None


def _parquet_rows(uri: str) -> Iterator[dict[str, Any]]:
    try:
        with files.open_uri(uri) as source, open_parquet(source) as file:
            wanted = [name for name in file.schema_arrow.names if name.casefold() in (*_NAMES, *_LETTERS)]
            for batch in file.iter_batches(1000, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"{uri} is no readable Parquet file: {str(error).splitlines()[0][:200]}") from None


def _choices(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The choices of a row with keys in small letters.

    >>> _choices({"choices": {"label": ["A", "B"], "text": ["tea", "milk"]}}), _choices({"a": "tea", "b": 2})
    (('tea', 'milk'), ('tea', '2'))
    """
    given = row.get("choices")
    given = row.get("options") if given is None else given
    if isinstance(given, Mapping):
        given = given.get("text") or list(given.values())
    if isinstance(given, list | tuple):
        return tuple(_text(value) for value in given if value is not None)
    letters = [row.get(letter) for letter in _LETTERS]
    return tuple(_text(value) for value in letters if value is not None)


def _answer(row: Mapping[str, Any], choices: tuple[str, ...]) -> str:
    """The answer in words: of a number or a letter, the choice that it names."""
    given = row.get("answer")
    if isinstance(given, list | tuple):
        given = given[0] if given else None
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(choices):
        return choices[given]
    text = _text(given).strip()
    at = _LETTERS.find(text.casefold()) if len(text) == 1 else -1
    return choices[at] if 0 <= at < len(choices) else text


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return "" if value is None else without_surrogates(value if isinstance(value, str) else str(value))
