"""Poison pages end as failed rows with a reason; the pages around them are unharmed."""

import json

import pytest
from rich.console import Console

from skypile import pipeline
from skypile.config import parse
from skypile.extraction.plan import TooManyFailures
from skypile.run_folder import ledger
from tests.crawls import article, write_warc

POISON = {
    # 3 MB of attributes: trafilatura computes on them for over 20 s.
    "http://bad.example/endless": b"<html><body><div " + b" ".join(b"a%d=1" % i for i in range(300_000)) + b">"
    + article("attribute"),
    "http://bad.example/deep": b"<html><body>" + b"<div>" * 100_000 + article("depth") + b"</div>" * 100_000,
    "http://bad.example/large": b"<html><body><p>" + b"a long page " * (200 * 2**20 // 12),
}  # fmt: skip


@pytest.fixture(scope="module")
def poisoned(spark, tmp_path_factory):
    """A run of the extraction stage over poison between sound pages."""
    folder = tmp_path_factory.mktemp("poison")
    good = {f"http://good.example/{n}": article(f"lighthouse {n}") for n in range(len(POISON) + 1)}
    pages = dict(sum(zip(list(good.items()), [*POISON.items(), None], strict=True), ())[:-1])
    write_warc(folder / "crawl" / "poison.warc.gz", pages)
    config = parse({"extraction": {"engine": "trafilatura", "timeout_seconds": 2.0, "memory_mb": 1024}})
    manifest = pipeline.extraction(spark, [str(folder / "crawl")], str(folder / "run"), config, Console(quiet=True))
    return manifest, str(folder / "run"), list(good)


def test_sound_pages_between_poison_are_kept(poisoned):
    manifest, run, good = poisoned
    assert manifest["read"] == len(good) + len(POISON)
    assert manifest["kept"] == len(good)
    for url in good:
        assert [v.verdict for v in ledger.why(run, url)] == ["kept"]


@pytest.mark.parametrize(
    ("page", "reason", "evidence"),
    [
        ("endless", "timeout", {"seconds": 2.0, "memory_mb": 1024}),
        ("deep", "extraction_error", {"detail": "ParserGaveUp: Excessive depth in document: 2048"}),
        ("large", "too_large", {}),
    ],
)
def test_poison_is_a_failed_row_with_its_limits(poisoned, page, reason, evidence):
    _, run, _ = poisoned
    [verdict] = ledger.why(run, f"http://bad.example/{page}")
    assert (verdict.verdict, verdict.reason) == ("failed", reason)
    for key, value in evidence.items():
        assert str(verdict.evidence[key]).startswith(str(value))


def test_the_fast_engine_survives_the_same_poison(spark, poisoned, tmp_path):
    """It reads the endless page in milliseconds; what nests 100,000 deep is refused all the same."""
    _, run, good = poisoned
    crawl = run.removesuffix("run") + "crawl"
    manifest = pipeline.extraction(spark, [crawl], str(tmp_path), parse({}), Console(quiet=True))
    assert manifest["failed"] == {"too_deep": 1, "too_large": 1}
    assert manifest["kept"] == len(good) + 1
    [verdict] = ledger.why(str(tmp_path), "http://bad.example/deep")
    assert verdict.score > 99_000 and verdict.threshold == 10_000


def test_an_installation_that_fails_every_page_stops_the_run(spark, tmp_path):
    pages = {f"http://a.example/{n}": article(str(n), 1000) for n in range(120)}
    write_warc(tmp_path / "crawl" / "a.warc.gz", pages)
    config = parse({"extraction": {"engine": "trafilatura", "timeout_seconds": 0.001}})  # less than these pages take
    with pytest.raises(TooManyFailures, match="120 of 120 pages failed in extraction"):
        pipeline.extraction(spark, [str(tmp_path / "crawl")], str(tmp_path / "run"), config, Console(quiet=True))


def test_decisions_do_not_depend_on_splits_or_waves(spark, tmp_path):
    for part in range(3):
        pages = {f"http://a.example/{part}/{n}": article(f"{part} {n}", n % 3) for n in range(40)}
        write_warc(tmp_path / "crawl" / f"{part}.warc.gz", pages)
    digests = set()
    for number, shape in enumerate([{"split_mb": 1}, {"wave_mb": 0.001}, {"wave_mb": 0.005, "split_mb": 8}]):
        config = parse({"extraction": shape | {"engine": "resiliparse"}})
        run = str(tmp_path / f"run{number}")
        manifest = pipeline.extraction(spark, [str(tmp_path / "crawl")], run, config, Console(quiet=True))
        digests.add(manifest["digest"])
        assert manifest["read"] == 120
        assert 0 < manifest["kept"] < 120
    assert len(digests) == 1


def test_real_pages_are_all_accounted_for(spark, tmp_path, shared_data):
    """42 of these pages vanish without a trace in a peer."""
    config = parse({"extraction": {"engine": "resiliparse", "split_mb": 1}})
    crawl = [str(shared_data / "crawl" / f"{name}-web.warc.gz") for name in ("zh", "en")]
    manifest = pipeline.extraction(spark, crawl, str(tmp_path), config, Console(quiet=True))
    assert manifest["read"] == 631
    assert manifest["failed"] == {}
    rows = ledger.dataset(f"{tmp_path}/01_extraction/documents", ledger.arrow_schema(ledger.LEDGER_COLUMNS))
    assert rows.count_rows() == 631
    assert json.loads((tmp_path / "01_extraction" / "manifest.json").read_text())["inputs"]["files"] == 2
