"""Benchmarks as files: JSON Lines or Parquet with a question, perhaps choices and an answer, in each row.

The field is `question`; choices are `choices` or `options`, a list of texts or of objects with a text and a label, or
an object (`{"text": [...], "label": [...]}`, `{"A": ..., "B": ...}`), or the columns `A`, `B`, `C`, …; the answer is a
text, or the label, letter or number of a choice. Capitals do not matter, and other columns are passed over. An item is
known by its column `id`, or else by its row, from 0.
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

    Raises Refused for a file that is neither JSON Lines nor Parquet, or holds no item, a line that is no JSON object, a
    row without a question or with one that is no text, and two files of one name.
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
            if found.get(name, uri) != uri:
                raise Refused(f"two benchmarks are named {name}: {found[name]} and {uri}; rename one of the files")
            found[name] = uri
    items: list[Item] = []
    for name, uri in found.items():
        before = len(items)
        items += _items(name, uri, whole)
        if len(items) == before:
            raise Refused(f"{uri} holds no item: it is empty, or has blank lines alone; is it the right file?")
    return items


def _items(benchmark: str, uri: str, whole: bool) -> Iterator[Item]:
    parquet = re.search(r"\.(?:parquet|pq)$", uri, re.IGNORECASE)
    for number, row in enumerate(_parquet_rows(uri) if parquet else _json_rows(uri)):
        known = {key.casefold(): value for key, value in row.items()}
        try:
            question = _text(known.get("question"))
            if whole and not question.strip():
                question = _text(known.get("text"))
            choices = _choices(known)
            answer = _answer(known, choices)
        except ValueError as error:
            raise Refused(f"{uri}: row {number} (from 0): {error}") from None
        if not question.strip() or len(question) > MOST_CHARACTERS:
            what = "no question" if not question.strip() else f"a question of {len(question):,} characters"
            raise Refused(
                f"{uri}: row {number} (from 0) has {what}; an item needs a column question{' or text' * whole} of 1 to "
                f"{MOST_CHARACTERS:,} characters, and the row has {', '.join(list(row)[:20]) or 'no column'}"
            )
        name = known.get("id")
        yield Item(
            benchmark, str(number if name is None else name), question, tuple(filter(None, choices.values())), answer
        )


def _json_rows(uri: str) -> Iterator[dict[str, Any]]:
    with files.open_uri(uri) as raw:
        lines = gzip.GzipFile(fileobj=raw) if uri.lower().endswith(".gz") else raw
        number = 1
        try:
            for line in lines:
                if text := line.decode("utf-8-sig").strip():
                    row = json.loads(text)
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
            names = file.schema_arrow.names
            wanted = [name for name in names if name.casefold() in (*_NAMES, *_LETTERS)]
            if not {"question", "text"} & {name.casefold() for name in names}:
                raise Refused(f"{uri} has no column question; its columns are {', '.join(names[:20])}")
            for batch in file.iter_batches(1000, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"{uri} is no readable Parquet file: {str(error).splitlines()[0][:200]}") from None


def _choices(row: Mapping[str, Any]) -> dict[str, str]:
    """Label -> choice, empty where it has none, of a row with keys in small letters; without labels, letters from A on.

    >>> _choices({"choices": {"label": ["1", "2"], "text": ["tea", "milk"]}}), _choices({"choices": ["tea", 2.0]})
    ({'1': 'tea', '2': 'milk'}, {'a': 'tea', 'b': '2'})
    >>> _choices({"options": [{"label": "B", "text": "tea"}, {"label": "A", "text": "milk"}]})
    {'B': 'tea', 'A': 'milk'}
    """
    given: Any = row.get("choices") or row.get("options") or {letter: row.get(letter) for letter in _LETTERS}
    labels: Any = None
    if isinstance(given, Mapping):
        labels, given = given.get("label", list(given)), given.get("text", list(given.values()))
    elif isinstance(given, list | tuple) and all(isinstance(one, Mapping) for one in given):
        labels = [one.get("label") for one in given]
    values = list(given) if isinstance(given, list | tuple) else [given]
    if (
        not isinstance(labels, list | tuple)
        or None in labels
        or not len({*map(str, labels)}) == len(values) == len(labels)
    ):
        labels = [_LETTERS[at] if at < len(_LETTERS) else at for at in range(len(values))]
    return {str(label): _text(value, "a choice") for label, value in zip(labels, values, strict=True)}


def _answer(row: Mapping[str, Any], choices: Mapping[str, str]) -> str:
    """The answer in words: of a label, a letter or a number from 0, the choice that it names."""
    given = row.get("answer")
    if isinstance(given, list | tuple):
        given = given[0] if given else None
    if isinstance(given, bool):
        return str(given)
    text = _text(given, "the answer").strip()
    labels = {label.casefold(): choice for label, choice in choices.items()}
    if text.casefold() in labels:
        return labels[text.casefold()]
    texts = list(choices.values())
    at = int(text) if isinstance(given, int | float) and text.isdecimal() else -1
    at = _LETTERS.find(text.casefold()) if len(text) == 1 and at < 0 else at
    return texts[at] if 0 <= at < len(texts) else text


def _text(value: Any, what: str = "the question") -> str:
    """A value of a benchmark as text: a whole number without its .0, parts in a list side by side, nothing of NaN.

    Raises:
        ValueError: an object that has no text.

    >>> _text([{"stem": "Two and"}, 2.0, float("nan")])
    'Two and 2'
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        own = next((value[name] for name in ("text", "stem", "value") if name in value), None)
        if own is None:
            raise ValueError(
                f"{what} is an object with {', '.join(map(str, value)) or 'nothing'}, which should be a text"
            )
        return _text(own, what)
    if isinstance(value, list | tuple):
        return " ".join(part for one in value if (part := _text(one, what)))
    if value is None or value != value:  # NaN, as pandas writes what is missing
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return without_surrogates(value if isinstance(value, str) else str(value))
