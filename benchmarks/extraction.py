"""Extraction engines side by side, in one run: quality on labelled pages, speed, text and structure kept.

    python -m benchmarks.extraction --data ../shared/data/extraction

Quality of the fast engine is out-of-fold: each page is scored by models that saw no page of its host
(`--scores`, as written by `python -m skypile.classifiers.extraction.train --scores FILE`; trained here where it is not
given). Its speed is that of the shipped model through `extract`, decoding included, like the peers'. Times are
processor time of one thread, page by page and engine by engine in turn, so that a busy machine slows all alike.
"""

import argparse
import functools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.structure import planted_shares, wholes
from skypile.classifiers.extraction.dataset import label_page, load_crawl, read_pages
from skypile.classifiers.extraction.evaluate import f1_by_type, snippet_scores
from skypile.classifiers.extraction.fit import Scores, fit
from skypile.classifiers.extraction.train import SETS, WITH_GOLD, decide
from skypile.extraction.engines import clean, extract
from skypile.extraction.fast.assemble import join


def trafilatura_text(html: bytes, url: str, **options: bool) -> str:
    """trafilatura as a caller of its own API gets it, charset detection included."""
    import trafilatura

    return clean(trafilatura.extract(html, url=url, **options) or "")


Engine = Callable[[bytes, str], str]
ENGINES: dict[str, Engine] = {
    "fast": lambda html, url: extract(html, url, engine="fast").text,
    "trafilatura default": trafilatura_text,
    "trafilatura fast": lambda html, url: extract(html, url, engine="trafilatura-fast").text,
    "trafilatura recall": functools.partial(trafilatura_text, favor_recall=True),
    "trafilatura precision": functools.partial(trafilatura_text, favor_precision=True),
    "resiliparse": lambda html, url: extract(html, url, engine="resiliparse").text,
}
DEFAULT_ENGINES = ("fast", "trafilatura default", "trafilatura fast", "resiliparse")


def run_engines(rows: list[dict], engines: tuple[str, ...]) -> tuple[dict[str, list[str]], dict[str, np.ndarray]]:
    """Texts and seconds of every engine on every page."""
    texts: dict[str, list[str]] = {name: [] for name in engines}
    seconds = {name: np.zeros(len(rows)) for name in engines}
    for name in engines:  # compiling, importing and loading are not what is measured
        ENGINES[name](rows[0]["html"], rows[0]["url"])
    for i, row in enumerate(rows):
        for name in engines:
            start = time.process_time()
            text = ENGINES[name](row["html"], row["url"])
            seconds[name][i] = time.process_time() - start
            texts[name].append(text)
    return texts, seconds


def out_of_fold_texts(data: Path, crawl: Path | None, scores_file: Path | None, every: int) -> dict[str, list[str]]:
    """Text of the fast engine on each set by models that saw no page of its host, trained as the shipped one is."""
    pages = [label_page(row, name) for name in SETS for row in read_pages(data / f"{name}.parquet")]
    if scores_file is None:
        print("training five fold models (about 3 minutes of processor time) …", flush=True)
        more = load_crawl(crawl) if crawl else []
        _, scores = fit(pages + more, log=print)
        scores = scores[: len(pages)]
    else:
        with np.load(scores_file, allow_pickle=False) as saved:
            keys = [f"{p.set_name}/{p.id}" for p in pages]
            scores = [Scores(saved[key], saved[f"{key}/types"]) for key in keys]
    texts: dict[str, list[str]] = {name: [] for name in SETS}
    for page, score in zip(pages, scores, strict=True):
        kept = decide(page, *score)
        text = join(page.page, kept).tobytes().decode("utf-8", "replace") if len(kept) else ""
        texts[page.set_name].append(clean(text))
    return {name: values[::every] for name, values in texts.items()}


def print_quality(name: str, rows: list[dict], texts: dict[str, list[str]]) -> None:
    """One line an engine: F1 of all pages and of each type, or the snippets' precision, recall and F."""
    pages = [label_page(row | {"html": b""}, name) for row in rows]
    measure = snippet_scores if name == "snippets_990" else f1_by_type
    for engine, found in texts.items():
        values = measure(pages, found.__getitem__)
        print(f"  {engine:22}", "  ".join(f"{key} {value:.3f}" for key, value in values.items()))


def print_structure(rows: list[dict], texts: dict[str, list[str]]) -> None:
    """One line an engine: of the tables and lists that it keeps, the share kept whole."""
    for engine, found in texts.items():
        counts = [wholes(row["html"], row["gold"], text) for row, text in zip(rows, found, strict=True)]
        tables, whole_tables, lists, whole_lists = np.sum(counts, axis=0)
        print(
            f"  {engine:22} tables whole {whole_tables} of {tables} kept ({whole_tables / max(tables, 1):.1%})  "
            f"lists whole {whole_lists} of {lists} kept ({whole_lists / max(lists, 1):.1%})"
        )


def print_planted(engines: tuple[str, ...]) -> None:
    """One line an engine: shares of planted formulas and repetitions kept."""
    print("\nplanted pages")
    for engine in engines:
        shares = planted_shares(ENGINES[engine])
        print(f"  {engine:22}", "  ".join(f"{kind} {share:.1%}" for kind, share in shares.items()))


def print_speed(rows: list[dict], texts: dict[str, list[str]], seconds: dict[str, np.ndarray]) -> None:
    size = sum(len(row["html"]) for row in rows)
    default = seconds.get("trafilatura default")
    for engine, spent in seconds.items():
        kept = sum(len(text.encode("utf-8", "replace")) for text in texts[engine])
        middle, slow = np.percentile(spent, [50, 95])
        ratio = f"  {default.sum() / spent.sum():5.1f}x trafilatura default" if default is not None else ""
        print(
            f"  {engine:22} {len(rows) / spent.sum():6.0f} pages/s  {size / spent.sum() / 1e6:6.1f} MB/s  "
            f"p50 {middle * 1e3:6.2f}  p95 {slow * 1e3:6.2f}  max {spent.max() * 1e3:7.1f} ms  "
            f"kept {kept / 1e6:6.2f} MB{ratio}"
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with wcxb_dev.parquet and the others")
    parser.add_argument("--crawl", type=Path, help="WARC with weak labels, as for training")
    parser.add_argument("--scores", type=Path, help="out-of-fold scores; without it they are made here")
    parser.add_argument("--every", type=int, default=1, help="every n-th page only")
    parser.add_argument("--all-settings", action="store_true", help="trafilatura's recall and precision settings too")
    options = parser.parse_args(arguments)
    engines = tuple(ENGINES) if options.all_settings else DEFAULT_ENGINES
    ours = out_of_fold_texts(options.data, options.crawl, options.scores, options.every)
    for name in SETS:
        rows = list(read_pages(options.data / f"{name}.parquet"))[:: options.every]
        texts, seconds = run_engines(rows, engines)
        unit = {"zh_dev": "character F1", "snippets_990": "snippets"}.get(name, "word F1")
        print(f"\n{name}: {len(rows)} pages; {unit}; fast is out-of-fold by host")
        print_quality(name, rows, texts | {"fast": ours[name]})
        if name in WITH_GOLD:
            print_structure(rows, texts | {"fast": ours[name]})
        print_speed(rows, texts, seconds)
    print_planted(engines)


if __name__ == "__main__":
    main()
