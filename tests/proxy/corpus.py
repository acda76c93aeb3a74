"""Texts of a language that is spoken here alone: words in an order that a model can learn."""

import random

from skypile.proxy.corpora import Document
from skypile.proxy.validation import Validation

NAMES = """river mill stone winter village flour spring water miller wheel morning boat canal gate level market
    bridge harvest barn lantern orchard garden letter window kettle"""
WORDS = NAMES.split()


def text(seed: object, words: int = 300) -> str:
    """Each word is followed by one of three, by which dialect the text is in: 1.6 bits a word, once that is learnt."""
    drawn = random.Random(f"text {seed}")
    dialect = drawn.choice((5, 7, 11, 13, 17, 19))
    at, said = drawn.randrange(len(WORDS)), []
    for _ in range(words):
        said.append(WORDS[at])
        at = (dialect * at + drawn.choice((1, 2, 7))) % len(WORDS)
    return " ".join(said)


def mixed(seed: object, share: float, words: int = 300) -> str:
    """The same with `share` of the words replaced by any."""
    drawn = random.Random(f"mixed {seed}")
    return " ".join(drawn.choice(WORDS) if drawn.random() < share else word for word in text(seed, words).split())


def held_out(texts: int = 20) -> list[Validation]:
    return [Validation("village", "en", tuple(text(f"held out {n}", 100) for n in range(texts)))]


def corpus(pages: int = 120) -> list[Document]:
    """Documents of both corpora."""
    return [Document(str(n), str(n), f"site{n % 9}.example", text(n), text(n)) for n in range(pages)]


def damaged(share: float = 0.05, pages: int = 120) -> list[Document]:
    """Documents that have some wrong words in the corpus after."""
    return [page._replace(after=mixed(page.record_id, share)) for page in corpus(pages)]
