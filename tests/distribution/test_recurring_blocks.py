"""Paragraphs that many hosts have in other words are cut; what authors wrote or all have word for word is not."""

import json
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from skypile.config import DistributionFilterConfig
from skypile.distribution import embedding
from skypile.distribution.quantized import quantize
from skypile.distribution.recurring_blocks import cut_spans, shifted
from skypile.schema import record_id
from skypile.text.spans import without
from tests.distribution.test_stage import run

CONFIG = DistributionFilterConfig(recurring_hosts=20, iterations=5)
HOSTS = 60
# {a|b}: one of them; sentences change places.
TEMPLATES = (
    "{Our|The} {crew|team} {repairs|mends|fixes} {boilers|heaters} in CITY, {quickly|fast} and at {fair|low} prices. "
    "{Ring|Call|Phone} NAME {today|now} and {save|keep} NUMBER {pounds|dollars} on your {first|next} {repair|visit}. "
    "More than NUMBER {households|families|homes} {trust|rely on} us {since|from} NUMBER.",
    "{火锅|餐饮}{加盟|代理}{投资|本金}{少|小}，{回报|利润}{快|高}，CITY{已有|超过}NUMBER家{门店|分店}{开业|营业}。"
    "{总部|公司}{免费|全程}{培训|指导}{厨师|员工}，{选址|装修}{一站式|全程}{扶持|服务}。"
    "{欢迎|请}{致电|咨询}NAME{考察|了解}{品牌|项目}。",
)
CITIES = (("Leeds", "Hull", "York", "Derby", "Luton"), ("北京", "上海", "天津", "重庆", "西安"))
PEOPLE = (("Mr Hale", "Tom Ford", "Ann Wood"), ("王师傅", "李经理", "陈女士"))


def spun(rng: random.Random, which: int) -> str:
    text = TEMPLATES[which].replace("CITY", rng.choice(CITIES[which])).replace("NAME", rng.choice(PEOPLE[which]))
    text = re.sub("NUMBER", lambda _: str(rng.randint(3, 1990)), text)
    text = re.sub(r"\{([^{}]*)\}", lambda found: rng.choice(found[1].split("|")), text)
    sentences = [sentence for sentence in re.split(r"(?<=[.。]) ?", text) if sentence]
    return ("", " ")[which == 0].join(rng.sample(sentences, len(sentences)))


def topical(rng: random.Random) -> tuple[list[list[str]], list[str]]:
    """Words of 40 subjects, near to each other in meaning, and words common to all."""
    table: Any = embedding.load()
    at = [i for i, word in enumerate(table.words[:20_000]) if len(word) > 3 and word.isascii()]
    vectors = table.vectors[at].astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    seeds = rng.sample(range(1_000, len(at)), 40)
    near = [np.argsort(-(vectors @ vectors[seed]))[:150] for seed in seeds]
    return [[table.words[at[i]] for i in rows] for rows in near], [table.words[i] for i in at[:300]]


@pytest.fixture(scope="module")
def pages() -> list[dict[str, Any]]:
    """On 60 hosts a spun paragraph of each template, between paragraphs of the page's own and a saying all have."""
    rng = random.Random(3)
    topics, common = topical(rng)
    saying = "Nobody who has crossed the same river twice has found the same water in it, said the old ferryman."
    rows = []
    for number in range(HOSTS):
        own = []
        for _ in range(12):
            one, two = rng.sample(topics, 2)
            words = rng.sample(one, 8) + rng.sample(two, 6) + rng.sample(common, 20)
            own.append(" ".join(rng.sample(words, len(words))).capitalize() + ".")
        parts = [own[0], spun(rng, 0), *own[1:4], saying, spun(rng, 1), *own[4:]]
        rows.append(("page", number, "\n\n".join(parts)))
    # Little else than spun text: to be dropped.
    rows += [("spam", number, f"Welcome!\n\n{spun(rng, 0)}\n\n{spun(rng, 1)}") for number in range(10)]
    return [
        {
            "record_id": record_id(kind, number),
            "url": f"http://{kind}{number}.example/",
            "host": f"{kind}{number}.example",
            "text": text,
            "characters": len(text),
        }
        for kind, number, text in rows
    ]


