"""Recurring paragraphs are cut once too often never: one page always keeps each."""

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.distributed.recurring import recurring_paragraphs
from skypile.dedup.paragraphs import cut_texts, paragraphs
from skypile.dedup.stage import dedup
from tests import documents

FOOTER = "版权所有 © 2024 某某新闻网，未经授权不得转载。"
COPIES = ("duplicate_text", "near_duplicate", "contained")
NOTICE = "We use cookies to improve your experience."


def body(number: int) -> str:
    return f"Page {number} of its own. " + " ".join(f"p{number}w{i}" for i in range(60))


def pages() -> list[dict[str, str]]:
    """12 pages on one host with a footer, 6 hosts with a notice, and one page that is little more than a footer."""
    rows = [{"host": "news.cn", "text": f"{body(n)}\n\n{FOOTER}"} for n in range(12)]
    rows += [{"host": f"host{n}.com", "text": f"{NOTICE}\n\n{body(100 + n)}"} for n in range(6)]
    rows.append({"host": "news.cn", "text": f"short page here\n\n{FOOTER}\n\n{FOOTER.upper()}"})
    return rows


def test_paragraphs_lie_between_blank_lines_or_else_on_lines() -> None:
    assert paragraphs("a\nb\n\nc\n \n\nd\n") == ["a\nb", "c", "d\n"]
    assert paragraphs("a\nb\n") == ["a", "b"]
    assert paragraphs("") == paragraphs("\n\n") == []


def test_counts_and_cuts(spark: SparkSession) -> None:
    rows = [(f"{n:02d}", row["host"], 0.0, row["text"]) for n, row in enumerate(pages())]
    frame = spark.createDataFrame(rows, "record_id string, host string, rank double, text string").repartition(3)
    recurring = recurring_paragraphs(frame, DedupConfig())
    assert sorted(recurring.pages.tolist()) == [6, 13]
    ids, hosts, texts = ([row[i] for row in rows] for i in (0, 1, 3))
    cuts = cut_texts(texts, ids, hosts, recurring)
    with_footer = [record for record, cut in zip(ids, cuts, strict=True) if FOOTER in cut.text]
    with_notice = [record for record, cut in zip(ids, cuts, strict=True) if NOTICE in cut.text]
    assert len(with_footer) == len(with_notice) == 1
    assert cuts[ids.index(with_footer[0])].text == texts[ids.index(with_footer[0])]
    other = next(n for n in range(12) if ids[n] not in with_footer)
    assert cuts[other].text == body(other)
    assert cuts[other].removed == [(FOOTER, 13)]
    # The same footer on another host is left alone: it recurs on one host only.
    assert cut_texts([FOOTER], ["x"], ["other.cn"], recurring)[0].removed == []


def test_below_the_thresholds_nothing_is_cut(spark: SparkSession) -> None:
    rows = [(f"{n:02d}", row["host"], 0.0, row["text"]) for n, row in enumerate(pages())]
    frame = spark.createDataFrame(rows, "record_id string, host string, rank double, text string")
    recurring = recurring_paragraphs(frame, DedupConfig(boilerplate_host_pages=14, boilerplate_hosts=7))
    assert len(recurring.keys) == 0
    assert recurring_paragraphs(frame, DedupConfig(boilerplate_host_pages=0, boilerplate_hosts=0)).keys.size == 0


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_stage_cuts_drops_and_records(spark: SparkSession, tmp_path: Path, partitions: int) -> None:
    rows = [row | {"characters": len(row["text"])} for row in pages()]
    rows.append(rows[3] | {})  # a copy of page 3
    table = documents.frame(spark, rows, "distribution_filter").withColumn("url", F.lit("warc#1"))
    table.repartition(partitions).write.parquet(str(tmp_path / "in"))
    given = spark.read.parquet(str(tmp_path / "in"))
    result = dedup(DedupConfig(), len(rows), str(tmp_path / "scratch"))(given)
    found = sorted(result.collect(), key=lambda row: row["host"] + row["text"])
    assert len(found) == len(rows)
    by_reason = {
        reason: [r for r in found if r["reason"] == reason] for reason in (None, "duplicate_text", "boilerplate")
    }
    assert [len(by_reason[reason]) for reason in (None, "duplicate_text", "boilerplate")] == [18, 1, 1]
    (dropped,) = by_reason["boilerplate"]
    assert dropped["text"].startswith("short page") and FOOTER in dropped["text"]  # the text stays for inspection
    assert dropped["score"] > dropped["threshold"] == 0.5
    cut = [row for row in by_reason[None] if row["cut_paragraphs"]]
    assert len(cut) == 11 + 5
    for row in cut:
        assert row["characters"] == len(row["text"])
        assert FOOTER not in row["text"] and NOTICE not in row["text"]
        evidence = json.loads(row["evidence"])
        assert evidence["cut"][0]["text"] in (FOOTER, NOTICE)
        assert evidence["cut_characters"] in (len(FOOTER), len(NOTICE))
    assert sum(row["duplicates"] for row in found) == 1


