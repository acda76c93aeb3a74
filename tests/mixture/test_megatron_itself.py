"""A plan's files and shards in the hands of Megatron's own classes (pip install megatron-core torch)."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skypile.mixture.catalogue import write_catalogue
from skypile.mixture.folder import open_plan, plan_folder
from skypile.mixture.order import drawn
from skypile.tokens.megatron import write_index
from tests.mixture.catalogues import ENOUGH, shards, shipped

gpt = pytest.importorskip(
    "megatron.core.datasets.gpt_dataset", reason="needs megatron-core and torch", exc_type=ImportError
)
LENGTH = 64


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A plan over shards of random tokens that lie there: its folder, manifest and order."""
    folder = tmp_path_factory.mktemp("plan")
    random = np.random.default_rng(0)
    small = {what: size * 4096 / LENGTH * 2e-7 for what, size in ENOUGH.items()}
    lines = []
    for shard in shards(small, 30, str(folder / "data")):
        path = Path(shard.shard)
        path.parent.mkdir(parents=True, exist_ok=True)
        random.integers(1, 60_000, shard.sequences * LENGTH).astype(np.uint16).tofile(f"{path}.bin")
        write_index(Path(f"{path}.idx"), np.full(shard.sequences, LENGTH), np.dtype(np.uint16))
        lines.append(shard._replace(tokens=shard.sequences * LENGTH, sequence_length=LENGTH))
    write_catalogue(str(folder / "catalogue.jsonl"), lines)
    budget = sum(line.tokens for line in lines) // 2
    curriculum = shipped(tokens=budget, batch_sequences=4)
    done, _ = plan_folder(curriculum, str(folder / "catalogue.jsonl"), str(folder / "plan"))
    return folder / "plan", done, open_plan(folder / "plan")[1]


def blended(data: list[str], seed: int, size: int):
    from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
    from megatron.core.datasets.utils import get_blend_from_list

    settings = gpt.GPTDatasetConfig(
        random_seed=seed, sequence_length=LENGTH, blend=get_blend_from_list(data), split="100,0,0",
        tokenizer=SimpleNamespace(eod=0, vocab_size=65_536, unique_identifiers={}),
        reset_position_ids=False, reset_attention_mask=False, eod_mask_loss=False,
    )  # fmt: skip
    return BlendedMegatronDatasetBuilder(gpt.GPTDataset, [size, 0, 0], lambda: True, settings).build()[0]


def test_megatron_draws_from_the_shards_in_the_order_of_the_plan(planned):
    plan, done, order = planned
    rows = np.concatenate([part.shard for part in drawn(order, 0, done["sequences"])])
    at = 0
    for number, blend in enumerate(done["blends"]):
        data = (plan / f"blend-{number:02d}.data").read_text().split()
        seed = int((plan / f"blend-{number:02d}.args").read_text().split("--seed")[1])
        size = blend["steps"] * done["batch_sequences"]
        theirs = blended(data, seed, size)  # a few more samples, by its rounding; it trains on `size` of them
        of_blend = [order.shards.index(name) for name in data[1::2]]
        assert np.array(of_blend)[theirs.dataset_index[:size]].tolist() == rows[at : at + size].tolist()
        assert len(theirs[0]["tokens"]) == LENGTH
        at += size
    assert at == done["sequences"]
