"""Training and scoring n-gram models of order 5 on one core: ours beside KenLM's lmplz and irstlm's tlm.

    make bench-ngram          (or: python -m benchmarks.ngram [--tokens 1 10] [--memory 2] [--peers 10])

The stream is real text, English and Chinese, through skypile's own vocabulary, document after document. Where more
tokens are asked for than there are, it goes on as text mixed from itself: from time to time it jumps to another place
where the same two tokens stood, so that new longer n-grams keep coming. Each contestant is a process of its own, on one
core; seconds are of CPU (user and system) and of the clock, the peak is of resident memory. Ours is timed after its
machine code is loaded, and without reading the stream; the others read text, as they do. Peers that are not on the
PATH are left out: tlm is in Debian's irstlm, lmplz is built from KenLM's source.

KenLM's published figure (Heafield et al. 2013): 126 billion tokens in 2.8 days, 0.52 million tokens a second, on a
machine of 140 GB.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numba  # noqa: E402
import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.tokenize import read_texts  # noqa: E402
from skypile.proxy import ngram  # noqa: E402
from skypile.tokens.encoder import Encoder, default_model_path  # noqa: E402

MILLION = 1_000_000
HELD_OUT = 500_000
TLM = shutil.which("tlm", path=f"{os.environ.get('PATH', '')}:/usr/lib/irstlm/bin")
LMPLZ = shutil.which("lmplz")


def real_tokens(data: Path) -> ngram.Texts:
    """All texts of the shared data, in an order that mixes the sources."""
    names = (
        "extraction/wcxb_dev.parquet",
        "extraction/mixed_dev.parquet",
        "extraction/zh_dev.parquet",
        "dedup/bbc.parquet",
        "dedup/zh_reviews.parquet",
        "quality/zh_clean.jsonl",
        "quality/zh_raw.jsonl",
        "quality/human_quality_en.jsonl",
    )
    texts = list(dict.fromkeys(text for name in names if (data / name).exists() for text in read_texts(data / name)))
    np.random.default_rng(1).shuffle(texts)
    return Encoder.load(default_model_path()).encode_batch(texts)


@numba.njit(cache=True)
def _mixed(ids, ranked, ranks, firsts, lasts, tokens, jump_chance, seed):
    """ranked: places by the two tokens there; ranks: the inverse; firsts and lasts: of the ranks of equal ones."""
    np.random.seed(seed)
    out = np.empty(tokens, ids.dtype)
    place = 0
    for i in range(tokens):
        out[i] = ids[place]
        if np.random.random() < jump_chance:
            rank = ranks[place]
            place = ranked[np.random.randint(firsts[rank], lasts[rank] + 1)]
        place = place + 1 if place + 1 < len(ranks) else 0
    return out


def stream(data: Path, tokens: int) -> tuple[np.ndarray, np.ndarray, int]:
    """`tokens` ids, those held out, and how many of the first are real; the end of document, 0, behind each text."""
    ids, offsets = real_tokens(data)
    ids = np.insert(ids, offsets[1:], 0)
    held_out, ids = ids[:HELD_OUT], ids[HELD_OUT:]
    if tokens <= len(ids):
        return ids[:tokens], held_out, tokens
    pairs = ids[:-1].astype(np.int64) << 32 | ids[1:]
    ranked = np.argsort(pairs, kind="stable")
    firsts, lasts = (np.searchsorted(pairs[ranked], pairs[ranked], side) for side in ("left", "right"))
    mixed = _mixed(ids, ranked, np.argsort(ranked), firsts, lasts - 1, tokens - len(ids), 0.25, 1)
    return np.concatenate([ids, mixed]), held_out, len(ids)


def ours(path: str, memory: int, held_out: str) -> None:
    """Train and score in this process; prints figures."""
    ngram.score(ngram.train(ngram.cut(np.load(held_out)[:1000], 0)), np.arange(9))
    ids = np.load(path)
    began, cpu = time.perf_counter(), time.process_time()
    counts = ngram.count(ngram.cut(ids, 0), memory=memory)
    counted = time.process_time() - cpu
    model = ngram.estimate(counts)
    trained, clock = time.process_time() - cpu, time.perf_counter() - began
    held = next(ngram.cut(np.load(held_out), 0))
    cpu = time.process_time()
    ngram.score(model, *held)
    scored = (time.process_time() - cpu) / len(held[0])
    print(
        json.dumps({"counted": counted, "cpu": trained, "clock": clock, "score_rate": 1 / scored, "ngrams": len(model)})
    )


def process(command: list[str], folder: Path) -> dict:
    """Seconds of CPU and clock, peak MB, and output of a process on the first core."""
    with (folder / "out").open("w+") as out:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
        )
        peak, ended = 0, 0
        while not ended:  # the kernel's own maximum begins with that of the process that forked
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
            time.sleep(0.02)
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        clock = time.perf_counter() - began
        out.seek(0)
        text = out.read()
    if status:
        raise SystemExit(f"{command} failed:\n{text[-2000:]}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "clock": clock, "peak": peak / 1024, "text": text}


def write_text(ids: np.ndarray, path: Path, before: str = "", after: str = "") -> None:
    with path.open("w") as file:
        for texts, offsets in ngram.cut(ids, 0):
            words = list(map(str, texts.tolist()))
            for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
                file.write(f"{before}{' '.join(words[first:last])}{after}\n")


def contestants(memory: int, peers: bool, held_out: np.ndarray) -> dict[str, Callable[[np.ndarray, Path], dict]]:
    def skypile(ids: np.ndarray, folder: Path) -> dict:
        np.save(folder / "ids.npy", ids)
        np.save(folder / "held_out.npy", held_out)
        command = [sys.executable, "-m", "benchmarks.ngram", "--worker", "ids.npy", "--memory", str(memory / 2**30)]
        found = process(command, folder)
        return found | json.loads(found["text"].splitlines()[-1])

    def lmplz(ids: np.ndarray, folder: Path) -> dict:
        write_text(ids, folder / "text")
        command = [str(LMPLZ), "-o", "5", "-S", f"{memory >> 20}M", "-T", ".", "--text", "text", "--arpa", "m.arpa"]
        return process(["taskset", "-c", "0", *command], folder)

    def tlm(ids: np.ndarray, folder: Path) -> dict:
        write_text(ids, folder / "text", "<s> ", " </s>")
        return process([str(TLM), "-tr=text", "-n=5", "-lm=msb", "-ps=no", "-obin=m.blm"], folder)

    found: dict[str, Callable[[np.ndarray, Path], dict]] = {"skypile": skypile}
    if LMPLZ and peers:
        found["lmplz (to ARPA)"] = lmplz
    if TLM and peers:
        found["tlm (to its binary)"] = tlm
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=float, nargs="+", default=[1, 10], help="millions of tokens")
    parser.add_argument("--memory", type=float, default=2, help="GB of counts to keep in memory")
    parser.add_argument("--peers", type=int, default=10, help="millions of tokens up to which peers run")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    memory = int(given.memory * 2**30)
    if given.worker:
        ours(given.worker, memory, "held_out.npy")
        return
    data = Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data"
    table = Table(
        "tokens", "contestant", "CPU s", "clock s", "M tokens/CPU s", "peak MB", "scores M tokens/s", "n-grams"
    )
    ids, held_out, real = stream(data, int(max(given.tokens) * MILLION))
    for millions in given.tokens:
        part = ids[: int(millions * MILLION)]
        for name, run in contestants(memory, millions <= given.peers, held_out).items():
            with tempfile.TemporaryDirectory() as folder:
                found = run(part, Path(folder))
            table.add_row(
                f"{millions:g}M",
                name,
                f"{found['cpu']:.2f}",
                f"{found['clock']:.2f}",
                f"{len(part) / MILLION / found['cpu']:.2f}",
                f"{found['peak']:,.0f}",
                f"{found['score_rate'] / MILLION:.2f}" if "score_rate" in found else "",
                f"{found['ngrams']:,} ({found['counted']:.1f} s counting)" if "ngrams" in found else "",
            )
    console = Console(width=150)
    console.print(table)
    console.print(f"The first {real:,} tokens are real text; what follows is mixed from it.")


if __name__ == "__main__":
    main()
