"""Identifiers of people: what is found and what is not, and masks that hold under repetition."""

import random
import re
from importlib import import_module
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.identifiers import FORMS, bank_card, id_number, mobile, planted
from skypile.config import PrivacyConfig
from skypile.config.privacy import IDENTIFIERS
from skypile.quality.privacy.masking import counted, evidence, masked, masked_rows
from skypile.quality.privacy.numbers import is_bank_card, is_id_number

DEFAULT = PrivacyConfig()


def masks(text: str, **settings) -> str:
    return masked(text, PrivacyConfig(**settings)).text


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_whole_wherever_it_stands(form: str) -> None:
    chance = random.Random(form)
    around = [("前文。", "后文"), ("（", "）"), ("\n", "\n"), ("见2023年，", "，2024年"), ("x ", " y")]
    for _ in range(60):
        item = planted(form, chance)
        left, right = chance.choice(around)
        text = left + item.before + item.value + item.after + right
        start = len(left + item.before)
        spans = masked(text, DEFAULT).spans
        assert [(span.start, span.end) for span in spans] == [(start, start + len(item.value))], text
        assert spans[0].kind == item.kind, text


@pytest.mark.parametrize(
    "text, shown",
    [
        ("来信请寄wang.wu+a@mail.sina.com.cn或致电", "来信请寄[EMAIL]或致电"),
        ("邮箱 li_si @ 126.com，", "邮箱 [EMAIL]，"),
        ("Write to j.doe [at] cam.ac [dot] uk today", "Write to [EMAIL] today"),
        ("13911112222/13733334444", "[PHONE]/[PHONE]"),
        ("电话：0571-87654321、87654322，传真87654323", "电话：[PHONE]、[PHONE]，传真[PHONE]"),
        ("总机(021)6234 5678转8001", "总机[PHONE]"),
        ("1 3 9 1 1 1 1 2 2 2 2", "[PHONE]"),
        ("(+86)139-1111-2222", "([PHONE]"),  # the bracket that closes within the number goes with it
        ("服务热线 800-820-8820，", "服务热线 [PHONE]，"),
        ("聯絡電話：02-2345-6789", "聯絡電話：[PHONE]"),
        ("Ring 020 7946 0018 or (212) 736-5000.", "Ring [PHONE] or [PHONE]."),
        ("Phone 212 736 5000", "Phone [PHONE]"),
        ("+49 (0)9546-9223-20", "[PHONE]"),
        ("手机号14012345678", "手机号[PHONE]"),  # a range that libphonenumber does not know
        ("电话：6234567", "电话：[PHONE]"),  # the fewest digits
        ("QQ/微信:98765432", "QQ/微信:[QQ]"),
        ("QQ群：12345678、23456789", "QQ群：[QQ]、[QQ]"),
        ("加我微信zhang_san88，", "加我微信[WECHAT]，"),
        ("微信号：lisilisi。", "微信号：[WECHAT]。"),
        ("ssh root@47.97.12.34", "ssh root@[IP]"),
        ("http://47.97.12.34:8080/a", "http://[IP]:8080/a"),
        ("IP：9.8.7.6", "IP：[IP]"),
        ("2408:8207:1:2::3f", "[IP]"),
        ("一代证110101491001109", "一代证[ID_NUMBER]"),
        ("𝟏𝟑𝟗𝟏𝟏𝟏𝟏𝟐𝟐𝟐𝟐", "[PHONE]"),
    ],
)
def test_found(text: str, shown: str) -> None:
    assert masks(text) == shown.replace("([PHONE]", "[PHONE]")


