"""Where a command may write: into a folder that is absent, empty, or its own.

A folder is its own if the marker in it says that the same command made it from the same inputs and settings, finished
or not. Anything else is refused by name before work begins, and so is an output that lies in an input or has an input
in it, local or remote, under whatever name. Names that begin with a dot do not count: no command touches them.
"""

import errno
import fnmatch
import os
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from skypile.errors import Refused, SkypileError
from skypile.run_folder.lock import LOCK, locked
from skypile.runtime import files
from skypile.schema import STAGES
from skypile.version import __version__

MARKER: Final = "_skypile.json"
_KINDS: Final = {
    "run": "a run of the pipeline",
    "dedup": "a deduplication",
    "decontamination": "a decontamination",
    "tokens": "token shards",
    "shuffle": "shuffled token shards",
    "sample": "a sample crawl",
    "index": "an index of a corpus",
    "proxy": "a proxy model",
    "citations": "the pages that Wikipedia cites",
    "citation examples": "examples for the citation classifier",
    "classifier": "a citation classifier",
    "parallel": "parallel paragraphs",
    "code": "a corpus of code",
    "mixture": "a plan of a mixture",
}
# Commands besides `skypile run` that write verdicts, by what their markers say.
ALONE: Final = {"dedup": "dedup", "decontamination": "decontaminate", "code": "code"}
TOKENS: Final = "06_tokens"  # token shards in the folder of a run
# Names that say the same as a marker: of stages that jobs wrote one by one, of an index.
_OWN_NAMES: Final = {
    "run": {f"{number:02d}_{stage}" for number, stage in enumerate(STAGES, 1)},
    "index": {"index.json"},
}

Place = tuple[str, str]  # a file system, and a path in it


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM)


class StorageError(SkypileError):
    """The disk is full, or a folder may not be written."""


class OutputRefused(Refused):
    """The output is not ours to write, or input and output overlap."""


def tokens_folder(run: str, output: str | None) -> str:
    """Where the token shards of a run are: `output`, or a folder of the run."""
    return files.absolute(output) if output else files.join(files.absolute(run), TOKENS)


