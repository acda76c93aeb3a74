"""How well the quality filter's judges tell good pages from bad ones, alone and together, and how fast they are.

    python -m benchmarks.quality [--data ../shared/data] [--citation FOLDER] [--trusted PATH]...

Labels: people's on 218 English web texts (mlfoundations/dclm), and 240 clean Chinese articles against 100 raw crawl
texts. Neither is trained on. The perplexity models learn from the sample of the English Wikipedia, and in Chinese
from the gold texts of the extraction set and the pages of `zh-web.warc.gz`; `--trusted` adds others. A text of which
a hundredth of the 40-character windows stand in a judged one is not learnt from.

Judges and their constants were chosen on the texts of even rows alone; the AUC of the odd rows stands beside that of
all. Ranks are fitted on the judged texts themselves, as a run fits them on its pages. Every AUC has a 95 % interval
(bootstrap over texts), and beside it stand the correlation of the score with the logarithm of the length, and two
controls: the length alone, and the score against shuffled labels.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import rankdata

from skypile.classifiers.model import Classifier
from skypile.classifiers.model import load as load_classifiers
from skypile.config import ExtractionConfig, QualityFilterConfig
from skypile.crawl import inputs
from skypile.extraction.documents import documents
from skypile.quality import judges
from skypile.quality.decision import decided, gated
from skypile.quality.perplexity import PerplexityModel
from skypile.quality.perplexity_models import load as load_perplexity
from skypile.quality.stage import ordered, scored
from skypile.quality.trusted import train_on_trusted
from skypile.schema import KEPT

DRAWS = 1000
WINDOW, OVERLAP = 40, 0.01
REPEATS = 5
COMBINE = ("max", "mean", "all")

Floats = NDArray[np.float64]


def judged_texts(data: Path) -> dict[str, tuple[list[str], NDArray[np.bool_]]]:
    """Texts and whether they are good, by language."""
    quality = data / "quality"
    english = _lines(quality / "human_quality_en.jsonl")
    clean, raw = _lines(quality / "zh_clean.jsonl"), _lines(quality / "zh_raw.jsonl")
    return {
        "en": ([row["text"] for row in english], np.array([int(row["label"]) == 1 for row in english])),
        "zh": (
            [row["text"] for row in clean] + [row["raw_content"] for row in raw],
            np.array([True] * len(clean) + [False] * len(raw)),
        ),
    }


def chinese_texts(data: Path) -> Iterator[str]:
    """Chinese texts that are cleaner than a crawl's."""
    yield from filter(None, pq.read_table(data / "extraction/zh_dev.parquet", columns=["gold"])["gold"].to_pylist())
    config = ExtractionConfig(languages=("zh",))
    for split in inputs.plan([str(data / "crawl/zh-web.warc.gz")], config):
        for _, batch in documents(split, config):
            rows = batch.select(["text", "language", "verdict"]).to_pylist()
            yield from (row["text"] for row in rows if row["verdict"] == KEPT and row["language"] == "zh")


def apart(texts: Iterator[str], judged: Sequence[str]) -> tuple[list[str], int]:
    """The texts that share hardly anything with a judged one, and how many do."""
    known = {text[at : at + WINDOW] for text in judged for at in range(len(text) - WINDOW + 1)}
    kept, left = [], 0
    for text in texts:
        windows = [text[at : at + WINDOW] for at in range(0, max(1, len(text) - WINDOW + 1), 7)]
        if sum(window in known for window in windows) >= OVERLAP * len(windows):
            left += 1
        else:
            kept.append(text)
    return kept, left


def auc(score: Floats, good: NDArray[np.bool_]) -> float:
    """Area under the ROC curve; ties count half."""
    ranks = rankdata(score)
    n = int(good.sum())
    return float((ranks[good].sum() - n * (n + 1) / 2) / (n * (len(good) - n)))


