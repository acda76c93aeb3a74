"""What a site adds to its pages is cut, from all but one; what an author wrote stays, however often it recurs."""

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.distributed.recurring import cut_notes, cut_summary, recurring_paragraphs
from skypile.dedup.paragraphs import Cut, cut_evidence, cut_text, without
from skypile.dedup.stage import dedup
from skypile.text.paragraphs import paragraph_spans
from tests import documents

FOOTER = "版权所有 © 2024 某某新闻网，未经授权不得转载。"
COPIES = ("duplicate_text", "near_duplicate", "contained")
NOTICE = "We use cookies to improve your experience."
LEAST = DedupConfig().boilerplate_characters
EVERYWHERE = DedupConfig(boilerplate_hosts=5)


def body(number: int) -> str:
    return f"Page {number} of its own. " + " ".join(f"p{number}w{i}" for i in range(60))


def pages() -> list[dict[str, str]]:
    """12 pages on one host with a footer, 6 hosts with a notice, and one page that is little more than a footer."""
    rows = [{"host": "news.cn", "text": f"{body(n)}\n\n{FOOTER}"} for n in range(12)]
    rows += [{"host": f"host{n}.com", "text": f"{NOTICE}\n\n{body(100 + n)}"} for n in range(6)]
    rows.append({"host": "news.cn", "text": f"short page here\n\n{FOOTER}"})
    return rows


def counted(spark: SparkSession, rows: list[dict[str, str]]) -> DataFrame:
    given = [(f"{n:04d}", row["host"], 0.0, row["text"]) for n, row in enumerate(rows)]
    return spark.createDataFrame(given, "record_id string, host string, rank double, text string").repartition(3)


def cuts(spark: SparkSession, rows: list[dict[str, str]], config: DedupConfig | None = None) -> list[Cut]:
    """What becomes of the texts of a corpus that has no duplicates."""
    recurring = recurring_paragraphs(counted(spark, rows), config or DedupConfig())
    return [cut_text(row["text"], f"{number:04d}", row["host"], recurring, LEAST) for number, row in enumerate(rows)]


def site(texts: list[str], host: str = "site.example") -> list[dict[str, str]]:
    return [{"host": host, "text": text} for text in texts]


def test_paragraphs_lie_between_blank_lines() -> None:
    text = "a\nb\n\nc\n \n\nd\n"
    assert [text[start:end] for start, end in paragraph_spans(text)] == ["a\nb", "c", "d\n"]
    assert paragraph_spans("a\nb") == [(0, 3)]
    assert paragraph_spans("") == paragraph_spans("\n\n") == []


def test_counts_and_cuts(spark: SparkSession) -> None:
    rows = pages()
    found = cuts(spark, rows, EVERYWHERE)
    with_footer = [n for n, cut in enumerate(found) if FOOTER in cut.text]
    with_notice = [n for n, cut in enumerate(found) if NOTICE in cut.text]
    assert len(with_footer) == len(with_notice) == 1
    kept = found[with_footer[0]]
    assert (kept.text, kept.removed, kept.keeper) == (rows[with_footer[0]]["text"], [], True)
    other = next(n for n in range(12) if n not in with_footer)
    assert found[other].text == body(other)
    assert [(span.pages, span.host_pages) for span in found[other].removed] == [(13, 13)]
    # The same footer on another host is left alone: it recurs on one host only.
    recurring = recurring_paragraphs(counted(spark, rows), DedupConfig())
    left = {host: cut_text(f"x\n\n{FOOTER}", "x", host, recurring, LEAST).text for host in ("other.cn", "news.cn")}
    assert left == {"other.cn": f"x\n\n{FOOTER}", "news.cn": "x"}


def test_below_the_thresholds_nothing_is_cut(spark: SparkSession) -> None:
    frame = counted(spark, pages())
    high = DedupConfig(boilerplate_host_pages=14, boilerplate_hosts=7)
    assert len(recurring_paragraphs(frame, high).keys) == 0
    # A paragraph that stands on 10 of a host's 21 pages is no notice of the site.
    some = site([f"{body(n)}\n\n{FOOTER}" if n < 10 else body(n) for n in range(21)])
    assert not any(cut.removed for cut in cuts(spark, some))
    assert sum(len(cut.removed) for cut in cuts(spark, some[:20])) == 9


def test_what_stands_on_many_hosts_is_cut_only_if_asked_for(spark: SparkSession) -> None:
    assert not any(cut.removed for cut in cuts(spark, [row for row in pages() if row["host"] != "news.cn"]))


@pytest.mark.parametrize("host", ["", None])
def test_records_without_a_host_are_not_counted_and_not_cut(spark: SparkSession, host: str | None) -> None:
    rows = site([f"{body(n)}\n\n{FOOTER}" for n in range(30)], host)
    assert not any(cut.removed for cut in cuts(spark, rows, DedupConfig(boilerplate_hosts=1)))
    others = site([f"{body(n)}\n\n{FOOTER}" for n in range(40, 52)])
    assert not any(cut.removed for cut in cuts(spark, rows + others[:1], DedupConfig(boilerplate_hosts=2)))
    found = cuts(spark, rows + others, DedupConfig(boilerplate_hosts=1))
    assert [bool(cut.removed) for cut in found].count(True) == 11
    assert not any(cut.removed for cut in found[:30])


