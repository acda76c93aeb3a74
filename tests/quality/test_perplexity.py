"""Perplexity against a sum by hand, whatever stands beside a text; models in folders; trusted texts of every format."""

import bz2
import json
import math
import sys
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.classifiers.dumps import DumpError
from skypile.config import PerplexityConfig, QualityFilterConfig
from skypile.proxy import ngram
from skypile.quality import boilerplate, perplexity_models, trusted
from skypile.quality.article_text import article_text
from skypile.quality.kenlm_model import normalized
from skypile.quality.perplexity import MAX_CHARACTERS, CharacterModel, PerplexityModelError, train
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.piece_model import load_piece_model
from tests.quality.test_rules import CHINESE, ENGLISH

TEXTS = [ENGLISH, CHINESE, "First line.\n\nSecond line, 42 words.\n", "", "\n\n", "x"]


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    return CharacterModel(train([ENGLISH * 3, CHINESE * 3]))


def by_hand(model: CharacterModel, text: str) -> float | None:
    """10 ** (-sum of log10 p of the lines / characters and line ends), each line by itself."""
    log10, words = 0.0, 0
    for line in text.split("\n"):
        half = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in line)
        folded = "".join("0" if c in "0123456789" else c for c in half)
        if folded:
            log10 += float(ngram.score(model.model, *ngram.characters([folded])).astype(float).sum())
            words += len(folded) + 1
    return 10 ** (-log10 / words) if words else None


def test_it_is_the_mean_over_lines_as_ccnet_takes_it(model):
    for text, found in zip(TEXTS, model.scores(TEXTS).perplexities, strict=True):
        expected = by_hand(model, text)
        assert found == (expected if expected is None else pytest.approx(expected, rel=1e-4))
    lines = "The museum is open today.\nAdmission is free for children."
    assert model.scores([lines]).perplexities != model.scores([lines.replace("\n", " ")]).perplexities


def test_contrast_is_the_mean_over_lines_of_what_two_models_say_of_a_character(model):
    other = train(["首页 登录 注册 上一篇 下一篇 责任编辑 " * 9, "Home Login Next Previous Share this " * 9])
    both = CharacterModel(model.model, other)
    for text, found in zip(TEXTS, both.scores(TEXTS).contrasts, strict=True):
        by_line = []
        for line in filter(None, text.split("\n")):
            said = [by_hand(CharacterModel(one), line) for one in (both.model, other)]
            by_line.append(math.log10(said[1]) - math.log10(said[0]))
        assert found == (pytest.approx(fmean(by_line), rel=1e-3) if by_line else None)
    assert model.scores(TEXTS).contrasts == [None] * len(TEXTS)  # without a model of boilerplate
    menu = "首页\n登录\n上一篇\n下一篇\n"
    article, half = both.scores([CHINESE, CHINESE + "\n" + menu * 8]).contrasts
    assert half < article
    assert both.scores(TEXTS * 20).contrasts[-len(TEXTS) :] == both.scores(TEXTS).contrasts


def test_the_built_in_boilerplate_is_chinese_and_knows_menus():
    assert boilerplate.load("en") is None
    found = CharacterModel(train([CHINESE * 3]), boilerplate.load("zh"))
    article, menu = found.scores([CHINESE, "网站地图\n联系我们\n版权所有\n上一篇\n下一篇"]).contrasts
    assert menu < 0 < article


def test_a_text_does_not_depend_on_those_beside_it(model):
    together = model.scores(TEXTS * 20).perplexities
    assert together[: len(TEXTS)] == [model.scores([text]).perplexities[0] for text in TEXTS]
    assert together[-len(TEXTS) :] == together[: len(TEXTS)]
    assert model.scores([]).perplexities == [] and model.scores([""]).perplexities == [None]


def test_what_it_was_trained_on_is_least_surprising(model):
    mine, other, noise = model.scores([ENGLISH, ENGLISH[::-1], "zq#" * 50]).perplexities
    assert mine < other < noise


def test_digits_and_widths_are_folded(model):
    one, two, three = model.scores(["In 1971, 30 %.", "In 2024, 99 %.", "Ｉｎ　２０２４，　９９　％．"]).perplexities
    assert one == two == three


