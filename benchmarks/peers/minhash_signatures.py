"""Documents/s from text to 128-permutation signature, one thread, of the peers; prints one JSON line.

python minhash_signatures.py FILE.parquet KIND     (KIND: words or characters; shingles are 5 of them)

Every peer is given its usual way in: a Python list of shingles a document. Shingling is the same plain Python for all.
"""

import json
import re
import sys
import time
from collections.abc import Callable

import pyarrow.parquet as pq
import rensa
from datasketch import MinHash

SECONDS = 4.0  # a way in is timed on as many documents as it manages in about this long


def shingles(text: str, kind: str) -> list[str]:
    tokens = re.findall(r"\w+", text.lower()) if kind == "words" else list(re.sub(r"\W", "", text.lower()))
    joiner = " " if kind == "words" else ""
    return list({joiner.join(tokens[i : i + 5]) for i in range(max(1, len(tokens) - 4))})


def datasketch_default(texts: list[str], kind: str) -> None:
    for text in texts:
        signature = MinHash(num_perm=128)
        for shingle in shingles(text, kind):
            signature.update(shingle.encode())


def datasketch_bulk(texts: list[str], kind: str) -> None:
    MinHash.bulk([[s.encode() for s in shingles(text, kind)] for text in texts], num_perm=128)


def rensa_full(texts: list[str], kind: str) -> None:
    rensa.RMinHash.digests_from_token_sets([shingles(text, kind) for text in texts], num_perm=128, seed=42)


def text_dedup(texts: list[str], kind: str) -> None:
    import numpy as np
    from text_dedup.minhash import RNG, embed_func
    from text_dedup.utils import xxh3_32hash

    if kind == "characters":
        raise ValueError("text-dedup splits at non-word characters: a Chinese text is one token")
    high, prime = np.uint32((1 << 32) - 1), np.uint32((1 << 32) - 5)
    drawn = (RNG.randint(1, prime, size=(128,), dtype=np.uint32), RNG.randint(0, prime, size=(128,), dtype=np.uint32))
    for i, text in enumerate(texts):
        embed_func(
            text, i, num_perm=128, ngram_size=5, min_length=0, hashranges=[(k, k + 6) for k in range(0, 126, 6)],
            permutations=drawn, hash_func=xxh3_32hash, dtype=np.uint32, max_hash=high, modulo_prime=prime,
        )  # fmt: skip


def speed(run: Callable[[list[str], str], None], texts: list[str], kind: str) -> float | str:
    """Documents/s, or why there is none."""
    try:
        run(texts[:5], kind)
    except Exception as error:
        return str(error)
    done, began = 0, time.perf_counter()
    while done < len(texts) and time.perf_counter() - began < SECONDS:
        run(texts[done : done + 50], kind)
        done = min(done + 50, len(texts))
    return done / (time.perf_counter() - began)


def main(path: str, kind: str) -> None:
    texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
    runs = {
        "datasketch default": datasketch_default,
        "datasketch bulk": datasketch_bulk,
        "rensa": rensa_full,
        "text-dedup": text_dedup,
    }
    print(json.dumps({name: speed(run, texts, kind) for name, run in runs.items()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
