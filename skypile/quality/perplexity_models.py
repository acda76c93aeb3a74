"""Perplexity models in a folder, one a language: `perplexity.json` beside our n-grams, or KenLM's files.

The JSON names the version of the folding, because a model that is fed other characters still gives numbers.
"""

import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skypile.proxy import ngram
from skypile.quality import boilerplate
from skypile.quality.kenlm_model import load_kenlm
from skypile.quality.perplexity import ORDER, CharacterModel, PerplexityModel, PerplexityModelError
from skypile.runtime import files

MANIFEST: Final = "perplexity.json"
VERSION: Final = 1  # of the folding; a model made under another one is refused


def save(folder: str, models: Mapping[str, ngram.NgramModel], details: Mapping[str, Mapping[str, Any]]) -> None:
    """Write models, and what is known of them, by language."""
    fs, inner = files.filesystem(folder)
    fs.makedirs(inner, exist_ok=True)
    described = {}
    for language, model in sorted(models.items()):
        name = f"{language}.ngram"
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / name
            ngram.save(model, path)
            fs.put_file(str(path), files.join(inner, name))
        described[language] = {"file": name, "n-grams": len(model), **details[language]}
    files.write_json(files.join(folder, MANIFEST), {"version": VERSION, "order": ORDER, "languages": described})


def load(folder: str) -> dict[str, PerplexityModel]:
    """The models in a folder by language: ours, or KenLM's with their SentencePiece models.

    Raises:
        PerplexityModelError: neither is there, it is another version's, or KenLM's packages are not installed.
        Refused: an n-gram file is damaged.
    """
    manifest = files.read_json(files.join(folder, MANIFEST))
    if manifest is None:
        return dict(load_kenlm(folder))
    if manifest.get("version") != VERSION:
        raise PerplexityModelError(
            f"{folder} was made with folding {manifest.get('version')}, not {VERSION}: train it anew"
        )
    return {
        language: CharacterModel(
            _load_one(files.join(folder, entry["file"]), json.dumps(entry, sort_keys=True)), boilerplate.load(language)
        )
        for language, entry in manifest["languages"].items()
    }


@functools.lru_cache(maxsize=16)
def _load_one(path: str, entry: str) -> ngram.NgramModel:
    """`entry`: what the manifest says of it, so that another model under the same name is read anew."""
    fs, inner = files.filesystem(path)
    if not fs.exists(inner):
        raise PerplexityModelError(
            f"{path} is missing, {MANIFEST} beside it names it: give the folder as it was written"
        )
    if "://" not in path:
        return ngram.load(path)
    with tempfile.TemporaryDirectory() as local:  # mapped: the file may be removed while it is
        copy = Path(local) / "model.ngram"
        fs.get_file(inner, str(copy))
        return ngram.load(copy)
