"""The transformer: Skywork-13B's size by part, LLaMA's logits, and weights that depend on the seed alone."""

import pytest

torch = pytest.importorskip("torch", reason="the models extra (PyTorch) is not installed")

from skypile.proxy import head_loss  # noqa: E402
from skypile.proxy.model import SIZES, Shape, build, has_bfloat16, precision  # noqa: E402

SMALL = Shape(hidden=48, layers=3, heads=3, feed_forward=80, context=32, vocabulary=100)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def ids_of(shape: Shape, sequences: int, length: int) -> torch.Tensor:
    return torch.randint(0, shape.vocabulary, (sequences, length), generator=torch.Generator().manual_seed(1))


def test_skywork_13b_has_the_parameters_of_the_report():
    """By hand from its table: 65,536 pieces, 4,608 wide, 52 layers, 36 heads of 128, 12,288 in the feed-forward."""
    shape = SIZES["skywork-13b"]
    assert shape.hidden // shape.heads == 128
    parts = {
        "embedding": 65_536 * 4_608,
        "attention": 52 * 4 * 4_608 * 36 * 128,
        "feed-forward": 52 * 3 * 4_608 * 12_288,
        "norms": 52 * 2 * 4_608 + 4_608,
        "head": 65_536 * 4_608,
    }
    assert shape.parameters() == parts
    assert round(sum(parts.values()) / 1e9, 3) == 13.854


@pytest.mark.parametrize("size", SIZES)
def test_parameters_are_counted_as_the_model_has_them(size):
    model = build(SIZES[size], 0, "meta")
    found = dict.fromkeys(SIZES[size].parameters(), 0)
    places = {"embed": "embedding", "lm_head": "head", "self_attn": "attention", "mlp": "feed-forward", "norm": "norms"}
    for name, weights in model.named_parameters():
        found[next(part for place, part in places.items() if place in name)] += weights.numel()
    assert found == SIZES[size].parameters()


@pytest.mark.parametrize("device", DEVICES)
def test_logits_are_those_of_llama_with_the_same_weights(device):
    transformers = pytest.importorskip("transformers", reason="the models extra (transformers) is not installed")
    model = build(SMALL, 3, device)
    for weights in model.parameters():
        if weights.dim() == 1:  # else a norm's weight that is never used would not be seen
            torch.nn.init.uniform_(weights, 0.5, 1.5)
    config = transformers.LlamaConfig(
        vocab_size=SMALL.vocabulary,
        hidden_size=SMALL.hidden,
        intermediate_size=SMALL.feed_forward,
        num_hidden_layers=SMALL.layers,
        num_attention_heads=SMALL.heads,
        rms_norm_eps=SMALL.epsilon,
        rope_theta=SMALL.theta,
        max_position_embeddings=SMALL.context,
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    llama = transformers.LlamaForCausalLM(config).to(device).eval()
    llama.load_state_dict(model.state_dict())
    ids = ids_of(SMALL, 4, 32).to(device)
    with torch.no_grad():
        assert (model(ids) - llama(ids).logits).abs().max() <= 1e-5


def test_no_token_sees_those_behind_it():
    model = build(SMALL, 0)
    ids = ids_of(SMALL, 1, 20)
    other = ids.clone()
    other[0, 10:] = (other[0, 10:] + 7) % SMALL.vocabulary
    with torch.no_grad():
        left, right = model(ids), model(other)
    assert torch.equal(left[:, :10], right[:, :10]) and not torch.allclose(left[:, 10:], right[:, 10:])


def test_losses_are_those_of_each_next_token():
    model = build(SMALL, 0)
    ids = ids_of(SMALL, 2, 9)
    with torch.no_grad():
        found = model.losses(ids)
        chances = model(ids).log_softmax(-1)
    expected = [[-float(chances[s, t, ids[s, t + 1]]) for t in range(8)] for s in range(2)]
    assert torch.allclose(found, torch.tensor(expected), atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_the_loss_to_train_on_is_their_mean_with_its_gradients(device, rows, monkeypatch):
    """In blocks of one token, of some with a rest, and of all; against PyTorch's own differentiation."""
    for name in ("BLOCK_CPU", "BLOCK_GPU"):
        monkeypatch.setattr(head_loss, name, rows * SMALL.vocabulary)
    ids = ids_of(SMALL, 3, 10).to(device)
    gradients = []
    for loss in (lambda model: model.mean_loss(ids), lambda model: model.losses(ids).mean()):
        model = build(SMALL, 0, device)
        found = loss(model)
        (2 * found).backward()
        gradients.append([found.detach(), *(weights.grad for weights in model.parameters())])
    for ours, expected in zip(*gradients, strict=True):
        assert torch.allclose(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_weights_come_from_the_seed(device):
    first, same, other = (build(SMALL, seed, device).state_dict() for seed in (5, 5, 6))
    on_cpu = build(SMALL, 5).state_dict()
    for name, weights in first.items():
        assert torch.equal(weights, same[name]) and torch.equal(weights.cpu(), on_cpu[name])
        assert weights.dim() == 1 or not torch.equal(weights, other[name])


@pytest.mark.parametrize("device", DEVICES)
def test_losses_in_bfloat16_are_close(device):
    if not has_bfloat16(device):
        pytest.skip("no bfloat16 in hardware here")
    shape = SIZES["1m"]
    model, ids = build(shape, 0, device), ids_of(shape, 2, 100).to(device)
    with torch.no_grad():
        exact = model.losses(ids)
        with precision(device, True):
            low, mean = model.losses(ids), model.mean_loss(ids)
    assert low.dtype == torch.float32
    assert abs(float(mean - low.mean())) < 1e-4
    assert 0 < (low - exact).abs().max() < 0.1 and abs(float((low - exact).mean())) < 0.002


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no even multiple of heads=5"):
        build(Shape(hidden=48, layers=1, heads=5, feed_forward=80, context=8, vocabulary=10), 0)
