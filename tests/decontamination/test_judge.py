"""Items put into pages: found in every form, with passage and share; and what only looks like one is not."""

import json
import time

import pyarrow as pa
import pytest

from skypile.config import DecontaminationConfig
from skypile.decontamination.index import build_index
from skypile.decontamination.items import Item
from skypile.decontamination.judge import judge, widened

MILL = Item(
    "sums",
    "41",
    "Ilse grinds 18 sacks of rye at her mill before noon. Her brother grinds half as many in the afternoon, and they "
    "sell each sack for 6 crowns at the harbour. How many crowns do the two of them bring home on Friday evening?",
    (),
    "Her brother grinds half of the sacks that Ilse has ground, so he carries nine of them. Together they have twenty "
    "seven sacks, and the harbour pays for all of these 162 crowns.",
)
RIVER = Item(
    "地理", "7", "下列河流之中，发源于雪山南麓并且流入内陆湖泊的是哪一条？", ("青石河", "白鹭江", "柳叶溪", "黑水河")
)
ITEMS = (MILL, RIVER)

HILLS = [
    "The road climbs past the last farms and enters the beech wood, where the light is green even in winter.",
    "Travellers used to leave a coin in the wall of the chapel; nobody remembers any longer what it was for.",
    "From the saddle one sees both valleys, and on clear mornings the roofs of the market town behind them.",
]
TEA = [
    "每年清明前后，村里的人都上山采茶，天不亮就出门，到日头偏西才背着竹篓回来。",
    "炒茶是一门手艺，火候稍大一点叶子就焦了，稍小一点又去不掉青草的气味。",
    "老人们说，山泉泡出来的茶才有回甘，用井水就差得远了，客人来了总要亲自去挑。",
]


def spoken(item: Item, labels: str = "") -> str:
    choices = [f"{labels[i]}. {choice}" if labels else choice for i, choice in enumerate(item.choices)]
    return " ".join([item.question, *choices])


def lines(text: str, size: int) -> str:
    words = text.split() if " " in text[:40] else [text[i : i + size] for i in range(0, len(text), size)]
    step = size if " " in text[:40] else 1
    return "\n".join(" ".join(words[i : i + step]) for i in range(0, len(words), step))


def halves(text: str) -> tuple[str, str]:
    at = text.find(". ", 60) + 2 if ". " in text[60:] else text.find("，") + 1
    return text[:at], text[at:]


FORMS = {
    "verbatim": lambda text, page: f"{text}\n{page[0]}\n\n{page[1]}",
    "own paragraph": lambda text, page: f"{page[0]}\n\n{text}\n\n{page[1]}\n\n{page[2]}",
    "short lines": lambda text, page: f"{page[0]}\n\n{lines(text, 8)}\n\n{page[1]}",
    "inline": lambda text, page: f"{page[0][:30]} “{text}” {page[0][30:]}\n\n{page[1]}",
    "shouted": lambda text, page: f"{page[0]}\n\n{text.upper().replace(',', ' -').replace('，', '　')}\n\n{page[1]}",
    "split": lambda text, page: "\n\n".join([page[0], halves(text)[0], page[1], halves(text)[1], page[2]]),
}


def found(text: str, config: DecontaminationConfig | None = None, items: tuple[Item, ...] = ITEMS) -> dict | None:
    config = config or DecontaminationConfig()
    verdicts = judge(pa.array(["", text], pa.large_string()), build_index(items, config), config)
    assert set(verdicts) <= {1}
    if not verdicts:
        return None
    verdict = verdicts[1]
    return json.loads(verdict.evidence) | {"verdict": verdict.verdict, "left": verdict.text, "score": verdict.score}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("item", "labels", "page"), [(MILL, "", HILLS), (RIVER, "ABCD", TEA), (RIVER, "", TEA)])
def test_an_item_is_found_in_every_form_and_the_cut_leaves_the_rest(form, item, labels, page):
    text = FORMS[form](spoken(item, labels), page)
    dropped = found(text)
    assert dropped["verdict"] == "dropped" and dropped["left"] is None and dropped["found"] == 1
    entry = dropped["items"][0]
    assert (entry["benchmark"], entry["item"], entry["match"]) == (item.benchmark, item.name, "text")
    assert entry["exact_share"] >= 0.85
    assert all(text[begin:end].strip() == text[begin:end] for begin, end in entry["spans"])

    cut = found(text, DecontaminationConfig(action="cut", most_cut=0.9))
    assert cut["verdict"] == "kept"
    for paragraph in (part for part in page if part in text):
        assert paragraph in cut["left"]
    assert item.question[:20] not in cut["left"] and item.question[-20:] not in cut["left"]
    at, kept = 0, []
    for span in cut["cut"]:
        kept.append(text[at : span["start"]])
        at = span["end"]
    assert "".join([*kept, text[at:]]) == cut["left"]  # nothing is cut that the evidence does not list
    # and of the rest every letter is there
    rest = FORMS[form]("", page) if form != "split" else "\n\n".join(page)
    assert "".join(filter(str.isalpha, cut["left"])) in (
        "".join(filter(str.isalpha, rest)),
        "".join(filter(str.isalpha, rest.replace("“”", ""))),
    )


