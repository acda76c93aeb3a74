"""Deduplication against its peers, same texts, one sitting.

    make bench-dedup                       (or: python -m benchmarks.dedup [signatures|whole|growth] ...)

``signatures``: documents/s from text to MinHash signature, one thread: skypile, datasketch (default and bulk), rensa,
text-dedup. ``whole``: text in, survivors out, on all cores: skypile, datatrove's four stages, text-dedup.
``growth``: skypile, all steps distributed, on 50,000, 200,000 and 800,000 generated documents: seconds, shuffled bytes,
and peak memory of each process. One executor apart from the driver, each with 2 GB of heap at most.

In ``whole`` every contestant is a process of its own, started for each input: ``seconds`` is from its start to its end,
JVM, imports and all. Only compiling is done before, a matter of installation. skypile does small inputs without Spark;
``skypile, in Spark`` is what the same inputs take in it.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from rich.console import Console
from rich.table import Table

from benchmarks.contestants import timed
from benchmarks.generated import write_documents
from skypile.config import DedupConfig, SparkConfig
from skypile.dedup.columns import Columns
from skypile.dedup.files import dedup_files
from skypile.dedup.kernels import prepare
from skypile.dedup.minhash import permutations, signatures
from skypile.dedup.shingles import shingle_texts
from skypile.runtime import session
from skypile.runtime.process import cores

PEERS = Path(os.environ.get("SKYPILE_PEERS", ".venv-peers/bin/python")).absolute()
SHARED = Path(os.environ.get("SKYPILE_SHARED", "../shared")) / "data" / "dedup"
REAL = (("bbc.parquet", "words", "eng_Latn"), ("zh_reviews.parquet", "characters", "cmn_Hani"))
DATATROVE_MOST = 100_000  # documents; that takes it minutes
BATCH = 200  # documents a call, as Spark hands them over


def our_signatures(path: Path) -> float:
    """Documents/s of shingling and signing, from Arrow strings, one thread; the better of three passes."""
    texts = pq.read_table(path, columns=["text"])["text"].combine_chunks()
    drawn = permutations(128)

    def run(part: pa.Array) -> None:
        made = shingle_texts(part, 5, 5)
        signatures(made.hashes, made.offsets, *drawn)

    run(texts[:5])
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            run(texts.slice(start, BATCH))
        best = min(best, time.perf_counter() - began)
    return len(texts) / best


def bench_signatures(console: Console) -> None:
    for name, kind, _ in REAL:
        ours = our_signatures(SHARED / name)
        script = str(Path(__file__).parent / "peers" / "minhash_signatures.py")
        theirs = json.loads(timed([str(PEERS), script, str(SHARED / name), kind])[1])
        ours = (ours + our_signatures(SHARED / name)) / 2  # before and after the peers: the machine's mood
        table = Table(name, "documents/s", "skypile is faster by")
        table.add_row("skypile", f"{ours:,.0f}", "")
        for peer_name, speed in theirs.items():
            cells = (f"{speed:,.0f}", f"{ours / speed:.1f}") if isinstance(speed, float) else (speed, "")
            table.add_row(peer_name, *cells)
        console.print(table)


IN_SPARK = """
import sys
from skypile.config import DedupConfig, SparkConfig
from skypile.dedup.columns import Columns
from skypile.dedup.files import dedup_files
from skypile.runtime.session import start
spark = start(SparkConfig(), "benchmark")
dedup_files(spark, [sys.argv[1]], sys.argv[2], Columns("id", "text"), DedupConfig())
spark.stop()
"""


def ours_whole(folder: Path, output: Path, spark: bool = False) -> dict[str, float]:
    command = [sys.executable, "-m", "skypile.cli", "dedup", str(folder), "--output", str(output)]
    seconds, _ = timed([sys.executable, "-c", IN_SPARK, str(folder), str(output)] if spark else command)
    done = json.loads((output / "manifest.json").read_text())
    return {"seconds": done["seconds"], "process": seconds, "kept": done["kept"]}


def text_dedup_whole(folder: Path, output: Path) -> dict[str, float]:
    seconds, _ = timed([
        str(PEERS), "-m", "text_dedup.minhash", "--path", "parquet", "--data_dir", str(folder), "--split", "train",
        "--column", "text", "--output", str(output), "--num_proc", str(cores()), "--ngram", "5",
        "--num_perm", "126", "--b", "21", "--r", "6", "--hash_func", "xxh3", "--cache_dir", f"{output}-cache",
    ])  # fmt: skip
    kept = sum(pa.ipc.open_stream(path).read_all().num_rows for path in output.glob("*.arrow"))
    return {"process": seconds, "kept": kept}


def datatrove_whole(folder: Path, output: Path, language: str) -> dict[str, float]:
    script = str(Path(__file__).parent / "peers" / "datatrove_minhash.py")
    seconds, printed = timed([str(PEERS), script, str(folder), str(output), str(cores()), language])
    return json.loads(printed.splitlines()[-1]) | {"process": seconds}


def bench_whole(console: Console, sizes: list[int]) -> None:
    prepare()  # compiling is a matter of installation
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        inputs = [
            (base / name.split(".")[0], kind, language) for name, kind, language in REAL if (SHARED / name).exists()
        ]
        for folder, _, _ in inputs:
            folder.mkdir()
            table = pq.read_table(SHARED / f"{folder.name}.parquet", columns=["id", "text"])
            half = len(table) // 2
            pq.write_table(table.slice(0, half), folder / "part-0.parquet")
            pq.write_table(table.slice(half), folder / "part-1.parquet")
        for size in sizes:
            write_documents(base / f"generated-{size}", size)
            inputs.append((base / f"generated-{size}", "words", "eng_Latn"))
        for folder, kind, language in inputs:
            count = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
            rows = {"skypile": ours_whole(folder, base / f"{folder.name}-ours")}
            if count <= DedupConfig().local_documents:  # more are done in Spark by themselves
                rows["skypile, in Spark"] = ours_whole(folder, base / f"{folder.name}-spark", spark=True)
            if kind == "words":
                rows["text-dedup"] = text_dedup_whole(folder, base / f"{folder.name}-textdedup")
            if count <= DATATROVE_MOST:
                rows["datatrove"] = datatrove_whole(folder, base / f"{folder.name}-datatrove", language)
            shown = Table(
                f"{folder.name}: {count:,} documents", "kept", "seconds", "of them at work", "skypile is faster by"
            )
            for name, row in rows.items():
                work = f"{row['seconds']:.1f}" if "seconds" in row else ""
                faster = f"{row['process'] / rows['skypile']['process']:.2f}"
                shown.add_row(name, f"{row['kept']:,}", f"{row['process']:.1f}", work, faster)
            console.print(shown)


def growth(size: int) -> dict[str, float]:
    """One size, in this process: driver and executor are processes of their own, intermediate tables are Parquet."""
    with tempfile.TemporaryDirectory() as temporary:
        write_documents(Path(temporary, "in"), size, files=8)
        cluster = SparkConfig(master=f"local-cluster[1,{cores()},3072]", shuffle_partitions=2 * cores())
        spark = session.start(cluster, "benchmark", {"spark.executor.memory": "2g"})
        began = time.perf_counter()
        done = dedup_files(
            spark, [f"{temporary}/in"], f"{temporary}/out", Columns("id", "text"), DedupConfig(local_documents=0)
        )
        row = {"seconds": time.perf_counter() - began, "kept": done["kept"], "shuffled": _shuffled_bytes(spark)}
        row |= {"python": _peak_mb([psutil.Process()]), **_memory()}
        spark.stop()
        shutil.rmtree(Path(pyspark.__file__).parent / "work", ignore_errors=True)  # where local-cluster keeps its logs
    return row


def _shuffled_bytes(spark: "session.SparkSession") -> int:
    store = spark.sparkContext._jsc.sc().statusStore()
    stages = store.stageList(None, False, False, spark.sparkContext._gateway.new_array(spark._jvm.double, 0), None)
    return sum(stages.apply(i).shuffleWriteBytes() for i in range(stages.size()))


def _memory() -> dict[str, float]:
    """Peak MB of the driver's JVM, of the executor's, and of the largest Python worker."""
    (driver,) = psutil.Process().children()
    below = driver.children(recursive=True)
    executors = [process for process in below if process.name() == "java"]
    workers = [process for process in below if process.name().startswith("python")]
    return {"driver": _peak_mb([driver]), "executor": _peak_mb(executors), "worker": _peak_mb(workers)}


def _peak_mb(processes: list[psutil.Process]) -> float:
    """The most physical memory any of the processes ever held (Linux)."""
    lines = [line for process in processes for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()]
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), default=0.0)


def bench_growth(console: Console, sizes: list[int]) -> None:
    table = Table("documents", "kept", "seconds", "documents/s", "shuffled bytes a document", title="growth")
    for name in ("driver's JVM", "driver's Python", "executor's JVM", "a Python worker"):
        table.add_column(f"{name}, MB")
    for size in sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:  # peaks are of one size
            row = process.submit(growth, size).result()
        times = (f"{row['seconds']:.1f}", f"{size / row['seconds']:,.0f}", f"{row['shuffled'] / size:,.0f}")
        memory = (f"{row[name]:,.0f}" for name in ("driver", "python", "executor", "worker"))
        table.add_row(f"{size:,}", f"{row['kept']:,}", *times, *memory)
    console.print(table)


def main(arguments: list[str]) -> None:
    console = Console(width=120)
    which, sizes = (arguments or ["all"])[0], [int(size) for size in arguments[1:]]
    if which in ("all", "signatures"):
        bench_signatures(console)
    if which in ("all", "whole"):
        bench_whole(console, sizes or [20_000, 100_000])
    if which in ("all", "growth"):
        bench_growth(console, sizes or [50_000, 200_000, 800_000])


if __name__ == "__main__":
    main(sys.argv[1:])
