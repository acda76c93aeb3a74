"""The n-gram model against other tools', each where it is installed: KenLM's scorer and lmplz, irstlm's tlm."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skypile.proxy import ngram
from skypile.proxy.ngram import estimation
from skypile.proxy.ngram.arpa import character, code_point
from skypile.proxy.ngram.sorting import BEGIN

TLM = shutil.which("tlm", path="/usr/lib/irstlm/bin:/usr/bin")
LMPLZ = shutil.which("lmplz")


@pytest.fixture(scope="module")
def lines(shared_data):
    """Lines of Chinese articles: every second to train on, the others to score."""
    articles = (shared_data / "quality" / "zh_clean.jsonl").read_text(encoding="utf-8").splitlines()
    found = [line for article in articles for line in json.loads(article)["text"].splitlines() if line.strip()]
    return found[::2], found[1::2]


@pytest.fixture(scope="module")
def model(lines):
    return ngram.train([ngram.characters(lines[0])])


def words(line):
    return " ".join(map(character, map(ord, line)))


def write(path, lines, before="", after=""):
    path.write_text("".join(f"{before}{words(line)}{after}\n" for line in lines), encoding="utf-8")
    return path


def entries(path):
    """The lines of an ARPA file: log10 of probability and backoff by words."""
    found = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) > 1 and fields[1]:
            found[fields[1]] = float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0
    return found


def test_kenlm_loads_our_arpa_and_scores_alike(model, lines, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    ngram.write_arpa(model, tmp_path / "m.arpa", character)
    theirs = kenlm.Model(str(tmp_path / "m.arpa"))
    scores = [log for line in lines[1] for log, _, _ in theirs.full_scores(words(line))]
    ours = ngram.score(model, *ngram.characters(lines[1]))
    assert np.abs(np.array(scores) - ours).max() < 1e-4
    assert theirs.perplexity(words(lines[1][0])) == pytest.approx(
        ngram.perplexities(model, ngram.characters(lines[1][:1]))[0], rel=1e-4
    )


@pytest.mark.skipif(LMPLZ is None, reason="KenLM's lmplz is not installed")
@pytest.mark.parametrize(
    ("order", "prune", "vocabulary"),
    [(5, (), 0), (2, (), 0), (6, (), 0), (5, (0, 0, 1), 0), (4, (0, 1, 1, 2), 0), (3, (), 65_536)],
)
def test_lmplz_writes_the_same_arpa(monkeypatch, lines, tmp_path, order, prune, vocabulary):
    """Given lmplz's discounts, line by line.

    Its own differ by one n-gram an order: when it ends, it puts the last of each order into the counts of counts with
    its plain count, not the adjusted one. That moves perplexity by less than 0.1 %, and by less the more text there is.
    """
    text = write(tmp_path / "train", lines[0])
    options = ["-o", str(order), "--vocab_pad", str(vocabulary), *(["--prune", *map(str, prune)] if prune else [])]
    command = [
        str(LMPLZ),
        *options,
        "-S",
        "300M",
        "-T",
        str(tmp_path),
        "--text",
        str(text),
        "--arpa",
        tmp_path / "l.arpa",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    own = ngram.train([ngram.characters(lines[0])], order, prune, vocabulary)
    theirs = ngram.read_arpa(tmp_path / "l.arpa", code_point)
    held = ngram.characters(lines[1])
    assert ngram.perplexity(own, held) == pytest.approx(ngram.perplexity(theirs, held), rel=1e-3)

    discounts = [tuple(map(float, found)) for found in re.findall(r"D1=(\S+) D2=(\S+) D3\+=(\S+)", said)]
    assert np.abs(own.discounts - discounts).max() < 0.01
    given = iter(discounts)
    monkeypatch.setattr(estimation, "discounts_of", lambda counts, fallback: next(given))
    ngram.write_arpa(
        ngram.train([ngram.characters(lines[0])], order, prune, vocabulary), tmp_path / "o.arpa", character
    )
    ours, expected = entries(tmp_path / "o.arpa"), entries(tmp_path / "l.arpa")
    assert ours.keys() == expected.keys()
    assert max(abs(ours[each][i] - expected[each][i]) for each in ours for i in (0, 1)) < 1e-4


@pytest.mark.skipif(TLM is None, reason="irstlm is not installed")
def test_irstlm_has_the_same_perplexity(model, lines, tmp_path):
    """`tlm -lm=msb -ps=no`, which differs in one thing: its unigrams are Witten-Bell, without discounts.

    So our unigrams are replaced by its own before the two are compared. irstlm also counts n-grams across the ends of
    lines: a handful.
    """
    text = write(tmp_path / "train", lines[0], "<s> ", " </s>")
    command = [str(TLM), f"-tr={text}", "-n=5", "-lm=msb", "-ps=no", f"-oarpa={tmp_path / 'i.arpa'}"]
    subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)
    theirs = ngram.read_arpa(tmp_path / "i.arpa", code_point)
    unigrams = dict(zip(theirs.words.tolist(), theirs.logs[: theirs.starts[1]].tolist(), strict=False))
    ours = with_unigrams(model, unigrams)
    ids, offsets = ngram.characters(
        [line for line in lines[1] if ngram.known(model, ngram.characters([line])[0]).all()]
    )
    assert len(ids) > 100_000
    assert ngram.perplexity(ours, (ids, offsets)) == pytest.approx(ngram.perplexity(theirs, (ids, offsets)), rel=1e-3)
    assert ngram.perplexity(model, (ids, offsets)) == pytest.approx(ngram.perplexity(theirs, (ids, offsets)), rel=0.02)


def with_unigrams(model, logs):
    """The model with other unigrams, under the same own parts and backoffs of all longer n-grams."""
    probabilities = 10.0 ** model.logs.astype(np.float64)
    changed = probabilities.copy()
    for node, word in enumerate(model.words[: model.starts[1]].tolist()):
        if word != BEGIN:
            changed[node] = 10.0 ** logs[word]
    for k in range(1, model.order):
        nodes = np.arange(model.starts[k], model.starts[k + 1])
        parents = np.searchsorted(model.children, nodes, side="right") - 1
        backoffs = 10.0 ** model.backoffs[parents].astype(np.float64)
        suffixes = model.suffixes[nodes]
        changed[nodes] += backoffs * (changed[suffixes] - probabilities[suffixes])
    return replace(model, logs=np.log10(changed).astype(np.float32))
