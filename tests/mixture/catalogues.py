"""Catalogues of shards that are nowhere: sources of uneven sizes, in shards of uneven sizes."""

import random
from pathlib import Path

from skypile.config import Curriculum, load_curriculum
from skypile.mixture.catalogue import Shard
from tests.conftest import REPOSITORY

LENGTH = 4096

# Billions of tokens: enough of each for the report's 3.13T at 5 epochs, some hardly.
ENOUGH = {
    "en/web": 2500, "en/book": 150, "en/paper": 80, "en/encyclopedia": 4, "en/miscellany": 100, "zh/web": 2000,
    "zh/social": 120, "zh/encyclopedia": 5.2, "zh/miscellany": 70, "fr/encyclopedia": 30, "de/encyclopedia": 10,
    "und/code": 300, "zh/stem": 11, "en/stem": 9,
}  # fmt: skip


def shipped(**changed) -> Curriculum:
    return load_curriculum(Path(REPOSITORY) / "configs" / "curriculum.toml", **changed)


def shards(billions: dict[str, float], number: int = 200, folder: str = "/data") -> list[Shard]:
    """About `number` shards, at least two of each."""
    rng = random.Random(7)
    found = []
    for what, size in billions.items():
        language, kind = what.split("/")
        parts = [rng.random() + 0.05 for _ in range(max(2, round(number * size / sum(billions.values()))))]
        for at, part in enumerate(parts):
            sequences = int(size * 1e9 * part / sum(parts) / LENGTH)
            name = f"{folder}/{kind}/{language}-{at:05d}"
            found.append(Shard(name, language, kind, sequences, sequences * LENGTH, LENGTH))
    return found
