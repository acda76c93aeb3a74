"""What `import skypile` offers, used as a stranger would."""

import json
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import skypile
from tests.conftest import REPOSITORY

PROSE = "Salt was once carried over the pass on mules, in sacks that weighed as much as the driver who led them. "


PLACES = (
    "A ledger of the inn lists what each of them drank.",
    "Snow closed the road from November on.",
    "Three of the drivers were brothers.",
    "The toll was paid in salt as well.",
    "Nobody remembers who built the bridge.",
    "Today a museum stands where they slept.",
)


def in_new_process(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_skypile_loads_nothing_heavy():
    heavy = "('pyspark', 'pyarrow', 'numpy', 'pydantic', 'numba', 'torch')"
    program = f"import skypile, sys; print([name for name in {heavy} if name in sys.modules])"
    assert in_new_process(program) == "[]"


def test_every_name_is_there():
    for name in dir(skypile):
        assert getattr(skypile, name) is not None
    assert set(skypile._HOMES) <= set(dir(skypile))
    with pytest.raises(AttributeError, match="no attribute 'extrct'"):
        skypile.extrct  # noqa: B018


def test_a_page():
    text = "盐从前由骡子驮过山口，每袋与赶骡人一样重。" * 5
    html = f"<meta charset=gb18030><title>盐</title><article><p>{text}</p></article>"
    page = skypile.extract(html.encode("gb18030"), "http://a.example/salt")
    assert (page.title, page.language, page.charset, page.engine) == ("盐", "zh", "gb18030", "fast")
    assert page.text.startswith("盐从前由骡子驮过山口") and page.language_score > 0.9
    assert skypile.extract(html).charset is None
    with pytest.raises(ValueError, match="engine 'magic' is none of"):
        skypile.extract(html, engine="magic")


def texts() -> dict[str, list]:
    tale = " ".join(f"In {year} the pass was open for {year * 7 % 90} days." for year in range(1750, 1800))
    long = [tale, tale.replace("In 1775 the pass", "In 1775 it")]
    return {"text": [long[0], "Another text.", long[0], long[1]], "number": [1, 2, 3, 4]}


def test_deduplicating_a_table_gives_a_table():
    result = skypile.deduplicate(pa.table(texts()))
    assert result.kept["number"].to_pylist() == [1, 2]
    assert result.kept.column_names == ["text", "number"]
    assert result.verdicts["record_id"].to_pylist() == ["0", "1", "2", "3"]
    assert result.verdicts["reason"].to_pylist() == [None, None, "duplicate_text", "near_duplicate"]
    assert json.loads(result.verdicts["evidence"][3].as_py())["survivor"] == "0"
    assert repr(result) == "read 4, kept 2, dropped: duplicate_text 1, near_duplicate 1"


def test_deduplicating_a_frame_keeps_its_index():
    frame = pd.DataFrame(texts(), index=["a", "b", "c", "d"])
    result = skypile.deduplicate(frame, id="number")
    assert isinstance(result.kept, pd.DataFrame) and list(result.kept.index) == ["a", "b"]
    assert result.verdicts["record_id"].to_pylist() == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_kind_of_text_column(kind, tmp_path):
    values = pa.array(texts()["text"])
    column = values.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else values.cast(kind)
    kept = skypile.deduplicate(pa.table({"text": column})).kept
    assert len(kept) == 2 and kept["text"].type == kind


def test_deduplicating_files(tmp_path):
    pq.write_table(pa.table(texts()), tmp_path / "a.parquet")
    result = skypile.deduplicate(str(tmp_path / "a.parquet"), id="number")
    assert result.kept["number"].to_pylist() == [1, 2]
    pq.write_table(pa.table(texts()), tmp_path / "b.parquet")
    assert len(skypile.deduplicate([str(tmp_path / f"{name}.parquet") for name in "ab"]).kept) == 2


def test_near_duplicates_by_the_settings_given():
    strict = skypile.config.DedupConfig(jaccard_threshold=1, containment_threshold=None)
    assert len(skypile.deduplicate(pa.table(texts()), config=strict).kept) == 3


@pytest.mark.parametrize(
    ("table", "arguments", "message"),
    [
        (texts(), {"text": "body"}, "no column ['body']"),
        (texts(), {"id": "key"}, "no column ['key']"),
        ({"text": ["a", "b"], "key": [1, 1]}, {"id": "key"}, "ids must be unique"),
        ({"text": [1, 2]}, {}, "column 'text' has type int64, but texts are strings"),
        ({"text": ["a"], "row": [1]}, {}, "name the id column"),
    ],
)
def test_what_is_wrong_is_said(table, arguments, message):
    with pytest.raises(ValueError) as raised:
        skypile.deduplicate(pa.table(table), **arguments)
    assert message in str(raised.value)


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match="documents are a int"):
        skypile.deduplicate(7)


