"""The stage against a single-machine oracle, brute force on real texts, and itself under other partitions."""

import json
import random

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.stages.dedup import dedup_decisions
from tests.stages import dedup_oracle as oracle

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
    for number in range(rng.randint(1, 4)):  # exact copies, but for case and punctuation
        _, _, copied = rng.choice(documents)
        documents.append((f"{seed:02d}-c{number}", f"http://h{seed}.org/c{number}", copied.upper().replace(" ", " , ")))
    again = rng.choice(documents)
    documents.append((f"{seed:02d}-u", again[1] + "#top" if again[1] else None, " ".join(text(80))))
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


@pytest.mark.parametrize("partitions, seed, local", [(1, 1, 0), (7, 2, 0), (64, 3, 0), (5, 4, 10**6)])
def test_same_decisions_for_any_partitioning(spark: SparkSession, partitions: int, seed: int, local: int) -> None:
    documents = [d for number in range(6) for d in corpus(100 + number)]
    reference = dedup_decisions(frame(spark, documents), DedupConfig(local_documents=0))
    shuffled = random.Random(seed).sample(documents, len(documents))
    other = dedup_decisions(frame(spark, shuffled).repartition(partitions), DedupConfig(local_documents=local))
    assert sorted(other.collect()) == sorted(reference.collect())


@pytest.mark.parametrize("name, least_pairs", [("bbc", 150), ("zh_reviews", 8000)])
def test_real_texts_against_brute_force(spark: SparkSession, shared_data, name: str, least_pairs: int) -> None:
    table = spark.read.parquet(str(shared_data / "dedup" / f"{name}.parquet"))
    documents = table.select(F.col("id").alias("record_id"), F.lit(None).cast("string").alias("url"), "text")
    texts = {row["record_id"]: row["text"] for row in documents.collect()}
    sets = {record: oracle.shingles(text) for record, text in texts.items()}
    pairs = oracle.close_pairs(sets, 0.8)
    assert len(pairs) > least_pairs
    decisions = dedup_decisions(documents, DedupConfig(containment_threshold=None))
    found = outcome(decisions)
    both_kept = [pair for pair in pairs if pair[0] not in found and pair[1] not in found]
    assert len(both_kept) <= 0.01 * len(pairs)
    too_far = [(a, b) for a, (_, b) in found.items() if oracle.jaccard(sets[a], sets[b]) < 0.8]
    assert too_far == []
    assert not {survivor for _, survivor in found.values()} & set(found)
