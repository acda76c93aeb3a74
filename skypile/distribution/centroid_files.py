"""Centroids as files: written beside the clusters of a run, and reused for the next crawl.

clusters/centroids.npy      int8 (clusters, dim), sorted by topic
clusters/topics.npy         int8 (topics, dim)
clusters/centroids.json     whose vectors they are centres of, how many there are, and what they were made from
clusters/clusters.parquet   a row a cluster of this crawl: `thinning.CLUSTERS`
"""

import hashlib
import io
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.config import DistributionFilterConfig
from skypile.distribution import embedding
from skypile.distribution.centroids import Centroids
from skypile.errors import SkypileError
from skypile.run_folder.identity import signature, tree_signature
from skypile.runtime import files

FORMAT: Final = 1
ARRAYS: Final = ("centroids.npy", "topics.npy")
MANIFEST: Final = "centroids.json"
IN_A_RUN: Final = "02_distribution_filter/clusters"


class CentroidsError(SkypileError):
    """Centroids are not there, are damaged, or are of another model's vectors; the message says which."""


def model_identity(model: str | None) -> str:
    """What the vectors' model is known by, wherever it lies: the content of the built-in table, or of the folder."""
    return f"built-in {signature(str(embedding.TABLE))}" if model is None else tree_signature(model)


def embeddings_name(config: DistributionFilterConfig) -> str:
    """A folder's name for what the model has embedded: the same for the same vectors."""
    made_by = f"{model_identity(config.model)} {config.characters}"
    return hashlib.sha256(made_by.encode()).hexdigest()[:16]


def described(
    config: DistributionFilterConfig, centroids: Centroids, documents: int, clustered: int, sampled: int
) -> dict[str, Any]:
    """The manifest of centroids that were trained on `sampled` of `documents`, of which `clustered` have a vector."""
    made_by = ("characters", "clusters", "topics", "min_coverage", "sample", "iterations", "seed")
    return {
        "format": FORMAT,
        "model": model_identity(config.model),
        "dim": centroids.clusters.shape[1],
        "clusters": len(centroids.clusters),
        "topics": len(centroids.topics),
        "clusters_of_topics": np.bincount(centroids.parents, minlength=len(centroids.topics)).tolist(),
        "settings": {name: getattr(config, name) for name in made_by},
        "documents": documents,
        "clustered": clustered,
        "sampled": sampled,
    }


def write(folder: str, centroids: Centroids, manifest: dict[str, Any], clusters: pa.Table) -> None:
    """Write the files to `folder`; the manifest last."""
    fs, path = files.filesystem(folder)
    fs.makedirs(path, exist_ok=True)
    for name, array in zip(ARRAYS, (centroids.clusters, centroids.topics), strict=True):
        data = io.BytesIO()
        np.save(data, array, allow_pickle=False)
        with fs.open(files.join(path, name), "wb") as file:
            file.write(data.getvalue())
    with fs.open(files.join(path, "clusters.parquet"), "wb") as file:
        pq.write_table(clusters, file)
    files.write_json(files.join(folder, MANIFEST), manifest)


def place(path: str) -> str:
    """The folder that has the centroids: `path`, or that of the run that it is.

    Raises CentroidsError if there are none.
    """
    for folder in (path, files.join(path, "clusters"), files.join(path, IN_A_RUN)):
        if files.exists(files.join(folder, MANIFEST)):
            return folder
    raise CentroidsError(
        f"distribution_filter.centroids: {path} has no {MANIFEST}; give the folder of a run, or its {IN_A_RUN}"
    )


def known_by(path: str) -> dict[str, str]:
    """What centroids are the same by: the content of their files."""
    return {name: signature(files.join(place(path), name)) for name in (*ARRAYS, MANIFEST)}


def read(path: str, model: str | None) -> tuple[Centroids, dict[str, Any]]:
    """Centroids and their manifest. Raises CentroidsError: see there."""
    folder = place(path)
    manifest = files.read_json(files.join(folder, MANIFEST)) or {}
    if manifest.get("format") != FORMAT:
        raise CentroidsError(
            f"{folder}/{MANIFEST} has format {manifest.get('format')!r}, this skypile reads {FORMAT}; train them again"
        )
    ours = model_identity(model)
    if manifest.get("model") != ours:
        what = "the built-in table" if model is None else f"the model {model}"
        raise CentroidsError(
            f"the centroids in {folder} are of another model's vectors ({manifest.get('model')}) than {what} gives "
            f"({ours}), and mean nothing among them; set distribution_filter.model to the model they were made "
            "with, or leave out distribution_filter.centroids to train new ones"
        )
    arrays = []
    for name in ARRAYS:
        try:
            with files.open_uri(files.join(folder, name)) as file:
                arrays.append(np.load(io.BytesIO(file.read()), allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise CentroidsError(f"{folder}/{name} cannot be read ({error}); copy it again from its run") from None
    clusters, topics = arrays
    try:
        counts = np.array(manifest.get("clusters_of_topics", []), np.int64).reshape(-1)
    except (TypeError, ValueError):  # edited by hand
        counts = np.array([-1])
    shapes = [(manifest.get(name), manifest.get("dim")) for name in ("clusters", "topics")]
    sound = [array.shape for array in arrays] == shapes and {array.dtype for array in arrays} == {np.dtype(np.int8)}
    if not sound or len(counts) != len(topics) or (counts < 0).any() or int(counts.sum()) != len(clusters):
        raise CentroidsError(
            f"{folder}: the centroids ({clusters.dtype} {clusters.shape}, topics {topics.dtype} {topics.shape}) are "
            f"not those that {MANIFEST} describes; copy the whole folder again from its run"
        )
    return Centroids(topics, clusters, np.repeat(np.arange(len(topics), dtype=np.int32), counts)), manifest
