"""Would Wikipedia cite it? A page's citation score with what it is made of, and what Wikipedia cites of its site.

Reads a run's own texts and classifier, and the rows of `citations extract`, without Spark: each part of those is sorted
by host and key, so that a look-up opens one row group a part.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc
import pyarrow.dataset as ds

from skypile import config as settings
from skypile.classifiers import cited
from skypile.classifiers.contributions import Explained, explain
from skypile.classifiers.model import MANIFEST, load
from skypile.classifiers.nearest import Near, nearest
from skypile.crawl.url import canonical, host
from skypile.errors import Refused
from skypile.run_folder import ledger
from skypile.runtime import files

MOST_TITLES: Final = 10
MOST_PAGES: Final = 5
CITED_PAGES: Final = "pages"  # below the folder that `citations extract` wrote


class ReceiptError(Refused):
    """There are no citations to ask."""


@dataclass(frozen=True)
class CitedBy:
    """What Wikipedia cites of a page and of its host."""

    references: int  # to the page, in all dumps
    titles: list[str]  # of articles that do
    host_references: int
    host_pages: list[tuple[str, list[str]]]  # the host's most cited pages, each with articles that cite it


def explained(run: str, record_id: str) -> Explained | None:
    """The score of a record that the quality filter judged, explained; None where it has not come so far, or where its
    language has no classifier."""
    found = _judged(run, record_id)
    return None if found is None else explain(load(found.folder)[found.language], found.text)


def near(run: str, record_id: str) -> list[Near]:
    """The pages that its classifier learned to be cited and that a record is most like; none as in `explained`."""
    found = _judged(run, record_id)
    return [] if found is None else nearest(found.folder, found.text, found.language, record_id)


class _Judged(NamedTuple):
    folder: str  # of the classifiers
    text: str
    language: str


def _judged(run: str, record_id: str) -> _Judged | None:
    folder = classifier_of(run) if "quality_filter" in ledger.stage_folders(run) else None
    if folder is None:
        return None
    languages = load(folder)
    where = pc.field("record_id") == record_id
    table = ledger.documents(run, "quality_filter").to_table(columns=["text", "language"], filter=where)
    rows = [row for row in table.to_pylist() if row["language"] in languages]
    return _Judged(folder, **rows[0]) if rows else None


def classifier_of(run: str) -> str | None:
    """Folder of the citation classifiers that the quality filter of a run asked; None without."""
    own = files.join(ledger.folder_of(run, "quality_filter"), "classifier")
    if files.exists(files.join(own, MANIFEST)):
        return own
    written = files.join(run, "config.toml")
    given = settings.load(written).quality_filter.classifier if files.exists(written) else None
    return files.absolute(given) if given else None


def cited_by(folder: str, url: str) -> CitedBy:
    """What the dumps behind `folder` (of `citations extract`) cite of a page and of its host."""
    place = files.join(folder, CITED_PAGES)
    fs, path = files.filesystem(place)
    if not fs.exists(path):
        raise ReceiptError(f"{folder} holds no citations: give the folder of `skypile citations extract --output`")
    pages = ds.dataset(path, schema=cited.SCHEMA, format="parquet", filesystem=fs)
    key = canonical(url)
    where = (pc.field("host") == host(key)) & (pc.field("references") > 0)
    own: list[dict[str, Any]] = []
    most: list[dict[str, Any]] = []
    total = 0
    for batch in pages.to_batches(columns=["key", "url", "references", "titles"], filter=where):
        for row in batch.to_pylist():
            total += row["references"]
            if row["key"] == key:
                own.append(row)
            most.append(row)
        most = sorted(most, key=lambda row: (-row["references"], row["key"]))[:MOST_PAGES]
    titles = sorted({title for row in own for title in row["titles"]})[:MOST_TITLES]
    best = [(row["url"], row["titles"][:MOST_TITLES]) for row in most]
    return CitedBy(sum(row["references"] for row in own), titles, total, best)
