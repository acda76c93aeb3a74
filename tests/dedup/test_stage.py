"""The stage against a single-machine oracle, and itself under other partitions and other ways to hold tables."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup import stage
from skypile.dedup.distributed import hold
from skypile.dedup.distributed.candidates import bucket_pairs, shared_buckets
from skypile.dedup.distributed.hold import without_broadcast
from skypile.dedup.distributed.verify import confirmed_edges
from skypile.dedup.stage import dedup_decisions, sketch_documents
from skypile.run_folder.storage import stored
from tests.dedup import oracle

Document = tuple[str, str | None, str]
HAN = [chr(code) for code in range(0x4E00, 0x5E00)]


def corpus(seed: int) -> list[Document]:
    """About 30 documents in English, Chinese or both with planted copies, chains, hubs and quotations.

    Every corpus has its own words, so that many corpora can be deduplicated as one.
    """
    rng = random.Random(seed)
    words = [f"w{seed}x{i}" for i in range(2000)]
    offset = seed * 70

    def text(length: int) -> list[str]:
        if seed % 3 == 0:
            return [rng.choice(words) for _ in range(length)]
        if seed % 3 == 1:
            return [HAN[(offset + rng.randrange(60)) % len(HAN)] for _ in range(length)]
        return [rng.choice(words) if rng.random() < 0.5 else HAN[offset % len(HAN)] for _ in range(length)]

    def edited(row: list[str], edits: int) -> list[str]:
        row = list(row)
        for _ in range(edits):
            row[rng.randrange(len(row))] = rng.choice(words)
        return row

    rows: list[list[str]] = []
    for _ in range(rng.randint(2, 5)):
        rows.append(text(rng.randint(30, 200)))  # unique
    hub = text(200)
    rows += [hub] + [edited(hub, rng.randint(1, 6)) for _ in range(rng.randint(2, 6))]
    link = text(150)
    for _ in range(rng.randint(3, 7)):  # a chain: each close to the next, the ends far apart
        rows.append(link)
        link = edited(link, 2)[2:] + text(2)
    whole = text(300)
    rows += [whole, whole[20:150], whole[100:290]]
    joiner = " "
    documents: list[Document] = []
    for number, row in enumerate(rows):
        url = f"http://h{seed}.org/{number}"
        documents.append((f"{seed:02d}-{number:02d}", url, joiner.join(row)))
    for number in range(rng.randint(1, 4)):  # copies, exact but for blanks, or for case and punctuation
        _, _, copied = rng.choice(documents)
        copied = copied.replace(" ", "  ") if number % 2 else copied.upper().replace(" ", " , ")
        documents.append((f"{seed:02d}-c{number}", f"http://h{seed}.org/c{number}", copied))
    again = rng.choice(documents)
    documents.append((f"{seed:02d}-u", again[1] + "#top" if again[1] else None, " ".join(text(80))))
    changed = again[2].split()
    for share in (0.06, 0.16, 0.16):  # the page as it was later: overlap about 0.73 and 0.42
        changed = edited(changed, int(share * len(changed)))
        documents.append((f"{seed:02d}-v{len(documents)}", again[1], " ".join(changed)))
    documents.append((f"{seed:02d}-e", None, f"!{'?' * seed}"))
    return documents


def frame(spark: SparkSession, documents: list[Document]) -> DataFrame:
    return spark.createDataFrame(documents, "record_id string, url string, text string")


def outcome(decisions: DataFrame) -> dict[str, tuple[str, str]]:
    rows = decisions.where("verdict = 'dropped'").collect()
    return {row["record_id"]: (row["reason"], json.loads(row["evidence"])["survivor"]) for row in rows}


WIDE = DedupConfig(bands=64, rows=2)  # finds every pair worth finding, so that the oracle's all-pairs is the truth


@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
def test_equals_the_oracle_on_50_random_corpora(spark: SparkSession, local: int) -> None:
    corpora = [corpus(seed) for seed in range(50)]
    decisions = dedup_decisions(
        frame(spark, [d for c in corpora for d in c]).repartition(3), WIDE.model_copy(update={"local_documents": local})
    )
    expected = {}
    for documents in corpora:
        plain = [(record, url and url.removesuffix("#top"), text) for record, url, text in documents]
        expected |= oracle.survivors(plain)
    assert len(expected) > 400
    assert {reason for reason, _ in expected.values()} == {
        "duplicate_url", "duplicate_text", "near_duplicate", "contained",
    }  # fmt: skip
    assert outcome(decisions) == expected
    counts = {row["record_id"]: row["duplicates"] for row in decisions.where("verdict = 'kept'").collect()}
    assert sum(counts.values()) == len(expected)


@pytest.mark.parametrize(
    "local", [pytest.param(0, id="distributed", marks=pytest.mark.slow), pytest.param(10**6, id="one task")]
)
def test_a_url_alone_is_no_proof(spark: SparkSession, local: int) -> None:
    first, second = ([f"{name}{i}" for i in range(100)] for name in "ab")
    rows = [
        ("1", "http://a.example/?gclid=1", " ".join(first)),
        ("2", "http://a.example/?gclid=2", " ".join(first[:60] + second[:30])),  # 56 of 86 shingles
        ("3", "http://a.example/?gclid=3", " ".join(second[:80])),
        ("4", "http://a.example/?gclid=4", " ".join(second[:79])),
        ("5", "http://a.example/", "!"),
    ]
    settings = DedupConfig(local_documents=local)
    decisions = {row["record_id"]: row for row in dedup_decisions(frame(spark, rows), settings).collect()}
    assert {name: row["reason"] for name, row in decisions.items() if row["verdict"] == "dropped"} == {
        "2": "duplicate_url", "4": "near_duplicate",
    }  # fmt: skip
    score, evidence = decisions["2"]["score"], json.loads(decisions["2"]["evidence"])
    assert score == pytest.approx(56 / 86) and decisions["2"]["threshold"] == 0.5
    assert evidence["copies"] == 2 and evidence["jaccard"] == round(56 / 126, 6) and evidence["survivor"] == "1"
    any_text = dedup_decisions(frame(spark, rows), settings.model_copy(update={"url_overlap": 0.0}))
    assert {reason for reason, _ in outcome(any_text).values()} == {"duplicate_url"} and len(outcome(any_text)) == 4


def test_a_chain_keeps_what_is_far_from_the_survivor(spark: SparkSession) -> None:
    words = [f"t{i}" for i in range(230)]
    # Each is the window of 200 words 10 further on: J = 186/206 = 0.90 to the next, 176/216 = 0.81 to the
    # one after, 166/226 = 0.73 to the third.
    chain = [(name, None, " ".join(words[10 * i : 10 * i + 200])) for i, name in enumerate("ABCD")]
    decisions = dedup_decisions(frame(spark, chain), DedupConfig(survivor="smallest_id"))
    assert outcome(decisions) == {"B": ("near_duplicate", "A"), "C": ("near_duplicate", "A")}
    evidence = {r["record_id"]: json.loads(r["evidence"]) for r in decisions.where("verdict='dropped'").collect()}
    assert evidence["B"]["jaccard"] == round(186 / 206, 6)
    assert evidence["C"]["jaccard"] == round(176 / 216, 6)
    assert evidence["B"]["component"] == 4


@pytest.mark.parametrize(
    "rule, stays", [("longest", "b"), ("best_quality", "c"), ("earliest", "d"), ("smallest_id", "a")]
)
def test_survivor_rules(spark: SparkSession, rule: str, stays: str) -> None:
    body = " ".join(f"t{i}" for i in range(100))
    rows = [
        ("a", "2024-03-01T00:00:00Z", 0.1, body + " x"),
        ("b", "2024-02-01T00:00:00Z", None, body + " much longer"),
        ("c", None, 0.9, body + " y"),
        ("d", "2023-01-01T00:00:00Z", 0.2, body + " z"),
    ]
    documents = spark.createDataFrame(rows, "record_id string, date string, citation_score double, text string")
    decisions = dedup_decisions(documents.withColumn("url", F.lit(None).cast("string")), DedupConfig(survivor=rule))
    assert set(outcome(decisions)) == set("abcd") - {stays}


def test_missing_column_is_named(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="citation_score"):
        dedup_decisions(frame(spark, [("a", None, "x")]), DedupConfig(survivor="best_quality"))


@pytest.mark.parametrize(
    "partitions, seed, local",
    [
        pytest.param(1, 1, 0, marks=pytest.mark.slow),
        (7, 2, 0),
        pytest.param(64, 3, 0, marks=pytest.mark.slow),
        (5, 4, 10**6),
    ],
)
def test_same_decisions_for_any_partitioning(spark: SparkSession, partitions: int, seed: int, local: int) -> None:
    documents = [d for number in range(6) for d in corpus(100 + number)]
    reference = dedup_decisions(frame(spark, documents), DedupConfig(local_documents=0))
    shuffled = random.Random(seed).sample(documents, len(documents))
    other = dedup_decisions(frame(spark, shuffled).repartition(partitions), DedupConfig(local_documents=local))
    assert sorted(other.collect()) == sorted(reference.collect())


@pytest.mark.slow
def test_samples_of_large_documents_are_compared_alike(spark: SparkSession) -> None:
    documents = frame(spark, [d for number in range(6) for d in corpus(110 + number)])
    here, there = (
        sorted(dedup_decisions(documents, DedupConfig(max_shingles=100, local_documents=local)).collect())
        for local in (10**6, 0)
    )
    assert here == there and len(here) > 50


@pytest.mark.slow
def test_large_sketches_are_no_single_task(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few documents may be books."""
    documents = frame(spark, corpus(100))
    reference = dedup_decisions(documents, DedupConfig()).collect()
    monkeypatch.setattr(stage, "MOST_SKETCHES", 10_000)
    monkeypatch.setattr(stage, "decide_locally", lambda *_: pytest.fail("one task decides"))
    assert sorted(dedup_decisions(documents, DedupConfig()).collect()) == sorted(reference) and reference