def test_other_numbers_are_the_weaker_signal():
    numbered = Item(
        "sums", "5", "A cask of 40 litres leaks 3 litres in 2 days; after 8 days how many of the 40 are left, if "
        "5 litres were poured in on day 4 and 6 litres were drawn on day 7 by 3 guests?",
    )  # fmt: skip
    other = numbered.question
    for old, new in (("40", "90"), (" 3 ", " 11 "), (" 2 ", " 4 "), (" 8 ", " 21 "), (" 5 ", " 9 "), (" 6 ", " 13 ")):
        other = other.replace(old, new)
    text = "\n\n".join([HILLS[0], other, HILLS[1]])
    entry = found(text, items=(numbered,))["items"][0]
    assert entry["match"] == "numbers" and entry["share"] == 1 and entry["exact_share"] < 0.7
    assert text[slice(*entry["spans"][0])] == other[:-1]
    assert found(text, DecontaminationConfig(numbers_share=1.0), (numbered,))["score"] == 1
    beginning = "\n\n".join([HILLS[0], other[: len(other) // 2], HILLS[1]])
    assert found(beginning, items=(numbered,)) is None


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_share_of_the_settings_decides(share):
    """Two thirds of the item: enough for the one, too little for the other."""
    text = "\n\n".join([HILLS[0], MILL.question[:150], HILLS[1]])
    config = DecontaminationConfig(share=share, numbers_share=share)
    assert (found(text, config) is not None) is (share == 0.5)


def test_the_longer_of_two_thresholds_for_short_items():
    """Of a short item all must be there, whatever the share for long ones."""
    short = Item("b", "0", "Which of the three sisters kept the lighthouse lamp burning through the winter of storms?")
    text = f"{HILLS[0]} {short.question[:-20]} {HILLS[1]}"
    assert found(text, DecontaminationConfig(share=0.5, numbers_share=0.5), (short,)) is None
    assert found(f"{HILLS[0]} {short.question} {HILLS[1]}", items=(short,))["score"] == 1


def test_a_short_item_is_found_as_a_whole_only():
    short = Item("b", "0", "Who painted the 3 red boats at dusk?")
    assert build_index([short], DecontaminationConfig()).searched["as_a_whole"] == 1
    entry = found(f"{HILLS[0]} WHO painted the 3 red boats, at dusk {HILLS[1]}", items=(short,))["items"][0]
    assert entry["match"] == "whole"
    for other in ("Who painted the 4 red boats at dusk?", "Who painted the 3 red boats at dawn?"):
        assert found(f"{HILLS[0]} {other} {HILLS[1]}", items=(short,)) is None


RIDDLE = Item("谜", "3", "有面没有口有脚没有手四只脚站得稳从来不会走")
LAMP = Item("b", "0", "Who lit the 3 lamps above the mill while the miller slept?")


@pytest.mark.parametrize(
    ("item", "break_at", "action"), [(RIDDLE, 10, "drop"), (RIDDLE, 12, "cut"), (LAMP, 29, "drop"), (LAMP, 19, "drop")]
)
def test_a_short_item_is_found_in_two_parts(item, break_at, action):
    first, second = item.question[:break_at], item.question[break_at:]
    between = TEA if item is RIDDLE else HILLS
    text = "\n\n".join([between[0], first, between[1], second, between[2]])
    assert build_index([item], DecontaminationConfig()).searched["as_a_whole"] == 1
    made = found(text, DecontaminationConfig(action=action), (item,))
    entry = made["items"][0]
    assert entry["match"] == "whole" and [text[a:b].strip("?") for a, b in entry["spans"]] == [
        part.strip(" ?") for part in (first, second)
    ]
    if action == "cut":
        assert made["left"] == "\n\n".join(between)


@pytest.mark.parametrize(
    "parts",
    [
        (RIDDLE.question[:10],),
        (RIDDLE.question[:10], RIDDLE.question[10:-1]),
        (RIDDLE.question[:10], RIDDLE.question[10:].replace("四", "五")),
        (RIDDLE.question[:8], RIDDLE.question[8:14], TEA[1], RIDDLE.question[14:]),
        (RIDDLE.question[:10], *TEA * 6, RIDDLE.question[10:]),
    ],
    ids=["one part", "a character less", "another number", "three parts", "far from each other"],
)
def test_less_than_two_whole_parts_of_a_short_item_is_not_the_item(parts):
    assert found("\n\n".join([TEA[0], parts[0], TEA[1], *parts[1:], TEA[2]]), items=(RIDDLE,)) is None


def test_what_is_shorter_than_an_ngram_is_not_searched_and_counted():
    index = build_index(
        [Item("b", "0", "Who wrote it?"), Item("b", "1", "谁写的？"), MILL, MILL], DecontaminationConfig()
    )
    assert index.searched == {"by_share": 1, "as_a_whole": 0, "not_searched": 2, "repeated": 1}
    assert found("Who wrote it? 谁写的？", items=(Item("b", "0", "Who wrote it?"), Item("b", "1", "谁写的？"))) is None


def test_a_question_long_enough_is_found_without_its_choices():
    choices = ("Because the tide had turned early that year", "Because nobody had paid the toll at the bridge")
    item = Item("b", "3", MILL.question.replace("18", "several"), choices)
    assert found(f"{HILLS[0]}\n\n{item.question}\n\n{HILLS[1]}", items=(item,)) is not None
    assert found(f"{HILLS[0]}\n\n{choices[0]} {choices[1]}\n\n{HILLS[1]}", items=(item,)) is None


def test_an_answer_goes_with_its_question_and_is_nothing_alone():
    config = DecontaminationConfig(action="cut", most_cut=1)
    text = "\n\n".join([HILLS[0], MILL.question, MILL.answer, HILLS[1]])
    assert found(text, config)["left"] == f"{HILLS[0]}\n\n{HILLS[1]}"
    assert found("\n\n".join([HILLS[0], MILL.answer, HILLS[1]]), config) is None


def test_parts_that_lie_far_apart_are_none():
    at = MILL.question.index("half as many")
    first, second = MILL.question[:at], MILL.question[at:]
    far = "\n\n".join(f"{paragraph} Chapter {number}." for number in range(40) for paragraph in HILLS)
    assert found(f"{first}\n\n{HILLS[0]}\n\n{second}") is not None
    assert found(f"{first}\n\n{far}\n\n{second}") is None


def test_words_that_were_replaced_in_a_passage_go_with_it():
    text = f"{HILLS[0]} {MILL.question.replace('at the harbour', 'down by the old pier')} {HILLS[1]}"
    cut = found(text, DecontaminationConfig(action="cut", most_cut=1))
    assert cut["left"] == f"{HILLS[0]}  {HILLS[1]}"


def test_a_page_that_is_mostly_items_is_dropped_though_passages_are_cut():
    text = f"{MILL.question}\n\n{HILLS[0]}"
    gone = found(text, DecontaminationConfig(action="cut", most_cut=0.5))
    assert gone["verdict"] == "dropped" and gone["cut_share"] > 0.5
    assert found(text, DecontaminationConfig(action="cut", most_cut=0.8))["left"] == HILLS[0]


def test_spans_are_code_points():
    text = f"🜚𠀀é {spoken(RIVER, 'ABCD')} 🜚"
    begin, end = found(text)["items"][0]["spans"][0]
    assert text[begin:end].startswith("下列河流") and text[begin:end].endswith("黑水河")


def test_a_page_that_repeats_an_item_for_ever_takes_bounded_time():
    text = MILL.question * 3000
    found(MILL.question)  # compiles
    began = time.monotonic()
    assert found(text)["found"] == 1
    assert time.monotonic() - began < 20


def test_the_order_of_texts_and_batches_changes_nothing():
    texts = [FORMS[form](spoken(item), HILLS) for form in FORMS for item in ITEMS] + HILLS + TEA
    config = DecontaminationConfig()
    index = build_index(ITEMS, config)
    together = judge(pa.array(texts), index, config)
    alone = {row: judged[0] for row, text in enumerate(texts) if (judged := judge(pa.array([text]), index, config))}
    backward = judge(pa.array(texts[::-1]), build_index(ITEMS[::-1], config), config)
    assert together == alone and len(alone) == 2 * len(FORMS)
    assert [backward[row].evidence for row in sorted(backward)][::-1] == [alone[row].evidence for row in sorted(alone)]


@pytest.mark.parametrize(
    ("text", "inner", "expected"),
    [
        ("one\n\ntwo three.\n\nfour", "two three", "two three.\n\n"),
        ("one\n\ntwo three.", "two three", "\n\ntwo three."),
        ("say (two three) and", "two three", "(two three)"),
        ("a two three b", "two three", "two three"),
    ],
)
def test_passages_take_their_punctuation_and_whole_lines_their_ends(text, inner, expected):
    at = text.index(inner)
    begin, end = widened(text, at, at + len(inner))
    assert text[begin:end] == expected
