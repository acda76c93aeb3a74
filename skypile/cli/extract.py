"""`extract`: one page, from a file, standard input or an archive."""

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from skypile.cli.console import AsJson, ConfigFile, err, print_json
from skypile.errors import SkypileError

if TYPE_CHECKING:
    from skypile.config import ExtractionConfig
    from skypile.crawl.record import Record


class NoSuchRecord(SkypileError):
    """A file holds no record of the given address, id or offset, or several and none was named."""


def extract(
    page: Annotated[
        str,
        typer.Argument(
            help="HTML file, - for standard input, or a file of many records (WARC, WET, JSONL, Parquet); "
            "FILE#OFFSET is the record there",
            metavar="PAGE",
        ),
    ],
    url: Annotated[
        str | None, typer.Option(help="The page's address; in a file of many records, the record with this URL")
    ] = None,
    record: Annotated[str | None, typer.Option(help="In a file of many records, the one with this record id")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Print the main text of one page, as a run extracts it, but in whatever language and however short.

    With --json: all that extraction knows of the page: text, title, language, charset, url, source, offset, verdict
    (kept; dropped or failed, with reason and evidence) and the other columns of the stage.
    """
    from skypile import config as settings
    from skypile.extraction.documents import document

    section = settings.load(config).extraction.model_copy(update={"languages": (), "min_characters": 0})
    found = document(_record(page, url, record, section), section)
    if as_json:
        evidence = found.get("evidence")
        print_json(found | {"evidence": json.loads(evidence) if evidence else {}})
    elif found.get("text"):
        print(found["text"])
    if not found.get("text"):
        from skypile.schema import REASONS

        reason = found["reason"]
        told = f"  {found['evidence']}" if found.get("evidence") else ""
        err.print(f"no text: {reason}: {REASONS[reason]}{escape(told)}", highlight=False)
        raise typer.Exit(1)


def _record(page: str, url: str | None, record: str | None, config: "ExtractionConfig") -> "Record":
    """The record that the arguments name. Raises NoSuchRecord, FileNotFoundError."""
    from skypile.crawl import inputs
    from skypile.crawl.read import read_split
    from skypile.crawl.record import record as new_record

    if page == "-":
        return new_record("-", 0, url=url, body=sys.stdin.buffer.read())
    path, _, offset = page.rpartition("#")
    at = int(offset) if path and offset.isdecimal() and not _there(page) else None
    splits = inputs.plan([page if at is None else path], config.model_copy(update={"split_mb": 1 << 30}))
    if len(splits) > 1 or inputs.NAMES_SEPARATOR in splits[0].source:
        raise NoSuchRecord(f"{page} is a folder or pattern with many files; name one of them")
    records = read_split(splits[0], config)
    first = next(records, None)
    second = next(records, None)
    if first is None:
        raise NoSuchRecord(f"{page} holds no record")
    if second is None and at is None and record is None:  # a page of its own: the option tells its address
        return first._replace(url=url) if url else first
    if at is None and record is None and url is None:
        raise NoSuchRecord(f"{page} holds many records: name one by --url, --record or as {page}#OFFSET")
    everything = itertools.chain([first], [second] if second else [], records)
    chosen = _chosen(everything, Path(path if at is not None else page), at, record, url)
    if chosen is None:
        wanted = [f"offset {at}"] if at is not None else []
        wanted += [f"record id {record}"] if record else []
        wanted += [f"URL {url}"] if url else []
        raise NoSuchRecord(f"no record of {path if at is not None else page} has {' and '.join(wanted)}")
    return chosen


def _there(page: str) -> bool:
    from skypile.runtime import files

    return files.exists(page)


def _chosen(
    records: Iterator["Record"], path: Path, at: int | None, record: str | None, url: str | None
) -> "Record | None":
    """The first record with all that is given."""
    for found, ids in _with_ids(records, path):
        if (at is None or found.offset == at) and (url is None or found.url == url) and (not record or record in ids):
            return found
    return None


def _with_ids(records: Iterator["Record"], path: Path) -> Iterator[tuple["Record", set[str]]]:
    """Records, each with the ids that it has in runs over the file or over any folder around it.

    An id is made of the file's name relative to the input root, of the offset, and of the number of the record at it.
    """
    from skypile.schema import record_id

    parts = path.absolute().parts[1:]
    names = ["/".join(parts[number:]) for number in range(len(parts))]
    last, index = -1, 0
    for found in records:
        index = index if found.offset == last else 0
        while record_id(found.source, found.offset, index) != found.record_id:
            index += 1
        last = found.offset
        yield found, {record_id(name, found.offset, index) for name in names}