@pytest.mark.parametrize(
    "text",
    [
        *("icon@2x.png", "y = a@b.shape", "git@github.com:someone/thing.git", "@handler.route", "mail\n@media.print"),
        *("there are 960-480-120 = 360 left", "960-480-120=360"),
        *("版本1.2.3.4发布", "Chapter 3.14.15.92", "Chrome/9.8.7.6", "见第9.2.1.4节", "2.4.6.8.10", "10.0.0.8"),
        *("服务器192.168.1.20", "203.0.113.9", "224.0.0.251", "DNS 8.8.8.8", "std::vector", "2001:db8::1", "12:30:45"),
        *("2023-10-12 08:30:11", "20231012083011", "ISBN 978-7-111-12345-6", "订单号202310121234567", "1697090000000"),
        *("共13812345678元", "￥13812345678", "0.13812345678", "x_13812345678", "SN13812345678", "13812345678.html"),
        *("http://news.cn/a/13812345678", "www.a.cn/4111111111111111", "a.cn/id/110101199003071233"),
        *(
            "页425-442 (2000)",
            "比分6-7 (3-7) 6-3 6-3",
            "called it 6-7 6-3 6-3 6-4 6-3",
            "138 2000 3000 4000",
            "2023101208",
        ),
        *("4220 4632 5041 5490 6775 9878", "手机便宜250\t32344", "手机便宜250 32344", "0 0 252 252 0 0 0 0"),
        *(
            "QQ2012正式版",
            "QQ音乐10.8.4",
            "QQ 100000人",
            "微信公众号：xinhuashe",
            "微信 Android 客户端",
            "微信：WeChat",
        ),
        *(
            "[PATCH Vx RESEND] sub",
            "加vip123456",
            "微信支付1000000元",
            "rwxr-xr-x 12345678",
            "WeChat: Understanding it",
        ),
    ],
)
def test_not_found(text: str) -> None:
    assert masks(text) == text


def test_check_digits() -> None:
    chance = random.Random(3)
    for _ in range(200):
        number, card = id_number(chance).lower(), bank_card(chance)
        assert is_id_number(number) and is_bank_card(card, (len(card),))
        at = chance.randrange(len(card) - 1)
        wrong = card[:at] + str((int(card[at]) + 1) % 10) + card[at + 1 :]
        assert not is_bank_card(wrong, (len(wrong),))
        wrong = number[:-1] + next(d for d in "0123456789x" if d != number[-1])
        assert not is_id_number(wrong)
    assert not is_id_number("110101199002301239")  # the 30th of February
    assert not is_id_number("990101199003070014")  # no such province
    assert not is_bank_card("4111111111111111", (5, 5, 6))


def test_kinds_that_are_not_asked_for_stay_and_are_taken_for_nothing_else() -> None:
    text = "QQ：12345678，电话13911112222，a@b.com"
    assert masks(text, mask=["phone"]) == "QQ：12345678，电话[PHONE]，a@b.com"
    assert masks(text, mask=[]) == text
    assert masks("13911112222@163.com", mask=["phone"]) == "13911112222@163.com"
    assert masks("电话13911112222", placeholder="<|{kind}|>") == "电话<|PHONE|>"
    assert masks("Call (212) 736-5000", phone_regions=["CN"]) == "Call (212) 736-5000"


PIECES = st.one_of(
    st.sampled_from(list(FORMS)).flatmap(
        lambda form: st.integers(0, 99).map(lambda seed: planted(form, random.Random(seed)).value)
    ),
    st.sampled_from(
        ["QQ", "微信", "加V", "vx", "电话", "邮箱", "+", "(", ")", "-", " ", ".", "@", ":", "/", "，", "、", "\n"]
    ),
    st.sampled_from(["http://", "版本", "元", "转", "[PHONE]", "[QQ]", "[", "]", "at", "a", "汉", "0", "86", "1"]),
    st.text("0123456789.-: ", max_size=12),
)


@example("http://194.9.76.172:2408:a5:6baa:9455:e3e7:682:c209:4cac")  # the second stands alone once the first is masked
@example("微信110101199003070679")  # a placeholder is no handle
@example("微信：4111111111111111")
@example("4094989382110792 (0512)70949893")  # the card stands alone once the telephone is masked
@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=9).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = masked(text, DEFAULT)
    assert masked(once.text, DEFAULT) == (once.text, [])
    ends = [0, *(place for span in once.spans for place in span[:2])]
    assert ends == sorted(ends)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=9).map("".join))
