"""What decides in a stage besides its settings and inputs: our own code, and the packages it calls."""

import functools
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import xxhash

from skypile.version import __version__

# The rooms a stage's rows pass through, and the packages whose releases may change what comes out.
_MADE_BY: Final = {
    "extraction": (("skypile/crawl", "skypile/extraction", "skypile/text"), ("trafilatura", "resiliparse", "eldc")),
    "distribution_filter": (("skypile/distribution", "skypile/text"), ()),
    "dedup": (("skypile/dedup", "skypile/text"), ()),
    "quality_filter": (
        ("skypile/quality", "skypile/text", "skypile/classifiers", "skypile/proxy/ngram"),
        ("fasttext-community", "eldc", "phonenumbers", "tld"),
    ),
    "shards": (("skypile/shards.py", "skypile/recurrence", "skypile/quality/judges.py"), ()),
    "tokens": (("skypile/tokens",), ()),
    "decontamination": (("skypile/decontamination", "skypile/dedup", "skypile/text"), ()),
    "citations": (("skypile/classifiers", "skypile/crawl/url.py"), ("fasttext-community",)),
    "code": (("skypile/code", "skypile/config/code_formats.py", "skypile/dedup", "skypile/text", "skypile/crawl"), ()),
    "mixture": (("skypile/mixture", "skypile/config/curriculum.py", "skypile/tokens/shuffle.py"), ()),
    "parallel": (("skypile/parallel", "skypile/distribution", "skypile/text", "skypile/crawl"), ()),
}
PACKAGES = (
    "skypile",
    "pyspark",
    "pyarrow",
    "trafilatura",
    "resiliparse",
    "fasttext-community",
    "eldc",
)
_ROOT: Final = Path(__file__).parents[2]


@functools.cache
def code(stage: str) -> dict[str, str]:
    """Versions of what makes a stage, for its fingerprint; 3 ms for extraction, the largest."""
    rooms, packages = _MADE_BY[stage]
    digest = xxhash.xxh3_64(__version__.encode())
    for path in sorted(path for room in rooms for path in _sources(f"{_ROOT}/{room}")):
        digest.update(path.removeprefix(str(_ROOT)).encode())
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (half the time of Path.read_bytes)
            digest.update(file.read())
    return {"the code of the stage": digest.hexdigest()} | {name: package_version(name) for name in packages}


def _sources(place: str) -> list[str]:
    """The files below `place` that decide: code, and what was trained or listed."""
    found = [f"{parent}/{name}" for parent, _, names in os.walk(place) for name in names] or [place]
    return [path for path in found if path.endswith((".py", ".npz", ".toml", ".model"))]


@functools.cache
def package_version(name: str) -> str:
    """Version of an installed package; "none" if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def versions() -> dict[str, str]:
    """Python's and the main packages' versions, for the manifest."""
    found = {package: package_version(package) for package in PACKAGES}
    return {"python": sys.version.split()[0]} | {name: number for name, number in found.items() if number != "none"}
