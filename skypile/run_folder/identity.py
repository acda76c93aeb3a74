"""What makes two inputs the same: their content where that is cheap to read, else what the file system says of them.

A file of up to WHOLE bytes is known by a digest of all of it (xxh3, 3 GB/s from memory), whatever its time of change
and wherever it lies: what was touched or moved is the same, what was edited in place at the same size is not. A larger
one, and one of an input that is large together, is known by its size, its time of change and a digest of SAMPLES
blocks spread over it; an object store's own mark of a version (ETag) goes before both. Not noticed: a large file,
edited in place between the samples, whose time of change was then set back.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xxhash

from skypile.runtime import files

WHOLE: Final = 256 << 20  # 0.1 s
WHOLE_TOGETHER: Final = 1 << 30
MOST_NAMED: Final = 1000  # files whose names a manifest holds, so that the one that changed can be named
SAMPLES: Final = 16
_SAMPLE: Final = 1 << 16
_BLOCK: Final = 256 << 10
_VERSIONS: Final = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "VersionId")
_TIMES: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
GONE: Final = "gone"
_COUNTS: Final = ("files", "bytes")  # of inputs: they say nothing that the files do not


def mark(uri: str, fresh: bool = False) -> str:
    """Size and time of change as the file system gives them, without opening the file; GONE if it is not there.

    `fresh`: ask anew where an object store's listing is at hand.
    """
    try:
        return _mark(_details(uri, fresh))
    except OSError:
        return GONE


def signature(uri: str, whole: int = WHOLE) -> str:
    """What a file is known by; files of over `whole` bytes by samples. GONE or "unreadable" are answers, too."""
    try:
        details = _details(uri)
        size = int(details["size"] or 0)
        version = next((str(details[name]) for name in _VERSIONS if details.get(name)), None)
        if version:
            return f"{size} version {version}"
        if size <= whole:
            return f"{size} xxh3 {content_digest(uri)}"
        return f"{_mark(details)} samples {_sampled(uri, size)}"
    except FileNotFoundError:
        return GONE
    except PermissionError:
        return "unreadable"


def tree_signature(uri: str) -> str:
    """What a file, or a folder with all below it, is known by."""
    fs, path = files.filesystem(uri)
    if not fs.isdir(path):
        return signature(uri)
    digest = hashlib.sha256()
    for found in sorted(fs.find(path)):
        name = found.removeprefix(path.rstrip("/"))
        if not files.hidden(name.lstrip("/")):
            digest.update(f"{name}\0{signature(str(fs.unstrip_protocol(found)))}\n".encode("utf-8", "surrogateescape"))
    return f"folder {digest.hexdigest()}"


def named_files(paths: Sequence[str]) -> dict[str, str]:
    """What every file that `paths` name (files, folders, globs) is known by, under its own name, or its path where
    several have that name. What is not there, is not there: whoever reads it says so."""
    found: list[str] = []
    for given in paths:
        fs, path = files.filesystem(given)
        roots = [path] if fs.exists(path) else sorted(fs.glob(path))
        for root in roots:
            below = sorted(fs.find(root)) if fs.isdir(root) else [root]
            shown = (one for one in below if one == root or not files.hidden(one.removeprefix(root).lstrip("/")))
            found += [str(fs.unstrip_protocol(one)) if "://" in given else one for one in shown]
    sizes = [int(_details(uri)["size"] or 0) for uri in found]
    whole = WHOLE if sum(sizes) <= WHOLE_TOGETHER else 0
    last = Counter(uri.rpartition("/")[2] for uri in found)
    known = ((uri if last[name := uri.rpartition("/")[2]] > 1 else name, signature(uri, whole)) for uri in found)
    return dict(known) if len(found) <= MOST_NAMED else {"files": fingerprint_of(known)}


def content_digest(uri: str) -> str:
    """xxh3 (64 bits, hex) of a whole file."""
    digest = xxhash.xxh3_64()
    block = memoryview(bytearray(_BLOCK))
    with files.open_uri(uri) if "://" in uri else Path(uri).open("rb", buffering=0) as file:
        while size := file.readinto(block):  # type: ignore[attr-defined]
            digest.update(block[:size])
    return digest.hexdigest()


def _sampled(uri: str, size: int) -> str:
    digest = xxhash.xxh3_64()
    with files.open_uri(uri) as file:
        for number in range(SAMPLES):
            file.seek(max(0, size - _SAMPLE) * number // (SAMPLES - 1))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _details(uri: str, fresh: bool = False) -> dict[str, Any]:
    if "://" not in uri:
        found = Path(uri).stat()
        return {"size": found.st_size, "mtime": found.st_mtime_ns}
    fs, path = files.filesystem(uri)
    if fresh:
        fs.invalidate_cache(path)
    return dict(fs.info(path))


def _mark(details: Mapping[str, Any]) -> str:
    time = next((details[name] for name in (*_VERSIONS, *_TIMES) if details.get(name) is not None), None)
    return f"{details['size']} changed {time}"


def difference(old: Mapping[str, Any], new: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str | None:
    """In words, what differs between two descriptions of what a result is made from; None if nothing does.

    Tables `settings`, `inputs` and `code` of plain values, which may hold tables themselves.

    >>> difference({"settings": {"bins": 5}, "inputs": {}}, {"settings": {"bins": 4}, "inputs": {}})
    'bins was 5, now 4'
    >>> difference({"inputs": {"word list a.txt": "1"}}, {"inputs": {"word list a.txt": "2"}})
    'word list a.txt changed'
    """
    found = list(_differences(old, new))
    if not found:
        return None
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for table in ("code", "settings", "inputs"):
        between = "." if table == "settings" else " "
        before, now = _flat(old.get(table) or {}, between), _flat(new.get(table) or {}, between)
        for key in [*now, *(key for key in before if key not in now)]:
            if before.get(key) == now.get(key) or (table == "inputs" and key in _COUNTS):
                continue
            if table == "settings" or isinstance(now.get(key, before.get(key)), int):
                yield f"{key} was {before.get(key)}, now {now.get(key)}"
            elif table == "code":
                yield f"{key} changed"
            elif key not in before:
                yield f"{key} is new"
            else:
                yield f"{key} {'changed' if key in now else 'is gone'}"


def _flat(table: Mapping[str, Any], between: str, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, between, f"{name}{between}") if isinstance(value, Mapping) else {name: value}
    return flat


def fingerprint_of(pairs: Iterable[tuple[str, str]]) -> str:
    """One digest of names and what the files under them are known by, in any order; a pair that repeats counts once
    if it follows itself."""
    found, last = 0, None
    for pair in pairs:
        if pair != last:
            line = f"{pair[0]}\0{pair[1]}".encode("utf-8", "surrogateescape")
            found ^= int.from_bytes(hashlib.sha256(line).digest())
        last = pair
    return f"{found:064x}"
