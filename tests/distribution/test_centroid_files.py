"""Centroids are reused for another crawl, and refused where they mean nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from skypile.cli import app
from skypile.config import Config, DistributionFilterConfig
from skypile.distribution import centroid_files, centroids, vectors
from skypile.distribution.centroids import Centroids
from skypile.distribution.thinning import ASSIGNED, CLUSTERS, cluster_table
from skypile.preflight import preflight

CONFIG = DistributionFilterConfig()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Centroids]:
    """Centroids of random vectors, in the folder of a run."""
    sample = np.random.default_rng(0).integers(-127, 128, (300, 192), np.int8)
    found = centroids.train(sample, 20, 5, 5, seed=0)
    folder = tmp_path / "run" / centroid_files.IN_A_RUN
    manifest = centroid_files.described(CONFIG, found, 300, 300, 300)
    centroid_files.write(str(folder), found, manifest, CLUSTERS.empty_table())
    return folder, found


@pytest.mark.parametrize("above", [0, 1, 2])
def test_what_was_written_is_read_from_the_folder_or_its_run(made: tuple[Path, Centroids], above: int) -> None:
    folder, found = made
    read, manifest = centroid_files.read(str([folder, *folder.parents][above]), None)
    assert all(np.array_equal(a, b) for a, b in zip(read, found, strict=True))
    assert manifest["clusters"] == len(found.clusters) and manifest["settings"]["seed"] == CONFIG.seed


def test_assignment_is_the_same_with_what_was_read(made: tuple[Path, Centroids]) -> None:
    folder, found = made
    array = np.random.default_rng(1).integers(-127, 128, (50, 192), np.int8)
    read = centroid_files.read(str(folder), None)[0]
    assert np.array_equal(centroids.assign(array, found)[0], centroids.assign(array, read)[0])


def without_file(folder: Path) -> None:
    (folder / "topics.npy").unlink()


def cut_short(folder: Path) -> None:
    np.save(folder / "centroids.npy", np.load(folder / "centroids.npy")[:-1])


def of_floats(folder: Path) -> None:
    np.save(folder / "topics.npy", np.load(folder / "topics.npy").astype(np.float32))


def changed(**values: Any) -> Any:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / "centroids.json").read_text())
        (folder / "centroids.json").write_text(json.dumps(manifest | values))

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_file, r"topics.npy cannot be read .*copy it again"),
        (cut_short, r"are not those that centroids.json describes"),
        (of_floats, r"topics float32 .* are not those"),
        (changed(clusters_of_topics=[1]), r"are not those"),
        (changed(model="folder 1234"), r"another model's vectors \(folder 1234\).*leave out"),
        (changed(format=9), r"has format 9"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_run(made: tuple[Path, Centroids], damage: Any, said: str) -> None:
    folder, _ = made
    damage(folder)
    config = Config(distribution_filter=CONFIG.model_copy(update={"centroids": str(folder)}))
    with pytest.raises(centroid_files.CentroidsError, match=said):
        preflight(config, ("distribution_filter",))


def test_a_folder_without_centroids_is_named_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}')
    arguments = ["run", "--output", str(tmp_path / "run"), "--centroids", str(tmp_path), str(tmp_path / "a.jsonl")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code != 0
    assert isinstance(done.exception, centroid_files.CentroidsError) or "has no centroids.json" in done.output


def test_texts_unlike_all_centroids_are_assigned_and_never_in_a_core(made: tuple[Path, Centroids]) -> None:
    folder, found = made
    config = CONFIG.model_copy(update={"centroids": str(folder)})
    texts = ["The doctor treated the patient in hospital."] * 80
    ids = [f"{number:032x}" for number in range(80)]
    batch = pa.RecordBatch.from_pydict({"record_id": ids, "url": ids, "text": texts})
    assigned = vectors.assigned(vectors.embedded(batch, config), found, config)
    table = cluster_table(pa.Table.from_batches([assigned], ASSIGNED), 80, config)
    assert table["size"].to_pylist() == [80] and table["core"].to_pylist() == [0]
