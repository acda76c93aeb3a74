"""Which files are read, under which names, in which pieces.

A record's id is made of its file's name, so a name must hold what the user names and nothing of the machine: a
file below a named folder is known by its path from there, a named file by its own name, a match of a glob by what
follows the folders before the first wildcard. Neither the folder's own name nor its place counts, nor the order
of the inputs. Where two inputs would so have a file of one name, all files of both are known by one folder more,
the named folder's own name, and by another if need be: what tells `2024/part` and `2025/part` apart moves with them.

Names come from the listing alone: no file is opened, so a plan costs one listing, 25 µs and 200 bytes of
driver memory a file (a million HTML files: 25 s, 200 MB, of which 17 MB stay). What a file really is, its
reader finds out: a wrong extension does no harm.

A WARC, Parquet or plain JSONL file is cut into byte ranges of split_mb; each reader finds the records that
begin in its range, and the ranges together give what the whole file gives. HTML files go many to a split: a
task for each would cost Spark more than the page.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import fsspec

from skypile.config import ExtractionConfig
from skypile.errors import SkypileError
from skypile.runtime import files

Format = Literal["warc", "jsonl", "parquet", "html", "unknown"]

_COMPRESSED = r"(?:\.gz|\.zst|\.zstd|\.lz4)?"
_FORMATS: Final[tuple[tuple[Format, re.Pattern[str]], ...]] = (
    ("warc", re.compile(rf"\.(?:warc|wet|wat|arc){_COMPRESSED}$", re.IGNORECASE)),
    ("jsonl", re.compile(rf"\.(?:jsonl|ndjson|json){_COMPRESSED}$", re.IGNORECASE)),
    ("parquet", re.compile(r"\.(?:parquet|pq)$", re.IGNORECASE)),
    ("html", re.compile(r"\.(?:html?|xhtml?|shtml)$", re.IGNORECASE)),
)
_WHOLE = re.compile(r"json\w*\.\w+$|\.(?:warc|wet|wat|arc)$", re.IGNORECASE)  # cannot be entered in the middle
_WILDCARD = re.compile(r"[*?\[]")
# An object store takes some 20 ms to open a file (a disk 0.05 ms): 512 of them keep a task near 10 s.
HTML_FILES = 512
NAMES_SEPARATOR = "\0"  # the one character, with the slash, that no file name holds


class InputError(SkypileError):
    """An input path matches nothing, or inputs cannot be told apart; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of the input, for one call of read_split().

    `uri` is the file and `source` its name, with which `uri` ends; bytes [start, end) of its `size` are meant. A
    split of format `html` holds whole files: `uri` is what stands before their names, with a slash at its end,
    `source` the names, separated by NAMES_SEPARATOR, and `size` their sum. With
    `most`, only so many of its first records are read.
    """

    uri: str
    source: str
    format: Format
    start: int
    end: int
    size: int
    most: int | None = None


class _File(NamedTuple):
    path: str  # within its file system, or local
    size: int
    root: str  # the folder from which on the path is the file's name


class _Named(NamedTuple):
    source: str
    path: str
    size: int


def plan(paths: Sequence[str], config: ExtractionConfig) -> list[Split]:
    """Splits of all files that `paths` name, sorted by source. Raises InputError.

    A path is a file, a folder (read with all below it) or a glob, local or a URI (s3a://, hdfs://). Files and
    folders whose name begins with a dot or underscore are not inputs (as in Spark).
    """
    if not paths:
        raise InputError("no input path; give files, folders or globs")
    found: dict[str, _File] = {}
    prefixes = set()
    for path in paths:
        prefix, listed = _list(path)
        prefixes.add(prefix)
        before = len(found)
        for file in listed:
            if file.path in found:
                raise InputError(f"{prefix}{file.path} is named twice by the input paths {list(paths)}")
            found[file.path] = file
        if len(found) == before:
            raise InputError(f"input {path!r} matches no file; {_why(path)}")
    if len(prefixes) > 1:
        raise InputError(f"inputs lie on several file systems {sorted(prefixes)}; run them apart")
    return list(_splits(prefixes.pop(), _named(list(found.values())), config.split_mb << 20))


def _named(found: list[_File]) -> list[_Named]:
    """The files with their names, sorted by them. No two are alike, and the order of `found` does not show."""
    begins = {file.root: len(file.root.rstrip("/")) + 1 for file in found}  # where in a path its name begins
    more = dict.fromkeys(begins, 0)  # folders that stand in front
    while len(begins) > 1:
        owner: dict[str, str] = {}
        alike: dict[str, set[str]] = {}
        for path, _, root in found:
            if (other := owner.setdefault(name := path[begins[root] :], root)) != root:
                alike.setdefault(name, {other}).add(root)
        if not alike:
            break
        least = {roots: min(more[root] for root in roots) for roots in map(frozenset, alike.values())}
        for root in {root for roots, fewest in least.items() for root in roots if more[root] == fewest}:
            begins[root] = root.rfind("/", 0, max(begins[root] - 1, 0)) + 1
            more[root] += 1
    return sorted(_Named(path[begins[root] :], path, size) for path, size, root in found)


def _splits(prefix: str, found: list[_Named], split_bytes: int) -> Iterator[Split]:
    groups: dict[str, tuple[list[str], int]] = {}  # of HTML files, by what stands before their names
    for source, path, size in found:
        sort = format_of(source)
        if sort != "html":
            yield from divided(Split(prefix + path, source, sort, 0, size, size), split_bytes)
            continue
        before = prefix + path.removesuffix(source)
        names, total = groups.pop(before, ([], 0))
        if names and (total + size > split_bytes or len(names) >= HTML_FILES):
            yield _group(before, names, total)
            names, total = [], 0
        names.append(source)
        groups[before] = names, total + size
    for before, (names, total) in groups.items():
        yield _group(before, names, total)


def divided(split: Split, split_bytes: int) -> Iterator[Split]:
    """A split in pieces of at most `split_bytes`, if the format allows; together they give the same records."""
    rest: Split | None = split
    while rest is not None:
        piece, rest = cut(rest, split_bytes)
        yield piece


def cut(split: Split, size: int) -> tuple[Split, Split | None]:
    """About the first `size` bytes of a split, as far as the format can be cut, and the rest.

    >>> piece, rest = cut(Split("/a.warc.gz", "a.warc.gz", "warc", 0, 30, 30), 12)
    >>> (piece.start, piece.end), (rest.start, rest.end)
    ((0, 12), (12, 30))
    """
    if split.most is not None:  # its first records are known to no one who begins in its middle
        return split, None
    if split.format == "html":
        sources = split.source.split(NAMES_SEPARATOR)
        number = min(max(1, len(sources) * size // max(split.size, 1)), len(sources))
        part = split.size * number // len(sources)
        piece, rest = _group(split.uri, sources[:number], part), _group(split.uri, sources[number:], split.size - part)
        return piece, rest if number < len(sources) else None
    middle = split.start + size
    if middle >= split.end or split.format == "unknown" or _WHOLE.search(split.source):
        return split, None
    return replace(split, end=middle), replace(split, start=middle)


def _group(root: str, names: list[str], size: int) -> Split:
    return Split(root, NAMES_SEPARATOR.join(names), "html", 0, size, size)


def format_of(name: str) -> Format:
    """Format by extension; unknown for one that says nothing.

    >>> format_of("CC-MAIN-2024.warc.wet.gz"), format_of("a.jsonl.zst"), format_of("README")
    ('warc', 'jsonl', 'unknown')
    """
    return next((sort for sort, pattern in _FORMATS if pattern.search(name)), "unknown")


def _list(path: str) -> tuple[str, Iterator[_File]]:
    """Scheme prefix and files of one input path."""
    scheme, separator, _ = path.partition("://")
    if not separator:
        local = str(os.path.abspath(path))  # noqa: PTH100  (absolute() keeps "..", which would break names)
        fs = fsspec.filesystem("file")
        return "", _list_in(fs, local, fs.exists(local))
    fs, inner = files.filesystem(path)
    prefix = scheme + separator
    if scheme == "hdfs":  # its paths leave out the host
        host = path[len(prefix) :].split("/", 1)[0]
        prefix += host
    return prefix, _list_in(fs, inner.rstrip("/"), fs.exists(inner))


def _list_in(fs: fsspec.AbstractFileSystem, path: str, exists: bool) -> Iterator[_File]:
    if exists and fs.isdir(path):
        return _walk(fs, path, path)
    if exists:
        return iter([_File(path, fs.size(path) or 0, path.rpartition("/")[0])])
    wildcard = _WILDCARD.search(path)
    if wildcard is None:
        return iter(())
    return _matches(fs, path, path[: wildcard.start()].rpartition("/")[0])


def _matches(fs: fsspec.AbstractFileSystem, pattern: str, root: str) -> Iterator[_File]:
    for path, entry in fs.glob(pattern, detail=True).items():
        if files.hidden(path.rsplit("/", 1)[-1]):
            continue
        if entry["type"] == "directory":
            yield from _walk(fs, path, root)
        else:
            yield _File(path, entry["size"] or 0, root)


def _walk(fs: fsspec.AbstractFileSystem, folder: str, root: str) -> Iterator[_File]:
    """All files below a folder. Local ones by scandir, which holds one entry at a time, not a folder's dicts."""
    if not isinstance(fs, fsspec.get_filesystem_class("file")):
        for parent, folders, found in fs.walk(folder, detail=True):
            for name in [name for name in folders if files.hidden(name)]:
                del folders[name]
            for name, entry in found.items():
                if not files.hidden(name):
                    yield _File(f"{parent.rstrip('/')}/{name}", entry["size"] or 0, root)
        return
    pending = [folder]
    while pending:
        with os.scandir(parent := pending.pop()) as entries:
            for entry in entries:
                if files.hidden(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file():
                    yield _File(entry.path, entry.stat().st_size, root)


def _why(path: str) -> str:
    if _WILDCARD.search(path):
        return "the pattern fits none (quote it, so that the shell does not expand it)"
    if "://" not in path and os.path.isdir(path):  # noqa: PTH112
        return "the folder is empty, or holds only names that begin with a dot or underscore"
    return f"it does not exist, looked for from {os.getcwd()}" if "://" not in path else "it does not exist"  # noqa: PTH109
