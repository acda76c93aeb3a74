"""Files of repositories, from folders as they lie on a disk, and from JSON lines and Parquet.

A folder is a repository, and everything in it a file of it but what version control keeps; links are passed over, as
what they point to is read where it lies. A folder of nothing but JSON lines or Parquet is data, and so are files and
globs: rows with a path and a content, read as `skypile run` reads them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from skypile.code.names import VERSION_CONTROL, by_name
from skypile.code.rules import Lost
from skypile.config import CodeConfig, ExtractionConfig
from skypile.crawl import inputs
from skypile.crawl.read import read_split
from skypile.errors import Refused
from skypile.run_folder.identity import fingerprint_of, mark, named_files
from skypile.runtime import files
from skypile.schema import FAILED, record_id
from skypile.text.limits import without_surrogates

_DATA: Final = re.compile(r".*\.(?:jsonl|ndjson|parquet|pq|parq)(?:\.(?:gz|zst|bz2|lz4|xz))?", re.IGNORECASE)


class SourceFile(NamedTuple):
    """One file: what it is called and holds, or why it was not read. `body`: bytes, or text that was text before."""

    record_id: str
    path: str
    repo: str
    licence: str | None
    size: int
    body: bytes | str | None = None
    lost: Lost | None = None
    failed: bool = False  # `lost` says what failed, not what a rule dropped


def source_files(paths: Sequence[str], config: CodeConfig) -> Iterator[SourceFile]:
    """Every file that `paths` name, in the order of their names. Raises Refused, InputError."""
    folders, data = _sorted_out(paths)
    names = [path.rstrip("/").rpartition("/")[2] for path in folders]
    if alike := {name for name in names if names.count(name) > 1}:
        raise Refused(f"several folders are named {sorted(alike)}, and a folder's name is its repository's: rename one")
    for path, name in sorted(zip(folders, names, strict=True), key=lambda pair: pair[1]):
        yield from _repository(path, name, config)
    if data:
        yield from _rows(data, config)


def known(paths: Sequence[str]) -> dict[str, str]:
    """What the inputs are known by: data by its content, a repository by the names, sizes and times of its files."""
    folders, data = _sorted_out(paths)
    return named_files(data) | {
        folder: fingerprint_of((path, mark(uri)) for path, uri, _ in _walked(folder)) for folder in sorted(folders)
    }


def _sorted_out(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Folders of repositories, and what holds rows."""
    data: list[str] = []
    folders: list[str] = []
    for path in paths:
        if not (is_folder := _is_folder(path)) and not files.exists(path) and not any(one in path for one in "*?["):
            raise FileNotFoundError(f"no file or folder {path}")
        (folders if is_folder and not _holds_data(path) else data).append(path)
    return folders, data


def _is_folder(path: str) -> bool:
    fs, inner = files.filesystem(path)
    return bool(fs.isdir(inner))


def _holds_data(folder: str) -> bool:
    """Whether a folder has files, and none that is no JSON lines or Parquet."""
    fs, inner = files.filesystem(folder)
    found = False
    for parent, _, names in fs.walk(inner):
        for name in names:
            if files.hidden(f"{parent}/{name}".removeprefix(inner).lstrip("/")):
                continue
            if not _DATA.fullmatch(name):
                return False
            found = True
    return found


def _walked(folder: str) -> Iterator[tuple[str, str, int]]:
    """Path in the folder, address and size of every file, in order; but for version control and links."""
    fs, inner = files.filesystem(folder)
    inner, local = inner.rstrip("/"), "://" not in folder

    def passed_over(parent: str, name: str) -> bool:
        return name in VERSION_CONTROL or (local and Path(parent, name).is_symlink())

    for parent, folders, names in fs.walk(inner, detail=True):
        for name in [name for name in folders if passed_over(parent, name)]:
            del folders[name]
        for name in sorted(names):
            if not passed_over(parent, name):
                full = f"{parent}/{name}"
                address = full if local else str(fs.unstrip_protocol(full))
                yield full.removeprefix(f"{inner}/"), address, int(names[name].get("size") or 0)


def _repository(folder: str, repo: str, config: CodeConfig) -> Iterator[SourceFile]:
    for path, uri, size in _walked(folder):
        found = SourceFile(record_id(f"{repo}/{path}", 0), without_surrogates(path), repo, None, size)
        yield _opened(found, uri, config)


def _opened(found: SourceFile, uri: str, config: CodeConfig) -> SourceFile:
    """The file with its content, if its name and size do not drop it: what goes for them is not read."""
    if (lost := _unread(found, config)) is not None:
        return found._replace(lost=lost)
    try:
        with files.open_uri(uri) as file:
            body = file.read(config.max_bytes + 1)
    except OSError as error:
        return found._replace(lost=Lost("unreadable_file", evidence={"detail": str(error)[:200]}), failed=True)
    return found._replace(body=body, size=len(body))


def _unread(found: SourceFile, config: CodeConfig) -> Lost | None:
    named = by_name(found.path)
    if named is not None:
        return Lost(named.reason, evidence={"name": named.evidence})
    if found.size > config.max_bytes:
        return Lost("too_large", found.size, config.max_bytes)
    return None


def _rows(paths: Sequence[str], config: CodeConfig) -> Iterator[SourceFile]:
    fields = ExtractionConfig(
        text_field=config.content_field,
        html_field="\0",
        url_field="\0",
        max_record_bytes=max(4 * config.max_bytes, 1024),
    )
    for split in inputs.plan(paths, fields):
        for row in read_split(split, fields):
            known: dict[str, Any] = json.loads(row.metadata) if row.metadata else {}
            path, repo, licence = (known.get(f) for f in (config.path_field, config.repo_field, config.license_field))
            text = row.text or ""
            found = SourceFile(
                row.record_id,
                path if isinstance(path, str) else "",
                repo if isinstance(repo, str) else "",
                _licence(licence),
                len(text.encode()),
            )
            if row.verdict == FAILED or (row.reason and row.reason != "empty_body"):
                facts = {"found": row.reason} | (json.loads(row.evidence) if row.evidence else {})
                reason = "missing_field" if row.reason == "missing_field" else "unreadable_file"
                yield found._replace(lost=Lost(reason, row.score, row.threshold, facts), failed=True)
            elif not found.path:
                facts = {"wanted": config.path_field, "found": sorted(known)[:50], "at": f"{row.source}#{row.offset}"}
                yield found._replace(lost=Lost("missing_field", evidence=facts), failed=True)
            elif (lost := _unread(found, config)) is not None:
                yield found._replace(lost=lost)
            else:
                yield found._replace(body=text)


def _licence(value: Any) -> str | None:
    """A licence as data sets have it: a name, or a list of names, of which a file has all."""
    if isinstance(value, list):
        value = " AND ".join(sorted(one for one in value if isinstance(one, str)))
    return value if isinstance(value, str) and value.strip() else None