AUTHORS = [
    "Method",  # a heading
    "The result is forty-two.",  # an answer
    "Compare the two passages below and answer the questions in full sentences:",  # introduces what follows
    "山不在高，有仙则名。水不在深，有龙则灵。斯是陋室，惟吾德馨。",  # verse, all of four characters
    "Tyger Tyger, burning bright, / In the forests of the night; / What immortal hand or eye",
    "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,",
    "“All happy families are alike; each unhappy family is unhappy in its own way.”",
    "> All happy families are alike; each unhappy family is unhappy in its own way.",
    "「道可道，非常道；名可名，非常名。无名天地之始，有名万物之母。」",
    "- two hundred grams of flour, sifted, and a pinch of salt to go with it",
    "3. Let the dough rest in a warm place until it has doubled its volume",
    "if (buffer == NULL) { free(buffer); return EXIT_FAILURE; }",
    "Console.WriteLine(string.Join(separator, results)); return results;",
    "/* This file is part of the library and comes without any warranty. */",
    "# This file is part of the library and comes without any warranty at all.",
    "from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence",
    "Name\tunit\tlowest value measured\thighest value measured\tmean",
]


def test_what_an_author_wrote_stays(spark: SparkSession) -> None:
    """At the begin or the end of every page of a host, and still kept."""
    rows = [
        row
        for i, author in enumerate(AUTHORS)
        for place, form in (("begins", "{1}\n\n{0}"), ("ends", "{0}\n\n{1}"))
        for row in site([form.format(body(n), author) for n in range(14)], f"{place}{i}.example")
    ]
    changed = {row["host"] for row, cut in zip(rows, cuts(spark, rows), strict=True) if cut.text != row["text"]}
    assert changed == set()


def test_what_recurs_inside_a_page_stays(spark: SparkSession) -> None:
    """A poem in prose that commentaries quote, a sentence of a manual: something else stands on both sides of it."""
    quoted = "Gather ye rosebuds while ye may, old time is still a-flying, and this same flower that smiles to-day."
    texts = [f"Commentary {n}\n\n{quoted}\n\n{body(n)}" for n in range(14)]
    assert [cut.text for cut in cuts(spark, site(texts))] == texts


def test_code_and_lists_are_never_cut_line_by_line(spark: SparkSession) -> None:
    head = "#include <stdio.h>\n#include <stdlib.h>\nstatic const char *program_name_for_messages = NULL;"
    source = [f"{head}\nint f{n}(int x)\n{{\n    return x + {n};\n}}" for n in range(14)]
    shop = "Apples from the orchard behind the house, by the kilo\nEggs from our own hens, by the dozen"
    lists = [f"{shop}\nCheese number {n}\nAll prices include the tax and the delivery to the door" for n in range(14)]
    for texts in (source, lists, [text.replace("\n{", "\n\n{") for text in source]):
        assert [cut.text for cut in cuts(spark, site(texts))] == texts


def test_what_a_page_repeats_stays(spark: SparkSession) -> None:
    refrain = "And a merry old soul was he, and he called for his fiddlers three, as the story goes."
    texts = [f"{refrain}\n\n{body(n)}\n\n{refrain}" for n in range(14)]
    assert [cut.text for cut in cuts(spark, site(texts))] == texts
    once = [text.removeprefix(f"{refrain}\n\n") for text in texts]
    found = cuts(spark, site([*once[:13], texts[13]]))
    assert [bool(cut.removed) for cut in found].count(True) == 12
    assert found[13].text == texts[13]


def test_boilerplate_comes_in_runs(spark: SparkSession) -> None:
    """Short lines go with the notice between them and the page's edge is not; those on its inner side stay."""
    texts = [f"{body(n)}\n\nRead on\n\n{NOTICE}\n\nContact\n\nImprint" for n in range(14)]
    found = cuts(spark, site(texts))
    changed = [cut for cut in found if cut.removed]
    assert len(changed) == 13
    assert all(cut.text.endswith("\n\nRead on") for cut in changed)
    assert all(len(cut.removed) == 3 for cut in changed)


def test_a_notice_with_its_place_at_the_edge_is_cut_behind_another_one(spark: SparkSession) -> None:
    texts = [f"{NOTICE}\n\n{body(n)}" for n in range(14)]
    texts[5] = f"This chapter is out of date, and will be written anew.\n\n{texts[5]}"
    found = cuts(spark, site(texts))
    assert found[5].text == texts[5].replace(f"{NOTICE}\n\n", "")


def test_the_rest_of_the_text_is_left_as_it_was_to_the_byte(spark: SparkSession) -> None:
    inner = "One.\n \n\n\tTwo,\u3000three.\n\n\nFour. "
    texts = [f"{NOTICE} \n\n{n} {inner}\n\n\n{FOOTER}" for n in range(14)]
    found = cuts(spark, site(texts))
    changed = [(n, cut) for n, cut in enumerate(found) if len(cut.removed) == 2]
    assert len(changed) == 13
    assert all(cut.text == f"{n} {inner}" for n, cut in changed)


