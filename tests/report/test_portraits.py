"""What is told of clusters, by hand-made runs, and how the report shows it."""

import html.parser
import random
import re
import shutil

import numpy as np
import pytest

from skypile.config import DistributionFilterConfig
from skypile.report.collect import collect
from skypile.report.page import render
from skypile.report.portrait import Mapped, Portrait
from skypile.report.portrait_page import drawn_map, named
from skypile.report.portraits import portraits
from skypile.run_folder import ledger
from skypile.runs import open_run
from tests.report.clustered import rows, write
from tests.report.run_folder import record, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clustered") / "run")


@pytest.fixture(scope="module")
def page(run):
    return render(collect(str(run)))


def seen(run, **chosen):
    return portraits(ledger.stage_folders(str(run)), {"characters": 2000, "model": None}, **chosen)


def test_every_record_is_counted_once_where_its_way_ended(run):
    farm, music, none, lone = seen(run).clusters
    assert [one.cluster for one in (farm, music, none, lone)] == [0, 1, None, 2]
    assert (farm.size, farm.kept, farm.thinned, dict(farm.languages)) == (12, 10, 1, {"en": 12})
    assert farm.lost == {("distribution_filter", "dense_cluster"): 1, ("quality_filter", "symbols"): 1}
    assert farm.hosts == [("farm.example", 8), ("other10.example", 1), ("other11.example", 1)]
    assert (music.size, music.kept, dict(music.lost)) == (8, 8, {})
    assert (none.size, none.kept, dict(none.languages), none.name) == (2, 2, {"ru": 2}, [])
    assert (farm.core, farm.budget) == (0, 5)


def test_names_and_pages(run):
    farm, music, _, lone = seen(run).clusters
    assert {"wheat", "小麦"} & set(farm.name) and {"orchestra", "小提琴", "violin"} & set(music.name)
    assert [page.title for page in farm.nearest] == ["Farm 0", "Farm 1", "Farm 2"]
    assert [page.title for page in farm.farthest] == ["Farm 11", "Farm 10", "Farm 9"]
    assert farm.nearest[0].text.startswith("Farmers harvest")
    between = music.borders[0]
    assert (between.record_id, between.other) == (f"{15:032x}", 0)
    assert between.margin < min(page.margin for page in music.borders[1:])
    assert not {page.record_id for page in lone.nearest} & {page.record_id for page in lone.farthest}


def test_one_cluster_alone_is_read_the_same(run):
    music = next(one for one in seen(run, only=1).clusters if one.cluster == 1)
    assert music == seen(run).clusters[1]


def test_shares_before_and_after(run):
    found = seen(run)
    assert found.documents == 23 and found.kept == 21 and found.last == "shards"
    assert found.spread()[1] == pytest.approx((21 / 12) ** (12 / 21) * (21 / 8) ** (8 / 21) * 21 ** (1 / 21))
    assert found.spread(after=True)[1] > found.spread()[1]


def test_no_order_of_rows_shows(run, page, tmp_path):
    shuffled = rows()
    random.Random(4).shuffle(shuffled)
    assert render(collect(str(write(tmp_path / "run", shuffled)))) == page


def test_a_pruned_run_is_looked_at_as_before(run, tmp_path):
    before = seen(run)
    other = write(tmp_path / "run")
    for stage in ("01_extraction", "02_distribution_filter", "03_dedup", "04_quality_filter"):
        shutil.rmtree(other / stage / "documents/kept=true")
    assert seen(other).clusters == before.clusters


def test_a_model_by_its_path_is_not_loaded(run):
    folders = ledger.stage_folders(str(run))
    found = portraits(folders, {"characters": 2000, "model": "/nowhere"})
    assert found.mapped.clusters == [0, 1, 2] and not found.mapped.sample
    assert not found.clusters[0].borders and found.clusters[0].name


def test_without_clusters_there_is_nothing_to_tell(tmp_path):
    run = write_run(tmp_path, [record(1, cluster=None, centroid_similarity=None)])
    assert seen(run) is None
    assert "Nothing was clustered" in render(collect(str(run)))


