"""The heuristics against counting by hand, and their keep rates on collections of known quality."""

import inspect
import json
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.config import RuleThresholds
from skypile.quality.rule_score import prose_score, rule_score
from skypile.quality.rules import broken_rule, measure
from skypile.quality.units import word_list

ENGLISH = (
    "The river rises in the hills to the north of the town and flows for about forty miles to the sea.\n\n"
    "It was once used by barges that carried grain, coal and timber from the mills on its upper reaches, but "
    "the last of them stopped in 1923, when the railway took over what was left of the trade.\n\n"
    "Today the valley is known for its birds, and a path for walkers follows the old tow-path as far as the lock."
)
CHINESE = (
    "这条河发源于城北的山地，向南流经大约四十里的平原，最后在一个小港口附近注入大海。\n\n"
    "从前，运送粮食、煤炭和木材的驳船常常在河上来往；1923年铁路接管了剩下的运输以后，最后一条船也停了下来。\n\n"
    "现在，这个山谷以各种各样的鸟类闻名，沿着旧日的纤道修建的步行小路，可以一直走到水闸旁边。"
)
JSON = json.dumps(
    [{"id": 100 + i, "name": name, "size": [i * 7 % 83, i * 11 % 97]} for i, name in enumerate(dir(str))],
    indent=1,
)
PYTHON = inspect.getsource(shlex)


def reason(text: str, language: str = "en", **bounds: float) -> str | None:
    broken = broken_rule(measure(text), RuleThresholds(**bounds), language)
    return broken.reason if broken else None


def split_units(text: str) -> list[str]:
    return re.findall(r"[一-鿿]|[a-z0-9]+", text.lower())


def naive_repeated(units: list[str], n: int) -> float:
    """Gopher's duplicate n-grams with strings and sets."""
    seen: set[tuple[str, ...]] = set()
    covered = [False] * len(units)
    for start in range(len(units) - n + 1):
        gram = tuple(units[start : start + n])
        if gram in seen:
            covered[start : start + n] = [True] * n
        seen.add(gram)
    return sum(len(u) for u, c in zip(units, covered, strict=True) if c) / sum(map(len, units))


def naive_top(units: list[str], n: int) -> float:
    grams = Counter(tuple(units[start : start + n]) for start in range(len(units) - n + 1))
    held = [sum(map(len, gram)) * count for gram, count in grams.items() if count > 1]
    return min(1.0, max(held, default=0) / sum(map(len, units)))


@pytest.mark.parametrize("text, language", [(ENGLISH, "en"), (CHINESE, "zh"), (JSON, "en"), (PYTHON, "en")])
def test_prose_and_code_break_no_rule(text: str, language: str) -> None:
    assert reason(text, language) is None


@pytest.mark.parametrize(
    "text, language, expected",
    [
        ("A short note.", "en", "too_short"),
        ("这是一条很短的消息。", "zh", "too_short"),
        ("\n".join(f"12/11/2023 {i}.20 47.{i} 3,2{i}4 EUR" for i in range(30)), "en", "few_letters"),
        ("\n".join(f"#summer{i} 🎉 what a day at the sea it was!" for i in range(40)), "en", "symbols"),
        ("\n".join(f"• the {i}th thing that we have to say to you." for i in range(40)), "en", "symbols"),
        ("\n".join(f"Here is story number {i} in our long list of..." for i in range(20)), "en", "symbols"),
        ("a b c d e f g h i j k. " * 10, "en", "long_words"),
        (
            ", ".join(f"Anna{i} Berg Carl Dahl Erik Falk Gustav Holm" for i in range(20)) + ".",
            "en",
            "few_function_words",
        ),
        (
            "涓枃绔欐姤閬撹胺姝屽鏅鸿兘鍏徃寮鍙戝嚭娆捐兘澶熺敤鑷繁蹇嗗涔犳柊鐭ヨ瘑骞跺。" * 3,
            "zh",
            "few_function_words",
        ),
        (
            "\n".join(f"Contact the office of the {i}th department for that" for i in range(30)),
            "en",
            "few_sentences",
        ),
        ("\n".join(f"story of door {i}. And then" for i in range(30)), "en", "short_lines"),
        ("\n".join([ENGLISH] * 2), "en", "repeated_lines"),
        ("\n".join([CHINESE] * 2), "zh", "repeated_lines"),
        (ENGLISH + " " + ENGLISH.replace("\n", " "), "en", "repeated_ngrams"),
        (CHINESE + CHINESE.replace("\n", ""), "zh", "repeated_ngrams"),
        ("".join(f"buy cheap shoes for the {i} of it. " for i in range(200)), "en", "repeated_ngrams"),
    ],
)
def test_each_rule_finds_what_it_is_for(text: str, language: str, expected: str) -> None:
    assert reason(text, language) == expected


@pytest.mark.parametrize(
    "text, language",
    [
        (
            "静夜思\n李白\n床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。\n\n登鹳雀楼\n王之涣\n白日依山尽，\n黄河入海流。"
            "\n欲穷千里目，\n更上一层楼。\n\n春晓\n孟浩然\n春眠不觉晓，\n处处闻啼鸟。\n夜来风雨声，\n花落知多少。\n\n相思\n王维"
            "\n红豆生南国，\n春来发几枝。\n愿君多采撷，\n此物最相思。",
            "zh",
        ),
        (
            "庆历四年春，滕子京谪守巴陵郡。越明年，政通人和，百废具兴，乃重修岳阳楼，增其旧制，刻唐贤今人诗赋于其上，属予作文以记之。\n\n"
            "予观夫巴陵胜状，在洞庭一湖。衔远山，吞长江，浩浩汤汤，横无际涯，朝晖夕阴，气象万千，此则岳阳楼之大观也，前人之述备矣。",
            "zh",
        ),
        (
            "The boats are in,\nthe nets are dry,\na lamp is lit,\nthe gulls go by;\nthe tide is low,\n"
            "the moon is not,\nand what we caught\nis in the pot.\n\nThe wind will turn,\nthe tide will rise,\n"
            "and we shall go\nwith salt in our eyes,\nand what we lost\nthe sea will keep,\n"
            "and what we sang\nwill sing in sleep.",
            "en",
        ),
    ],
    ids=["verse", "classical prose", "English verse"],
)
def test_verse_and_classical_chinese_break_no_rule(text: str, language: str) -> None:
    assert broken_rule(measure(text), RuleThresholds(), language) is None