def test_the_evidence_says_all_that_was_cut(spark: SparkSession) -> None:
    long = " ".join(f"Clause {n * n} binds whoever reads this page." for n in range(100))
    texts = [f"{NOTICE}\n\n{body(n)} 𠮷 \n\n{long}\n\n{FOOTER}" for n in range(14)]
    for text, cut in zip(texts, cuts(spark, site(texts)), strict=True):
        said = json.loads(json.dumps(cut_evidence(text, cut)))
        left = list(text)
        for span in reversed(said["cut"]):
            del left[span["start"] : span["end"]]
        assert "".join(left) == cut.text == without(text, cut.removed)
        assert said["cut_characters"] == len(text) - len(cut.text)
        for span in said["cut"]:
            part = text[span["start"] : span["end"]].strip()
            assert part.startswith(span["text"].removesuffix("…"))
            assert len(span["text"]) <= 2001 and (span["text"] == part or span["text"].endswith("…"))


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_stage_cuts_drops_and_records(spark: SparkSession, tmp_path: Path, partitions: int) -> None:
    rows = [row | {"characters": len(row["text"])} for row in pages()]
    rows.append(rows[3] | {})  # a copy of page 3
    table = documents.frame(spark, rows, "distribution_filter").withColumn("url", F.lit("warc#1"))
    table.repartition(partitions).write.parquet(str(tmp_path / "in"))
    given = spark.read.parquet(str(tmp_path / "in"))
    texts = {row["record_id"]: row["text"] for row in given.collect()}
    result = dedup(EVERYWHERE, len(rows), str(tmp_path / "scratch"))(given).cache()
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
        assert evidence["cut_characters"] == len(texts[row["record_id"]]) - len(row["text"])
    sizes = [(row["exact_copies"], row["near_copies"], row["paragraph_hosts"]) for row in found if not row["reason"]]
    assert Counter(sizes) == {(1, 1, 6): 6, (1, 1, 1): 11, (2, 1, 1): 1}  # the notice's hosts; the footer has one
    summary = cut_summary(result)
    assert (summary["records"], summary["paragraphs"]) == (16, 16)
    assert summary["characters"] == 11 * (len(FOOTER) + 2) + 5 * (len(NOTICE) + 2)
    assert summary["commonest"][0] == {"host": "news.cn", "text": FOOTER, "cuts": 11}
    assert len(summary["commonest"]) == 1 + 5
    first, second, *_ = cut_notes(summary)
    assert "16 kept records" in first and second == f"cut 11 times, on news.cn: {FOOTER}"
    assert [*cut_notes(cut_summary(result.limit(0)))] == []


def crowded(seed: int) -> list[dict[str, str]]:
    """14 pages on 3 hosts of their own, most of them little more than paragraphs from a pool of 5; some near-copies."""
    rng = random.Random(seed)
    pool = [" ".join(f"S{seed}p{number}w{i}" for i in range(20)) for number in range(5)]
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
    config = DedupConfig(boilerplate_host_pages=4, boilerplate_host_share=0.0, boilerplate_hosts=3)
    found = dedup(config, len(rows), str(tmp_path / "scratch"))(given).collect()
    texts = {row["record_id"]: row["text"] for row in given.collect()}
    kept = {row["record_id"]: row for row in found if row["verdict"] == "kept"}
    named = [json.loads(row["evidence"])["survivor"] for row in found if row["reason"] in COPIES]
    boilerplate = [row["record_id"] for row in found if row["reason"] == "boilerplate"]
    assert len(named) > 200 and len(boilerplate) > 20
    assert set(named) <= set(kept)
    assert {record: row["duplicates"] for record, row in kept.items() if row["duplicates"]} == Counter(named)
    assert all(row["text"].strip() for row in kept.values())

    def parts(text: str) -> set[str]:
        return {text[start:end] for start, end in paragraph_spans(text)}

    hosts: dict[str, Counter[str]] = defaultdict(Counter)  # of each paragraph, on the pages that were counted
    for row in found:
        if row["reason"] not in COPIES:
            for part in parts(texts[row["record_id"]]):
                hosts[part][row["host"]] += 1
    recurring = {part for part, pages in hosts.items() if max(pages.values()) >= 4 or len(pages) >= 3}
    places = Counter(part for row in kept.values() for part in parts(row["text"]))
    assert len(recurring) > 200
    assert all(places[part] >= 1 for part in recurring)
    cut = [row for row in kept.values() if row["cut_paragraphs"]]
    assert any(len(row["text"]) < 0.5 * len(texts[row["record_id"]]) for row in cut)  # kept though mostly cut


def test_disabled_keeps_everything(spark: SparkSession, tmp_path: Path) -> None:
    documents.frame(spark, pages() * 2, "distribution_filter").write.parquet(str(tmp_path / "in"))
    given = spark.read.parquet(str(tmp_path / "in"))
    result = dedup(DedupConfig(enabled=False), 38, str(tmp_path / "scratch"))(given)
    assert result.where("verdict = 'kept' and reason is null and duplicates = 0").count() == 38
