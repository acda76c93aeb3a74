"""A proxy's state in a folder: weights, optimizer and the number of steps, in files that hold nothing but numbers.

    step-00000100/config.json            the shape, as Hugging Face's LLaMA writes it
    step-00000100/model.safetensors      weights, by LLaMA's names
    step-00000100/optimizer.safetensors  AdamW's moments

safetensors are tensors and their names; nothing in them is ever executed, as a pickle's content would be. A folder
is written under another name and renamed, so one that is there is whole. `transformers` opens it as a LLaMA.

Needs the extra `[models]`.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from skypile.errors import Refused
from skypile.proxy.model import Shape, Transformer, build
from skypile.proxy.training import optimizer

_STEP = re.compile(r"step-(\d+)")


def save(folder: Path, step: int, model: Transformer, adam: torch.optim.AdamW, keep: bool = False) -> Path:
    """Write the state after `step` steps; earlier ones are removed, unless `keep`. Returns its folder."""
    made = folder / f"step-{step:08d}"
    partial = folder / f"{made.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "config.json").write_text(json.dumps(_config(model.shape), indent=1) + "\n")
    save_file(_on_cpu(model.state_dict()), partial / "model.safetensors", {"format": "pt"})
    moments = {
        f"{name}.{kind}": value
        for name, weights in model.named_parameters()
        for kind, value in adam.state[weights].items()
    }
    save_file(_on_cpu(moments), partial / "optimizer.safetensors", {"format": "pt"})
    shutil.rmtree(made, ignore_errors=True)
    partial.rename(made)
    for step_before, path in steps(folder).items():
        if step_before != step and not keep:
            shutil.rmtree(path)
    return made


def steps(folder: Path) -> dict[int, Path]:
    """The states in a folder, by their number of steps, ascending."""
    found = {int(match[1]): path for path in folder.glob("step-*") if (match := _STEP.fullmatch(path.name))}
    return dict(sorted(found.items()))


def load(state: Path, device: str) -> Transformer:
    """The model of one state.

    Raises:
        Refused: a file is missing, damaged, or does not fit the shape.
    """
    model = build(_shape(state / "config.json"), 0, "meta").to_empty(device=device)
    try:
        model.load_state_dict(_tensors(state / "model.safetensors"))
    except RuntimeError as error:
        told = " ".join(str(error).split())[:300]
        raise Refused(f"{state}: the weights do not fit config.json ({told}); was a file replaced?") from None
    return model


def load_optimizer(state: Path, model: Transformer) -> torch.optim.AdamW:
    """AdamW as it was after the steps of a state, for the model of that state."""
    adam = optimizer(model)
    moments = _tensors(state / "optimizer.safetensors")
    for name, weights in model.named_parameters():
        try:
            found = {kind: moments[f"{name}.{kind}"] for kind in ("step", "exp_avg", "exp_avg_sq")}
        except KeyError as error:
            raise Refused(f"{state}/optimizer.safetensors lacks {error}: was a file replaced?") from None
        adam.state[weights] = {kind: value.to(weights.device) for kind, value in found.items()}
    return adam


def _on_cpu(tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise Refused(f"{path} is damaged ({error}); remove its folder, and train on from the one before") from None


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.theta},
        "rms_norm_eps": shape.epsilon,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "torch_dtype": "float32",
    }


def _shape(path: Path) -> Shape:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return Shape(
            hidden=int(config["hidden_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            feed_forward=int(config["intermediate_size"]),
            context=int(config["max_position_embeddings"]),
            vocabulary=int(config["vocab_size"]),
            theta=float(config["rope_theta"]),
            epsilon=float(config["rms_norm_eps"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path} names no shape of a proxy ({type(error).__name__}: {error})") from None
