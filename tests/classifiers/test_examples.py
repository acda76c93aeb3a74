"""Examples from a run's texts: labels, sources, caps and counterparts; training and judging on them."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from skypile.classifiers.cited_in_spark import extract
from skypile.classifiers.dataset import DatasetError, dataset
from skypile.classifiers.examples import EXAMPLE, Choice, examples
from skypile.classifiers.from_dataset import TrainingError, read_examples, train_from_dataset
from skypile.classifiers.model import load
from tests.classifiers.wiki import page, write
from tests.documents import frame
from tests.documents import write as write_stage
from tests.quality.test_stage import PLENTIFUL, SCHOLARLY, SELLING, prose

FEW = PLENTIFUL.model_copy(update={"epochs": 5})


def rows(number: int = 240) -> list[dict[str, Any]]:
    """Pages of 30 scholarly and 30 selling hosts, of like lengths, in two files."""
    found = []
    for i in range(number):
        kind, words = ("good", SCHOLARLY) if i % 2 else ("shop", SELLING)
        name = f"{kind}{i % 60}.org"
        text = prose(words, i)
        found.append(
            {
                "url": f"http://www.{name}/{kind}/{i}.html",
                "host": name,
                "language": "en",
                "language_score": 1.0,
                "source": f"{i % 4 // 2}.warc",
                "text": text,
                "characters": 1000 + random.Random(i).randrange(400),
            }
        )
    return found


def cited(spark: SparkSession, folder: Path, urls: list[str]) -> Any:
    dump = write(folder / "dump.xml", *(page(f"<ref>{url}</ref>", title=url[-9:]) for url in urls))
    extract(spark, [dump], str(folder / "cited"))
    from skypile.classifiers.cited_in_spark import cited_frame

    return cited_frame(spark, str(folder / "cited"))


@pytest.fixture(scope="module")
def pages_cited(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two of the four pages of the first 20 scholarly hosts are cited, one of them 30 times more."""
    chosen = [row for row in rows() if row["host"].startswith("good") and int(row["host"][4:-4]) < 40]
    urls = [row["url"] for row in chosen[: len(chosen) // 2]] + [chosen[0]["url"]] * 30
    return cited(spark, tmp_path_factory.mktemp("cited"), urls)


def made(spark: SparkSession, tmp_path: Path, pages_cited: Any, choice: Choice, given: Any = None) -> list[Any]:
    documents = frame(spark, given or rows(), "dedup", verdicts=False)
    found, _ = examples(documents, pages_cited, choice, str(tmp_path / "scratch"))
    assert found.columns == EXAMPLE.names
    return found.collect()


def test_cited_pages_and_counterparts_of_other_hosts(spark: SparkSession, tmp_path: Path, pages_cited: Any) -> None:
    found = made(spark, tmp_path, pages_cited, Choice())
    good, other = [row for row in found if row["cited"]], [row for row in found if not row["cited"]]
    assert len(good) == len(other) >= 35
    assert not {row["host"] for row in good} & {row["host"] for row in other}
    assert {row["source"] for row in found} == {"page"}
    assert all(row["citations"] > 0 for row in good) and all(row["citations"] == 0 for row in other)
    # Pages of hosts with a cited page are no counterparts, whatever they say.
    hosts = {row["host"] for row in pages_cited.collect()}
    assert not hosts & {row["host"] for row in other} and len(hosts) == 20
    assert abs(np.mean([row["characters"] for row in good]) - np.mean([row["characters"] for row in other])) < 60


@pytest.mark.slow
def test_partitions_and_order_are_nothing(spark: SparkSession, tmp_path: Path, pages_cited: Any) -> None:
    ids = {f"http://www.{row['host']}": row for row in rows()}
    assert ids
    given = [{"record_id": f"{i:032x}"} | row for i, row in enumerate(rows())]
    first = made(spark, tmp_path, pages_cited, Choice(max_documents=15), given)
    documents = frame(spark, given[::-1], "dedup", verdicts=False).repartition(7)
    again, _ = examples(documents, pages_cited, Choice(max_documents=15), str(tmp_path / "again"))
    assert set(map(str, first)) == set(map(str, again.collect())) and len(first) == 30
    other = made(spark, tmp_path, pages_cited, Choice(max_documents=15, seed=1), given)
    assert {row["record_id"] for row in other} != {row["record_id"] for row in first}


def test_sources_are_marked_and_stay_apart(spark: SparkSession, tmp_path: Path, pages_cited: Any) -> None:
    good_host = next(row["host"] for row in rows() if row["host"].startswith("good") and int(row["host"][4:-4]) >= 40)
    bad_host = next(row["host"] for row in rows() if row["host"].startswith("shop"))
    choice = Choice(host_citations=3, reliable=frozenset({good_host}), deprecated=frozenset({bad_host}))
    found = made(spark, tmp_path, pages_cited, choice)
    of = {source: [row for row in found if row["source"] == source] for source in ("page", "host", "list")}
    assert all(of.values())
    assert {row["host"] for row in of["list"] if row["cited"]} == {good_host}
    assert {row["host"] for row in of["list"] if not row["cited"]} == {bad_host}
    urls = {row["key"] for row in pages_cited.collect()}
    for row in of["host"]:
        if row["cited"]:
            assert row["citations"] >= 3 and row["url"].replace("http://www.", "https://") not in urls
    assert len({row["record_id"] for row in found}) == len(found)  # no page is an example of two sources


def test_caps_and_copies(spark: SparkSession, tmp_path: Path, pages_cited: Any) -> None:
    given = rows()
    copies = [row | {"url": row["url"] + f"?copy={n}"} for n in range(3) for row in given if "good" in row["host"]]
    found = made(spark, tmp_path, pages_cited, Choice(per_host=1), given + copies)
    hosts = [row["host"] for row in found]
    assert len(hosts) == len(set(hosts)) > 30
    assert len({row["text"] for row in found}) == len(found)


def test_from_a_run_to_a_classifier(spark: SparkSession, tmp_path: Path, pages_cited: Any) -> None:
    """And the run's own stage takes the folder."""
    write_stage(spark, str(tmp_path / "run"), rows(), "dedup")
    cited_folder = str(Path(pages_cited.inputFiles()[0].removeprefix("file://")).parent.parent)
    arguments = (spark, str(tmp_path / "run"), cited_folder, str(tmp_path / "set"), Choice(), [])
    manifest, fresh = dataset(*arguments)
    assert fresh and manifest["counts"]["en"]["page"]["pairs"] >= 35 and manifest["stage"] == "dedup"
    assert dataset(*arguments) == (manifest, False)
    assert pq.read_schema(next((tmp_path / "set/examples").glob("*.parquet"))).names == EXAMPLE.names

    said: list[str] = []
    trained, _ = train_from_dataset(
        str(tmp_path / "set"), str(tmp_path / "model"), ["page"], FEW, (0, 1), 3, said=said.append
    )
    figures = trained["languages"]["en"]
    # A third of the counterparts is as scholarly: hosts of which nothing is cited.
    assert figures["auc"]["mean"] > 0.65 and figures["shuffled_auc"]["mean"] < 0.85
    assert abs(figures["length_auc"]["mean"] - 0.5) < 0.2
    assert said == ["en: seed 0, 1 of 2", "en: seed 1, 2 of 2"]
    scores = load(str(tmp_path / "model"))["en"].scores([prose(SCHOLARLY, 1000), prose(SELLING, 1001)])
    assert scores[0] > scores[1] + 0.1
    card = (tmp_path / "model/MODEL_CARD.md").read_text()
    assert f"{figures['auc']['mean']:.3f} ± {figures['auc']['sd']:.3f}" in card and "page" in card
    assert not list((tmp_path / "model").glob("*.pkl"))
    with pytest.raises(TrainingError, match="whose label rests on list"):
        train_from_dataset(str(tmp_path / "set"), str(tmp_path / "none"), ["list"], FEW, (0,), 3)
    with pytest.raises(TrainingError, match="999 folds are wanted"):
        train_from_dataset(str(tmp_path / "set"), str(tmp_path / "none2"), ["page"], FEW, (0,), 999)
    with pytest.raises(TrainingError, match="holds no examples"):
        read_examples(str(tmp_path / "model"), ["page"])


def test_no_cited_text_is_said(spark: SparkSession, tmp_path: Path) -> None:
    write_stage(spark, str(tmp_path / "run"), rows(20), "dedup")
    cited(spark, tmp_path, ["http://elsewhere.org/x"])
    with pytest.raises(DatasetError, match="--host-citations 1 takes hosts"):
        dataset(spark, str(tmp_path / "run"), str(tmp_path / "cited"), str(tmp_path / "set"), Choice(), [])
    with pytest.raises(DatasetError, match="holds no citations"):
        dataset(spark, str(tmp_path / "run"), str(tmp_path / "run"), str(tmp_path / "set"), Choice(), [])
    with pytest.raises(DatasetError, match="no finished stage"):
        dataset(spark, str(tmp_path), str(tmp_path / "cited"), str(tmp_path / "set"), Choice(), [])
