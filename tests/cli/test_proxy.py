"""`skypile proxy train` and `skypile losses`, as a user calls them."""

import importlib.util
import json
import math
import subprocess
import sys
import xml.dom.minidom

import pytest
from typer.testing import CliRunner

from skypile.cli import app
from tests.conftest import REPOSITORY

INSTALLED = all(importlib.util.find_spec(name) for name in ("torch", "safetensors"))
needs_models = pytest.mark.skipif(not INSTALLED, reason="the models extra (PyTorch, safetensors) is not installed")

ENGLISH = "The river rose again in spring, and the old bridge was closed to traffic."
CHINESE = "春天河水又涨了，旧桥封闭，行人绕路而行。"


def skypile(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "skypile.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "news.jsonl"
    rows = [f"{ENGLISH} It was day {n}." for n in range(60)] + [f"{CHINESE}第{n}天。" for n in range(60)]
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    return path


@pytest.mark.skipif(INSTALLED, reason="the models extra is installed")
@pytest.mark.parametrize("arguments", [("proxy", "train"), ("losses",)])
def test_without_the_extra_one_sentence_says_what_to_install(tmp_path, texts, arguments):
    model = ("--output", tmp_path / "new") if arguments[0] == "proxy" else ("--model", tmp_path)
    done = skypile(*arguments, texts, *model)
    assert done.returncode == 2 and 'pip install "skypile[models]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_model_that_is_not_there_is_named(tmp_path, texts):
    done = skypile("losses", texts, "--model", tmp_path / "absent")
    assert done.returncode == 2 and "absent is not there" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        *((["proxy", "train", "a", "--output", "b"], f"--{name}", 0) for name in ("tokens", "sequences", "every")),
        *((["proxy", "train", "a", "--output", "b"], f"--{name}", 0) for name in ("at-least", "vocabulary")),
        *((["proxy", "train", "a", "--output", "b"], f"--{name}", -1) for name in ("seed", "learning-rate")),
        *((["losses", "a", "--model", "b"], f"--{name}", 0) for name in ("characters", "context")),
        (["ablate", "a", "--all"], "--seed", -1),
    ],
)
def test_numbers_out_of_bounds_are_refused(command, option, value):
    """Before, --characters -3 left out the last three, and --sequences 0 of an n-gram was taken for nothing."""
    done = CliRunner().invoke(app, [*command, option, str(value)])
    assert done.exit_code == 2 and f"Invalid value for '{option}'" in done.output


def test_an_ngram_needs_nothing_more(tmp_path, texts):
    """And its losses are those of its own probabilities: one text by hand, its end not counted."""
    assert skypile("tokens", "pack", texts, "--output", tmp_path / "tokens", "--validation", 0).returncode == 0
    train = ("proxy", "train", tmp_path / "tokens", "--output", tmp_path / "proxy", "--size", "ngram")
    for _ in range(2):  # what is finished is left as it is
        done = skypile(*train)
        assert done.returncode == 0 and "model.ngram" in done.stdout, done.stderr
    (tmp_path / "held.txt").write_text(ENGLISH + " 𠮷")
    done = skypile("losses", texts, f"held={tmp_path / 'held.txt'}", "--model", tmp_path / "proxy", "--json")
    assert done.returncode == 0, done.stderr
    english, chinese, held = json.loads(done.stdout)["proxy"]["sets"]
    assert english["texts"] == chinese["texts"] == 60
    assert english["bits_per_byte"] < held["bits_per_byte"] < 8

    from skypile.proxy import ngram
    from skypile.tokens.encoder import Encoder

    ids, offsets = Encoder.load().encode_batch([ENGLISH + " 𠮷"])
    logs = ngram.score(ngram.load(tmp_path / "proxy" / "model.ngram"), ids, offsets)
    assert held["tokens"] == len(ids) == len(logs) - 1
    assert held["nats"] == pytest.approx(-float(logs[:-1].astype(float).sum()) * math.log(10))


@needs_models
def test_train_and_lose(tmp_path, texts):
    assert skypile("tokens", "pack", texts, "--output", tmp_path / "tokens", "--validation", 0).returncode == 0
    train = ("proxy", "train", tmp_path / "tokens", "--output", tmp_path / "proxy", "--tokens", 16_000)
    done = skypile(*train, "--sequences", 4, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "step 16 of 16" in done.stderr and "step-00000016: 16 steps" in done.stdout
    done = skypile("losses", texts, f"held-out={texts}", "--model", tmp_path / "proxy", "--json", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["proxy"]
    assert [(row["domain"], row["language"]) for row in found["sets"]] == [
        ("news", "en"),
        ("news", "zh"),
        ("held-out", "en"),
        ("held-out", "zh"),
    ]
    for row in found["sets"]:
        assert 0 < row["bits_per_byte"] < 8
        assert row["bits_per_byte"] == pytest.approx(row["nats"] / math.log(2) / row["bytes"])
    logs = [math.log(row["perplexity"]) for row in found["sets"]]
    assert found["average"]["perplexity"] == pytest.approx(math.exp(sum(logs) / 4))
    shown = skypile("losses", texts, "--model", tmp_path / "proxy").stdout
    assert "bits per byte" in shown and f"{found['sets'][0]['bits_per_byte']:.4f}" in shown and "average" in shown


@needs_models
def test_a_training_is_drawn_by_domain(tmp_path, texts):
    """Points are the losses of the states, over the tokens that each had seen; a hostile name stays text."""
    assert skypile("tokens", "pack", texts, "--output", tmp_path / "tokens", "--validation", 0).returncode == 0
    train = ("proxy", "train", tmp_path / "tokens", "--output", tmp_path / "proxy", "--tokens", 12_288)
    once = skypile(*train, "--sequences", 4, "--every", 4, "--device", "cpu")
    assert once.returncode == 0, once.stderr
    done = skypile("proxy", "curve", tmp_path / "proxy", texts, "--device", "cpu")
    assert done.returncode == 2 and "train with --keep" in done.stderr and "Traceback" not in done.stderr
    kept = ("proxy", "train", tmp_path / "tokens", "--output", tmp_path / "kept", "--tokens", 12_288, "--keep")
    assert skypile(*kept, "--sequences", 4, "--every", 4, "--device", "cpu").returncode == 0
    done = skypile("proxy", "curve", tmp_path / "kept", f"<b>&={texts}", "--device", "cpu", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["states"]
    assert [one["tokens"] for one in found] == [4 * 4 * 256, 8 * 4 * 256, 12 * 4 * 256]
    last = skypile("losses", f"<b>&={texts}", "--model", tmp_path / "kept", "--json", "--device", "cpu")
    assert found[-1]["sets"] == json.loads(last.stdout)["kept"]["sets"]
    drawing = xml.dom.minidom.parse(str(tmp_path / "kept" / "curve.svg"))
    lines = drawing.getElementsByTagName("polyline")
    assert [len(line.getAttribute("points").split()) for line in lines] == [3, 3]
    said = [node.firstChild.data for node in drawing.getElementsByTagName("title")]
    assert said[0] == f"<b>& en: {found[0]['sets'][0]['bits_per_byte']:.4g} at 4.096k"
