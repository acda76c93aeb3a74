"""What runs on a GPU gives the CPU's results, and how fast: tokens, clusters, the proxy. Under eight minutes.

    make gpu-check        (or: python -m benchmarks.gpu_check [--device cuda] [--english F] [--chinese F] [--output F])

Needs PyTorch, and numba-cuda for the tokens; of skypile's other needs NumPy, Numba, PyArrow, SciPy, SentencePiece and
protobuf. One row a check, written as it is found; a check that cannot be made says why in its row, and the others go
on. `--output check.md` (or .json) holds the table. Texts are JSONL with a field text; without them, prose from the
sample's grammar, which repeats its words more than the web does. `--quick` is for trying the script itself, on a CPU
too.
"""

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

Row = tuple[str, str, str]  # what, found, remark


class Setting(NamedTuple):
    """What is checked on: a PyTorch device, texts by language, and whether to be quick about it."""

    device: str
    texts: dict[str, list[str]]
    quick: bool


def grammar_texts(language: str, characters: int) -> list[str]:
    """Articles of the sample's grammar, so many characters together."""
    from random import Random

    from skypile.sample.prose import article, grammar

    random, found, size = Random(0), [], 0
    topics = sorted(grammar(language)["topics"])
    while size < characters:
        written = article(language, random.choice(topics), random)
        found.append(written.text)
        size += len(written.text)
    return found


def machine(setting: Setting) -> Iterator[Row]:
    import numpy
    import torch

    cores = f"{torch.get_num_threads()} threads"
    yield (
        "machine",
        f"Python {platform.python_version()}, NumPy {numpy.__version__}, PyTorch {torch.__version__}",
        cores,
    )
    if not setting.device.startswith("cuda"):
        yield "card", "none", f"device {setting.device}: nothing here says anything of a GPU"
        return
    card = torch.cuda.get_device_properties(setting.device)
    yield "card", card.name, f"{card.total_memory / 2**30:.0f} GiB, {card.multi_processor_count} multiprocessors"
    yield "bfloat16 product, 8192 cubed", f"{product_speed(setting.device) / 1e12:.0f} TFLOP/s", "random data, 20 times"


