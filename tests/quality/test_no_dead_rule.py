"""A mutation of every rule: without it a page that it is there for is kept, or is dropped for something else."""

import pyarrow as pa
import pytest

from skypile.config import RuleThresholds
from skypile.quality import rules
from skypile.quality.lexicon import BUILT_IN, is_blocked, lexicon, scores
from skypile.quality.rules import RULES, broken_rule, measure
from skypile.quality.units import word_list
from tests.quality.test_lexicon import EXPLICIT, GAMBLING
from tests.quality.test_rules import CHINESE, ENGLISH

BLOCKED = "bad.example"
MOJIBAKE = "涓枃绔欐姤閬撹胺姝屽鏅鸿兘鍏徃寮鍙戝嚭娆捐兘澶熺敤鑷繁蹇嗗涔犳柊鐭ヨ瘑骞跺。"
SALES = "厂家直销，量大从优，诚招代理，欢迎新老客户来电洽谈，批发价格优惠。"
# By threshold: language, page, host.
EXAMPLES = {
    "min_words": ("zh", "这是一条很短的消息。", None),
    "min_letter_share": ("en", "\n".join(f"12/11/2023 {i}.20 47.{i} 3,2{i}4 EUR" for i in range(30)), None),
    "max_symbol_share": ("zh", CHINESE.replace("，", "，🎉🎉🎉").replace("。", "🎊🎊。"), None),
    "max_bullet_lines": (
        "en",
        "\n".join(f"• the {w} of the town, and all that we have to say of it." for w in dir(str)),
        None,
    ),
    "max_ellipsis_lines": (
        "en",
        "\n".join(f"Here is the story of {w} in a long list. More of it…" for w in dir(str)),
        None,
    ),
    "min_mean_word_length": ("en", "\n".join(f"to be or {w[:2]} to me is an ox at a go." for w in dir(str)), None),
    "max_mean_word_length": (
        "en",
        "\n".join(f"Internationalisation of {w}characteristics notwithstanding misrepresentation." for w in dir(str)),
        None,
    ),
    "min_function_en": ("en", ", ".join(f"Anna {w} Berg Carl Dahl Erik Falk Holm" for w in dir(str)) + ".", None),
    "min_function_zh": ("zh", MOJIBAKE * 3, None),
    "min_sentence_lines": (
        "en",
        "\n".join(f"Contact the office of the {w} department for that" for w in dir(str)),
        None,
    ),
    "max_short_lines": ("en", "\n".join(f"a story of {w}. And so" for w in dir(str)), None),
    "max_repeated_lines": ("zh", CHINESE + "\n" + CHINESE, None),
    "max_repeated_ngrams": ("zh", CHINESE + CHINESE.replace("\n", ""), None),
    "max_top_ngram": ("en", "".join(f"{w} international communications of {w}. " for w in map(str, range(90))), None),
    "max_bad_words": (
        "en",
        ENGLISH.replace("river", "river casino").replace("birds", "casino birds").replace("lock", "casino lock"),
        None,
    ),
    "max_adult": ("zh", CHINESE + EXPLICIT, None),
    "max_gambling": ("zh", CHINESE + GAMBLING, None),
    "max_adverts": ("zh", CHINESE + SALES * 2, None),
    "max_blocked_host": ("en", ENGLISH, BLOCKED),
}


def broken(example: tuple[str, str, str | None], blocked: str) -> rules.BrokenRule | None:
    language, text, host = example
    values = measure(text, word_list(["casino"])) | scores(pa.array([text]), lexicon(BUILT_IN))[0]
    return broken_rule(values | {"blocked_host": is_blocked(host, blocked)}, RuleThresholds(), language)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.threshold)
def test_no_rule_is_dead(rule: rules.Rule, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    blocked = tmp_path / "hosts.txt"
    blocked.write_text(BLOCKED)
    example = EXAMPLES[rule.threshold]
    found = broken(example, str(blocked))
    assert found is not None and (found.reason, found.measure) == (rule.reason, rule.measure)
    monkeypatch.setattr(rules, "RULES", tuple(other for other in RULES if other != rule))
    assert broken(example, str(blocked)) != found
    assert broken((example[0], {"en": ENGLISH, "zh": CHINESE}[example[0]], None), str(blocked)) is None
