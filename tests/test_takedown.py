"""`skypile takedown`: pages leave the shards and the token shards, all else stays, and nothing brings them back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from skypile import config, pipeline
from skypile.cli import main
from skypile.cli.evidence import status
from skypile.errors import Refused
from skypile.plans import following_plan
from skypile.run_folder import ledger, removal, stage_folder
from skypile.run_folder.prune import prune
from skypile.run_folder.takedowns import Takedown
from skypile.run_folder.verify import verify
from skypile.runs import open_run
from skypile.runtime import files
from skypile.takedown import take_down
from skypile.tokens import outputs
from skypile.tokens import takedown as token_takedown
from skypile.tokens.megatron import open_indexed
from skypile.tokens.provenance import locate, locate_all
from skypile.tokens.shards import Packing
from skypile.tokens.shuffled import locate_shuffled
from skypile.tokens.stage import tokenize_run
from skypile.tokens.takedown import take_down as take_down_tokens

QUIET = Console(quiet=True)
WHY, DAY = "request 7 of the owner", "2026-11-02"


@pytest.fixture(scope="module")
def taken(demo, tmp_path_factory):
    """The demo run with its token shards and a shuffle of them, as they were, and after twenty pages went."""
    folder = tmp_path_factory.mktemp("taken")
    run = folder / "run"
    shutil.copytree(demo.run, run)
    shards = run / "05_shards/documents/kept=true"
    tokens = folder / "tokens"
    outputs.pack_files([shards], str(tokens), None, Packing(sequence_length=128, validation=0))
    outputs.shuffle_shards(str(tokens / "train"), str(folder / "shuffled"), 3, 5)
    rows = documents(run)
    every = len(rows) // 20
    chosen = rows[::every][:20]
    keys = [row["url"] if number % 2 else row["record_id"] for number, row in enumerate(chosen)]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = take_down(str(run), keys, WHY, DAY, [str(tokens)], [str(folder / "shuffled")])
    return folder, rows, chosen, before, done


def documents(run: Path) -> list[dict]:
    table = ledger.documents(str(run), "shards").to_table()
    return table.filter(pa.compute.equal(table["kept"], "true")).sort_by("record_id").to_pylist()


def test_the_pages_are_gone_from_the_shards_and_all_else_is_as_it_was(taken):
    folder, rows, chosen, before, done = taken
    gone = {row["record_id"] for row in chosen}
    assert len(gone) == 20 and len(done.removed) == 20 and not done.unknown
    assert documents(folder / "run") == [row for row in rows if row["record_id"] not in gone]
    left = ledger.documents(str(folder / "run"), "shards").to_table().to_pylist()
    dropped = [row for row in left if row["kept"] == "false"]
    assert {row["record_id"] for row in dropped} == gone
    assert all(row["text"] is row["title"] is row["metadata"] is None for row in dropped)
    kept = {path for path in before if "05_shards/documents/kept=true" in str(path) and path.suffix == ".parquet"}
    untouched = [path for path in before if "/run/0" in str(path) and "/05_shards/" not in str(path)]
    assert kept and untouched and all(path.read_bytes() == before[path] for path in untouched)


def test_the_ledger_says_who_asked(taken):
    folder, _, chosen, _, _ = taken
    last = ledger.why(str(folder / "run"), chosen[3]["url"])[-1]
    assert (last.stage, last.verdict, last.reason) == ("shards", "dropped", "taken_down")
    assert last.evidence == {"key": chosen[3]["url"], "why": WHY, "date": DAY}
    manifest = stage_folder.manifest(str(folder / "run"), "shards")
    assert manifest["dropped"] == {"taken_down": 20} and manifest["kept"] + 20 == manifest["read"]
    assert verify(str(folder / "run")).wrong == []


def test_the_shards_made_anew_are_the_same(spark, taken, tmp_path):
    """What was cut out in place is, decision for decision and text for text, what the stage makes of the list."""
    folder = taken[0]
    settings = open_run(str(folder / "run")).config
    assert stage_folder.why_redo(str(folder / "run"), following_plan(str(folder / "run"), "shards", settings)) is None
    shutil.copytree(folder / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run/05_shards")
    again = pipeline.shards(spark, str(tmp_path / "run"), settings, QUIET)
    here = stage_folder.manifest(str(folder / "run"), "shards")
    for name in ("read", "kept", "dropped", "digest", "inputs", "fingerprint"):
        assert again[name] == here[name]
    assert documents(tmp_path / "run") == documents(folder / "run")


def test_in_token_shards_the_pages_are_padding_and_no_other_token_changes(taken):
    folder, _, chosen, before, done = taken
    tokens = folder / "tokens"
    keys = [row["record_id"] for row in chosen]
    assert not list(locate_all(tokens, keys))
    padding = files.read_json(str(tokens / "manifest.json"))["settings"]["padding"]
    entries = done.tokens[str(tokens)]
    assert sorted(entry["record_id"] for entry in entries) == sorted(keys)
    removed = 0
    for index in sorted((tokens / "train").glob("*.idx")):
        assert index.read_bytes() == before[index]
        now = open_indexed(index.with_suffix("")).tokens
        was = np.frombuffer(before[index.with_suffix(".bin")], now.dtype)
        assert (now[now != was] == padding).all()
        removed += int((now != was).sum())
    assert 0 <= sum(entry["tokens"] for entry in entries) - removed <= 20  # what was padding's id before: the ends
    shuffled = sorted((folder / "shuffled").glob("*.bin"))
    same = sum(int((np.fromfile(p, now.dtype) != np.frombuffer(before[p], now.dtype)).sum()) for p in shuffled)
    assert same == removed
    with pytest.raises(StopIteration):
        next(locate_shuffled(tokens / "train", folder / "shuffled", keys[0]))
    assert verify(str(tokens)).wrong == verify(str(folder / "shuffled")).wrong == []


def test_megatron_opens_what_is_left(taken):
    megatron = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset", reason="needs megatron-core and torch", exc_type=ImportError
    )
    folder, _, _, before, _ = taken
    opened = 0
    for index in sorted([*(folder / "tokens" / "train").glob("*.idx"), *(folder / "shuffled").glob("*.idx")]):
        theirs = megatron.IndexedDataset(str(index.with_suffix("")))
        was = np.frombuffer(before[index.with_suffix(".bin")], np.uint16).reshape(-1, 128)
        now = np.stack([theirs[number] for number in range(len(theirs))])
        assert now.dtype == np.uint16 and now.shape == was.shape and (now != was).any()
        assert theirs.document_indices.tolist() == open_indexed(index.with_suffix("")).documents.tolist()
        opened += 1
    assert opened > 2


def test_nothing_is_packed_again_for_it(taken):
    folder, rows = taken[:2]
    shards = folder / "run/05_shards/documents/kept=true"
    manifest, fresh = outputs.pack_files(
        [shards], str(folder / "tokens"), None, Packing(sequence_length=128, validation=0)
    )
    assert not fresh and len(manifest["taken_down"]) == 20
    assert sum(count["documents"] for count in manifest["shards"]) == len(rows) - 20
    assert sum(count["tokens"] + count["padding"] for count in manifest["shards"]) == 128 * sum(
        count["sequences"] for count in manifest["shards"]
    )
    assert not outputs.shuffle_shards(str(folder / "tokens/train"), str(folder / "shuffled"), 3, 5)[1]


def test_a_second_request_says_what_it_finds(taken, demo, monkeypatch, capsys):
    folder, _, chosen, _, _ = taken
    duplicate = demo.near_duplicate
    done = take_down(str(folder / "run"), [chosen[0]["url"], duplicate, "http://nowhere.example/"], "again", DAY)
    assert done.removed == {} and done.unknown == ["http://nowhere.example/"]
    assert done.before == {chosen[0]["url"]: ("shards", "taken_down"), duplicate: ("dedup", "near_duplicate")}
    assert verify(str(folder / "run")).wrong == []
    assert done.text_in == ["extraction", "distribution_filter", "dedup", "quality_filter"]
    dropped = take_down(str(folder / "run"), [duplicate], "again", DAY)
    assert dropped.text_in == ["extraction", "distribution_filter", "dedup"]  # no stage behind ever had it
    monkeypatch.setattr("sys.argv", ["skypile", "takedown", "http://nowhere.example/", "--run", str(folder / "run")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1 and "no record has this very URL" in capsys.readouterr().err


def test_tokens_are_the_last_step_of_a_run(spark, demo, tmp_path, capsys):
    shutil.copytree(demo.run, tmp_path / "run")
    settings = config.load(str(tmp_path / "run/config.toml"))
    asked = settings.model_copy(update={"tokens": config.TokensConfig(enabled=True, sequence_length=256)})
    (tmp_path / "run/config.toml").write_text(config.dumps(asked), encoding="utf-8")
    status(str(tmp_path / "run"))
    assert "tokens: not packed yet" in capsys.readouterr().out
    wanted = config.TokensConfig(enabled=True, sequence_length=256)
    made = tokenize_run(spark, str(tmp_path / "run"), wanted, QUIET)
    rows = documents(tmp_path / "run")
    assert sum(total["documents"] for total in made["totals"].values()) == len(rows)
    status(str(tmp_path / "run"), as_json=True)
    told = json.loads(capsys.readouterr().out)["tokens"]
    assert told["finished"] and sum(split["documents"] for split in told["splits"].values()) == len(rows)
    url = rows[0]["url"]
    assert list(locate(tmp_path / "run/06_tokens", url))
    done = take_down(str(tmp_path / "run"), [url], WHY, DAY)
    assert list(done.tokens) == [str(tmp_path / "run/06_tokens")] and not list(locate(tmp_path / "run/06_tokens", url))
    again = tokenize_run(spark, str(tmp_path / "run"), wanted, QUIET)
    assert again["taken_down"] == done.tokens[str(tmp_path / "run/06_tokens")]


def test_remote_token_shards(tmp_path):
    """Packed to an object store, found and taken down there: the bytes are those of a local folder."""
    rows = [{"record_id": f"{n:032x}", "url": f"http://h{n}.example/", "text": f"page {n} " * 9} for n in range(40)]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    places = ["memory://takedown/tokens", str(tmp_path / "tokens")]
    page = [Takedown("http://h7.example/", WHY, DAY)]
    made = []
    for place in places:
        outputs.pack_files([tmp_path / "a.parquet"], place, None, Packing(sequence_length=64, validation=0.3))
        assert take_down_tokens(place, page, fresh=True) and not list(locate(place, page[0].key))
        assert verify(place).wrong == []
        fs, path = files.filesystem(place)
        made.append({name.removeprefix(path): fs.cat_file(name) for name in fs.find(path) if "manifest" not in name})
    shared = [name for name in made[0] if name.endswith((".bin", ".idx", ".parquet"))]
    assert len(shared) == 6 and all(made[0][name] == made[1][name] for name in shared)


class Killed(BaseException):
    """What ends a process at a place that a test chooses."""


def test_a_takedown_that_died_is_ended_by_the_same_command(demo, tmp_path, monkeypatch):
    """Before the journal, behind its files, and in the token shards; of a pruned run, which cannot be made again."""
    run, tokens = str(tmp_path / "run"), str(tmp_path / "tokens")
    shutil.copytree(demo.run, run)
    outputs.pack_files([Path(run, "05_shards/documents/kept=true")], tokens, None, Packing(128, validation=0))
    prune(run)
    rows = documents(Path(run))
    page = rows[5]
    for module, name, times in (
        (removal, "_noted", 0),
        (files, "remove_tree", 0),
        (token_takedown, "_overwrite_shuffled", 0),
        (token_takedown, "_rows", 1),
    ):
        with monkeypatch.context() as patched:
            whole, calls = getattr(module, name), []

            def dies(*given, whole=whole, calls=calls, times=times, **named):
                calls.append(given)
                if len(calls) > times:
                    raise Killed
                return whole(*given, **named)

            patched.setattr(module, name, dies)
            with pytest.raises(Killed):
                take_down(run, [page["url"], page["record_id"]], WHY, DAY, [tokens])
    take_down(run, [page["url"], page["record_id"]], WHY, DAY, [tokens])
    assert verify(run).wrong == verify(tokens).wrong == []
    assert documents(Path(run)) == [row for row in rows if row["record_id"] != page["record_id"]]
    last = ledger.why(run, page["record_id"])[-1]
    assert (last.reason, last.evidence["key"]) == ("taken_down", page["record_id"])
    done = files.read_json(f"{tokens}/manifest.json")
    assert [one["record_id"] for one in done["taken_down"]] == [page["record_id"]] and "pending" not in done
    assert sum(count["documents"] for count in done["shards"]) == len(rows) - 1
    assert not list(locate(tokens, page["url"]))


def test_what_cannot_be_taken_down_is_refused(demo, tmp_path):
    run = str(tmp_path / "run")
    shutil.copytree(demo.run, run)
    url = documents(Path(run))[0]["url"]
    with pytest.raises(Refused, match="was not shuffled from a split"):
        take_down(run, [url], WHY, DAY, [], [str(tmp_path / "typo")])
    manifest = files.read_json(f"{run}/04_quality_filter/manifest.json")
    files.write_json(f"{run}/04_quality_filter/manifest.json", manifest | {"digest": "0" * 16})
    with pytest.raises(Refused, match="out of date"):
        take_down(run, [url], WHY, DAY)
    assert not Path(run, "takedowns.json").exists()