class Drawing(html.parser.HTMLParser):
    """Tags within the drawing, and those after it."""

    def __init__(self, text):
        super().__init__()
        self.inside, self.tags, self.shown = 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside += tag == "svg"
        if self.inside:
            self.tags.append(tag)

    def handle_endtag(self, tag):
        self.inside -= tag == "svg"

    def handle_data(self, data):
        if self.inside:
            self.shown.append(data)


def section(page):
    return page[page.index('<section id="clusters">') : page.index('<section id="scores">')]


def test_the_map_holds_the_sample_and_nothing_acts_in_it(run, page):
    drawing = Drawing(section(page))
    assert set(drawing.tags) == {"svg", "g", "circle", "title", "text"} and drawing.tags.count("svg") == 1
    assert drawing.tags.count("circle") == 21
    shown = "".join(drawing.shown)
    assert "<script>document.title='owned'</script>\\u202e\\u001b[31m" in shown
    assert {named(one.name, 2) for one in seen(run).clusters[:2]} <= set(drawing.shown)


def test_the_report_tells_names_hosts_and_reasons(page):
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section(page)))
    assert "3 clusters in 23 documents" in text
    assert "farm.example 8" in text and "distribution filter: dense_cluster 1 lost" in text
    assert "A sample: 21 of 21 documents" in text
    assert "nearer than to" in text and "(no cluster" in text


def test_labels_do_not_lie_on_each_other():
    vectors = np.random.default_rng(0).integers(-99, 99, (120, 16)).astype(np.int8)
    clusters = [Portrait(n, name=["agriculture", "orchestras"], size=1) for n in range(60)]
    mapped = Mapped(vectors, [n % 60 for n in range(120)], [True] * 120, [""] * 120, True)
    drawn = drawn_map(mapped, clusters, {})
    boxes = [(float(x), float(y), 9 * len(text)) for x, y, text in drawn["labels"]]
    assert len(boxes) > 10
    for at, (x, y, width) in enumerate(boxes):
        assert not [1 for a, b, _ in boxes[:at] if abs(a - x) < 0.9 * width and abs(b - y) < 15]


def test_a_name_without_words_says_so():
    assert named([]) == "(no word sets it apart)"


def test_other_thresholds_thin_what_is_stored(run):
    opened = open_run(str(run))
    lenient = DistributionFilterConfig(core_similarity=0.5, budget_min=12, budget_share=0.001)
    assert set(opened.thin(lenient)["verdict"].to_pylist()) == {"kept"}
    strict = opened.thin(lenient.model_copy(update={"budget_min": 1})).to_pylist()
    lost = [row["cluster"] for row in strict if row["verdict"] == "dropped"]
    assert len(strict) == 23 and lost.count(0) >= 8 and lost.count(1) >= 4 and not {2, None} & set(lost)
    assert next(row for row in strict if row["record_id"] == f"{0:032x}")["verdict"] == "kept"  # nearest to its centre
    loose = [row["cluster"] for row in opened.thin(strict_at(0.875)).to_pylist() if row["verdict"] == "dropped"]
    assert set(loose) == {0} and len(loose) <= 2  # three of its pages are so near


def strict_at(similarity):
    return DistributionFilterConfig(core_similarity=similarity, budget_min=1, budget_share=0.001)


def test_the_map_is_of_topics_where_there_are_any():
    vectors = np.random.default_rng(1).integers(-99, 99, (40, 16)).astype(np.int8)
    clusters = [Portrait(n, topic=n % 2, name=["cluster"], size=10) for n in range(4)]
    mapped = Mapped(vectors, [n % 4 for n in range(40)], [True] * 40, [""] * 40, True)
    drawn = drawn_map(mapped, clusters, {0: ["wheat"], 1: ["violin"]})
    assert {text for _, _, text in drawn["labels"]} == {"wheat", "violin"}
    assert [len(points) for _, points in drawn["groups"]] == [20, 20]