@pytest.fixture(scope="module")
def judged(spark: SparkSession, pages: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return run(spark, tmp_path_factory.mktemp("blocks"), pages, CONFIG)


@pytest.mark.slow
def test_spun_paragraphs_are_cut_and_nothing_else(pages: list[dict[str, Any]], judged: list[Any]) -> None:
    given = {row["record_id"]: row["text"] for row in pages}
    left = {"spun": 0, "own": 0}
    for row in judged:
        if row["reason"] == "recurring_blocks":
            assert "spam" in row["url"] and row["text"] == given[row["record_id"]]  # whole, for inspection
            assert row["score"] > row["threshold"] == 0.5 and json.loads(row["evidence"])["cut"]
            continue
        assert row["verdict"] == "kept" and row["characters"] == len(row["text"])
        parts = given[row["record_id"]].split("\n\n")
        own = [part for place, part in enumerate(parts) if place not in (1, 6)] if "page" in row["url"] else parts[:1]
        left["own"] += sum(part not in row["text"] for part in own)
        left["spun"] += sum(part in row["text"] for part in parts if part not in own)
    assert left["own"] == 0
    assert 2 <= left["spun"] <= 0.05 * 2 * HOSTS  # an example of each template, at least
    assert sum(row["reason"] == "recurring_blocks" for row in judged) >= 8


@pytest.mark.slow
def test_evidence_says_what_was_cut_and_where_it_still_stands(pages: list[dict[str, Any]], judged: list[Any]) -> None:
    given = {row["record_id"]: row["text"] for row in pages}
    by_id = {row["record_id"]: row for row in judged}
    changed = [row for row in judged if row["text"] != given[row["record_id"]]]
    assert len(changed) > 50
    for row in changed:
        evidence = json.loads(row["evidence"])
        text = given[row["record_id"]]
        assert row["text"] == without(text, [(cut["start"], cut["end"]) for cut in evidence["cut"]])
        assert evidence["cut_characters"] == len(text) - len(row["text"])
        for cut in evidence["cut"]:
            assert text[cut["start"] : cut["end"]].strip() == cut["text"]
            assert cut["hosts"] >= 20 and cut["pages"] >= cut["hosts"] and 0.5 < cut["similarity"] <= 1
            example = by_id[cut["example"]]
            assert (example["verdict"], example["url"]) == ("kept", cut["example_url"])
            assert cut["text"][:3] != "Nob"
    named = {cut["example"] for row in changed for cut in json.loads(row["evidence"])["cut"]}
    assert len(named) <= 4  # one paragraph of each block stands, on the first page


@pytest.mark.slow
def test_row_order_and_partitions_do_not_show(
    spark: SparkSession, pages: list[dict[str, Any]], judged: list[Any], tmp_path: Path
) -> None:
    shuffled = random.Random(5).sample(pages, len(pages))
    assert run(spark, tmp_path, shuffled, CONFIG, files=5) == judged


def test_means_that_meet_are_one_and_move_to_the_middle() -> None:
    random = np.random.default_rng(0)
    centre, other = random.normal(size=(2, 64))
    heap = quantize(centre + 0.6 * random.normal(size=(200, 64)))
    far = quantize(other + 0.6 * random.normal(size=(50, 64)))
    found = shifted(np.concatenate([heap[:3], far[:1]]), np.concatenate([heap, far]), 0.7).astype(float)
    assert len(found) == 2
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    for middle in (centre, other):
        assert (found @ middle / np.linalg.norm(middle)).max() > 0.98


@pytest.mark.parametrize("places", [[0], [1], [3], [2, 3], [0, 1], [0, 3], [1, 2], [0, 1, 2, 3]])
def test_what_a_cut_takes(places: list[int]) -> None:
    text = "One one.\n\nTwo\ntwo.\n \n\nThree.\n\nFour. \n\n"
    spans = cut_spans(text, places)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    left = [part for place, part in enumerate(("One one.", "Two\ntwo.", "Three.", "Four.")) if place not in places]
    assert without(text, spans).split() == " ".join(left).split()
    assert not without(text, spans).startswith("\n") and (3 not in places or not without(text, spans).endswith("\n"))