@contextmanager
def output_folder(
    folder: str,
    kind: str,
    inputs: Sequence[str],
    made_of: Mapping[str, Any] | None = None,
    same: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hold `folder` for a command of `kind`; nobody else writes to it meanwhile (FolderLocked).

    `inputs`: files, folders and globs that the command reads. `made_of`: what the folder is made from and with; None
    takes a folder of this kind as it is, and makes none. `same()` may say that what differs only looks different.
    Raises OutputRefused.
    """
    folder = files.absolute(folder).rstrip("/")
    found = check_output(folder, kind, inputs, made_of, same)
    if found is None and made_of is None:
        yield  # whoever needs what is not there says so
        return
    fs, path = files.filesystem(folder)
    with storage_errors(folder):
        fs.makedirs(path, exist_ok=True)
        with locked(folder):
            files.remove_partial(folder)
            found = _marker(folder, kind)  # another may have been quicker
            _check_same(folder, kind, found, made_of, same)
            if made_of is not None and found != (wanted := _described(kind, made_of)):
                files.write_json(files.join(folder, MARKER), wanted)
            yield


def check_output(
    folder: str,
    kind: str,
    inputs: Sequence[str],
    made_of: Mapping[str, Any] | None = None,
    same: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Refuse what `output_folder` would, and write nothing; what the marker in `folder` says, if one is there."""
    check_apart(folder, inputs)
    found = _marker(folder, kind)
    _check_same(folder, kind, found, made_of, same)
    return found


@contextmanager
def storage_errors(folder: str) -> Iterator[None]:
    """StorageError, one sentence, for whatever says below that the disk is full, that `folder` is not to be written, or
    that a file of it is damaged.

    Spark wraps such an error into hundreds of lines; the words of the operating system stand in them.
    """
    try:
        yield
    except Exception as error:
        if beside := re.search(r"Checksum error: (?:file:)?(/\S.*?) at \d+ exp:", str(error)):
            raise StorageError(
                f"{beside[1]} does not fit its checksum in the .crc file beside it; remove both, and the same command "
                "makes them again"
            ) from None
        if re.search(r"CRC checksum verification failed|ChecksumException", str(error)):
            raise StorageError(f"a file in {folder} is not what was written; `skypile verify` names it") from None
        if (trouble := _trouble(error, folder)) is None:
            raise
        raise StorageError(f"writing {folder} failed: {trouble}; mend that, and the same command goes on") from None


def _trouble(error: BaseException, folder: str) -> str | None:
    """The operating system's words, if an error, or one that it came from, is about storage."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (*_FULL, *_FORBIDDEN):
            ours = str(seen.filename or "").startswith(folder)
            if ours or seen.errno in _FULL:
                return f"{os.strerror(seen.errno)}{f' ({seen.filename})' if seen.filename else ''}"
        seen = seen.__cause__ or seen.__context__
    words = "" if isinstance(error, SkypileError) else str(error)
    also = f" (here, or for Spark's temporary files: {place})" if (place := os.environ.get("SPARK_LOCAL_DIRS")) else ""
    return next((said + also for said in map(os.strerror, _FULL) if said in words), None)


def new_file(path: str, inputs: Sequence[str]) -> None:
    """Refuse a single file to be written if it is there already: no marker could say that it is ours."""
    check_apart(path, inputs)
    if files.exists(path):
        raise OutputRefused(f"{path} exists already; give another name, or remove it")


def check_ours(folder: str, kind: str) -> None:
    """Refuse a folder that is neither absent nor empty nor of `kind`; for one that several may write to at once."""
    _marker(folder, kind)


def check_apart(output: str, inputs: Sequence[str]) -> None:
    """Refuse an output that lies in one of the inputs or has one in it."""
    targets = _places(output)
    for given in inputs:
        for target in targets:
            for place in _matched(given, target):
                if place == target:
                    raise OutputRefused(f"{output} is an input, too ({given}); choose another output")
                if _within(place, target):
                    raise OutputRefused(f"the input {given} lies in the output folder {output}; choose another output")
                if _within(target, place):
                    raise OutputRefused(f"the output {output} lies in the input {given}; choose another output")


def _marker(folder: str, kind: str) -> dict[str, Any] | None:
    """What the marker in `folder` says; None where there is nothing. Refuses a folder without one."""
    fs, path = files.filesystem(folder)
    if not fs.exists(path):
        return None
    if not fs.isdir(path):
        raise OutputRefused(f"{folder} is a file; give a folder")
    names = [name for name in files.list_names(folder) if not name.startswith(".") and name != LOCK]
    if MARKER in names and all(name.startswith("_") for name in names):
        return None  # of an attempt that ended before it wrote a result: a mistyped column, say
    if MARKER in names:
        found = files.read_json(files.join(folder, MARKER)) or {}
        if found.get("kind") != kind:
            words = _KINDS.get(found.get("kind", ""), "something else")
            raise OutputRefused(f"{folder} holds {words}, not {_KINDS[kind]}; choose another folder")
        return found
    if _OWN_NAMES.get(kind, set()) & set(names):
        return {"kind": kind, "made_of": None}
    if not names:
        return None
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    raise OutputRefused(f"{folder} is not empty and holds no {kind} of skypile ({shown}); choose another folder")


def _check_same(
    folder: str,
    kind: str,
    found: dict[str, Any] | None,
    made_of: Mapping[str, Any] | None,
    same: Callable[[], bool],
) -> None:
    if found is None or made_of is None or found["made_of"] is None:
        return
    old, new = _flat(found["made_of"]), _flat(_described(kind, made_of)["made_of"])
    differ = [key for key in [*new, *(key for key in old if key not in new)] if old.get(key) != new.get(key)]
    if differ and not same():
        was = "; ".join(f"{key}: {_short(old.get(key))}, now {_short(new.get(key))}" for key in differ[:3])
        raise OutputRefused(f"{folder} holds {_KINDS[kind]} made from something else ({was}); choose another folder")


def _flat(made_of: Mapping[str, Any]) -> dict[str, Any]:
    inner = {name: value for table in made_of.values() if isinstance(table, Mapping) for name, value in table.items()}
    return {name: value for name, value in made_of.items() if not isinstance(value, Mapping)} | inner


def _described(kind: str, made_of: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "skypile": __version__, "made_of": dict(made_of)}


def _short(value: Any) -> str:
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return words if len(words) <= 200 else f"{words[:200]}…"


def _places(uri: str) -> list[Place]:
    """Where `uri` is; a local path by its name, and without the links in it."""
    fs, path = files.filesystem(uri)
    if isinstance(fs, LocalFileSystem):
        return list(dict.fromkeys((("file", os.path.abspath(path)), ("file", os.path.realpath(path)))))  # noqa: PTH100
    return [(_name(fs), posixpath.normpath(path))]


def _name(fs: AbstractFileSystem) -> str:
    """A file system's kind and, where paths leave it out, its host."""
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return f"{protocol}://{fs.storage_options.get('host') or ''}"


def _matched(given: str, target: Place) -> list[Place]:
    """The places that an input names, as far as they matter to `target`."""
    fs, path = files.filesystem(given)
    if not any(mark in path for mark in "*?[") or fs.exists(path):
        return _places(given)
    found = [place for match in fs.glob(path) for place in _places(str(fs.unstrip_protocol(match)))]
    pattern = os.path.abspath(path) if isinstance(fs, LocalFileSystem) else posixpath.normpath(path)  # noqa: PTH100
    name = "file" if isinstance(fs, LocalFileSystem) else _name(fs)
    above = [target[1], *map(str, Path(target[1]).parents)]
    return found + [(name, one) for one in above if _fits(one.split("/"), pattern.split("/"))]  # not there yet


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path fits a glob, both cut at their slashes; ** stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _within(place: Place, folder: Place) -> bool:
    return place[0] == folder[0] and place[1].startswith(folder[1].rstrip("/") + "/")
