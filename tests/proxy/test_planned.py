"""Proxies that are trained by a plan, and doses of in-domain text."""

import json
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the models extra (PyTorch) is not installed")
pytest.importorskip("safetensors", reason="the models extra (safetensors) is not installed")

from skypile.errors import Refused  # noqa: E402
from skypile.mixture.catalogue import catalogue, write_catalogue  # noqa: E402
from skypile.mixture.folder import open_plan, plan_folder, rate_pieces  # noqa: E402
from skypile.mixture.phases import rate  # noqa: E402
from skypile.proxy.dose import dose  # noqa: E402
from skypile.proxy.folder import planned, train_proxy  # noqa: E402
from skypile.proxy.training import Training  # noqa: E402
from skypile.proxy.validation import Validation  # noqa: E402
from skypile.tokens.outputs import pack_files  # noqa: E402
from skypile.tokens.shards import Packing  # noqa: E402
from tests.mixture.catalogues import shipped  # noqa: E402
from tests.proxy.corpus import text  # noqa: E402

SEQUENCES = 2


def sums(seed: int) -> str:
    drawn = np.random.default_rng(seed).integers(10, 90, (40, 2)).tolist()
    return " ".join(f"If Ann has {a} and Bob {b}, both have {a + b}." for a, b in drawn)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Token shards of villages (web) and of sums (stem), and a plan of the report's shape among them."""
    folder = tmp_path_factory.mktemp("shelf")
    for kind, write in (("web", text), ("stem", sums)):
        lines = [json.dumps({"text": write(n)}) + "\n" for n in range(120)]
        (folder / f"{kind}.jsonl").write_text("".join(lines))
        pack_files([folder / f"{kind}.jsonl"], str(folder / kind), None, Packing(64, validation=0))
    write_catalogue(str(folder / "c.jsonl"), catalogue([f"en/web={folder / 'web'}", f"en/stem={folder / 'stem'}"]))
    phases = [phase.model_dump(exclude_none=True) | {"shares": {"en-web": 1.0}} for phase in shipped().phases]
    curriculum = shipped(phases=phases, tokens=350 * 64, batch_sequences=4)
    plan_folder(curriculum, str(folder / "c.jsonl"), str(folder / "plan"))
    return folder


def test_rates_are_the_plans_by_share_of_the_training(shelf):
    settings = planned(str(shelf / "plan"), SEQUENCES, 16, 0.01)
    assert settings.steps == 352 * 64 // (SEQUENCES * 16)  # whole batches of 4
    pieces = rate_pieces(open_plan(shelf / "plan")[0])
    for step in range(settings.warm_up, settings.steps, 7):
        place = step / settings.steps * pieces[-1].end
        wanted = rate(next(piece for piece in pieces if place < piece.end), place)
        assert settings.rate(step) / 0.01 == pytest.approx(wanted / 6e-4, rel=0.02)
    assert settings.rate(settings.steps - 1) == pytest.approx(0.001)
    twice = Training(100, learning_rate=1.0, warm_up=0, rates=((0.5, 1.0, 0.5), (1.0, 0.5, 0.1)))
    assert [twice.rate(step) for step in (0, 25, 50, 75, 100)] == pytest.approx([1.0, 0.75, 0.5, 0.3, 0.1])
    usual = Training(100, warm_up=10)
    assert [usual.rate(step) for step in (9, 10, 55, 100)] == pytest.approx([0.01, 0.01, 0.0055, 0.001])


def test_a_proxy_sees_the_plan_to_its_end_and_in_its_order(shelf, tmp_path):
    """The last phase has the sums: what is read last is rich in them, and nothing is cut off."""
    settings = planned(str(shelf / "plan"), SEQUENCES, 256, 0.01)
    seen = []
    for _ in range(2):  # what is finished is left as it is
        train_proxy(str(shelf / "plan"), str(tmp_path / "p"), "1m", settings, told=lambda step, loss: seen.append(step))
    done = json.loads((tmp_path / "p" / "proxy.json").read_text())
    assert done["epochs"] == pytest.approx(1, abs=0.05) and seen == list(range(1, done["settings"]["steps"] + 1))
    assert done["sequences"] // SEQUENCES == done["settings"]["steps"]
    assert settings.chosen(3, 100).tolist() == [6, 7]

    from skypile.proxy.sequences import read_stream
    from skypile.tokens.encoder import Encoder

    encoder = Encoder.load()
    stream = read_stream(shelf / "plan", encoder.model, 10**6)
    assert len(stream) / 257 - 1 < done["sequences"] < 1.5 * len(stream) / 257  # spelled, it is somewhat longer
    is_sum = np.isin(stream, encoder.encode(" Ann"))
    edges = [0, int(0.95 * len(stream)), len(stream)]
    early, late = (is_sum[a:b].mean() for a, b in pairwise(edges))
    assert early < 0.2 * late


def test_a_plan_for_another_size_of_models_is_refused(shelf, monkeypatch):
    monkeypatch.setattr("skypile.proxy.folder.MOST_PLANNED", 1000)
    with pytest.raises(Refused, match="plan again with fewer"):
        planned(str(shelf / "plan"), SEQUENCES, 16, 0.01)


def test_a_dose_teaches_its_domain_and_costs_the_rest(shelf, tmp_path):
    train_proxy(str(shelf / "web"), str(tmp_path / "p"), "1m", Training(40, 4, 0.01, 4))
    before = {path: path.read_bytes() for path in (tmp_path / "p").rglob("*") if path.is_file()}
    held = [
        Validation("sums", "en", tuple(sums(n) for n in range(900, 905))),
        Validation("villages", "en", tuple(text(f"held {n}") for n in range(5))),
    ]
    given = (tmp_path / "p", shelf / "stem", 24 * 4 * 256, 0.003, held, lambda texts: sum(map(len, texts)))
    found = dose(*given, points=3, sequences=4)
    assert list(found) == [0, 8 * 1024, 16 * 1024, 24 * 1024]
    first, last = found[0], found[24 * 1024]
    assert last[0].bits_per_byte < first[0].bits_per_byte - 0.3
    assert last[1].bits_per_byte > first[1].bits_per_byte + 0.05
    assert {path: path.read_bytes() for path in (tmp_path / "p").rglob("*") if path.is_file()} == before
    for optimizer in (tmp_path / "p").rglob("optimizer.safetensors"):
        optimizer.unlink()
    with pytest.raises(FileNotFoundError):  # its moments go on, too
        dose(*given, points=3, sequences=4)
    with pytest.raises(Refused, match="3 points need as many"):
        dose(*given[:2], 2 * 4 * 256, *given[3:], points=3, sequences=4)
    with pytest.raises(Refused, match="no folder that"):
        dose(shelf / "web", *given[1:])
