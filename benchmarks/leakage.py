"""Does `skypile leakage` tell apart what was trained on a benchmark from what was not? Models with known training.

    python -m benchmarks.leakage [--data ../shared/data] [--seeds 20]
    python -m benchmarks.leakage --share 0.05 --kinds train "train and test" test
    python -m benchmarks.leakage --proxy 1m --items 200 --epochs 6 --documents 100 --shuffles 0 --planted 1 --seeds 5

General text (BBC news and the main texts of WCXB's pages) is sampled for every seed anew, half of its documents or
`--documents` of them. A model is trained on that alone, or with the train items of GSM8K, the test items or both among
the documents, `--epochs` times; "test file" has the test items as one document, in the published order. Three more
samples are the clean models. With `--items` only so many items of each set are used. Printed, for each kind of model:
in how many seeds which signs were seen, and the middle, smallest and largest value of each figure.
"""

import argparse
import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from skypile.leakage.judge import Finding, judge
from skypile.leakage.measure import REFERENCE, TEST, TRAIN, ItemSet, Measured, item_set, measure
from skypile.leakage.order import BETWEEN
from skypile.proxy import ngram
from skypile.proxy.losses import Scorer, Scores
from skypile.tokens.encoder import Encoder

CLEAN = 3
SEQUENCES = 16  # in a batch of a transformer
KINDS: dict[str, tuple[tuple[str, ...], str]] = {
    "neither": ((), ""),
    "train": ((TRAIN,), ""),
    "train and test": ((TRAIN, TEST), ""),
    "test": ((TEST,), ""),
    "test file": ((), TEST),
}
Train = Callable[[str, Sequence[str], int], Scorer]


class NgramModel:
    """An n-gram of order 5 over documents."""

    def __init__(self, name: str, documents: Sequence[str], encoder: Encoder):
        self.name = name
        self._encoder = encoder
        self._model = ngram.train([encoder.encode_batch(documents)], 5, vocabulary=len(encoder))

    def score(self, texts: Sequence[str]) -> Scores:
        ids, offsets = self._encoder.encode_batch(texts)
        nats = -math.log(10) * ngram.text_scores(self._model, (ids, offsets), ends=False)
        return Scores(nats, np.diff(offsets), np.array([len(text.encode()) for text in texts]))


def ngram_trainer(encoder: Encoder) -> Train:
    return lambda name, documents, seed: NgramModel(name, documents, encoder)


