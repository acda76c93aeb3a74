"""Small files and directory listings, local or remote, through fsspec.

Spark writes and reads the Parquet; this is for what surrounds it: inputs that Python workers open
themselves, manifests, logs. `s3a://` and `s3n://` are read as `s3://` (needs s3fs), `hdfs://` goes through
pyarrow (needs libhdfs), so that one path serves both Spark and Python.
"""

import json
import os
import re
import uuid
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.core import url_to_fs

from skypile.errors import Refused

_PARTIAL = re.compile(r"\.\w+\.(json|toml|html)\.[0-9a-f]{8}")  # names that `_partial` gives


def filesystem(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of `uri` and the path within it."""
    for alias in ("s3a://", "s3n://"):
        if uri.startswith(alias):
            uri = "s3://" + uri[len(alias) :]
    try:
        return url_to_fs(uri)
    except ImportError as error:
        raise ImportError(f"reading {uri} needs another package: {error}") from None
    except ValueError as error:  # of fsspec: a scheme it does not know
        raise Refused(f"{uri}: {error}; give a path, or a URI such as s3a://… or hdfs://…") from None


def hidden(name: str) -> bool:
    """Whether a name below an input, or a folder in it, begins with a dot or an underscore: no data, as Spark has it.

    >>> hidden("_SUCCESS"), hidden("a/.b/c.parquet"), hidden("/a/b_c")
    (True, True, False)
    """
    return any(part.startswith((".", "_")) for part in name.split("/"))


def visible_below(fs: fsspec.AbstractFileSystem, folder: str) -> list[str]:
    """Sorted paths of all files in `folder`, a path within `fs`, and below it; what is hidden is left out."""
    return [path for path in sorted(fs.find(folder)) if not hidden(path.removeprefix(folder))]


def parquet_below(fs: fsspec.AbstractFileSystem, folder: str) -> list[str]:
    """Of `visible_below`, what is Parquet by its name."""
    return [path for path in visible_below(fs, folder) if path.endswith(".parquet")]


def open_uri(uri: str, mode: str = "rb") -> IO[bytes]:
    """Open a local path or URI. Local files bypass fsspec, whose wrapper costs a third on small reads."""
    if "://" not in uri:
        return Path(uri).open(mode)
    fs, path = filesystem(uri)
    return fs.open(path, mode)


def join(base: str, *parts: str) -> str:
    """Join with forward slashes; works for paths and URIs."""
    return "/".join([base.rstrip("/"), *parts])


def absolute(uri: str) -> str:
    """`uri` itself if it has a scheme, else the absolute local path (Spark executors have another cwd)."""
    return uri if "://" in uri else str(Path(uri).absolute())


def exists(uri: str) -> bool:
    fs, path = filesystem(uri)
    return bool(fs.exists(path))


def remove_tree(uri: str) -> None:
    """Remove a folder and all below it; nothing happens if it is absent."""
    fs, path = filesystem(uri)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def move_tree(source: str, target: str) -> None:
    """Move a folder within one file system, replacing what stands at `target`."""
    remove_tree(target)
    fs, path = filesystem(source)
    fs.mv(path, filesystem(target)[1], recursive=True)


def list_names(uri: str) -> list[str]:
    """Sorted names in a folder; empty if it is absent."""
    fs, path = filesystem(uri)
    if not fs.exists(path):
        return []
    return sorted(str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False))


def read_json(uri: str) -> dict[str, Any] | None:
    """The JSON object in `uri`, None if there is no such file."""
    try:
        with open_uri(uri) as file:
            found = json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:  # UnicodeDecodeError is one too
        raise Refused(
            f"{uri} is damaged ({error}): remove it, or the folder it is in, and run the command again"
        ) from None
    if not isinstance(found, dict):
        raise Refused(f"{uri} holds a JSON {type(found).__name__} where skypile writes an object: is it another file?")
    return found


def write_text(uri: str, text: str) -> None:
    """Write a whole file so that readers see either nothing or all of it (local: write, sync, rename)."""
    data = text.encode("utf-8")
    if "://" in uri:
        fs, path = filesystem(uri)
        with fs.open(path, "wb") as file:  # object stores publish on close
            file.write(data)
        return
    _partial(Path(uri), data).replace(uri)


def write_json(uri: str, value: dict[str, Any]) -> None:
    write_text(uri, _json_text(value))


def create_json(uri: str, value: dict[str, Any]) -> None:
    """Write a file that must not be there yet; FileExistsError if it is. Of several writers at once, one succeeds.

    On object stores that is a conditional request. A file system that offers none (HDFS through libhdfs) is asked
    first and written to then, which two writers within one second could both pass.
    """
    data = _json_text(value).encode("utf-8")
    if "://" in uri:
        fs, path = filesystem(uri)
        try:
            with fs.open(path, "xb") as file:
                file.write(data)
        except (ValueError, NotImplementedError):
            if fs.exists(path):
                raise FileExistsError(uri) from None
            write_json(uri, value)
        return
    partial = _partial(Path(uri), data)
    try:
        os.link(partial, uri)  # unlike a rename, refuses to replace
    finally:
        partial.unlink()


def _partial(target: Path, data: bytes) -> Path:
    """A file with `data` beside `target`, under a name of its own, safely on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    with partial.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return partial


def remove_partial(folder: str) -> None:
    """Remove what writers of whole files, who were killed, have left in a local folder and two levels below.

    Only for who knows that nobody writes there now.
    """
    if "://" not in folder:
        for below in ("", "*/", "*/*/"):
            for path in Path(folder).glob(f"{below}.*.????????"):
                if _PARTIAL.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _json_text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
