"""The model card of a citation classifier, as Markdown: what it was made from, how good it is, how to read it."""

from typing import Any, Final

from skypile.text.visible import visible
from skypile.version import __version__

_ROWS: Final = (
    ("auc", "AUC on unseen hosts"),
    ("length_auc", "control: AUC of the length alone (0.5: it tells nothing)"),
    ("shuffled_auc", "control: AUC with shuffled labels (0.5: nothing leaks)"),
    ("length_correlation", "correlation of score and log length"),
    ("calibration_error", "expected calibration error"),
    ("positives", "cited pages"),
    ("positive_hosts", "on hosts"),
    ("negatives", "other pages"),
    ("negative_hosts", "on hosts"),
)
_SOURCES: Final = {
    "page": "the page's own URL is cited",
    "host": "the page's host is cited often, the page itself is not",
    "list": "the page's host stands on a list of reliable or deprecated hosts",
}

_USE: Final = """## What it says

The score is the probability that a page is one that Wikipedia cites, where as many cited pages as others stand to
choose from. It tells sources from other writing of the same language and length. It does not tell true from false, nor
good from bad: most pages worth citing are not cited, so a low score accuses nobody.

It sees words and pairs of neighbouring words (ideographs one by one) of the beginning of a page, and is linear:
`skypile why` shows what each of them adds. It has learned from the subjects, regions and times of the dumps; where
Wikipedia cites little, it knows little.
"""


def figure(value: Any) -> str:
    """A figure as it is printed: mean and spread over the seeds, or the number.

    >>> figure({"mean": 0.81234, "sd": 0.0123}), figure(12345), figure(None)
    ('0.812 ± 0.012', '12,345', '–')
    """
    if isinstance(value, dict):
        return f"{value['mean']:.3f} ± {value['sd']:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else f"{value:.3f}"


def model_card(made: dict[str, Any]) -> str:
    """`made`: languages (figures), details (of `classifier.json`), folds, seeds, sources, dataset (its manifest)."""
    languages = sorted(made["languages"])
    lines = [
        f"# Citation classifier: {', '.join(languages)}",
        "",
        f"Would Wikipedia cite this page? Made by skypile {__version__} (`skypile citations train`).",
        "",
        "## How good it is",
        "",
        f"Means and standard deviations over {len(made['seeds'])} seeds. Each page is scored by a model that has seen "
        f"none of its host ({made['folds']} folds of whole hosts) and is calibrated on hosts that are neither.",
        "",
        "| | " + " | ".join(languages) + " |",
        "|---|" + "---|" * len(languages),
    ]
    for name, words in _ROWS:
        lines.append(f"| {words} | " + " | ".join(figure(made["languages"][one][name]) for one in languages) + " |")
    lines += ["", "## What its labels rest on", "", "| source | meaning | " + " | ".join(languages) + " |"]
    lines.append("|---|---|" + "---|" * len(languages))
    for source in made["sources"]:
        counts = (made["details"][one]["training"][source] for one in languages)
        cells = (f"{count['cited']:,} cited, {count['other']:,} other" for count in counts)
        lines.append(f"| {source} | {_SOURCES[source]} | " + " | ".join(cells) + " |")
    lines += ["", *_dataset(made["dataset"], languages), _USE]
    first = made["details"][languages[0]]["settings"]
    shown = ("epochs", "dimension", "learning_rate", "buckets", "seed")
    lines += ["## Settings", "", "; ".join(f"{name} {first[name]}" for name in shown) + ". fastText, words and pairs."]
    return "\n".join(lines) + "\n"


def _dataset(dataset: dict[str, Any], languages: list[str]) -> list[str]:
    """How the other pages were chosen."""
    lines = [
        "Each cited page has a counterpart that is not cited, in the same language and of the same length (within "
        "19 %), and, where there was one, from the same file of the crawl and of the same template family. No host has "
        "pages of both kinds, and pages with the same text count once.",
        "",
        "| | pairs | from the same file and template | template | file | length alone |",
        "|---|---|---|---|---|---|",
    ]
    for language in languages:
        for source, found in sorted(dataset.get("counts", {}).get(language, {}).items()):
            alike = found["alike"]
            cells = [f"{alike.get(name, 0):,}" for name in ("file+template", "template", "file", "length")]
            lines.append(f"| {visible(language)}, {source} | {found['pairs']:,} | " + " | ".join(cells) + " |")
    return [*lines, ""]
