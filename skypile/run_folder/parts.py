"""The files of a finished result, their sizes and checksums: a part that is missing, cut or flipped is noticed.

A manifest (of a stage, a deduplication, a packing) and a wave's stamp hold them under "parts":
{path below the folder: [bytes, xxh3 of 64 bits in hex]}. What no manifest or stamp names is no part: an attempt that
died has left it, and nobody reads it.

Cost: sizes take one listing. Checksums take reading: of what this process writes itself they are made on the way (10
GB/s), Spark's files are read back once (2 GB/s from memory).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final

import xxhash
from fsspec import AbstractFileSystem

from skypile.errors import SkypileError
from skypile.run_folder.identity import content_digest
from skypile.runtime import files
from skypile.runtime.process import cores

CHECKED_BYTES: Final = 1 << 30  # what is read is checked to the bit up to this size (0.5 s), above it by its sizes
Parts = dict[str, list[Any]]


class DamagedParts(SkypileError):
    """Parts of a finished result are missing or not what was written."""


class HashedFile(io.RawIOBase):
    """Passes on what is written to `file`, counts and hashes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self._digest = file, 0, xxhash.xxh3_64()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        self.file.write(data)
        self.size += (written := memoryview(data).nbytes)
        return written

    @property
    def entry(self) -> list[Any]:
        """Bytes and checksum so far, as a manifest has them."""
        return [self.size, self._digest.hexdigest()]


def listed(folder: str, below: Sequence[str]) -> dict[str, int]:
    """Sizes of the files in some folders below `folder` ("": itself), by their path in it; hidden ones are left out."""
    fs, path = files.filesystem(folder)
    found = {}
    for name in below:
        if fs.exists(place := f"{path.rstrip('/')}/{name}"):
            for at, details in fs.find(place, detail=True).items():
                inner = at.removeprefix(path).lstrip("/")
                if not files.hidden(inner) and inner != "manifest.json":
                    found[inner] = int(details["size"])
    return found


def entry_of(place: str) -> list[Any]:
    """Bytes and checksum of a file, as a manifest has them."""
    fs, path = files.filesystem(place)
    return [int(fs.size(path)), content_digest(place)]


def summed(folder: str, below: Sequence[str]) -> Parts:
    """Sizes and checksums of the files in some folders below `folder`, read by this process.

    On an object store, over CHECKED_BYTES, there are no checksums (null): reading would cost what writing did.
    """
    sizes = listed(folder, below)
    if "://" in folder and sum(sizes.values()) > CHECKED_BYTES:
        return {name: [size, None] for name, size in sizes.items()}
    return {name: [sizes[name], digest] for name, digest in _digests(folder, list(sizes)).items()}


def problems(
    folder: str, parts: Mapping[str, Sequence[Any]], below: Sequence[str], contents: bool, surplus: bool = True
) -> list[str]:
    """What is wrong with the parts in some folders below `folder`, a sentence each.

    `contents`: read them too. `surplus`: a file that is no part is wrong as well.
    """
    within = tuple(f"{one}/" if one else "" for one in below)
    wanted = {name: entry for name, entry in parts.items() if name.startswith(within)}
    sizes = listed(folder, below)
    wrong = []
    sound = []
    for name, (size, _) in wanted.items():
        if name not in sizes:
            wrong.append(f"{name} is missing")
        elif sizes[name] != size:
            wrong.append(f"{name} has {sizes[name]} bytes, {size} were written")
        else:
            sound.append(name)
    if surplus:
        wrong += [f"{name} was not written by skypile" for name in sizes if name not in wanted]
    if contents:
        sound = [name for name in sound if wanted[name][1] is not None]
        digests = _digests(folder, sound)
        wrong += [f"{name} is not what was written (checksum)" for name in sound if digests[name] != wanted[name][1]]
    return wrong


def affordable(parts: Mapping[str, Sequence[Any]]) -> bool:
    """Whether parts are checked to the bit wherever they are read."""
    return sum(entry[0] for entry in parts.values()) <= CHECKED_BYTES


def refuse(folder: str, wrong: Sequence[str]) -> None:
    """DamagedParts if anything is wrong."""
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DamagedParts(f"{folder}: {wrong[0]}{more}; `skypile verify` lists all, the command that made it mends it")


def _digests(folder: str, names: Sequence[str]) -> dict[str, str]:
    places = [files.join(folder, name) for name in names]
    if len(places) < 4:
        return dict(zip(names, map(content_digest, places), strict=True))
    with ThreadPoolExecutor(cores()) as pool:
        return dict(zip(names, pool.map(content_digest, places), strict=True))


def remove_surplus(folder: str, parts: Mapping[str, Sequence[Any]], below: Sequence[str]) -> None:
    """Remove files that are no parts, and what Spark leaves behind when it is killed."""
    fs, path = files.filesystem(folder)
    for name in listed(folder, below):
        if name not in parts:
            fs.rm_file(f"{path.rstrip('/')}/{name}")
    remove_staging(fs, path, below)


def remove_staging(fs: AbstractFileSystem, path: str, below: Sequence[str]) -> None:
    """Remove the staging folders of Spark jobs that died."""
    for name in below:
        for left in _staging(fs, f"{path.rstrip('/')}/{name}"):
            fs.rm(left, recursive=True)


def _staging(fs: AbstractFileSystem, folder: str) -> Iterator[str]:
    if fs.exists(folder):
        for entry in fs.ls(folder, detail=False):
            if str(entry).rstrip("/").rsplit("/", 1)[-1].startswith((".spark-staging-", "_temporary")):
                yield str(entry)
