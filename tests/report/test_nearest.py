"""Cited pages beside the samples of a report, and what else a folder of them may hold."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.classifiers.examples import EXAMPLE
from skypile.classifiers.model import MANIFEST
from skypile.classifiers.nearest import FILE, MOST, keep, nearest
from skypile.distribution import embedding
from skypile.report import write_report
from tests.report.run_folder import MARKUP, record, write_run

RIVERS = "The river rises in the northern hills and flows past the old mill to the sea. "
SHOPS = "Add the voucher to your basket and get free shipping on every discount today. "


def examples(folder: Path) -> str:
    """Ten cited pages about rivers, ever less; one in Chinese, one that only its host vouches for, one not cited."""
    rows = [(n, "en", True, "page", RIVERS * (10 - n) + SHOPS * n) for n in range(10)]
    rows += [(10, "zh", True, "page", RIVERS), (11, "en", True, "host", RIVERS), (12, "en", False, "page", RIVERS)]
    made = [
        {"record_id": f"{n:032x}", "url": f"http://cited.example/{n}", "language": language, "cited": cited}
        | {"source": source, "titles": [f"Article {n}", MARKUP], "text": text, "host": "cited.example"}
        for n, language, cited, source, text in reversed(rows)
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(made, schema=EXAMPLE), folder / "part.parquet")
    return str(folder)


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    place = tmp_path / "run" / "04_quality_filter" / "classifier"
    place.mkdir(parents=True)
    keep(examples(tmp_path / "examples"), str(place), ["en"], ("page",))
    (place / MANIFEST).write_text("{}", encoding="utf-8")
    return place


def test_the_nearest_are_those_of_greatest_cosine_in_the_language_and_not_the_page_itself(classifier: Path):
    own = f"{0:032x}"
    found = nearest(str(classifier), RIVERS * 10, "en", own)
    vectors = embedding.load().encode([RIVERS * 10, *(RIVERS * (10 - n) + SHOPS * n for n in range(10))]).astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert [one.url for one in found] == [f"http://cited.example/{n}" for n in range(1, 1 + MOST)]
    assert [one.similarity for one in found] == pytest.approx((vectors[2 : 2 + MOST] @ vectors[0]).tolist(), abs=1e-4)
    assert found[0].titles == ["Article 1", MARKUP]
    assert nearest(str(classifier), RIVERS, "zh") == nearest(str(classifier), "ééé", "en") == []
    assert nearest(str(classifier.parent), RIVERS, "en") == []  # a folder of an older version keeps none


def test_a_report_names_them_beside_its_samples(tmp_path: Path, classifier: Path):
    run = write_run(tmp_path / "run", [record(50, text=RIVERS * 10, language="en")])
    page = Path(write_report(str(run))).read_text(encoding="utf-8")
    assert page.count("like the cited page") == 3 and "http://cited.example/0" in page and "Article 0" in page
    assert MARKUP not in page
    (classifier / FILE).unlink()
    assert "like the cited page" not in Path(write_report(str(run))).read_text(encoding="utf-8")