def test_the_first_look_at_a_column_misses_nothing(text: str) -> None:
    """What the finders find on their own is found through the pattern that picks their texts."""
    masking = import_module("skypile.quality.privacy.masking")
    every = [span for span in masking.find(text, DEFAULT, list(masking._FINDERS)) if span.kind in DEFAULT.mask]
    assert masked(text, DEFAULT).spans == every


def test_evidence_tells_places_and_no_secrets() -> None:
    text = "电话13911112222，QQ：98765432，再说13911112222"
    found = masked(text, DEFAULT)
    spots = evidence(text, found.spans)
    assert [text[spot["start"] : spot["end"]] for spot in spots] == ["13911112222", "98765432", "13911112222"]
    assert counted(found.spans) == {"phone": 2, "qq": 1}
    assert spots[0]["hash"] == spots[2]["hash"] != spots[1]["hash"]
    assert all(re.fullmatch("[0-9a-f]{4}", spot["hash"]) for spot in spots)
    assert not re.search("3911|9876", str(spots).replace("hash", ""))


def test_a_column_with_nulls_is_masked_row_by_row() -> None:
    texts = ["nothing", None, "QQ：98765432", "2023-01-01", "a@b.com"]
    found = masked_rows(pa.array(texts, pa.string()), DEFAULT)
    assert {row: one.text for row, one in found.items()} == {2: "QQ：[QQ]", 4: "[EMAIL]"}
    assert masked_rows(pa.array(texts, pa.string()), PrivacyConfig(mask=[])) == {}


@pytest.mark.parametrize(
    "hostile",
    [
        *(
            "1" * 200_000,
            "1 " * 100_000,
            "1-3" * 70_000,
            "a@" * 100_000,
            "qq" * 100_000,
            "微信" * 100_000,
            "a." * 100_000,
        ),
        *(
            "1.2.3." * 40_000,
            "2001:" * 50_000,
            "://" * 70_000,
            "(" * 200_000 + "1234567",
            "加我" * 100_000,
            "@" * 200_000,
        ),
        *("13911112222 " * 15_000, "QQ" + "、12345678" * 20_000, "电话" * 100_000 + "12345678"),
    ],
    ids=lambda text: text[:8],
)
def test_hostile_texts_take_time_in_proportion(hostile: str, cpu: SimpleNamespace) -> None:
    cpu.start()
    masked(hostile, DEFAULT)
    assert cpu.seconds() < 5.0


@pytest.fixture
def cpu() -> SimpleNamespace:
    import time

    clock = SimpleNamespace(began=0.0)
    clock.start = lambda: setattr(clock, "began", time.process_time())
    clock.seconds = lambda: time.process_time() - clock.began
    return clock


def test_real_pages_with_planted_identifiers(shared_data) -> None:
    """The floor of `make bench-privacy`: 0.99 of what is planted, and no more pages changed than a person has read."""
    bench = import_module("benchmarks.privacy")
    sets = bench.texts(shared_data)
    pages = bench.plant(sets, 100, 7)
    counts = bench.recall(pages, bench.ours([page.text for page in pages])[0])
    assert len(pages) >= 2000 and len(counts) >= 12
    assert sum(found for _, found, _ in counts.values()) >= 0.99 * len(pages)
    assert all(found >= 97 for _, found, _ in counts.values()), dict(counts)
    changed = sum(a != b for a, b in zip(sets["clean"], bench.ours(sets["clean"])[0], strict=True))
    assert changed <= 39


def test_every_kind_has_a_form() -> None:
    assert {planted(form, random.Random(0)).kind for form in FORMS} == set(IDENTIFIERS)
    assert mobile(random.Random(0)) != mobile(random.Random(1))
