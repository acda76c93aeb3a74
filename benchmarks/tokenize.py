"""Tokenizers on unseen text, one thread, one sitting: ours against the peers that can load the same vocabulary.

    make bench-tokenize          (or: python -m benchmarks.tokenize [--model M] [--english F] [--chinese F])

In each of three rounds the texts are cut in two by chance: every tokenizer is loaded afresh, warms up on one half
and is measured on the other, which nobody's cache has seen. Figures are MB of UTF-8 a second of CPU time, medians
of the rounds; "cold" is the first 256 KB after loading. Identical ids are checked against SentencePiece. tiktoken
cannot load a SentencePiece vocabulary: it runs Mistral's tekken (130k pieces), so its ids differ by design.

CPython keeps a string's UTF-8 once something has asked for it. SentencePiece runs first and does, so its rounds pay
for that and the others' do not; it is 0.5 (English) to 0.7 ns a byte (Chinese), up to a fifth of what ours takes.

Peers that are not installed are named and left out: pip install -r benchmarks/tokenize_peers.txt
"""

import argparse
import base64
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from itertools import pairwise
from pathlib import Path

for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from skypile.tokens.encoder import Encoder, default_model_path  # noqa: E402
from skypile.tokens.huggingface import write_tokenizer_json  # noqa: E402

ROUNDS = 3
COLD_BYTES = 256 << 10

Encode = Callable[[list[str]], object]
Load = Callable[[], tuple[Encode, Callable[[object], list[list[int]]] | None]]