def crowded(seed: int) -> list[dict[str, str]]:
    """14 pages on 3 hosts of their own, most of them little more than paragraphs from a pool of 5; some near-copies."""
    rng = random.Random(seed)
    pool = [" ".join(f"s{seed}p{number}w{i}" for i in range(20)) for number in range(5)]
    rows = []
    for number in range(14):
        parts = rng.sample(pool, rng.randint(1, 4))
        if rng.random() < 0.7:
            parts.append(" ".join(f"s{seed}n{number}w{i}" for i in range(rng.choice([3, 30, 90]))))
        rng.shuffle(parts)
        rows.append({"host": f"h{seed}-{rng.randrange(3)}.org", "text": "\n\n".join(parts)})
    for row in rng.sample(rows, 4):
        rows.append({"host": f"h{seed}-{rng.randrange(3)}.org", "text": row["text"] + " copied"})
    return rows


def test_what_others_lean_on_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    """In 60 crowded corpora: every survivor named is kept, no paragraph is lost, no kept page is empty."""
    rows = [row | {"characters": len(row["text"])} for seed in range(60) for row in crowded(seed)]
    table = documents.frame(spark, rows, "distribution_filter").withColumn("url", F.lit("warc#1"))
    table.repartition(3).write.parquet(str(tmp_path / "in"))
    given = spark.read.parquet(str(tmp_path / "in"))
    config = DedupConfig(boilerplate_host_pages=4, boilerplate_hosts=3)
    found = dedup(config, len(rows), str(tmp_path / "scratch"))(given).collect()
    texts = {row["record_id"]: row["text"] for row in given.collect()}
    kept = {row["record_id"]: row for row in found if row["verdict"] == "kept"}
    named = [json.loads(row["evidence"])["survivor"] for row in found if row["reason"] in COPIES]
    boilerplate = [row["record_id"] for row in found if row["reason"] == "boilerplate"]
    assert len(named) > 200 and len(boilerplate) > 20
    assert set(named) <= set(kept)
    assert {record: row["duplicates"] for record, row in kept.items() if row["duplicates"]} == Counter(named)
    assert all(row["text"].strip() for row in kept.values())
    hosts: dict[str, Counter[str]] = defaultdict(Counter)  # of each paragraph, on the pages that were counted
    for row in found:
        if row["reason"] not in COPIES:
            for part in set(paragraphs(texts[row["record_id"]])):
                hosts[part][row["host"]] += 1
    recurring = {part for part, pages in hosts.items() if max(pages.values()) >= 4 or len(pages) >= 3}
    places = Counter(part for row in kept.values() for part in set(paragraphs(row["text"])))
    assert len(recurring) > 200
    assert all(places[part] >= 1 for part in recurring)
    cut = [row for row in kept.values() if row["cut_paragraphs"]]
    assert any(len(row["text"]) < 0.5 * len(texts[row["record_id"]]) for row in cut)  # kept though mostly cut


def test_disabled_keeps_everything(spark: SparkSession, tmp_path: Path) -> None:
    documents.frame(spark, pages() * 2, "distribution_filter").write.parquet(str(tmp_path / "in"))
    given = spark.read.parquet(str(tmp_path / "in"))
    result = dedup(DedupConfig(enabled=False), 38, str(tmp_path / "scratch"))(given)
    assert result.where("verdict = 'kept' and reason is null and duplicates = 0").count() == 38
