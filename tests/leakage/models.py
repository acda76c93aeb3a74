"""Models and items of which it is known what was trained on what."""

import math
import random
from collections.abc import Mapping, Sequence

import numpy as np

from skypile.leakage.measure import ItemSet
from skypile.proxy import ngram
from skypile.proxy.losses import Scores

NAMES = ("Ada", "Bao", "Chen", "Dora", "Emil", "Fang", "Gita", "Hugo", "Iris", "Jun", "Kofi", "Lena", "Mei", "Nils")
THINGS = ("pears", "kites", "bricks", "stamps", "candles", "ropes", "shells", "loaves", "buttons", "maps", "coins")
PLACES = ("mill", "harbour", "library", "orchard", "station", "market", "bakery", "school")
OTHERS = ("the", "and", "of", "a", "to", "there", "are", "how", "many", "which", "went", "were", "sold", "old", "new")


def items(number: int, seed: str) -> list[str]:
    """Exercises in one style, drawn at random."""
    drawn = random.Random(seed)
    found = []
    for _ in range(number):
        name, other = drawn.sample(NAMES, 2)
        first, second = drawn.randrange(10, 99), drawn.randrange(10, 99)
        thing, place = drawn.choice(THINGS), drawn.choice(PLACES)
        found.append(
            f"{name} brings {first} {thing} to the {place} and {other} brings {second}. How many {thing} are there? "
            f"{name} and {other} bring {first} + {second} = {first + second} {thing}. #### {first + second}"
        )
    return found


def look_alikes(number: int, seed: str) -> list[str]:
    """The same exercises in other words."""
    return [one.replace("How many", "Say how many").replace("bring", "carry") for one in items(number, seed)]


def general(number: int, seed: str) -> list[str]:
    drawn = random.Random(seed)
    words = [
        *NAMES,
        *THINGS,
        *PLACES,
        *["the", "and", "of", "a", "to", "there", "are", "how", "many", "which", "went", "were", "sold", "old", "new"],
    ]
    return [" ".join(drawn.choices(words, k=60)) + "." for _ in range(number)]


def item_sets(train: Sequence[str], test: Sequence[str], reference: Sequence[str]) -> dict[str, ItemSet]:
    given = {"train": train, "test": test, "reference": reference}
    return {
        name: ItemSet(tuple(texts), np.array([len(text) for text in texts], np.int64)) for name, texts in given.items()
    }


class Characters:
    """An n-gram of order 6 over the characters of documents."""

    def __init__(self, name: str, documents: Sequence[str]):
        self.name = name
        self.model = ngram.train([ngram.characters(documents)], 6, vocabulary=128)

    def score(self, texts: Sequence[str]) -> Scores:
        ids, offsets = ngram.characters(texts)
        nats = -math.log(10) * ngram.text_scores(self.model, (ids, offsets), ends=False)
        return Scores(nats, np.diff(offsets), np.array([len(text.encode()) for text in texts]))


class Printed:
    """Loses so much a character on every text of a set, as a table has it."""

    def __init__(self, name: str, losses: Mapping[str, float], sets: Mapping[str, ItemSet]):
        self.name = name
        self.known = {text: losses[of] for of, one in sets.items() for text in one.texts}

    def score(self, texts: Sequence[str]) -> Scores:
        sizes = np.array([len(text) for text in texts])
        return Scores(np.array([self.known[text] for text in texts]) * sizes, sizes, sizes)
