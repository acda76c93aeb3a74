"""The encoder where tests are too short: random texts by the million against SentencePiece, and gigabytes in
bounded memory.

    python -m benchmarks.tokenize_stress [--strings 1000000] [--gigabytes 10] [--model M] [--device cpu]

The first half compares ids text by text and stops at the first that differs. The second encodes generated text,
half of it words never seen before, and prints the peak of resident memory as it goes.
"""

import argparse
import random
import resource
import time
from pathlib import Path

import numpy as np
import sentencepiece

from skypile.tokens.encoder import Encoder, default_model_path

BATCH = 20_000
LETTERS = "etaoinshrdlucmf"
MIXTURES = ["any", "pieces", "ranges", "runs"]
# Characters and strings that meet in joins, or that a tokenizer might take for its own: random text is more than
# byte fallback.
SPECIAL = [
    " ", "  ", "▁", "\n", "\r\n", "\t", "\0", "a", "e", "th", "the", "ing", "的", "中国", "，", "。", "é", "e\u0301",
    "\u0301", "👩‍👩‍👧", "🏽", "\u200d", "\ufe0f", "\ufeff", "\ufffd", "\u2028", "<s>", "</s>", "<0x41>", "<unk>",
    "0", "1", "2024", "==", "--",
]  # fmt: skip


def random_text(rng: random.Random, pieces: list[str]) -> str:
    """Up to 150 characters: odd characters and sequences, pieces put together, code points, or repetitions."""
    count = rng.choice((0, 1, 2, 3, 5, 10, 40, 150))
    mixture = rng.choice(MIXTURES)
    if mixture == "any":
        return "".join(rng.choices(SPECIAL, k=count))
    if mixture == "pieces":
        return "".join(rng.choices(pieces, k=count)).replace("▁", " ")
    if mixture == "runs":
        return "".join(rng.choices(rng.choices(SPECIAL, k=2), k=count))
    ranges = ((0x20, 0x7F), (0x4E00, 0x9FFF), (0x0, 0xD800), (0xE000, 0x110000))
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(count))


def compare(encoder: Encoder, reference: sentencepiece.SentencePieceProcessor, strings: int, seed: int) -> None:
    """Raise SystemExit at the first text whose ids differ."""
    rng = random.Random(seed)
    for done in range(0, strings, BATCH):
        texts = [random_text(rng, encoder.model.pieces) for _ in range(min(BATCH, strings - done))]
        ids, offsets = encoder.encode_batch(texts)
        expected = reference.encode(texts)
        lengths = np.array([len(e) for e in expected])
        flat = np.array([i for e in expected for i in e], np.int64)
        if not (np.array_equal(np.diff(offsets), lengths) and np.array_equal(ids, flat)):
            for number, wanted in enumerate(expected):
                if ids[offsets[number] : offsets[number + 1]].tolist() != wanted:
                    raise SystemExit(f"text {done + number} differs: {texts[number]!r}")
    print(f"{strings:,} random texts: ids equal SentencePiece's")


def generate(rng: random.Random, words: list[str], size: int) -> str:
    """About `size` bytes of words, half of them common ones, half made up and never seen again."""
    parts = []
    total = 0
    while total < size:
        common = rng.choices(words, k=400)
        made_up = ["".join(rng.choices(LETTERS + "的一是不了人我在有他", k=rng.randrange(3, 12))) for _ in range(400)]
        parts += [" ".join(pair) for pair in zip(common, made_up, strict=True)]
        total += 400 * 18
    return " ".join(parts)


def flood(encoder: Encoder, gigabytes: float) -> None:
    """Encode generated text, 4 MB a batch; every batch spells the made-up words with its own order of letters."""
    rng = random.Random(0)
    words = [p.replace("▁", " ").strip() for p in encoder.model.pieces[300:] if p.strip("▁ ")]
    base = [generate(rng, words, 40_000) for _ in range(100)]
    done = tokens = batch = 0
    began = time.process_time()
    while done < gigabytes * 1e9:
        # other letters for the same ones make the made-up words new, without the cost of making them up
        table = str.maketrans(LETTERS, "".join(rng.sample(LETTERS, len(LETTERS))))
        texts = [f"{batch}{text.translate(table)}" for text in base]
        ids, _ = encoder.encode_batch(texts)
        tokens += len(ids)
        done += sum(len(text.encode()) for text in texts)
        batch += 1
        if batch % 500 == 1:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{done / 1e9:6.2f} GB  {tokens:,} tokens  peak {peak:.0f} MB", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.process_time() - began
    print(f"{done / 1e9:.2f} GB in {seconds:.0f} s of CPU time, generation included; peak memory {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    encoder = Encoder.load(given.model, device=given.device)
    compare(encoder, sentencepiece.SentencePieceProcessor(model_file=str(given.model)), given.strings, given.seed)
    flood(encoder, given.gigabytes)


if __name__ == "__main__":
    main()