def product_speed(device: str) -> float:
    """Operations a second of a large matrix product in bfloat16."""
    import torch

    left, right = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = timed(lambda: [left @ right for _ in range(20)], device)
    return 20 * 2 * 8192**3 / seconds


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of wall clock for `work`, after it has run once, until the device is done."""
    import torch

    def wait() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    work()
    wait()
    began = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - began


def clusters(setting: Setting) -> Iterator[Row]:
    """Our k-means with the products on the device, which has to give the very same centres; and assignment."""
    import unittest.mock

    import numpy as np
    import torch

    from skypile.distribution import centroids

    count, k = (4_000, 50) if setting.quick else (65_536, 1_000)
    rng = np.random.default_rng(0)
    places = rng.normal(size=(k * 2, 192))
    vectors = np.clip(np.rint(30 * (places[rng.integers(0, k * 2, count)] + rng.normal(size=(count, 192)))), -127, 127)
    vectors = vectors.astype(np.int8)
    centroids.train(vectors[:500], 5, 2, 0)  # compiles

    def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
        return (
            (torch.from_numpy(points).to(setting.device) @ torch.from_numpy(centres).to(setting.device).T)
            .argmax(1)
            .cpu()
            .numpy()
        )

    began = time.perf_counter()
    ours = centroids.train(vectors, k, 20, 0)
    cpu = time.perf_counter() - began
    with unittest.mock.patch.object(centroids, "_nearest", nearest):
        began = time.perf_counter()
        theirs = centroids.train(vectors, k, 20, 0)
        seconds = time.perf_counter() - began
    equal = f"the same {len(ours)} centres" if np.array_equal(ours, theirs) else "OTHER CENTRES"
    what = f"k-means, {count:,} vectors, k = {k}"
    yield what, equal, f"{seconds:.2f} s with products on {setting.device}, {cpu:.2f} s on the CPU"

    began = time.perf_counter()
    assigned = centroids.assign(vectors, ours)[0]
    cpu = time.perf_counter() - began
    points, centres = (torch.from_numpy(array).to(setting.device) for array in (vectors, ours))

    def on_device() -> torch.Tensor:
        dots = (points.float() @ centres.float().T).double()
        return (dots / centres.double().square().sum(1).sqrt().clamp(min=1)).argmax(1)

    seconds = timed(on_device, setting.device)
    same = (on_device().cpu().numpy() == assigned).mean()
    yield "assignment, the same", f"{same:.4%} equal", f"{seconds:.4f} s on {setting.device}, {cpu:.2f} s on the CPU"
    yield faiss_clusters(setting, vectors, k)


def faiss_clusters(setting: Setting, vectors: "object", k: int) -> Row:
    """FAISS's own k-means on the device against its CPU's."""
    what = "FAISS k-means, GPU against CPU"
    try:
        import faiss
    except ImportError:
        return what, "skipped", "no faiss here; skypile does not need it"
    if not setting.device.startswith("cuda") or not getattr(faiss, "get_num_gpus", int)():
        return what, "skipped", "this faiss is built without GPUs, or finds none"
    import numpy as np

    points = np.asarray(vectors, np.float32)
    faiss.normalize_L2(points)
    found = []
    for gpu in (False, True):
        means = faiss.Kmeans(points.shape[1], k, niter=20, spherical=True, seed=0, gpu=gpu)
        began = time.perf_counter()
        means.train(points)
        found.append((time.perf_counter() - began, float(means.obj[-1]), means.index.search(points, 1)[1]))
    (cpu, objective, _), (seconds, other, _) = found
    return what, f"objective {other / objective:.4f} of the CPU's", f"{seconds:.2f} s, {cpu:.2f} s on the CPU"


def show(row: Row, rows: list[Row], output: Path | None) -> None:
    rows.append(row)
    print("| " + " | ".join(row) + " |", flush=True)
    if output is None:
        return
    if output.suffix == ".json":
        output.write_text(json.dumps([dict(zip(("check", "found", "remark"), r, strict=True)) for r in rows], indent=1))
    else:
        head = "| check | found | remark |\n|---|---|---|\n"
        output.write_text(head + "".join("| " + " | ".join(row) + " |\n" for row in rows), encoding="utf-8")


def texts_of(path: Path | None, language: str, characters: int) -> list[str]:
    if path is None:
        try:
            return grammar_texts(language, characters)
        except ImportError as error:
            sys.exit(f"the sample's grammar needs the whole of skypile ({error}): give --english and --chinese")
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").split("\n") if line]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--english", type=Path, help="JSONL with a field text")
    parser.add_argument("--chinese", type=Path, help="the same")
    parser.add_argument("--output", type=Path, help="also write the table here, as Markdown or .json")
    parser.add_argument("--quick", action="store_true", help="less of everything: to try the script")
    parser.add_argument("--only", nargs="*", default=[], help="names of checks")
    given = parser.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit('no PyTorch here, so nothing to check: pip install "skypile[models]"')
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"skipped: PyTorch {torch.__version__} finds no CUDA device here (--device cpu --quick tries the script)")
        return
    from benchmarks import gpu_proxy, gpu_tokens

    began = time.perf_counter()
    characters = 300_000 if given.quick else 6_000_000
    texts = {
        "English": texts_of(given.english, "en", characters),
        "Chinese": texts_of(given.chinese, "zh", characters // 3),
    }
    setting = Setting(given.device, texts, given.quick)
    rows: list[Row] = []
    checks: list[Callable[[Setting], Iterator[Row]]]
    checks = [
        machine,
        gpu_tokens.same_ids,
        gpu_tokens.speeds,
        gpu_tokens.chunk_sizes,
        clusters,
        gpu_proxy.forward,
        gpu_proxy.speeds,
        gpu_proxy.compiled,
    ]
    for check in [check for check in checks if not given.only or check.__name__ in given.only]:
        start = time.perf_counter()
        try:
            for row in check(setting):
                show(row, rows, given.output)
        except Exception as error:  # one check that fails is a row, and the others are made
            traceback.print_exc()
            told = " ".join(str(error).split())[:200].replace("|", "/")
            show((check.__name__, "failed", f"{type(error).__name__}: {told}"), rows, given.output)
        print(f"  {check.__name__}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    show(("all checks", f"{time.perf_counter() - began:.0f} s", ""), rows, given.output)


if __name__ == "__main__":
    main()