@pytest.mark.slow
def test_intermediate_tables_as_on_a_cluster(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where executors can be lost every table goes through Parquet; the decisions are the same."""
    documents = [d for number in range(6) for d in corpus(100 + number)]
    settings = DedupConfig(local_documents=0)
    reference = dedup_decisions(frame(spark, documents), settings).collect()
    monkeypatch.setattr(hold, "one_machine", lambda _: False)
    checkpoints = []
    monkeypatch.setattr(DataFrame, "localCheckpoint", lambda *_, **__: checkpoints.append(1))
    decisions = dedup_decisions(frame(spark, documents), settings, str(tmp_path))
    assert sorted(decisions.collect()) == sorted(reference) and len(reference) > 50
    assert not checkpoints
    tables = {path.name.split("_", 1)[-1] for path in tmp_path.iterdir()}
    assert tables >= {"sketches", "members", "candidates", "edges", "components", "dropped", "fates", "decisions"}


def test_shingle_sets_are_shuffled_once(spark: SparkSession, tmp_path: Path) -> None:
    """Both sides of a pair look up the same shuffled sets: Spark sees that the two exchanges are one."""
    sketches = stored(sketch_documents(frame(spark, corpus(1)), DedupConfig()), str(tmp_path / "sketches"))
    with without_broadcast(spark):
        members = shared_buckets(sketches).localCheckpoint()
        pairs = bucket_pairs(members, DedupConfig(), "bucket").localCheckpoint()
        edges = confirmed_edges(pairs, sketches, DedupConfig())
        assert edges.count() > 5
        edges.collect()
    plan = edges._jdf.queryExecution().executedPlan().toString().split("== Initial Plan ==")[0]
    assert plan.count("ReusedExchange") == 1 and plan.count("FileScan") == 1


def test_every_kernel_is_compiled_ahead() -> None:
    """In a fresh process, so that no other test has called them."""
    code = """
import numba
from skypile.dedup import kernels, minhash, one_task, shingles, similarity, tokenise
kernels.prepare()
modules = (one_task, minhash, shingles, similarity, tokenise)
found = {v for m in modules for v in vars(m).values() if isinstance(v, numba.core.registry.CPUDispatcher)}
print(len(found), *(kernel.__name__ for kernel in found if not kernel.signatures))
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(printed[0]) > 12
    assert set(printed[1:]) <= INLINED


# Called by others.
INLINED = {"finish", "decode", "_prose_mark", "_copy", "_close_gap", "tokenise"}
INLINED |= {"_join", "_shingle", "_sort_unique", "_compare"}