def ours(model: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        def ids_of(result: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
            ids, offsets = result
            return [ids[a:b].tolist() for a, b in pairwise(offsets)]

        return Encoder.load(model).encode_batch, ids_of

    return load


def sentencepiece_peer(model: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
        return lambda texts: processor.encode(texts, num_threads=1), list

    return load


def tokenizers_peer(file: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.encode_special_tokens = True
        return lambda texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False), lambda r: [e.ids for e in r]

    return load


def fastokens_peer(file: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        import fastokens

        tokenizer = fastokens.Tokenizer.from_file(str(file))
        return lambda texts: tokenizer.encode_batch(texts, add_special_tokens=False), lambda r: [e.ids for e in r]

    return load


def tuetoken_peer(file: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        from tuetoken import Tokenizer

        tokenizer = Tokenizer(str(file))
        return lambda texts: tokenizer.encode_ordinary_batch(texts, num_threads=1), lambda r: [list(e) for e in r]

    return load


def gigatoken_peer(file: Path) -> Load:
    def load() -> tuple[Encode, Callable]:
        import gigatoken

        tokenizer = gigatoken.Tokenizer(str(file))
        return lambda texts: tokenizer.encode_batch(texts, parallel=False), lambda r: r.tolist()

    return load


def tiktoken_peer() -> Load:
    def load() -> tuple[Encode, None]:
        import mistral_common
        import tiktoken

        data = json.loads((resources.files(mistral_common) / "data" / "tekken_240911.json").read_text())
        ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in data["vocab"]}
        encoding = tiktoken.Encoding(
            "tekken", pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={}
        )
        return lambda texts: encoding.encode_ordinary_batch(texts, num_threads=1), None

    return load


def read_texts(path: Path) -> list[str]:
    """Texts of a JSONL or Parquet file (fields text, gold, raw_content) or one plain text file."""
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path)
        field = next(n for n in ("text", "gold") if n in table.schema_arrow.names)
        return [t for t in table.read([field])[field].to_pylist() if t]
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        field = next(n for n in ("text", "raw_content") if n in rows[0])
        return [row[field] for row in rows if row[field]]
    return [part for part in path.read_text(encoding="utf-8").split("\n\n") if part]


def halves(texts: list[str], seed: int) -> tuple[list[str], list[str]]:
    """A half of the texts to warm up on and the other to measure; shuffled, so both are of one kind."""
    texts = list(dict.fromkeys(texts))
    random.Random(seed).shuffle(texts)
    return texts[: len(texts) // 2], texts[len(texts) // 2 :]


def megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def clock(encode: Encode, texts: list[str]) -> tuple[float, object]:
    began = time.process_time()
    result = encode(texts)
    return time.process_time() - began, result


def measure(loads: dict[str, Load], texts: list[str], console: Console) -> dict[str, dict]:
    """Figures by tokenizer; ids are compared with those of the first, which must be sentencepiece."""
    figures: dict[str, dict] = {name: {"load": [], "cold": [], "warm": [], "equal": 0, "texts": 0} for name in loads}
    for seed in range(ROUNDS):
        warm_up, unseen = halves(texts, seed)
        cold = warm_up[: 1 + int(np.searchsorted(np.cumsum([len(t.encode()) for t in warm_up]), COLD_BYTES))]
        truth: list[list[int]] = []
        for name, load in loads.items():
            if name not in figures:
                continue
            row = figures[name]
            try:
                began = time.process_time()
                encode, ids_of = load()
                row["load"].append(time.process_time() - began)
            except Exception as error:  # a peer that is absent or cannot read the vocabulary
                console.print(f"[yellow]{name} left out[/yellow]: {type(error).__name__}: {str(error)[:200]}")
                del figures[name]
                continue
            row["cold"].append(megabytes(cold) / clock(encode, cold)[0])
            encode(warm_up)
            seconds, result = clock(encode, unseen)
            row["warm"].append(megabytes(unseen) / seconds)
            if ids_of is not None:
                ids = list(map(list, ids_of(result)))
                truth = truth or ids
                row["equal"] += sum(map(list.__eq__, ids, truth))
            row["texts"] += len(unseen)
    for row in figures.values():
        row |= {key: statistics.median(row[key]) for key in ("load", "cold", "warm")}
    return figures


def show(title: str, figures: dict[str, dict], console: Console) -> None:
    table = Table("tokenizer", "warm MB/s", "x SentencePiece", "cold MB/s", "load s", "identical ids", title=title)
    base = figures["sentencepiece"]["warm"]
    for name, row in sorted(figures.items(), key=lambda item: -item[1]["warm"]):
        equal = "own vocabulary" if name.startswith("tiktoken") else f"{row['equal']:,} of {row['texts']:,}"
        table.add_row(
            name,
            f"{row['warm']:.1f}",
            f"{row['warm'] / base:.1f}",
            f"{row['cold']:.1f}",
            f"{row['load']:.2f}",
            equal,
        )
    console.print(table)


def main() -> None:
    shared = Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--english", type=Path, nargs="+", default=[shared / "extraction" / "wcxb_dev.parquet"])
    parser.add_argument(
        "--chinese",
        type=Path,
        nargs="+",
        default=[
            shared / name
            for name in (
                "quality/zh_clean.jsonl",
                "quality/zh_raw.jsonl",
                "extraction/zh_dev.parquet",
                "dedup/zh_reviews.parquet",
            )
        ],
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    console = Console()
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tokenizer.json")
        write_tokenizer_json(given.model, file)
        loads = {
            "sentencepiece": sentencepiece_peer(given.model),
            "skypile": ours(given.model),
            "tokenizers": tokenizers_peer(file),
            "fastokens": fastokens_peer(file),
            "tuetoken": tuetoken_peer(file),
            "gigatoken": gigatoken_peer(file),
            "tiktoken (tekken)": tiktoken_peer(),
        }
        ours(given.model)()  # compiles the loops, the first time on a machine
        for language, paths in (("English", given.english), ("Chinese", given.chinese)):
            texts = [text for path in paths for text in read_texts(path)]
            figures = measure(loads, texts, console)
            show(f"{language}, {given.model.name}, {megabytes(texts):.1f} MB, one thread", figures, console)
            result[language] = figures
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
