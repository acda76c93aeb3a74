"""`skypile citations …`: what Wikipedia cites, examples of it, and classifiers that learn from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from skypile import config as settings
from skypile.cli.console import AsJson, ConfigFile, err, out, print_json, shown
from skypile.errors import Refused

citations = typer.Typer(no_args_is_help=True, help="Would Wikipedia cite this page? Labels, classifiers, figures.")

LEFT = "{} holds this already; it is left as it is"


@citations.command()
def extract(
    dumps: Annotated[
        list[str], typer.Argument(help="pages-articles XML of any language; bz2, gz or plain", metavar="DUMP...")
    ],
    output: Annotated[str, typer.Option("--output", help="Folder for the cited pages")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take the pages that Wikipedia cites out of its dumps: Parquet in OUTPUT/pages, a row a page and language.

    Columns: key (canonical URL), host, language, url, references (in <ref> and citation templates), links (those and
    all others), articles, titles (of at most 100 of them).
    """
    from skypile.classifiers.cited_in_spark import extract as extract_dumps
    from skypile.classifiers.dumps import check
    from skypile.runtime import session

    for dump in dumps:
        if not Path(dump).exists() and "://" not in dump:
            raise Refused(f"{dump} is not there: give Wikipedia dumps (pages-articles XML)")
        check(dump)
    spark = session.start(settings.load(config).spark, "skypile citations extract")
    manifest, fresh = extract_dumps(spark, dumps, output)
    spark.stop()
    if as_json:
        print_json({"output": output} | manifest)
        return
    for place in manifest["damage"]:
        err.print(f"[yellow]{shown(place)}[/yellow]", soft_wrap=True)
    for language, found in sorted(manifest["counts"].items()):
        out.print(
            f"{shown(language or '-')}: {found['cited']:,} pages of {found['hosts']:,} hosts are cited, "
            f"{found['references']:,} times; {found['pages']:,} pages are linked to",
            highlight=False,
            soft_wrap=True,
        )
    told = f"{manifest['articles']:,} articles in {manifest['seconds']} s" if fresh else LEFT.format(shown(output))
    out.print(told, highlight=False, soft_wrap=True)