def test_no_text_takes_longer_than_its_beginning(model):
    endless = ENGLISH * (3 * MAX_CHARACTERS // len(ENGLISH))
    assert model.scores([endless]).perplexities == model.scores([endless[:MAX_CHARACTERS]]).perplexities


def test_the_same_texts_train_the_same_model(tmp_path):
    for name in "ab":
        ngram.save(train(iter([ENGLISH, CHINESE])), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_models_in_a_folder(model, tmp_path):
    folder = str(tmp_path / "models")
    perplexity_models.save(folder, {"zh": model.model, "en": model.model}, {"zh": {"texts": 1}, "en": {"texts": 2}})
    found = perplexity_models.load(folder)
    assert sorted(found) == ["en", "zh"]
    assert found["zh"].scores(TEXTS).perplexities == model.scores(TEXTS).perplexities
    described = Path(folder, "perplexity.json")
    held = json.loads(described.read_text())
    described.write_text(json.dumps(held | {"version": 0}))
    with pytest.raises(PerplexityModelError, match="train it anew"):
        perplexity_models.load(folder)
    described.write_text(json.dumps(held))
    Path(folder, "zh.ngram").unlink()
    perplexity_models._load_one.cache_clear()
    with pytest.raises(PerplexityModelError, match="is missing"):
        perplexity_models.load(folder)
    with pytest.raises(PerplexityModelError, match="holds neither"):
        perplexity_models.load(str(tmp_path))


def test_kenlm_models_are_named_when_half_of_one_or_a_package_is_missing(tmp_path, monkeypatch):
    (tmp_path / "zh.arpa.bin").write_bytes(b"")
    with pytest.raises(PerplexityModelError, match=r"no zh\.sp\.model"):
        perplexity_models.load(str(tmp_path))
    (tmp_path / "zh.sp.model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(PerplexityModelError, match=r"kenlm is not installed: pip install 'skypile\[kenlm\]'"):
        perplexity_models.load(str(tmp_path))


@pytest.mark.parametrize(
    "line, said",
    [
        (" Ｈello，WORLD ", "ｈello,world"),
        ("Café № 42", "cafe № 00"),
        (
            "《书名》——第１章",
            '"书名" -  - 第0章',
        ),  # CCNet folds digits before its table can make a quotation mark of １
        ("a\tb\x00c", "abc"),
    ],
)
def test_lines_are_normalised_as_ccnet_does(line, said):
    assert normalized(line) == said


def test_kenlm_scores_as_ours_does(tmp_path):
    """A model of ours, written as ARPA, read by KenLM behind the pieces of SentencePiece."""
    pytest.importorskip("kenlm")
    encoder = Encoder.load()
    pieces = load_piece_model(default_model_path()).pieces
    lines = [normalized(line) for line in (ENGLISH + "\n" + CHINESE).split("\n") if line]
    own = ngram.train([encoder.encode_batch(lines)], 3)
    ngram.write_arpa(own, tmp_path / "en.arpa.bin", lambda word: pieces[word])
    (tmp_path / "en.sp.model").write_bytes(Path(default_model_path()).read_bytes())
    found = perplexity_models.load(str(tmp_path))["en"].scores([ENGLISH, "Unseen words!", ""]).perplexities
    for text, score in zip([ENGLISH, "Unseen words!"], found, strict=False):
        ids = encoder.encode_batch([normalized(line) for line in text.split("\n") if line])
        assert score == pytest.approx(ngram.perplexity(own, ids), rel=1e-3)
    assert found[2] is None


def test_trusted_texts_of_every_format_by_language(tmp_path):
    page = f"<page><title>T</title><ns>0</ns><revision><text>{ENGLISH}</text></revision></page>"
    dump = f"<mediawiki>{page}</mediawiki>".encode()
    (tmp_path / "wiki.xml").write_bytes(dump)
    (tmp_path / "wiki.xml.bz2").write_bytes(bz2.compress(dump))
    (tmp_path / "own.txt").write_text(CHINESE, encoding="utf-8")
    (tmp_path / "own.jsonl").write_text(json.dumps({"text": CHINESE}) + "\nno json\n", encoding="utf-8")
    pq.write_table(
        pa.table({"text": [ENGLISH, None, "Ein Satz auf Deutsch, der hier nicht gefragt ist."]}), tmp_path / "p.parquet"
    )
    config = QualityFilterConfig(trusted=(str(tmp_path),))
    found = trusted.collect(config)
    assert {language: len(texts) for language, texts in found.items()} == {"en": 3, "zh": 2}
    small = config.model_copy(update={"perplexity": PerplexityConfig(max_trusted=10)})
    assert {language: len(texts) for language, texts in trusted.collect(small).items()} == {"en": 1, "zh": 1}


def test_a_language_without_enough_text_has_no_model(tmp_path):
    (tmp_path / "own.txt").write_text(CHINESE, encoding="utf-8")
    least = PerplexityConfig(min_trusted=len(CHINESE))
    config = QualityFilterConfig(trusted=(str(tmp_path / "own.txt"),), perplexity=least)
    notes = trusted.train_on_trusted(config, str(tmp_path / "models"))
    assert sorted(perplexity_models.load(str(tmp_path / "models"))) == ["zh"]
    assert "perplexity model, en: 0 trusted texts" in notes[0] and "none trained" in notes[0]
    assert f"1 trusted texts of {len(CHINESE)} characters" in notes[1]


def test_a_file_of_any_length_is_read_as_far_as_it_is_used(tmp_path):
    path = tmp_path / "long.jsonl"
    texts = [ENGLISH] * 50 + [CHINESE]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    config = QualityFilterConfig(trusted=(str(path),), perplexity=PerplexityConfig(max_trusted=3 * len(ENGLISH)))
    found = trusted.collect(config)
    assert list(found) == ["en"] and len(found["en"]) == 3  # the last line was not looked at


def test_a_path_without_text_is_refused(tmp_path):
    (tmp_path / "page.html").write_text("<html><body>No ready text.</body></html>")
    with pytest.raises(trusted.TrustedTextError, match="holds no text"):
        trusted.check(str(tmp_path))
    (tmp_path / "a.txt").write_bytes("中文".encode("gb18030"))
    with pytest.raises(trusted.TrustedTextError, match="no UTF-8"):
        trusted.check(str(tmp_path / "a.txt"))
    (tmp_path / "b.xml").write_text("<html/>")
    with pytest.raises(DumpError):
        trusted.check(str(tmp_path / "b.xml"))


WALL = "中国古代的军事防御工程，也是世界遗产，今天人们还在保护。"


@pytest.mark.parametrize(
    "wikitext, prose",
    [
        ("'''A''' ''town'' in [[Canton of Bern|Bern]], [[Switzerland]].", "A town in Bern, Switzerland."),
        ("Text before{{Infobox\n|a={{b|[[c]]}}\n}} and after the box.", "Text before and after the box."),
        ("{| class=x\n| cell\n|}\nA paragraph below the table.", "A paragraph below the table."),
        ('A fact.<ref name="x">{{cite|t=[[T]]}}</ref> Another one.<ref name=x /> End.', "A fact. Another one. End."),
        ("[[File:A.jpg|thumb|A [[link]] in a caption]]The text beside a picture.", "The text beside a picture."),
        ("The [http://a.example/b museum] is open every day.", "The museum is open every day."),
        ("== Heading ==\n* item of a list\n# another one\nA paragraph between them.", "A paragraph between them."),
        (f"长城<!-- 注释 -->（{{{{lang|en|Wall}}}}）是{WALL}", f"长城是{WALL}"),
        (f"[[分类:长城]][[en:Great Wall]]{WALL}", WALL),
        ("An open [[link without end\nThe next stays whole.", "An open link without end\nThe next stays whole."),
        ("Math <math>x [[ y</math> is left out of the prose.", "Math is left out of the prose."),
        ("An &amp;lt; entity and a <b>tag</b> in it.", "An &lt; entity and a tag in it."),
    ],
)  # fmt: skip
def test_the_prose_of_an_article(wikitext, prose):
    assert article_text(wikitext) == prose


@pytest.mark.parametrize("marks", ["[[", "{{", "<ref>", "{{[[", "[http://a ", "<!--", "<!-", "|}", "''", "(" * 9])
def test_markup_without_end_takes_linear_time(marks):
    import gc
    import time

    def seconds(size):  # of the processor, the best of three: other objects of this process are not collected in it
        taken = []
        for _ in range(3):
            began = time.process_time()
            article_text(marks * size)
            taken.append(time.process_time() - began)
        return min(taken)

    gc.collect()
    gc.disable()
    try:
        small, large = seconds(20_000), seconds(160_000)
    finally:
        gc.enable()
    assert large < 24 * small + 0.1  # eight times the input: 64 times would be quadratic
