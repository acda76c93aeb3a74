"""Language identification against texts whose language is known."""

import json
import random
import threading
from pathlib import Path

import pytest

from skypile.text.language import (
    GATE_CHARACTERS,
    GATE_DOUBT,
    GATE_WINDOWS,
    UNDETERMINED,
    certainly_other,
    identify,
    named,
    script,
    shares,
)

# Article 1 of the Universal Declaration of Human Rights, by ISO 639-1 code.
ARTICLE_1 = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق، وقد وهبوا عقلًا وضميرًا.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter.",
}


@pytest.mark.parametrize("code", ARTICLE_1)
def test_a_sentence_is_enough(code: str) -> None:
    assert identify(ARTICLE_1[code]).code == code


@pytest.mark.parametrize(
    "text",
    [
        "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心。",  # traditional
        "佢哋喺香港嘅生活好唔容易，但係佢哋從來都冇放棄過。",  # Cantonese
        "我买了一部 iPhone 15 Pro Max 手机，屏幕很大，价格也不便宜，用起来很顺手。",
        "最近爆红的「の」字招牌随处可见，许多商家都喜欢把中文的“的”换成日文假名。",  # a stray kana
        "国际新闻",
    ],
)
def test_all_chinese_is_zh(text: str) -> None:
    assert identify(text).code == "zh"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "12345 67890 +1 (555) 010-9999",
        "!!! ??? ———",
        "\0",
        "OK",
        "東京都知事選挙結果",  # Chinese or Japanese: no telling without kana
        "def f(x):\n return x+1\n",
        "aaaa aaaa aaaa",
        "Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor incididunt ut labore.",
        "Ni wakati wa kuanza safari yetu ya kwenda nyumbani kwa sababu jua linazama.",  # eldc has no Swahili
    ],
)
def test_undetermined_when_unsure(text: str) -> None:
    assert identify(text).code == "und"


def test_score_is_the_share_of_the_text_wherever_it_stands() -> None:
    french, english = ARTICLE_1["fr"] * 60, ARTICLE_1["en"] * 30
    for text in (french + english, english + french):
        code, score = identify(text)
        assert code == "fr"
        assert score == pytest.approx(2 / 3, abs=0.15)


COMPANY = (
    "会社概要 商号 株式会社沢村製薬 所在地 大阪府堺市 設立 昭和四十五年 資本金 三千万円 代表取締役 沢村健児 "
    "従業員数 百二十名 事業内容 医薬品製造販売、検査機器開発、輸出入 主要取引先 総合病院、薬局、大学研究室 沿革 "
    "平成元年 営業所開設 平成九年 "
    "工場増設、倉庫移転 令和三年 労働環境改善表彰 駐車場有 最寄駅 堺東駅 徒歩五分"
)


def test_japanese_without_kana_is_japanese() -> None:
    assert identify(COMPANY).code == "ja"
    assert identify(COMPANY + ARTICLE_1["ja"]).code == "ja"
    for chinese in (
        "東京發展局公佈，駅前廣場將於明年動工，市民對此表示歡迎，認為這項工程會帶來更多遊客，也能改善交通。",
        "他姓畑，在日本读过书，住在一个叫駒沢的地方，后来回到上海教书，写了很多关于东京的文章，大家都很喜欢。" * 3,
    ):
        assert identify(chinese).code == "zh"


def test_korean_with_han_characters_is_korean() -> None:
    mixed = "大韓民國의 主權은 國民에게 있고 모든 權力은 國民으로부터 나온다. 國家는 法律이 定하는 바에 依한다."
    assert identify(mixed).code == "ko"
    quoted = "首尔（서울）是韩国的首都，位于汉江（한강）流域，城市历史悠久，古称汉城，人口将近一千万。" * 2
    assert identify(quoted).code == "zh"


def test_terms_and_code_in_a_chinese_post_are_of_no_language() -> None:
    post = (
        "升级之后发现启动很慢，排查了一下。先看日志：\n"
        "kubectl logs -f deployment/api --namespace production --tail 200\n"
        "org.springframework.boot.autoconfigure.jdbc DataSourceInitializationMode ALWAYS HikariPool timeout\n"
        "原因是连接池太小，把配置改成下面这样就好了：\nspring.datasource.hikari.maximum-pool-size 40 minimum-idle 10 "
        "connection-timeout 3000\n"
        "Redis cluster, Kafka consumer group, Elasticsearch shards, Grafana dashboard 也要一起调。"
    )
    assert identify(post).code == "zh"
    assert identify(post + "\n" + ARTICLE_1["en"] * 12).code == "en"  # where English is prose it counts
    assert identify(ARTICLE_1["en"] * 5 + "北京大学").code == "en"


