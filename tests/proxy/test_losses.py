"""Figures of losses, with a model whose chances are known, and the averages of the report's table."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.errors import Refused
from skypile.proxy.ablate import validation as ablation_sets
from skypile.proxy.losses import Scores, average, losses
from skypile.proxy.validation import Validation, validation_sets

# Perplexities on the report's six domains (tech, movies, government, games, finance, general) and its average.
TABLE = {
    "LLaMA2-13B": ([23.26, 50.66, 18.09, 32.52, 14.85, 16.55], 23.54),
    "Baichuan2-13B": ([12.14, 21.85, 5.05, 17.15, 5.35, 7.24], 9.81),
    "Qwen-14B": ([11.90, 22.43, 4.89, 16.94, 5.24, 7.03], 9.67),
    "Skywork-13B": ([11.58, 21.84, 4.76, 17.28, 4.92, 6.82], 9.42),
}


@pytest.mark.parametrize("model", TABLE)
def test_averages_are_those_of_the_report(model):
    domains, printed = TABLE[model]
    assert average(domains) == pytest.approx(printed, abs=0.01)


class Uniform:
    """Every token has the same chance; tokens are cut every `width` bytes."""

    def __init__(self, width: int, pieces: int):
        self.name = f"uniform {width}"
        self.width, self.pieces = width, pieces

    def score(self, texts):
        sizes = np.array([len(text.encode()) for text in texts])
        tokens = -(-sizes // self.width)
        return Scores(tokens * math.log(self.pieces), tokens, sizes)


def characters(texts):
    return sum(map(len, texts))


def test_figures_of_a_uniform_model():
    """16 pieces, two bytes a token: 4 bits a token, 2 bits a byte; normalised by characters."""
    sets = [Validation("a", "en", ("abcd", "efgh")), Validation("b", "zh", ("河水",))]
    english, chinese = losses(Uniform(2, 16), sets, characters)
    assert (english.texts, english.bytes, english.tokens, english.reference_tokens) == (2, 8, 4, 8)
    assert english.bits_per_byte == pytest.approx(2.0) and english.perplexity == pytest.approx(16.0)
    assert english.normalised_perplexity == pytest.approx(4.0)
    assert (chinese.bytes, chinese.tokens, chinese.reference_tokens) == (6, 3, 2)
    assert chinese.normalised_perplexity == pytest.approx(64.0)


def test_normalisation_makes_vocabularies_comparable():
    """The same chances for the same text, in tokens of one byte and of four: other perplexities, one normalised."""
    sets = [Validation("a", "en", ("abcdefgh",))]
    narrow, wide = (losses(model, sets, characters)[0] for model in (Uniform(1, 4), Uniform(4, 256)))
    assert narrow.perplexity == pytest.approx(4) and wide.perplexity == pytest.approx(256)
    assert narrow.normalised_perplexity == pytest.approx(wide.normalised_perplexity)
    assert narrow.bits_per_byte == pytest.approx(wide.bits_per_byte)


def test_a_first_token_that_is_not_scored_leaves_both_denominators():
    class WithoutFirst(Uniform):
        def score(self, texts):
            whole = super().score(texts)
            return Scores(whole.nats - len(texts[0]) * 0 - math.log(16), whole.tokens - 1, whole.bytes - 2)

    found = losses(WithoutFirst(2, 16), [Validation("a", "en", ("abcdefgh",))], characters)[0]
    assert (found.bytes, found.tokens, found.reference_tokens) == (6, 3, 6)
    assert found.bits_per_byte == pytest.approx(2.0) and found.normalised_perplexity == pytest.approx(4.0)


def test_nothing_to_score_is_refused():
    with pytest.raises(Refused, match="news: uniform 2 scores no token of its 1 texts"):
        losses(Uniform(2, 16), [Validation("news", "en", ("",))], characters)


ENGLISH = "The river rose again in spring, and the old bridge was closed to traffic."
CHINESE = "春天河水又涨了，旧桥封闭，行人绕路而行。"


def test_sets_are_read_by_domain_and_language(tmp_path):
    (tmp_path / "news.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in (CHINESE, ENGLISH, "", CHINESE + "再见"))
    )
    pq.write_table(pa.table({"text": [ENGLISH, ENGLISH + " Twice."]}), tmp_path / "wiki.parquet")
    (tmp_path / "book.txt").write_text(CHINESE + "\n\n" + CHINESE)
    found = validation_sets([str(tmp_path / name) for name in ("news.jsonl", "wiki.parquet", "book.txt")])
    assert [(one.domain, one.language, len(one.texts)) for one in found] == [
        ("news", "en", 1),
        ("news", "zh", 2),
        ("wiki", "en", 2),
        ("book", "zh", 1),
    ]
    assert found[1].texts == (CHINESE, CHINESE + "再见")


def test_a_named_domain_may_have_many_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.txt").write_text(ENGLISH)
    (tmp_path / "a" / "1.jsonl").write_text(json.dumps({"text": ENGLISH}) + "\n")
    (tmp_path / "b.txt").write_text(ENGLISH)
    found = validation_sets([f"english={tmp_path / 'a'}", f"english={tmp_path / 'b.txt'}"], characters=20)
    assert [(one.domain, one.texts) for one in found] == [("english", (ENGLISH[:20],) * 3)]


def test_rows_that_are_left_out_are_told(tmp_path):
    (tmp_path / "part.jsonl").write_text(f'{{"text": "{ENGLISH}"}}\n{{"text": \n{{"body": "x"}}\n')
    told: list[str] = []
    (found,) = validation_sets([str(tmp_path / "part.jsonl")], told=told.append)
    assert found.texts == (ENGLISH,)
    assert len(told) == 1 and "part.jsonl: 2 rows without a text in a column text were left out (bad_json)" in told[0]
    (tmp_path / "none.jsonl").write_text('{"body": "x"}\n')
    with pytest.raises(Refused, match=r"none\.jsonl: 1 rows without a text in a column text"):
        validation_sets([str(tmp_path / "none.jsonl")])
    (tmp_path / "mark.txt").write_bytes(b"\xef\xbb\xbf" + ENGLISH.encode())
    assert validation_sets([str(tmp_path / "mark.txt")])[0].texts == (ENGLISH,)


def test_what_holds_no_text_is_refused(tmp_path):
    (tmp_path / "blank.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refused, match="holds no text to validate on"):
        validation_sets([str(tmp_path / "blank.txt")])
    with pytest.raises(Refused, match=r"latin\.txt is no UTF-8"):
        validation_sets([str(tmp_path / "latin.txt")])
    for absent in ("folder", "absent.jsonl", "absent.txt"):
        with pytest.raises(FileNotFoundError):
            validation_sets([str(tmp_path / absent)])


def test_a_language_with_a_single_text_is_left_out_of_an_ablation_and_told(tmp_path):
    (tmp_path / "news.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in (ENGLISH, ENGLISH + " Twice.", CHINESE))
    )
    told: list[str] = []
    found = ablation_sets("no run", [str(tmp_path / "news.jsonl")], 0.0, 0, None, told.append)
    assert [(one.domain, one.language) for one in found] == [("news", "en")]
    assert told == ["news, zh: a single text has no spread to judge by, and was left out"]