@citations.command()
def dataset(
    run: Annotated[str, typer.Argument(help="Folder of a run; its texts are taken", metavar="RUN")],
    cited: Annotated[str, typer.Option("--citations", help="Folder that `citations extract` wrote")],
    output: Annotated[str, typer.Option("--output", help="Folder for the examples")],
    host_citations: Annotated[
        int, typer.Option(min=0, help="Also, as source `host`: pages of hosts cited so often; 0: none")
    ] = 0,
    reliable: Annotated[str | None, typer.Option(help="File of hosts, one a line: cited, as source `list`")] = None,
    deprecated: Annotated[str | None, typer.Option(help="File of hosts, one a line: not, as source `list`")] = None,
    max_documents: Annotated[int, typer.Option(min=1, help="Cited pages of a language and source at most")] = 20_000,
    per_host: Annotated[int, typer.Option(min=1, help="Pages of a host at most")] = 100,
    language: Annotated[list[str] | None, typer.Option(help="Languages; default: all")] = None,
    seed: int = 0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make examples of a run's texts: pages that are cited and, for each, one that is not and is alike otherwise.

    With --json: the manifest; counts has, by language and source, cited, pairs, alike, cited_hosts, other_hosts.
    """
    from skypile.classifiers.dataset import dataset as make
    from skypile.classifiers.examples import Choice
    from skypile.classifiers.host_lists import read_hosts
    from skypile.runtime import session

    lists = [path for path in (reliable, deprecated) if path]
    good, bad = (read_hosts(path) if path else frozenset() for path in (reliable, deprecated))
    choice = Choice(max_documents, per_host, host_citations, good, bad, tuple(sorted(language or ())), seed)
    spark = session.start(settings.load(config).spark, "skypile citations dataset")
    manifest, fresh = make(spark, run, cited, output, choice, lists)
    spark.stop()
    if as_json:
        print_json({"output": output} | manifest)
        return
    table = Table("language", "source", title=shown(output), title_justify="left")
    likenesses = ("file+template", "template", "file", "length")
    for column in ("cited", "pairs", *likenesses, "cited hosts", "other hosts"):
        table.add_column(column, justify="right")
    for code, sources in sorted(manifest["counts"].items()):
        for source, found in sources.items():
            alike = [found["alike"].get(name, 0) for name in likenesses]
            numbers = [found["cited"], found["pairs"], *alike, found["cited_hosts"], found["other_hosts"]]
            table.add_row(shown(code), source, *(f"{number:,}" for number in numbers))
    out.print(table)
    if not fresh:
        out.print(LEFT.format(shown(output)), highlight=False, soft_wrap=True)


@citations.command()
def train(
    dataset: Annotated[str, typer.Argument(help="Folder that `citations dataset` wrote", metavar="DATASET")],
    output: Annotated[str, typer.Option("--output", help="Folder for the classifier and its model card")],
    source: Annotated[
        list[str] | None, typer.Option(help="What labels rest on: page, host, list; repeat to mix. Default: page")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Ways to split the hosts")] = 5,
    folds: Annotated[int, typer.Option(min=3, help="Parts into which the hosts are split")] = 5,
    together: Annotated[bool, typer.Option("--together", help="One model for all languages")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Train a classifier of each language, and say how good it is on hosts that it has not seen.

    Settings of fastText: [quality_filter.citations]. With --json: the manifest; languages has the figures.
    """
    from skypile.classifiers.examples import SOURCES
    from skypile.classifiers.from_dataset import train_from_dataset

    sources = list(dict.fromkeys(source or ["page"]))
    if unknown := [name for name in sources if name not in SOURCES]:
        raise Refused(f"--source {unknown[0]} is none of {', '.join(SOURCES)}")
    section = settings.load(config).quality_filter.citations
    chosen = range(section.seed, section.seed + seeds)
    said = lambda line: err.print(shown(line), highlight=False)  # noqa: E731
    manifest, fresh = train_from_dataset(dataset, output, sources, section, chosen, folds, together, said)
    if as_json:
        print_json({"output": output} | manifest)
        return
    _print_figures(manifest["languages"], f"{output}: labels by {' and '.join(sources)}")
    if not fresh:
        out.print(LEFT.format(shown(output)), highlight=False, soft_wrap=True)


@citations.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Folder of a classifier", metavar="MODEL")],
    labelled: Annotated[list[str], typer.Argument(help="JSONL or Parquet with texts and labels", metavar="FILE...")],
    against: Annotated[
        list[str] | None, typer.Option(help="Files whose texts all are the other kind; FILE... then all are cited")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="Column with the text; of several, the first a file has. Default: text")
    ] = None,
    label: Annotated[str, typer.Option(help="Column with the label: 1 or 0, good or bad, …")] = "label",
    as_json: AsJson = False,
) -> None:
    """Measure a classifier on labelled texts, language by language, beside what their length alone tells.

    With --json: languages has the figures; shuffled_auc says how far an AUC without meaning strays from 0.5.
    """
    from skypile.classifiers.judged_sets import LabelledText, judge_set, labelled_texts
    from skypile.classifiers.model import load
    from skypile.runtime import files

    classifiers = load(files.absolute(model))
    texts = text or ["text"]
    rows: list[LabelledText] = []
    for path in labelled:
        rows += labelled_texts(path, texts, None if against else label, True if against else None)
    for path in against or []:
        rows += labelled_texts(path, texts, None, False)
    found = judge_set(classifiers, rows)
    if as_json:
        print_json({"model": model, "languages": found})
        return
    _print_figures(found, f"{model} on {', '.join([*labelled, *(against or [])])}")


def _print_figures(languages: dict[str, Any], title: str) -> None:
    from skypile.classifiers.card import figure

    columns = {
        "auc": "AUC",
        "length_auc": "length alone",
        "shuffled_auc": "shuffled labels",
        "length_correlation": "r with log length",
        "calibration_error": "calibration error",
        "positives": "cited",
        "negatives": "other",
    }
    table = Table("language", title=shown(title), title_justify="left")
    for words in columns.values():
        table.add_column(words, justify="right")
    for language, found in sorted(languages.items()):
        table.add_row(shown(language), *(figure(found.get(name)) for name in columns))
    out.print(table)
