"""`skypile leakage`, as a user calls it: with n-grams, which need nothing more."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from skypile.cli import app
from skypile.cli.leakage import leakage as leakage_command
from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.ngram_folder import MODEL, NGRAMS
from skypile.tokens.encoder import Encoder, default_model_path
from tests.conftest import REPOSITORY
from tests.leakage.models import general, items, look_alikes

SETS = {"train": items(120, "train"), "test": items(80, "test"), "reference": look_alikes(60, "look-alikes")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Items as files, and n-grams: two clean ones, and one of the test items."""
    made = tmp_path_factory.mktemp("leakage")
    for name, texts in SETS.items():
        key = "text" if name == "reference" else "question"
        (made / f"{name}.jsonl").write_text("".join(json.dumps({key: text}) + "\n" for text in texts))
    encoder = Encoder.load()
    for name, seen in (("one", []), ("other", []), ("seen [x]", SETS["test"])):
        (made / name).mkdir()
        (made / name / MODEL).write_bytes(default_model_path().read_bytes())
        texts = encoder.encode_batch([*general(200, name), *seen])
        ngram.save(ngram.train([texts], 5, vocabulary=len(encoder)), made / name / NGRAMS)
    return made


def leakage(folder, *arguments):
    command = [sys.executable, "-m", "skypile.cli", "leakage"]
    for name in SETS:
        command += [f"--{name}", str(folder / f"{name}.jsonl")]
    command += [str(one) for one in arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)


def test_what_was_trained_on_the_test_is_found(folder):
    clean = ("--clean", folder / "one", "--clean", folder / "other")
    done = leakage(folder, "--model", folder / "seen [x]", *clean, "--shuffles", 4, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    counts = Encoder.load().encode_batch(SETS["test"])[1]
    assert said["items"]["test"] == {"items": 80, "tokens": int(counts[-1])}
    seen, one, other = said["models"]
    assert (seen["model"], one["model"], other["clean"]) == ("seen [x]", "one", True)
    assert seen["signs"] == ["test_learnt", "test_cheap"] and one["signs"] == other["signs"] == []
    losses = seen["losses"]
    assert losses["test"] < losses["train"] and losses["test"] < losses["reference"]
    assert seen["delta1"]["value"] == pytest.approx(losses["test"] - losses["reference"])
    assert seen["delta2"]["high"] < 0 and seen["calibrated"]["p"] < seen["threshold"] < 0.01
    assert set(seen["order"]) == {"test", "train"} and one["calibrated"] is None


def test_the_table_has_the_figures_and_the_verdict_in_words(folder):
    done = leakage(folder, "--model", folder / "seen [x]", "--shuffles", 0)
    assert done.returncode == 0, done.stderr
    assert "L_test" in done.stdout and "order" not in done.stdout
    assert "seen [x]: The test items are cheaper than the train items" in done.stdout
    assert "Delta1 was not judged" in done.stdout


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model": ["absent"]}, "absent is not there"),
        ({"clean": ["one"]}, "two models are called one"),
        ({"train": "none.jsonl"}, "none.jsonl"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder, changed, words):
    given = {name: f"{name}.jsonl" for name in SETS} | {"model": ["one"], "clean": []} | changed
    paths = {
        name: [folder / path for path in one] if isinstance(one, list) else str(folder / one)
        for name, one in given.items()
    }
    with pytest.raises((Refused, FileNotFoundError), match=words):
        leakage_command(**paths, shuffles=0, vocabulary=None, context=None, device=None)


def test_a_second_model_of_one_name_is_not_scored(folder, capfd):
    paths = {name: str(folder / f"{name}.jsonl") for name in SETS}
    with pytest.raises(Refused, match="two models are called one"):
        leakage_command(**paths, model=[folder / "one", folder / "one"], shuffles=0)
    assert capfd.readouterr().err.count("scoring") == 1


def test_a_seed_below_0_is_no_seed():
    names = ("model", *SETS)
    done = CliRunner().invoke(app, ["leakage", *(f"--{name}=none" for name in names), "--seed=-1"])
    assert done.exit_code == 2 and "--seed" in done.output


def test_one_file_as_two_sets_is_refused(folder):
    """Before, no sign was found between a set and itself."""
    items = str(folder / "test.jsonl")
    with pytest.raises(Refused, match="is given as train and as test"):
        CliRunner().invoke(
            app,
            ["leakage", "--train", items, "--test", f"{folder}/./test.jsonl", "--reference", items, "--model", "x"],
            catch_exceptions=False,
        )
