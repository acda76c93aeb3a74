"""Training: the same run twice, in one piece and in two, and the rule of its order and its rates."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the models extra (PyTorch) is not installed")
pytest.importorskip("safetensors", reason="the models extra (safetensors) is not installed")

from skypile.errors import Refused  # noqa: E402
from skypile.proxy import checkpoint  # noqa: E402
from skypile.proxy.folder import open_proxy, train_proxy  # noqa: E402
from skypile.proxy.model import Shape, build, has_bfloat16  # noqa: E402
from skypile.proxy.training import CLIP, DECAY, Training, optimizer, train, update  # noqa: E402
from skypile.run_folder.output import OutputRefused  # noqa: E402
from skypile.tokens.outputs import pack_files  # noqa: E402
from skypile.tokens.shards import Packing  # noqa: E402

SMALL = Shape(hidden=32, layers=2, heads=2, feed_forward=48, context=16, vocabulary=64)
PLAN = Training(steps=12, sequences=4, learning_rate=5e-3, warm_up=3)


def sequences(number: int = 40) -> np.ndarray:
    """Counting up from a random start, which is easy to learn."""
    starts = np.random.default_rng(0).integers(0, 64, (number, 1))
    return ((starts + np.arange(SMALL.context + 1)) % 64).astype(np.uint16)


def run(settings: Training = PLAN, **options) -> tuple[dict[str, torch.Tensor], list[float]]:
    model = build(SMALL, settings.seed)
    found = [loss for _, loss in train(model, sequences(), settings, **options)]
    return model.state_dict(), found


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_run_repeats_bit_by_bit(bfloat16):
    if bfloat16 and not has_bfloat16("cpu"):
        pytest.skip("no bfloat16 in hardware here")
    (first, losses), (again, more) = run(bfloat16=bfloat16), run(bfloat16=bfloat16)
    assert losses == more and same(first, again)
    assert losses[-1] < losses[0] - 0.5


def test_every_epoch_holds_every_sequence_once_in_another_order():
    plan = Training(steps=10, sequences=4)
    chosen = np.concatenate([plan.chosen(step, 10) for step in range(10)]).reshape(4, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in chosen.tolist())
    assert len({tuple(epoch) for epoch in chosen.tolist()}) == 4
    other = Training(steps=10, sequences=4, seed=1)
    assert not np.array_equal(plan.chosen(0, 10), other.chosen(0, 10))


def test_a_sequence_that_differs_changes_nothing_before_it_comes():
    """Two corpora that differ in one slot train alike until the order comes to it: the coupling of an ablation."""
    left, right = sequences(), sequences()
    slot = int(PLAN.chosen(7, len(left))[2])
    right[slot] = (right[slot] + 9) % 64
    losses = []
    for corpus in (left, right):
        losses.append([loss for _, loss in train(build(SMALL, 0), corpus, PLAN, bfloat16=False)])
    assert losses[0][:7] == losses[1][:7] and losses[0][7] != losses[1][7]


def test_rates_warm_up_and_fall_to_a_tenth():
    plan = Training(steps=1000, learning_rate=1.0, warm_up=100)
    assert plan.rate(0) == pytest.approx(0.01) and plan.rate(99) == pytest.approx(1.0)
    assert plan.rate(100) == pytest.approx(1.0) and plan.rate(550) == pytest.approx(0.55)
    assert plan.rate(1000) == pytest.approx(0.1)
    other = [Training(steps=1000, learning_rate=1.0, warm_up=0, floor=floor) for floor in (0.0, 1.0)]
    assert [one.rate(step) for one in other for step in (0, 1000)] == pytest.approx([1, 0, 1, 1])


def test_a_step_is_adamw_with_clipping_and_decay_of_matrices():
    """Against the formula, on the first step: there its size is the rate, whatever the gradient."""
    model, hand = build(SMALL, 0), build(SMALL, 0)
    ids = torch.from_numpy(sequences(4).astype(np.int64))
    update(model, optimizer(model), ids, 1e-2)
    hand.losses(ids).mean().backward()
    norm = torch.sqrt(sum((weights.grad**2).sum() for weights in hand.parameters()))
    assert norm > CLIP  # else clipping would not be seen
    for weights, found in zip(hand.parameters(), model.parameters(), strict=True):
        gradient = weights.grad / (norm + 1e-6) * CLIP
        decayed = weights.detach() * (1 - 1e-2 * DECAY) if weights.dim() > 1 else weights.detach()
        assert torch.allclose(found.detach(), decayed - 1e-2 * gradient / (gradient.abs() + 1e-8), atol=1e-5)


def test_settings_that_make_no_sense_are_refused():
    for wrong in (
        {"steps": 0},
        {"steps": 1, "sequences": 0},
        {"steps": 1, "learning_rate": float("nan")},
        {"steps": 1, "floor": 1.1},
    ):
        with pytest.raises(Refused, match="must be"):
            Training(**wrong)


@pytest.fixture
def shards(tmp_path):
    rows = [
        f"The river rose {n} times in spring, and the bridge {n + 1} was closed. 春天河水涨了{n}次。" for n in range(90)
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    pack_files([tmp_path / "texts.jsonl"], str(tmp_path / "tokens"), None, Packing(256, validation=0.0))
    return str(tmp_path / "tokens")


def trained(shards: str, output, stop_after: int | None = None, **options):
    class Stop(Exception):
        pass

    def told(step: int, loss: float) -> None:
        if step == stop_after:
            raise Stop

    settings = Training(steps=6, sequences=2, learning_rate=3e-3, warm_up=2)
    try:
        return train_proxy(shards, str(output), "1m", settings, every=2, told=told, **options)
    except Stop:
        return None


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(shards, tmp_path):
    whole = trained(shards, tmp_path / "whole")
    assert trained(shards, tmp_path / "stopped", stop_after=5) is None
    assert list(checkpoint.steps(tmp_path / "stopped")) == [4]
    gone_on = trained(shards, tmp_path / "stopped")
    for name in ("config.json", "model.safetensors", "optimizer.safetensors"):
        assert (whole / name).read_bytes() == (gone_on / name).read_bytes(), name
    log = (tmp_path / "whole" / "losses.jsonl").read_text()
    assert log == (tmp_path / "stopped" / "losses.jsonl").read_text() and len(log.splitlines()) == 6
    assert trained(shards, tmp_path / "whole") == whole  # and what is finished is left as it is


def test_a_proxy_is_opened_from_its_folder_or_a_state(shards, tmp_path):
    trained(shards, tmp_path / "proxy", keep=True)
    assert list(checkpoint.steps(tmp_path / "proxy")) == [2, 4, 6]
    last, earlier = open_proxy(tmp_path / "proxy"), open_proxy(tmp_path / "proxy" / "step-00000002")
    assert (last.name, earlier.name) == ("proxy", "proxy/step-00000002")
    assert not same(last.model.state_dict(), earlier.model.state_dict())
    assert last.model.shape.vocabulary % 64 == 0 and last.model.shape.vocabulary >= len(last.vocabulary)


def test_other_settings_do_not_go_on_in_the_same_folder(shards, tmp_path):
    trained(shards, tmp_path / "proxy")
    with pytest.raises(OutputRefused, match="at_least: 2, now 3"):
        trained(shards, tmp_path / "proxy", at_least=3)


def test_damaged_weights_are_named(shards, tmp_path):
    last = trained(shards, tmp_path / "proxy")
    whole = (last / "model.safetensors").read_bytes()
    (last / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused, match=r"model\.safetensors is damaged"):
        open_proxy(tmp_path / "proxy")
    (last / "model.safetensors").write_bytes(whole)
    (last / "config.json").write_text(
        (last / "config.json").read_text().replace('"hidden_size": 64', '"hidden_size": 32')
    )
    with pytest.raises(Refused, match=r"do not fit config\.json"):
        open_proxy(tmp_path / "proxy")


def test_transformers_opens_a_state_as_a_llama(shards, tmp_path):
    transformers = pytest.importorskip("transformers", reason="the models extra (transformers) is not installed")
    state = trained(shards, tmp_path / "proxy")
    llama = transformers.LlamaForCausalLM.from_pretrained(state).eval()
    ids = torch.arange(40)[None]
    with torch.no_grad():
        assert (llama(ids).logits - open_proxy(state).model(ids)).abs().max() <= 1e-5
