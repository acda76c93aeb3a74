"""Listed terms: what is spam is told from medicine, news and law that speak of the same things."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from skypile.classifiers.host_lists import read_hosts
from skypile.config import QualityFilterConfig, RuleThresholds
from skypile.quality.lexicon import (
    BUILT_IN,
    KINDS,
    LexiconError,
    is_blocked,
    lexicon,
    scores,
    terms,
)
from skypile.quality.rules import broken_rule
from tests.quality.test_rules import CHINESE
from tests.quality.test_stage import document, run

GAMBLING = (
    "幸运飞艇全天人工计划，注册送彩金，真人视讯、电子游艺一站齐全。投注平台信誉第一，提现秒到。"
    "下载客户端首存再送，百家乐、老虎机任您挑选，天天返水，亿元奖池等您来拿。"
)
EXPLICIT = "本站收录成人小说与激情视频，巨乳人妻、熟女约炮，无码内射，口爆颜射应有尽有，每日更新，注册即看全部章节。"
INNOCENT = {
    "medicine": (
        "龟头炎多因包皮过长引起，表现为龟头红肿、瘙痒。患者应每日清洗阴茎，治疗期间避免做爱。女性伴侣如有阴道炎、"
        "阴唇瘙痒，也应同时就诊。自慰后疼痛、射精困难或性高潮障碍者，需要排除前列腺炎。阴道分泌物检查可以确诊。" * 3
    ),
    "law": (
        "以营利为目的，聚众赌博或者以赌博为业的，处三年以下有期徒刑。利用互联网开设赌场，接受投注、下注的，"
        "情节严重的处五年以上。建立赌博网站并接受押注，组织他人赌博，或者为赌博网站担任代理的，以开设赌场罪论处。" * 3
    ),
    "crime": (
        "被告人利用职务之便强奸、轮奸多名被害人，并强迫卖淫，法院以强奸罪、强迫卖淫罪数罪并罚判处死刑。"
        "警方同时捣毁一个卖淫窝点。检察机关提醒，遭遇性侵应及时报案并保留证据。" * 3
    ),
    "business": (
        "澳门威尼斯人度假村的母公司公布季报，赌场收入同比增长。分析师说，永利与银河的博彩收入也在恢复，"
        "贵宾厅业务占比下降，老虎机收入上升。博彩监察协调局公布，上月博彩毛收入为一百八十亿元。" * 3
    ),
    "lottery": "双色球开奖公告：本期开奖号码已经公布，彩票中心提醒购彩者理性投注，开奖结果以公告为准。" * 4,
}


def reason(text: str) -> str | None:
    values = scores(pa.array([text]), lexicon(BUILT_IN))[0]
    broken = broken_rule(values, RuleThresholds(), "zh")
    return broken.reason if broken else None


def test_spam_is_found() -> None:
    assert (reason(GAMBLING), reason(EXPLICIT)) == ("gambling", "adult")


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_pages_that_speak_of_it_are_not(text: str) -> None:
    assert reason(text) is None
    assert terms(text, lexicon(BUILT_IN))  # and yet they have listed terms


def test_spam_in_a_long_page_counts_by_its_length() -> None:
    long = CHINESE * (20_000 // len(CHINESE))
    assert reason(long + GAMBLING) is None
    assert reason(long[:2000] + GAMBLING) == "gambling"


def test_a_score_is_weights_a_character_and_takes_three_different_strong_terms() -> None:
    listed = lexicon(BUILT_IN)
    found = scores(pa.array(["幸运飞艇" * 5 + "注册送", "幸运飞艇注册送博彩YABO", None, ""]), listed)
    assert (found[0]["gambling"], found[0]["gambling_terms"]) == (0.0, 2.0)
    assert found[1]["gambling"] == pytest.approx((1 + 1 + 0.2 + 1) / 13)
    assert found[2]["gambling"] == found[3]["gambling"] == found[1]["adult"] == 0.0


def test_the_longest_term_counts() -> None:
    assert terms("六合彩开奖结果", lexicon(BUILT_IN)) == {"六合彩": 1, "开奖结果": 1}


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[adverts]\n"lose weight" = 1\n"act now" = 1\n"(free)" = 0.5\n"cheap" = 0.1\n')
    found = scores(pa.array(["Act now: LOSE WEIGHT (free), cheap"]), lexicon(str(path)))[0]
    assert found["adverts"] == pytest.approx(2.6 / 34) and found["adult"] is None
    assert scores(pa.array(["Act now"]), lexicon(""))[0]["adverts"] is None
    for content, said in (
        ("[adverts]\nx = 2\n", 'write "term" = weight'),
        ("[advert]\nx = 1\n", "it may have adult"),
        ("[adverts\n", "no TOML"),
        ("adverts = 1\n", 'write "term" = weight'),
    ):
        path = tmp_path / f"{len(content)}{said[:2]}.toml"
        path.write_text(content)
        with pytest.raises(LexiconError, match=said):
            lexicon(str(path))


def test_the_built_in_list_is_sound() -> None:
    listed = lexicon(BUILT_IN)
    assert set(listed.weights) == set(KINDS)
    assert all(len(term) > 1 or term in "屄肏" for weights in listed.weights.values() for term in weights)


def test_hosts_are_blocked_with_their_subdomains(tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("# mine\nBad.example\nwww.worse.example\n\n")
    assert read_hosts(str(path), domains=True) == {"bad.example", "worse.example"}
    hosts = ["bad.example", "a.b.bad.example", "notbad.example", "worse.example", "example", None]
    assert [is_blocked(host, str(path)) for host in hosts] == [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    assert is_blocked("bad.example", None) is None


def test_the_stage_drops_by_terms_and_hosts_and_says_which(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("bad.example\n")
    rows = [document(CHINESE + GAMBLING, "zh"), document(CHINESE, "zh", host="a.bad.example"), document(CHINESE, "zh")]
    found = run(spark, rows, QualityFilterConfig(blocked_hosts=str(path)))
    assert [row["reason"] for row in found] == ["gambling", "blocked_host", None]
    told = json.loads(found[0]["evidence"])
    assert told["measure"] == "gambling" and found[0]["score"] > found[0]["threshold"] == 0.002
    assert len(told["terms"]["gambling"]) == 5 and set(told["terms"]["gambling"].values()) == {1}
    kept = run(spark, rows, QualityFilterConfig(lexicon="", rules=RuleThresholds(max_blocked_host=1)))
    assert [row["reason"] for row in kept] == [None, None, None]


@pytest.mark.slow
def test_real_pages(shared_data: Path) -> None:
    """Nothing of what people wrote and chose is dropped; of raw crawl text what is spam."""
    quality = shared_data / "quality"
    clean = [max(json.loads(line).values(), key=len) for line in (quality / "zh_clean.jsonl").read_text().splitlines()]
    for name in ("zh", "mixed", "wcxb"):
        clean += [
            text for text in pq.read_table(shared_data / f"extraction/{name}_dev.parquet")["gold"].to_pylist() if text
        ]
    clean += pq.read_table(shared_data / "dedup/bbc.parquet")["text"].to_pylist()
    assert sum(reason(text) is not None for text in clean) == 0
    raw = [json.loads(line) for line in (quality / "zh_raw.jsonl").read_text().splitlines()]
    found = [reason(max((v for v in row.values() if isinstance(v, str)), key=len)) for row in raw]
    assert (found.count("gambling"), found.count("adverts"), found.count(None)) == (2, 1, 97)