def transformer_trainer(size: str, encoder: Encoder, threads: int) -> Train:
    """A transformer that sees its documents once, in their order (`Training` mixes sequences, not what is in them)."""
    import torch

    from skypile.proxy.compact_vocabulary import compact, count
    from skypile.proxy.folder import Proxy, shape_for
    from skypile.proxy.model import SIZES, build
    from skypile.proxy.scoring import ProxyScorer
    from skypile.proxy.sequences import cut
    from skypile.proxy.training import Training, peak_rate, train, warm_up_of
    from skypile.tokens.encoder import default_model_path
    from skypile.tokens.piece_model import load_piece_model

    torch.set_num_threads(threads)
    pieces = load_piece_model(default_model_path())
    end = pieces.end_of_sentence
    assert end is not None

    def trained(name: str, documents: Sequence[str], seed: int) -> Scorer:
        ids, offsets = encoder.encode_batch(documents)
        stream = np.insert(ids, offsets[1:], end)
        vocabulary = compact(pieces, count([stream], len(pieces)), 2, SIZES[size].vocabulary)
        sequences = cut(stream, vocabulary, SIZES[size].context)
        steps = max(1, len(sequences) // SEQUENCES)
        settings = Training(steps, SEQUENCES, peak_rate(SIZES[size]), warm_up_of(steps), seed)
        network = build(shape_for(size, vocabulary), seed)
        for _ in train(network, sequences, settings):
            pass
        return ProxyScorer(Proxy(name, network.eval(), encoder, vocabulary))

    return trained


def documents_of(
    kind: str, general: Sequence[str], number: int, sets: dict[str, ItemSet], share: float, epochs: int, seed: int
) -> list[str]:
    """`number` of the general documents, and the items that this kind has seen, mixed; of items apart a `share`."""
    drawn = random.Random(seed)
    found = drawn.sample(list(general), number)
    apart, whole = KINDS[kind]
    for name in apart:
        texts = list(sets[name].texts)
        found += drawn.sample(texts, round(share * len(texts))) * epochs
    if whole:
        found += [BETWEEN.join(sets[whole].texts)] * epochs
    drawn.shuffle(found)
    return found


def general_texts(data: Path) -> list[str]:
    news = pq.read_table(data / "dedup" / "bbc.parquet", columns=["text"])["text"].to_pylist()
    pages = pq.read_table(data / "extraction" / "wcxb_dev.parquet", columns=["gold"])["gold"].to_pylist()
    return [text for text in [*news, *pages] if text and text.strip()]


def row(kind: str, found: Sequence[Finding]) -> str:
    signs = Counter(sign for one in found for sign in one.signs)
    quiet = sum(not one.signs for one in found)
    names = ", ".join(f"{sign} {number}" for sign, number in sorted(signs.items())) or "none"

    def middle(values: Sequence[float]) -> str:
        return f"{np.median(values):+.3f} ({min(values):+.3f} to {max(values):+.3f})"

    moved = [one.calibrated for one in found if one.calibrated]
    return (
        f"{kind:<15} {len(found)} seeds, quiet {quiet}; signs: {names}\n"
        f"    Δ1 {middle([one.delta1.value for one in found])}, calibrated {middle([one.value for one in moved])}, "
        f"p {min(one.p for one in moved):.1e} to {max(one.p for one in moved):.1e}\n"
        f"    Δ2 {middle([one.delta2.value for one in found])}, without what clean models explain "
        f"{middle([one.split.value for one in found])}, p {min(one.split.p for one in found):.1e} to "
        f"{max(one.split.p for one in found):.1e}\n"
        + "    order, p: "
        + "; ".join(
            f"{n} {min(o.order[n] for o in found):.1e} to {max(o.order[n] for o in found):.1e}" for n in found[0].order
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data")
    parser.add_argument("--proxy", default="ngram", help="or a transformer: 1m (extra models)")
    parser.add_argument("--seeds", type=int, default=20, help="of models that have seen neither")
    parser.add_argument("--planted", type=int, default=3, help="seeds of each kind that has seen something")
    parser.add_argument("--items", type=int, help="of each set, the first; default: all")
    parser.add_argument("--share", type=float, default=1.0, help="of the items that a model has seen")
    parser.add_argument("--epochs", type=int, default=1, help="times that the items are in the documents")
    parser.add_argument("--documents", type=int, help="of general text; default: half of them")
    parser.add_argument("--shuffles", type=int, default=9, help="orders that each run of items is scored in")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--threads", type=int, default=1, help="of a transformer")
    given = parser.parse_args()
    encoder = Encoder.load()
    paths = {TRAIN: "gsm8k_train.jsonl", TEST: "gsm8k_test.jsonl", REFERENCE: "gsm8k_mock.jsonl"}
    sets = {}
    for name, file in paths.items():
        one = item_set(str(given.data / "leakage" / file), lambda texts: np.diff(encoder.encode_batch(texts)[1]))
        sets[name] = ItemSet(one.texts[: given.items], one.tokens[: given.items])
    general = general_texts(given.data)
    train = (
        ngram_trainer(encoder) if given.proxy == "ngram" else transformer_trainer(given.proxy, encoder, given.threads)
    )
    tokens = {name: f"{int(one.tokens.sum()):,} tokens in {len(one.texts):,}" for name, one in sets.items()}
    print(f"{given.proxy}; {len(general):,} general documents; {tokens}; {given.epochs} epochs", flush=True)

    number = given.documents or len(general) // 2

    def measured(kind: str, seed: int, name: str = "") -> Measured:
        documents = documents_of(kind, general, number, sets, given.share, given.epochs, seed)
        return measure(train(name or f"{kind} {seed}", documents, seed), sets, given.shuffles, seed)

    began = time.perf_counter()
    clean = [measured("neither", 1_000 + seed, f"clean {seed}") for seed in range(CLEAN)]
    print(f"{CLEAN} clean models: {time.perf_counter() - began:.0f} s", flush=True)
    for kind in given.kinds:
        seeds = range(given.first, given.first + (given.seeds if kind == "neither" else given.planted))
        found = [one for one in judge([measured(kind, seed) for seed in seeds], clean) if not one.clean]
        print(row(kind, found) + f"\n    {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