def test_measures_by_hand() -> None:
    values = measure('He said: "Yes."\n\n- one\n中文 42!\n中文 42!\nx = {y};')
    assert values["characters"] == 13 + 4 + 5 + 5 + 6
    assert values["code_lines"] == pytest.approx(1 / 5)
    assert values["sentence_lines"] == pytest.approx(3 / 4)
    assert values["bullet_lines"] == pytest.approx(1 / 5)
    assert values["repeated_lines"] == pytest.approx(5 / 33)
    assert values["letter_share"] == pytest.approx((9 + 3 + 2 + 2) / 27)
    assert values["words"] == pytest.approx(3 + 1 + 2 + 2 + 4 / 1.6)


def test_a_paragraph_that_breaks_off_is_still_prose_and_a_decimal_point_ends_nothing() -> None:
    assert measure("It rained. Then the sun came out and")["sentence_lines"] == 1.0
    assert measure("Version 3.14 of the programme for the year")["sentence_lines"] == 0.0
    assert measure("下雨了。然后太阳出来")["sentence_lines"] == 1.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "bb", "no", "on", "Cat", "x9", "中", "文", "\n", ". "]), min_size=1, max_size=120)
)
def test_ngram_shares_equal_naive_counting(pieces: list[str]) -> None:
    text = " ".join(pieces)
    units = split_units(text)
    values = measure(text)
    if not units:
        assert values["words"] == 0.0
        return
    ideographs = sum(u in "中文" for u in units)
    factor = 2 if ideographs / 1.6 > len(units) - ideographs else 1
    assert values["repeated_ngrams"] == pytest.approx(naive_repeated(units, 5 * factor))
    assert values["top_ngram"] == pytest.approx(naive_top(units, 2 * factor))


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_can_be_measured_and_judged(text: str) -> None:
    values = measure(text)
    assert values.keys() == measure(ENGLISH).keys()
    for name, value in values.items():
        assert value is None or value >= 0
        if name.endswith(("_share", "_lines", "_ngrams")) and name != "symbol_share" and value is not None:
            assert value <= 1
    for language in ("en", "zh", "und"):
        broken_rule(values, RuleThresholds(), language)


def test_listed_words_match_whole_words_and_chinese_anywhere() -> None:
    listed = word_list(["casino", "free spins", "赌场", ""])
    text = "Casino casinos FREE Spins spins free 网上赌场赌 场"
    found = measure(text, listed)["bad_words"]
    assert found == pytest.approx(4 / (6 + 6 / 1.6))  # 赌 场 too: white space between ideographs says nothing
    assert measure(text)["bad_words"] is None
    assert measure(text, word_list([]))["bad_words"] == 0.0


def test_thresholds_decide_and_are_quoted() -> None:
    values = measure(ENGLISH)
    assert values["words"] is not None
    broken = broken_rule(values, RuleThresholds(min_words=1000), "en")
    assert broken is not None
    assert (broken.measure, broken.value, broken.threshold) == ("words", values["words"], 1000)


@pytest.mark.parametrize(
    "name, language, label, least, most",
    [
        ("zh_clean", "zh", None, 0.99, 1.0),
        ("zh_raw", "zh", None, 0.0, 0.85),
        ("human_quality_en", "en", 1, 0.95, 1.0),
        ("human_quality_en", "en", 0, 0.0, 0.93),
    ],
)
def test_keep_rates(shared_data: Path, name: str, language: str, label: int | None, least: float, most: float) -> None:
    path = shared_data / "quality" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row.get("text") or row["raw_content"] for row in rows if label is None or row["label"] == label]
    kept = sum(reason(text, language) is None for text in texts) / len(texts)
    assert least <= kept <= most


def test_lines_that_close_a_sentence_are_a_judge_in_chinese_alone():
    page = "他昨天来了。\n「你好！」（他说。）\n首页 登录\n电话：123"
    assert measure(page)["closed_lines"] == 0.5
    assert [prose_score(measure(page), code) for code in ("zh", "en")] == [0.5, None]
    assert prose_score(measure(JSON), "zh") in (None, 0.0)  # code is no prose: none of its lines count


def test_rules_as_a_judge_reach_two_decades_in_chinese_and_leave_function_words_to_the_verdict():
    bounds = RuleThresholds()
    of = {"top_ngram": 0.002, "function_zh": 0.3, "words": 500.0}
    assert rule_score(of, bounds, "zh") == pytest.approx((2 + 1) / 2 / 2)  # of two decades: both, and one
    assert rule_score(of, bounds, "en") == 1.0
    assert rule_score(of | {"function_zh": 0.04}, bounds, "zh") == rule_score(of, bounds, "zh")
    assert rule_score({"function_zh": 0.3}, bounds, "zh") is None
    assert rule_score(of | {"top_ngram": 0.0}, bounds, "zh") == pytest.approx((2 + 1) / 2 / 2)
