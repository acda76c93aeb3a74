"""Train the fast extraction engine's model: `make train-extraction`.

    python -m skypile.classifiers.extraction.train --data ../shared/data/extraction \
        --crawl ../shared/data/crawl/zh-web.warc.gz

Reads the four evaluation files, fits with five folds by host, prints the out-of-fold scores, and writes the model
into the package; `--scores FILE` keeps the out-of-fold scores for the benchmark. 3 minutes of one core, 5 GB.
"""

import argparse
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np

from skypile.classifiers.extraction.dataset import LabelledPage, load_crawl, load_set
from skypile.classifiers.extraction.evaluate import f1_by_type, snippet_scores
from skypile.classifiers.extraction.fit import Fitted, Scores, fit, predict
from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, block_texts
from skypile.extraction.fast.model import SHIPPED, Model, save
from skypile.extraction.fast.trees import HIGHEST, Trees, ordered, trees_of

WITH_GOLD = ("wcxb_dev", "zh_dev", "mixed_dev")
SETS = (*WITH_GOLD, "snippets_990")


def export_trees(booster: lgb.Booster) -> Trees:
    """LightGBM's trees as flat arrays. Features hold no NaN and no category, so a node is one comparison."""
    nodes: list[int] = []
    value: list[float] = []
    root, depth = [], []
    for tree in booster.dump_model()["tree_info"]:
        root.append(len(nodes))
        level, levels, placed = [tree["tree_structure"]], 0, 1
        while level:
            below = []
            for node in level:
                at = len(nodes) - root[-1]
                if "split_feature" in node:
                    key, feature, left = ordered(_round_down(node["threshold"])), node["split_feature"], placed
                    below += [node["left_child"], node["right_child"]]
                    placed += 2
                else:
                    key, feature, left = HIGHEST, 0, at
                nodes.append(left << 48 | feature << 32 | key & 0xFFFFFFFF)
                value.append(node.get("leaf_value", 0.0))
            levels += bool(below)
            level = below
        depth.append(levels)
    return trees_of(
        np.array(nodes, np.uint64), np.array(value, np.float32), np.array(root, np.uint64), np.array(depth, np.int32)
    )


def _round_down(value: float) -> float:
    """The largest float32 that is not above `value`: x <= value decides the same for every float32 x."""
    near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))


def export(fitted: Fitted) -> Model:
    trees = (export_trees(booster) for booster in (fitted.page_type, fitted.first, fitted.second))
    return Model(fitted.odds, fitted.page_odds, *trees)


def decide(page: LabelledPage, score: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Which blocks stay, as the engine decides it."""
    words = page.words.astype(np.float32)
    return choose(page.page, NAMES, score, words, types) if len(score) else np.zeros(0, bool)


def report(pages: list[LabelledPage], scores: list[Scores]) -> None:
    """Print the scores of each set among `pages`."""
    for name in SETS:
        chosen = [(p, s) for p, s in zip(pages, scores, strict=True) if p.set_name == name]
        if not chosen:
            continue
        subset = [p for p, _ in chosen]
        texts = [
            "\n".join(text for text, kept in zip(block_texts(p.page), decide(p, *s), strict=True) if kept)
            for p, s in chosen
        ]
        measure = snippet_scores if name == "snippets_990" else f1_by_type
        found = measure(subset, texts.__getitem__)
        print(name, *(f"{key} {value:.4f}" for key, value in found.items()), flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with wcxb_dev.parquet and the others")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="where the model goes")
    parser.add_argument("--scores", type=Path, help=".npz for the out-of-fold scores of every page's blocks")
    parser.add_argument("--leave-out", choices=SETS, help="train without this set and report on it; writes no model")
    parser.add_argument("--crawl", type=Path, help="WARC of Chinese pages, labelled where two engines agree")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args(arguments)
    start = time.monotonic()

    def log(message: str) -> None:
        print(f"[{time.monotonic() - start:.0f} s] {message}", file=sys.stderr, flush=True)

    kept = [name for name in SETS if name != options.leave_out]
    pages = [page for name in kept for page in load_set(options.data / f"{name}.parquet")]
    pages += load_crawl(options.crawl) if options.crawl else []
    if options.leave_out:
        fitted, _ = fit(pages, options.folds, log)
        held = load_set(options.data / f"{options.leave_out}.parquet")
        report(held, [predict(fitted, page) for page in held])
        return
    log(f"{len(pages)} pages")
    fitted, scores = fit(pages, options.folds, log)
    report(pages, scores)
    if options.scores:
        np.savez_compressed(
            options.scores,
            **{f"{p.set_name}/{p.id}": s for p, (s, _) in zip(pages, scores, strict=True)},  # type: ignore[arg-type]
            **{f"{p.set_name}/{p.id}/types": t for p, (_, t) in zip(pages, scores, strict=True)},  # type: ignore[arg-type]
        )
    save(export(fitted), options.model)
    log(f"wrote {options.model} ({options.model.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
