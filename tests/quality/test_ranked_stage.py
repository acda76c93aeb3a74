"""The stage with a perplexity model: two passes, the same in any partitions and order, and without Spark."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from skypile.config import QualityFilterConfig, RuleThresholds
from skypile.quality import judges, perplexity_models
from skypile.quality.decision import READ, decide_again, decided, gated
from skypile.quality.perplexity import train
from skypile.quality.stage import quality_filter, scored
from tests.documents import frame
from tests.quality.test_rules import CHINESE
from tests.quality.test_stage import SCHOLARLY, SELLING, document, prose

LOOSE = RuleThresholds(max_repeated_ngrams=1.0, max_top_ngram=1.0)
CONFIG = QualityFilterConfig(combine="all", bins=10, min_bin=3, rules=LOOSE)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("models"))
    trusted = [prose(SCHOLARLY, 1000 + i) for i in range(50)]
    perplexity_models.save(folder, {"en": train(trusted)}, {"en": {"texts": len(trusted)}})
    return folder


def rows() -> list[dict]:
    made = [document(prose(SCHOLARLY if i % 2 else SELLING, i)) for i in range(80)]
    made += [document(CHINESE, "zh"), document("Menu\nHome", "en"), document(prose(SCHOLARLY, 7), "fr")]
    return [row | {"record_id": f"{i:032x}", "url": f"http://example.org/{i}"} for i, row in enumerate(made)]


def run(spark: SparkSession, tmp_path: Path, models: str, partitions: int, turned: bool) -> list[dict]:
    documents = frame(spark, rows()[:: -1 if turned else 1], "dedup", verdicts=False).repartition(partitions)
    place = tmp_path / f"{partitions}"
    stage = quality_filter(CONFIG, str(place / "scratch"), perplexity=models, keep=str(place / "judges"))
    return sorted((row.asDict() for row in stage(documents).collect()), key=lambda row: row["record_id"])


def test_verdicts_tiers_and_quantiles_do_not_depend_on_partitions(spark, tmp_path, models):
    one, many = run(spark, tmp_path, models, 1, False), run(spark, tmp_path, models, 5, True)
    assert one == many
    files = [(tmp_path / name / "judges" / judges.FILE).read_bytes() for name in ("1", "5")]
    assert files[0] == files[1]

    english = [row for row in one if row["language"] == "en" and row["reason"] != "too_short"]
    kept = [row for row in english if row["verdict"] == "kept"]
    assert len(kept) / len(english) == pytest.approx(0.7, abs=0.03)
    dropped = {row["reason"] for row in english if row["verdict"] == "dropped"}
    assert dropped <= {"high_perplexity", "low_rule_score"} and "high_perplexity" in dropped
    scholarly = [row["perplexity"] for row in english if int(row["record_id"], 16) % 2]
    selling = [row["perplexity"] for row in english if not int(row["record_id"], 16) % 2]
    assert max(scholarly) < min(selling)  # the model has read of comets, not of vouchers
    chinese, menu, french = one[80:]
    assert chinese["perplexity"] is None and chinese["verdict"] == "kept"  # alone among its own, ranked by the rules
    assert [menu["reason"], french["reason"]] == ["too_short", "language"]


def test_without_spark_the_same_is_decided(spark, tmp_path, models):
    stage = run(spark, tmp_path, models, 2, False)
    made = {"language_score": 1.0, "host": "example.org", "title": ""}
    texts = [row | made | {"characters": len(row["text"])} for row in rows()]
    batch = scored(pa.RecordBatch.from_pylist(texts), CONFIG, {}, perplexity_models.load(models))
    stored = [batch.select(["record_id", *READ]).slice(at, 20) for at in range(0, 83, 20)]
    (again,) = pa.Table.from_batches(decide_again(stored, CONFIG, True)).combine_chunks().to_batches()
    for row, found in zip(stage, again.to_pylist(), strict=True):
        assert {name: row[name] for name in found} == found

    kept = judges.read(str(tmp_path / "2" / "judges"))
    alone = decided(gated(stored[1].slice(3, 1), CONFIG), CONFIG, kept).to_pylist()[0]
    assert {name: stage[23][name] for name in alone} == alone  # its place is found again from the kept quantiles
    assert json.loads(stage[23]["evidence"])["perplexity"]["score"] == stage[23]["perplexity"]


def test_with_the_citation_score_alone_perplexity_is_told_and_drops_nothing(spark, tmp_path, models):
    documents = frame(spark, rows()[:40], "dedup", verdicts=False)
    config = QualityFilterConfig(rules=LOOSE)
    found = quality_filter(config, str(tmp_path), perplexity=models)(documents).toPandas()
    assert set(found["verdict"]) == {"kept"} and found["perplexity"].notna().all() and found["quality_bin"].isna().all()
    tiers = found.sort_values("perplexity")["quality_tier"].tolist()
    assert tiers == ["high"] * 12 + ["middle"] * 12 + ["low"] * 16  # 30 % and 40 %