def test_parallel_text_is_named_by_its_larger_half() -> None:
    lines = (ARTICLE_1["zh"] + "\n" + ARTICLE_1["en"] + "\n") * 6
    found = identify(lines + ARTICLE_1["ru"])
    assert found.code in ("zh", "en") and 0.5 <= found.score < 0.7
    assert named({"zh": 0.4, "en": 0.45, "ru": 0.15}).code == "en"
    assert named({"zh": 0.4, "en": 0.35, "ru": 0.25}).code == "und"
    assert named({"de": 0.45, "fr": 0.4, "ru": 0.15}).code == "und"  # no script tells them apart
    assert named({"zh": 0.49, "und": 0.46, "en": 0.05}).code == "und"


def test_traditional_and_simplified_are_told_apart() -> None:
    assert script(ARTICLE_1["zh"]) == "Hans"
    assert script("人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心。") == "Hant"
    assert script("人人生而自由，在尊嚴和權利上一律平等。 简") == "Hant"
    assert script("") is script("天下大同") is None


def test_an_ideograph_weighs_as_much_as_three_letters() -> None:
    letters = sum(map(str.isalpha, ARTICLE_1["en"]))
    assert shares("今天天气很好" * 5 + ARTICLE_1["en"])["zh"] == pytest.approx(90 / (90 + letters))


def test_hostile_characters_do_not_blind_it() -> None:
    assert identify("\0\0" + ARTICLE_1["en"]).code == "en"  # eldc alone stops reading at NUL
    assert identify("\ud800" + ARTICLE_1["en"] + "\udfff").code == "en"
    assert identify("=" * 5000 + ARTICLE_1["en"] * 200).code == "en"  # eldc alone reads 1,000 bytes


def test_threads_agree() -> None:
    texts = list(ARTICLE_1.values()) * 20
    expected = [identify(t) for t in texts]
    results: dict[int, list] = {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: [identify(t) for t in texts]})) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[i] == expected for i in range(4))


def test_gate_closes_only_on_whole_pages_in_other_languages() -> None:
    wanted = ("en", "zh")
    german = ARTICLE_1["de"] * 50
    assert certainly_other(german, wanted)
    assert not certainly_other(german, ("de",))
    assert not certainly_other(german, ())  # no languages named: no gate
    assert not certainly_other(german + ARTICLE_1["en"] * 15, wanted)  # an English article in a German frame
    assert not certainly_other(german + ARTICLE_1["zh"] * 15, wanted)
    assert not certainly_other(ARTICLE_1["de"], wanted)  # too short to be certain
    assert not certainly_other("0123 " * 1000, wanted)


@pytest.mark.parametrize("seed", range(60))
def test_the_gate_stops_looking_early_only_where_the_rest_cannot_matter(seed: int) -> None:
    draw = random.Random(seed)
    other = draw.choice(["de", "fr", "ru", "ja"])
    parts = [ARTICLE_1[draw.choice(["en", "zh"])][:40] for _ in range(draw.randrange(30))]
    parts += [ARTICLE_1[other] for _ in range(draw.randrange(40))]
    draw.shuffle(parts)
    text = "\0 ".join(parts)
    weights = shares(text, GATE_WINDOWS)
    wanted_or_doubtful = sum(weights.get(code, 0) for code in ("en", "zh", UNDETERMINED))
    expected = len(text) >= GATE_CHARACTERS and bool(weights) and wanted_or_doubtful <= GATE_DOUBT
    assert certainly_other(text, ("en", "zh")) == expected


@pytest.mark.parametrize("name, code", [("zh_clean", "zh"), ("zh_raw", "zh"), ("human_quality_en", "en")])
@pytest.mark.parametrize("characters, floor", [(100, 0.94), (200, 0.98), (100_000, 0.995)])
def test_known_collections(shared_data: Path, name: str, code: str, characters: int, floor: float) -> None:
    path = shared_data / "quality" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row.get("text") or row["raw_content"] for row in rows]
    found = [identify(text[:characters]).code for text in texts]
    assert found.count(code) / len(found) >= floor