def interval(score: Floats, good: NDArray[np.bool_]) -> tuple[float, float]:
    """95 % of the AUCs of texts drawn with replacement, as many good and bad ones."""
    chance = np.random.default_rng(0)
    rows = np.flatnonzero(good), np.flatnonzero(~good)
    found = []
    for _ in range(DRAWS):
        drawn = np.concatenate([chance.choice(of_one, len(of_one)) for of_one in rows])
        found.append(auc(score[drawn], good[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def measured(
    texts: Sequence[str],
    language: str,
    classifiers: dict[str, Classifier],
    models: dict[str, PerplexityModel],
) -> dict[str, Floats]:
    """Scores of every judge, high is good, and of all of them together in each way."""
    columns = {"text": list(texts), "language": [language] * len(texts), "language_score": [1.0] * len(texts)}
    config = QualityFilterConfig()
    rows = gated(scored(ordered(pa.RecordBatch.from_pydict(columns)), config, classifiers, models), config)
    found = {"rules, as verdicts": np.array([float(verdict == KEPT) for verdict in rows["verdict"].to_pylist()])}
    standing = rows.set_column(rows.schema.names.index("verdict"), "verdict", pa.array([KEPT] * len(texts)))
    for judge in judges.JUDGES:
        values = judges.judged_scores(standing, judge)
        if not np.isnan(values).all():
            found[judge] = np.where(np.isnan(values), np.nanmin(values), values)
    for combine in COMBINE:
        fitted = fit(standing, combine)
        ranks = judges.ranked(fitted, np.array([language] * len(texts), dtype=np.object_), standing)
        found[f"together: {combine}"] = judges.combined(fitted, ranks).astype(np.float64)
    return found


def fit(rows: pa.RecordBatch, combine: str) -> judges.Fitted:
    """Quantiles of the judged texts."""

    def tallies(partly: judges.Fitted | None) -> Iterator[tuple[str, str, float, int]]:
        counts = judges.tally(rows, partly)
        return zip(*(counts[name].to_pylist() for name in judges.TALLY.names), strict=True)

    return judges.fit(combine, tallies)


def speed(
    texts: Sequence[str], language: str, classifiers: dict[str, Classifier], models: dict[str, PerplexityModel]
) -> dict[str, float]:
    """Texts a CPU second of each part of the stage, and of all of it."""
    long = [text for text in texts if len(text) >= 500][:150]
    pages = [(text * 8)[:2000] if len(text) < 2000 else text[:2000] for text in long]
    columns = {"text": pages, "language": [language] * len(pages), "language_score": [1.0] * len(pages)}
    batch = ordered(pa.RecordBatch.from_pydict(columns))
    config = QualityFilterConfig(combine="mean")
    rows = gated(scored(batch, config, classifiers, models), config)
    fitted = fit(rows, "mean")
    parts = {
        "rules, lexicon and masks": lambda: scored(batch, config, {}, {}),
        "these and citation": lambda: scored(batch, config, classifiers, {}),
        "these and perplexity": lambda: scored(batch, config, {}, models),
        "all scores": lambda: scored(batch, config, classifiers, models),
        "verdict of language and rules": lambda: gated(rows, config),
        "verdict of the judges": lambda: decided(rows, config, fitted),
        "all": lambda: decided(gated(scored(batch, config, classifiers, models), config), config, fitted),
    }
    found = {}
    for name, part in parts.items():
        part()
        began = time.process_time()
        for _ in range(REPEATS):
            part()
        found[name] = REPEATS * len(pages) / (time.process_time() - began)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--citation", help="folder of trained citation classifiers")
    parser.add_argument("--trusted", action="append", default=[], help="more trusted texts: files or folders")
    given = parser.parse_args()
    labelled = judged_texts(given.data)
    classifiers = load_classifiers(given.citation) if given.citation else {}
    with tempfile.TemporaryDirectory() as folder:
        texts, left = apart(chinese_texts(given.data), labelled["zh"][0])
        print(f"Chinese texts to learn from: {len(texts)}, {left} left out that stand among the judged")
        own = Path(folder) / "chinese.jsonl"
        own.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        wikipedia = given.data / "quality/enwiki-sample.xml.bz2"
        began = time.process_time()
        config = QualityFilterConfig(trusted=(str(wikipedia), str(own), *given.trusted))
        for note in train_on_trusted(config, f"{folder}/models"):
            print(note)
        print(f"trained in {time.process_time() - began:.1f} CPU s")
        models = load_perplexity(f"{folder}/models")
    for language, (pages, good) in labelled.items():
        print(f"\n{language}: {good.sum()} good, {(~good).sum()} bad")
        title = f"{'judge':<22} {'AUC':>6}  {'95 % interval':<16} {'even rows':>9} {'odd rows':>9}"
        print(f"{title} {'r with log length':>17} {'shuffled':>9}")
        length = np.log([len(page) + 1.0 for page in pages])
        shuffled = np.random.default_rng(0).permutation(good)
        for name, score in (measured(pages, language, classifiers, models) | {"length alone": length}).items():
            low, high = interval(score, good)
            r = np.corrcoef(rankdata(score), length)[0, 1] if score.std() else 0.0
            halves = [auc(score[first::2], good[first::2]) for first in (0, 1)]
            print(
                f"{name:<22} {auc(score, good):>6.3f}  {low:.3f} to {high:.3f} "
                f"{halves[0]:>9.3f} {halves[1]:>9.3f} {r:>17.2f} {auc(score, shuffled):>9.3f}"
            )
        for name, found in speed(pages, language, classifiers, models).items():
            print(f"  {name:<30} {found:>8,.0f} pages of 2,000 characters a CPU second")


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
