"""One crawl through every stage in many ways that must not matter: the digest of each stage should be the same.

    python -m benchmarks.digests [--config FILE] [--ways moved blas-Prescott …] [--keep FOLDER] PATH...

A row a way of running, with the first digits of each stage's digest; what differs from the first row is marked, and
the command ends with 1. The ways: where the crawl lies and how it is named, who runs it in how many pieces, and which
processor: instructions are taken away from each library that chooses its code by them. About 30 s a way for a small
crawl; it is copied for the ways that move it, so take no large one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from skypile import config as settings
from skypile.config import ExtractionConfig
from skypile.crawl.inputs import NAMES_SEPARATOR, plan
from skypile.schema import STAGES

AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
# Instructions by the library that looks for them: BLAS, NumPy's loops, glibc's exp and log, Numba's compiler, Arrow's
# kernels, the JVM's compiler. NumPy names a generation from 2.4 on (X86_V4), and ignores what it does not know.
WITHOUT: dict[str, dict[str, str]] = {
    **{f"blas-{core}": {"OPENBLAS_CORETYPE": core} for core in ("SkylakeX", "Haswell", "Nehalem", "Prescott")},
    "numpy-avx2": {"NPY_DISABLE_CPU_FEATURES": f"X86_V4 {AVX512}"},
    "numpy-sse": {"NPY_DISABLE_CPU_FEATURES": f"X86_V3 X86_V4 AVX2 FMA3 {AVX512}"},
    "glibc-sse": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL,-AVX512BW,-ERMS"},
    "numba-generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "arrow-sse": {"ARROW_USER_SIMD_LEVEL": "NONE"},
    "java-sse": {"JDK_JAVA_OPTIONS": "-XX:UseAVX=0 -XX:-UseFMA -XX:TieredStopAtLevel=4"},
}
OLD_PROCESSOR = {
    name: value
    for way in ("blas-Prescott", "numpy-sse", "glibc-sse", "numba-generic", "arrow-sse", "java-sse")
    for name, value in WITHOUT[way].items()
}


@dataclass(frozen=True)
class Way:
    """How to run. `place`: puts files, {name below the inputs: where it lies}, into a folder; gives the inputs."""

    place: Callable[[dict[str, Path], Path], list[str]] | None = None
    settings: dict[str, Any] = field(default_factory=dict)  # by table
    environment: dict[str, str] = field(default_factory=dict)


def moved(files: dict[str, Path], folder: Path) -> list[str]:
    """Below another root, of another name."""
    return _copied(files, [folder / "elsewhere" / "2031 [crawl]"], folder)


def several(files: dict[str, Path], folder: Path) -> list[str]:
    """Shared among three folders, given last first."""
    return _copied(files, [folder / name for name in ("c", "b", "a")], folder)


def single(files: dict[str, Path], folder: Path) -> list[str]:
    """Each file given by itself, the last first, in a folder of its own; those below a folder with that folder."""
    roots: dict[str, Path] = {}
    for name in sorted(files, reverse=True):
        top = name.split("/")[0]
        roots.setdefault(top, folder / str(len(roots)))
        (target := roots[top] / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], target)
    return [str(root / top if (root / top).is_file() else root) for top, root in roots.items()]


def _copied(files: dict[str, Path], roots: list[Path], folder: Path) -> list[str]:
    for number, (name, path) in enumerate(sorted(files.items())):
        (target := roots[number % len(roots)] / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return [str(root) for root in roots if root.exists()]


def pieces(number: int) -> dict[str, Any]:
    """Settings under which Spark works in `number` partitions, and reads the crawl in waves and splits of 1 MB."""
    conf = {
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.sql.files.maxPartitionBytes": str((4 << 20) // number),
    }
    return {
        "spark": {"master": f"local[{number}]", "shuffle_partitions": number, "conf": conf},
        "extraction": {"split_mb": 1, "wave_mb": 8 / number},
    }


IN_SPARK = {"spark": {"local_mb": 0}}

WAYS: dict[str, Way] = {
    "as-it-is": Way(),
    "moved": Way(moved),
    "several-folders": Way(several),
    "file-by-file": Way(single),
    "in-spark": Way(settings=IN_SPARK),
    **{f"{number}-partitions": Way(settings=pieces(number)) for number in (1, 3, 7)},
    **{name: Way(environment=environment) for name, environment in WITHOUT.items()},
    "all-at-once": Way(single, {"spark": pieces(7)["spark"] | IN_SPARK["spark"]}, OLD_PROCESSOR),
}


def digests(paths: Sequence[str], way: Way, folder: Path, table: dict[str, Any]) -> dict[str, str]:
    """Digest of each stage of a run under `folder`, over `paths`, with the tables of settings `table`."""
    folder.mkdir(parents=True)
    given = [str(Path(path).absolute()) for path in paths]
    if way.place:
        given = way.place(_files(given), folder / "crawl")
    changed = table | {name: table.get(name, {}) | values for name, values in way.settings.items()}
    (folder / "config.toml").write_text(settings.dumps(settings.parse(changed)), encoding="utf-8")
    command = [sys.executable, "-m", "skypile.cli", "run", "--config", str(folder / "config.toml")]
    # Its cache knows machine code by the processor that is there, not by the one that is asked for.
    cache = {"NUMBA_CACHE_DIR": str(folder.parent / "numba")} if "NUMBA_CPU_NAME" in way.environment else {}
    done = subprocess.run(
        [*command, "--output", str(folder / "run"), *given],
        env=os.environ | way.environment | cache, cwd=Path(__file__).parent.parent, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return {stage: digest_of(folder / "run", stage) for stage in STAGES}


def digest_of(run: Path, stage: str) -> str:
    """What stands in a stage's manifest."""
    manifest = run / f"{STAGES.index(stage) + 1:02d}_{stage}" / "manifest.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["digest"])


def _files(paths: Sequence[str]) -> dict[str, Path]:
    found = {}
    for split in plan(paths, ExtractionConfig()):
        root = split.uri if split.format == "html" else split.uri.removesuffix(split.source)
        found |= {name: Path(root + name) for name in split.source.split(NAMES_SEPARATOR)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--config", help="settings as for skypile run")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--keep", type=Path, help="folder for the runs, which stay; without it they are removed")
    given = parser.parse_args()
    table = settings.load(given.config).model_dump(exclude_unset=True)
    shown = Table("way", *STAGES)
    first: dict[str, str] = {}
    same = True
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.ways:
            found = digests(given.paths, WAYS[name], (given.keep or Path(temporary)) / name, table)
            first = first or found
            same = same and found == first
            marks = {stage: "" if found[stage] == first[stage] else " <-- differs" for stage in STAGES}
            shown.add_row(name, *(found[stage][:12] + marks[stage] for stage in STAGES))
            print(f"{name}: {'same' if found == first else 'differs'}", file=sys.stderr, flush=True)
    Console().print(shown)
    sys.exit(not same)


if __name__ == "__main__":
    main()
