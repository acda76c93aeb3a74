"""Which n-grams are common: what many hosts say without the item, and not an item that was copied."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import DecontaminationConfig
from skypile.decontamination.files import decontaminate
from skypile.decontamination.frequency import NO_SOURCE, common_grams, merge, new_tally
from skypile.decontamination.index import MOST_ITEMS, build_index
from skypile.decontamination.items import Item
from skypile.dedup.columns import Columns
from tests.decontamination.test_judge import HILLS, MILL, TEA, found

OATH = (
    "I swear by the salt and the seven winds that I shall keep the lamp, count the ships, and tell no one the "
    "name of the rock while I live upon it"
)
KEEPER = {"question": f"“{OATH}” Who speaks these words?", "choices": ["The keeper", "The ferryman"], "answer": 0}


def verdicts(tmp_path, rows, benchmark=(KEEPER,)):
    tmp_path.mkdir(exist_ok=True)
    pq.write_table(
        pa.table(dict(zip(("id", "url", "text"), zip(*rows, strict=True), strict=True))), tmp_path / "in.parquet"
    )
    (tmp_path / "sea.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in benchmark))
    done = decontaminate(
        [str(tmp_path / "in.parquet")],
        str(tmp_path / "out"),
        Columns("id", "text", "url"),
        [str(tmp_path / "sea.jsonl")],
    )
    found = pq.read_table(tmp_path / "out/verdicts").to_pylist()
    return {row["record_id"]: row["verdict"] for row in found}, done


def pages(count, hosts, passage):
    return [
        (
            f"{number}",
            f"https://host{number % hosts}.example/{number}",
            f"{HILLS[number % 3]}\n\n{passage}\n\n{TEA[number % 3]}",
        )
        for number in range(count)
    ]


def test_what_many_hosts_quote_tells_nothing(tmp_path):
    """An oath that is most of an item: nine pages with it are nine alarms, ten on three hosts are none."""
    item = ("item", "https://exam.example/", " ".join([HILLS[0], KEEPER["question"], *KEEPER["choices"], HILLS[1]]))
    few, done = verdicts(tmp_path / "few", [*pages(9, 9, OATH), item])
    assert set(few.values()) == {"dropped"} and done["common_ngrams"] == 0
    many, done = verdicts(tmp_path / "many", [*pages(10, 3, OATH), item])
    assert many.pop("item") == "dropped" and set(many.values()) == {"kept"} and done["common_ngrams"] > 0


def test_one_site_makes_nothing_common(tmp_path):
    seen, done = verdicts(tmp_path / "x", pages(40, 2, OATH))
    assert set(seen.values()) == {"dropped"} and done["common_ngrams"] == 0


def test_an_item_that_was_copied_everywhere_is_still_found(tmp_path):
    whole = " ".join([KEEPER["question"], *KEEPER["choices"]])
    seen, done = verdicts(tmp_path / "x", pages(30, 30, whole))
    assert set(seen.values()) == {"dropped"} and done["common_ngrams"] == 0
    assert done["most_found"] == [{"benchmark": "sea", "item": "0", "texts": 30}]


def test_a_short_item_that_everybody_says_is_a_phrase(tmp_path):
    short = {"question": "Choose the word that fits the gap best of all"}
    seen, _ = verdicts(tmp_path / "few", pages(9, 9, short["question"]), [short])
    assert set(seen.values()) == {"dropped"}
    seen, done = verdicts(tmp_path / "many", pages(12, 4, short["question"]), [short])
    assert set(seen.values()) == {"kept"} and done["searched"]["not_searched"] == 1


def test_phrases_of_many_items_do_not_tell_one_of_them():
    opening = (
        "Read the passage about the old harbour with care, underline every word whose meaning is not clear, and then "
        "choose among the sentences below the only one that the author would certainly agree with today"
    )
    items = tuple(
        Item(
            "exam",
            str(number),
            f"{opening}: {chr(97 + number % 26)}{number}lo vessel{number} moored{number} nearby{number}",
        )
        for number in range(MOST_ITEMS + 8)
    )
    assert found(f"{HILLS[0]} {opening}. {HILLS[1]}", items=items) is None
    few = items[:3]
    assert (
        found(f"{HILLS[0]} {opening}. {HILLS[1]}", DecontaminationConfig(share=0.5, numbers_share=0.5), few) is not None
    )


@pytest.mark.parametrize("parts", [1, 3])
def test_tallies_add_up_whatever_the_parts(parts):
    config = DecontaminationConfig(common_documents=4, common_sources=3)
    index = build_index([MILL], config)
    rows = [(gram, source) for gram in range(5) for source in range(gram + 1)] * 2
    whole = new_tally(index, config)
    for start in range(parts):
        mine = rows[start::parts]
        part = new_tally(index, config)
        grams, sources = np.array([g for g, _ in mine]), np.array([s for _, s in mine], np.uint64) + 7
        merge(part, grams, np.ones(len(mine), np.int64), sources[:, None])
        touched = part.texts.nonzero()[0]
        merge(whole, touched, part.texts[touched], part.sources[touched])
    assert whole.texts[:6].tolist() == [2, 4, 6, 8, 10, 0]
    assert whole.sources[1].tolist() == [7, 8, NO_SOURCE] and whole.sources[4].tolist() == [7, 8, 9]
    assert common_grams(whole, index, config).tolist() == index.gram_keys[2:5].tolist()
