"""What each stage of a run would be made from: the plans that `pipeline` carries out, and `dry_run` looks at."""

import json
from collections.abc import Callable
from typing import Any

from skypile import schema
from skypile.config import Config
from skypile.dedup.arrivals import arrivals_seen
from skypile.distribution.centroid_files import known_by
from skypile.run_folder import stage_folder, takedowns
from skypile.run_folder.identity import tree_signature
from skypile.run_folder.stage_folder import Plan
from skypile.run_folder.stamp import Stamp


def before(stage: str) -> str:
    """The stage whose documents `stage` reads."""
    return schema.STAGES[schema.STAGES.index(stage) - 1]


def following_plan(
    run: str,
    stage: str,
    config: Config,
    notes: Callable[[Stamp], list[str]] = lambda counts: [],
    findings: Callable[[], dict[str, Any]] = dict,
) -> Plan:
    """Plan of a stage after the first, in one wave: made from what the one before it kept, and from files besides.

    FileNotFoundError if the stage before it is not finished.
    """
    inputs = _inputs(run, stage, config)
    wave = json.dumps(inputs, sort_keys=True)
    settings = getattr(config, stage).deciding()
    if stage == "shards" and config.recurrence.strength:
        settings |= {"recurrence": config.recurrence.deciding()}
    return Plan(stage, settings, inputs, [wave], notes, findings=findings)


def _inputs(run: str, stage: str, config: Config) -> dict[str, Any]:
    """Files are known by their content, wherever they lie."""
    upstream = stage_folder.manifest(run, before(stage))
    if upstream is None:
        folder = stage_folder.stage_dir(run, before(stage))
        raise FileNotFoundError(f"{folder} has no manifest.json: run the {before(stage)} stage first")
    found: dict[str, Any] = dict(stage_folder.kept_by(before(stage), upstream))
    quality = config.quality_filter
    if stage == "distribution_filter" and config.distribution_filter.model:
        found["embedding model"] = tree_signature(config.distribution_filter.model)
    if stage == "distribution_filter" and config.distribution_filter.centroids:
        found["centroids"] = known_by(config.distribution_filter.centroids)
    if stage == "dedup" and config.dedup.against:
        seen = (stage_folder.manifest(run, "dedup") or {}).get("inputs", {}).get("index")
        found["index"] = arrivals_seen(config.dedup.against, seen if config.dedup.update_index else None)
    if stage == "quality_filter":
        lists = {"word list": quality.bad_words, "blocked hosts": quality.blocked_hosts}
        found |= {name: tree_signature(path) for name, path in lists.items() if path}
        own = quality.lexicon_file()
        found["lexicon"] = tree_signature(own) if own else quality.lexicon
    if stage == "quality_filter" and quality.classifier:
        found["classifier"] = tree_signature(quality.classifier)
    elif stage == "quality_filter":
        for dump in quality.wikipedia:
            found[f"citations dump {dump.rstrip('/').rpartition('/')[2]}"] = tree_signature(dump)
    if stage == "quality_filter" and quality.perplexity_model:
        found["perplexity model"] = tree_signature(quality.perplexity_model)
    elif stage == "quality_filter":
        for path in quality.trusted:
            found[f"trusted texts {path.rstrip('/').rpartition('/')[2]}"] = tree_signature(path)
    if stage == "shards":
        found |= takedowns.known_by(takedowns.taken_down(run))
    return found
