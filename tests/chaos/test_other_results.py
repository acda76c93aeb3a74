"""Token shards, their shuffle and a deduplication of files, killed while they write: the same content afterwards."""

import hashlib
import random
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.chaos.attempts import Attempt, Place, finish, kill
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.chaos

Tell = Callable[[str], None]
KILLS = 4
FILES, COPIES = 12, 8  # of the corpus; each of its documents stands in it so often, every time with another ending


@pytest.fixture(scope="module")
def corpus(place: Place) -> Path:
    """Parquet files with the shards of the undisturbed run, COPIES times."""
    folder = place.folder / "corpus"
    shards = ds.dataset(place.undisturbed / "05_shards" / "documents" / "kept=true", format="parquet")
    rows = shards.to_table(columns=["record_id", "text", "url"])
    rows = pa.table(
        {
            "record_id": [f"{i}-{n}" for n in range(COPIES) for i in rows["record_id"].to_pylist()],
            "text": [f"{text}\n{n}" for n in range(COPIES) for text in rows["text"].to_pylist()],
            "url": [f"{url}?{n}" for n in range(COPIES) for url in rows["url"].to_pylist()],
        }
    )
    folder.mkdir()
    each = -(-len(rows) // FILES)
    for number in range(FILES):
        pq.write_table(rows.slice(number * each, each), folder / f"{number:02d}.parquet")
    return folder


def test_killed_while_they_write(place: Place, corpus: Path, chance: random.Random, tell: Tell):
    config = place.folder / "dedup.toml"
    config.write_text(
        f"{(place.folder / 'config.toml').read_text()}[dedup]\nlocal_documents = {0 if place.spark else 200_000}\n"
    )
    packed = place.folder / "tokens"
    pack = ["-m", "skypile.cli", "tokens", "pack", corpus, "--sequence-length", 256, "--validation", 0.1, "--output"]
    if place.spark:
        pack = [REPOSITORY / "jobs" / "tokenization.py", "--shards", corpus, "--sequence-length", 256, "--output"]
    shuffle = ["-m", "skypile.cli", "tokens", "shuffle", packed / "train", "--shards", 16, "--output"]
    dedup = ["-m", "skypile.cli", "dedup", corpus, "--id-column", "record_id", "--config", config, "--output"]
    for name, command in {"tokens": pack, "shuffled": shuffle, "deduplicated": dedup}.items():
        began = time.monotonic()
        finish(place, [*command, place.folder / name])
        _kill(place, command, place.folder / name, time.monotonic() - began, chance, tell)


def _kill(
    place: Place, command: Sequence[object], whole: Path, seconds: float, chance: random.Random, tell: Tell
) -> None:
    """Kill a command as often as KILLS, every other time when so many files are there; then let it end."""
    output = whole.with_name(f"{whole.name} killed")
    files = len(_files(whole))
    for number in range(KILLS):
        attempt = Attempt(place, [*command, output])
        wanted = chance.randrange(files) if number % 2 else 0
        moment = chance.uniform(0.3, 1) * seconds
        while attempt.process.poll() is None:
            if (wanted and len(_files(output, attempt.began)) >= wanted) or time.monotonic() - attempt.clock > moment:
                break
            time.sleep(0.002)
        after, there = time.monotonic() - attempt.clock, len(_files(output, attempt.began))
        everything = [process for processes in attempt.family().values() for process in processes]
        for process in everything if chance.random() < 0.5 else everything[:1]:
            kill(process)
        said = attempt.ended()
        tell(f"{whole.name}, {after:.1f} s, {there} of {files} files written: killed: {said}")
        if said == "it went on":  # it had ended by then
            shutil.rmtree(output)
    finish(place, [*command, output])
    assert _contents(output) == _contents(whole)
    tell(f"{whole.name}: the same content")


def _contents(folder: Path) -> dict[str, list]:
    """The rows of each folder's Parquet files, in any order, as Spark's shuffles bring them; other files' checksums."""
    found: dict[str, list] = {}
    for path in _files(folder):
        name = path.relative_to(folder)
        if path.suffix == ".parquet":
            found.setdefault(str(name.parent), []).extend(pq.ParquetFile(path).read().to_pylist())
        else:  # without the names that Spark gives its jobs
            name_of_any_job = re.sub(r"-\w{8}(-\w{4}){3}-\w{12}", "", str(name))
            found.setdefault(name_of_any_job, []).append(hashlib.sha256(path.read_bytes()).hexdigest())
    return {name: sorted(content, key=str) for name, content in found.items()}


def _files(folder: Path, since: int = 0) -> list[Path]:
    """The files below a folder that were written `since` (ns); papers, which hold times, and checksums are left out."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it was renamed meanwhile
            if path.is_file() and path.suffix not in (".json", ".crc") and path.stat().st_mtime_ns > since:
                found.append(path)
    return found
