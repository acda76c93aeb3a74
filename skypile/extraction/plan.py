"""What stage 1 is to do, whoever does it: the waves of its input, and when too many pages fail."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from skypile.config import Config, ExtractionConfig
from skypile.crawl import inputs
from skypile.crawl.inputs import NAMES_SEPARATOR, Split
from skypile.crawl.read import first_records
from skypile.errors import SkypileError
from skypile.run_folder import stage_folder
from skypile.run_folder.identity import GONE, MOST_NAMED, fingerprint_of, mark, signature
from skypile.run_folder.output import check_ours, output_folder
from skypile.run_folder.stage_folder import Plan
from skypile.run_folder.stamp import Stamp
from skypile.runtime import files

WHOLE_INPUT = 1 << 30  # bytes that are read to know an input by its content (0.4 s, a thousandth of their extraction)
WHOLE_FILES = 10_000  # files that are opened for it
REMOTE_ASKED = 500  # pieces of a wave on an object store whose files are asked for again, 20 ms each, when it is read
MIN_PAGES_FOR_FAILURE_SHARE = 100


class TooManyFailures(SkypileError):
    """So many pages fail in extraction that the installation, not the pages, is likely at fault."""


@contextmanager
def run_output(run: str, config: Config, paths: Sequence[str] | None = None) -> Iterator[None]:
    """Hold the folder `run` for the pipeline, or for a stage of it (see `output_folder`).

    `paths`: the crawl, where it is read; a folder made from another one is refused, and one made from the same files
    that now lie elsewhere is not. None: for the later stages, which read what is there.
    """

    def moved() -> bool:
        done = stage_folder.manifest(run, "extraction")
        splits = inputs.plan(paths or (), config.extraction)
        known = {key: value for key, value in (done or {}).get("inputs", {}).items() if key != "limit"}
        return known == _identity(splits, _known(splits))

    made_of = None if paths is None else {"inputs": sorted(files.absolute(path) for path in paths)}
    if config.dedup.against and config.dedup.update_index:
        check_ours(config.dedup.against, "index")
    with output_folder(run, "run", [*(paths or ()), *config.files_read()], made_of, moved):
        yield


def planned_splits(paths: Sequence[str], config: ExtractionConfig, limit: int | None = None) -> list[Split]:
    """The splits of all files that `paths` name (`inputs.plan`), or of their first `limit` records.

    The first in the order of the files' names, and in each file that of its records: the same ones each time.
    """
    splits = inputs.plan(paths, config)
    return splits if limit is None else first_records(splits, limit, config)


def extraction_plan(
    splits: Sequence[Split], config: ExtractionConfig, limit: int | None = None
) -> tuple[Plan, list[list[Split]]]:
    """The stage's plan and the splits of each wave. `limit`: as given to `planned_splits`; stands in the manifest.

    Reads the input once if it is at most WHOLE_INPUT bytes.
    """
    waves = _waves(splits, int(config.wave_mb * 2**20))
    known = _known(splits)
    marks = [_marks(wave) for wave in waves]
    identities = [
        fingerprint_of((f"{name} {part.start} {part.end}", known(uri)) for part in wave for uri, name in _sources(part))
        for wave in waves
    ]

    def unsettled(wave: int) -> list[str]:
        return [] if _marks(waves[wave], fresh=True) == marks[wave] else [_changed(waves[wave])]

    identity = _identity(splits, known)
    notes: list[str] = []
    if limit is not None:
        identity = {"limit": limit} | identity
        notes.append(f"only the first {limit:,} records of the input were read (--limit)")
    settings = config.deciding()
    return Plan("extraction", settings, identity, identities, lambda counts: notes, unsettled), waves


def _known(splits: Sequence[Split]) -> Callable[[str], str]:
    """What tells a file of the input from another: its content if all of it is soon read, else samples or less."""
    few = sum(len(_sources(split)) for split in splits if split.start == 0) <= WHOLE_FILES
    if few and sum(split.end - split.start for split in splits) <= WHOLE_INPUT:
        return functools.lru_cache(WHOLE_FILES)(functools.partial(signature, whole=WHOLE_INPUT))
    if few and "://" not in splits[0].uri:
        return functools.lru_cache(WHOLE_FILES)(functools.partial(signature, whole=0))
    return mark


def wave_bytes(waves: Sequence[Sequence[Split]]) -> list[int]:
    """Bytes of input in each wave."""
    return [sum(split.end - split.start for split in wave) for wave in waves]


def _waves(splits: Sequence[Split], most: int) -> list[list[Split]]:
    """Splits grouped, in order, into waves of about `most` bytes of input."""
    groups: list[list[Split]] = [[]]
    size = 0
    for split in splits:
        if groups[-1] and size + split.end - split.start > most:
            groups.append([])
            size = 0
        groups[-1].append(split)
        size += split.end - split.start
    return groups


def _identity(splits: Sequence[Split], known: Callable[[str], str]) -> dict[str, Any]:
    """What makes two inputs the same: the names of their files and what these are known by."""
    number = sum(len(_sources(split)) for split in splits if split.start == 0)
    counts = {"files": number, "bytes": sum(split.end - split.start for split in splits)}
    if number <= MOST_NAMED:
        return counts | {"input": {name: known(uri) for split in splits for uri, name in _sources(split)}}
    return counts | {"the input": fingerprint_of((name, known(uri)) for part in splits for uri, name in _sources(part))}


def _sources(split: Split) -> list[tuple[str, str]]:
    """The files of a split: where each lies, and its name."""
    if split.format != "html":
        return [(split.uri, split.source)]
    return [(split.uri + name, name) for name in split.source.split(NAMES_SEPARATOR)]


def _marks(wave: Sequence[Split], fresh: bool = False) -> str:
    """What the file system says of a wave's files; of too many on an object store, nothing."""
    if wave and "://" in wave[0].uri and len(wave) > REMOTE_ASKED:
        return ""
    return fingerprint_of((uri, mark(uri, fresh)) for split in wave for uri, _ in _sources(split))


def _changed(wave: Sequence[Split]) -> str:
    """Which file of a wave is not as it was listed."""
    for split in wave:
        for uri, source in _sources(split):
            if mark(uri) == GONE:
                return f"{source} vanished"
    return "an input changed"


def check_failures(stamp: Stamp, limit: float) -> None:
    """TooManyFailures if a larger share than `limit` of a wave's pages failed in extraction."""
    failed = {
        reason: stamp["failed"].get(reason, 0) for reason in ("extraction_error", "crash", "timeout", "out_of_memory")
    }
    total = sum(failed.values())
    if stamp["read"] >= MIN_PAGES_FOR_FAILURE_SHARE and total > limit * stamp["read"]:
        raise TooManyFailures(
            f"{total} of {stamp['read']} pages failed in extraction ({failed}): a broken installation is likelier "
            "than that many broken pages; look at the evidence of one of them with `skypile why`"
        )