def test_an_encoder():
    encoder = skypile.Encoder.load()
    ids, offsets = encoder.encode_batch(["今天天气不错", "hello world"])
    assert encoder.decode_batch(ids, offsets) == ["今天天气不错", "hello world"]


def test_a_finished_run(demo):
    run = skypile.open_run(str(demo.run))
    assert run.stages == ["extraction", "distribution_filter", "dedup", "quality_filter", "shards"]
    funnel = run.funnel().to_pylist()
    assert all(row["kept"] + row["dropped"] + row["failed"] == row["read"] for row in funnel)
    assert [row["read"] for row in funnel[1:]] == [row["kept"] for row in funnel[:-1]]
    for row in funnel:
        assert run.documents(row["stage"]).count_rows() == row["kept"]
        assert run.documents(row["stage"], kept=False).count_rows() == row["dropped"] + row["failed"]
    assert run.verdicts().count_rows() == sum(row["read"] for row in funnel)
    assert set(run.documents().to_table(columns=["language"])["language"].to_pylist()) == {"en", "zh"}
    assert [v.stage for v in run.why(demo.near_duplicate)] == ["extraction", "distribution_filter", "dedup"]
    assert run.clusters()["size"].to_pylist()
    assert "shards" in repr(run)
    with pytest.raises(ValueError, match="no stage 'deduplication'; it has extraction, "):
        run.documents("deduplication")


def test_a_run_is_decided_anew_from_its_scores(demo):
    run = skypile.open_run(str(demo.run))
    settings = run.config.quality_filter
    stored = run.verdicts("quality_filter").to_table(columns=["record_id", "verdict", "reason"]).to_pylist()
    same = run.decide(settings).select(["record_id", "verdict", "reason"]).to_pylist()
    assert sorted(map(str, same)) == sorted(map(str, stored))
    wider = run.decide(settings.model_copy(update={"min_bin": 0}))
    gained = set(wider.filter(pa.compute.equal(wider["verdict"], "kept"))["record_id"].to_pylist())
    kept = {row["record_id"] for row in stored if row["verdict"] == "kept"}
    assert gained > kept


def test_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run in"):
        skypile.open_run(str(tmp_path / "nowhere"))


def test_a_run_by_the_api(spark, tmp_path):
    lines = [
        {"url": f"http://a.example/{n}", "text": f"{PROSE}It was in {1800 + n} or {1900 + n}. {PLACES[n]}"}
        for n in range(6)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = {"quality_filter": {"rules": {"max_repeated_ngrams": 1.0, "max_top_ngram": 1.0, "min_words": 10}}}
    run = skypile.run(str(tmp_path / "a.jsonl"), str(tmp_path / "run"), table, spark=spark)
    assert run.manifests["extraction"]["read"] == 6 and run.documents().count_rows() == 6
    assert spark.range(1).count() == 1, "a session that was given goes on"
    assert (tmp_path / "run" / "report.html").is_file()
    with pytest.raises(skypile.SkypileError, match="engine"):
        skypile.run([str(tmp_path / "a.jsonl")], str(tmp_path / "other"), {"extraction": {"engine": "magic"}})


@pytest.mark.slow
def test_a_run_in_a_process_with_one_thread(tmp_path):
    """Extracts without Spark, then starts a session of its own and ends it."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": PROSE + " ".join(PLACES)}) + "\n")
    program = (
        f"import skypile; run = skypile.run({str(tmp_path / 'a.jsonl')!r}, {str(tmp_path / 'run')!r});"
        "from pyspark.sql import SparkSession;"
        "print(run.manifests['extraction']['read'], SparkSession.getActiveSession())"
    )
    assert in_new_process(program) == "1 None"
