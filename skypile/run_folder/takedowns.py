"""Pages that were taken down from a run: a list in its folder, which the shards stage leaves out whenever it is made.

  <run>/takedowns.json    {"pages": [{"key": URL or record id, "why": …, "date": …}, …]}

The list is part of what the shards are made from, so that no later run with other settings brings a page back.
"""

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from skypile.errors import Refused
from skypile.run_folder.identity import fingerprint_of
from skypile.runtime import files

LIST: Final = "takedowns.json"
REASON: Final = "taken_down"
# Of a page that was taken down: nothing of it is in the run's last stage.
EMPTIED: Final = ("text", "title", "metadata")


class Takedown(NamedTuple):
    """One page. `key`: its URL or record id. `why`: in the words of who asked. `date`: of the request, ISO 8601."""

    key: str
    why: str
    date: str

    @property
    def evidence(self) -> str:
        """The JSON object of its verdict."""
        return json.dumps(self._asdict(), ensure_ascii=False)


def taken_down(run: str) -> list[Takedown]:
    """The pages on the list of `run`, in the order of requests; empty where there is none."""
    found = files.read_json(files.join(run, LIST))
    try:
        pages = [Takedown(**page) for page in (found or {"pages": []})["pages"]]
        return list({page.key: page for page in pages}.values())  # of lists put together by hand, too
    except (KeyError, TypeError):
        raise Refused(
            f"{run}/{LIST} is not as skypile writes it: an object with `pages`, a list of key, why and date"
        ) from None


def add(run: str, pages: Sequence[Takedown]) -> list[Takedown]:
    """Put pages on the list of `run`, which its caller has locked; the whole list. What is on it stays as it is."""
    listed = taken_down(run)
    known = {page.key for page in listed}
    listed += [page for page in pages if page.key not in known]
    files.write_json(files.join(run, LIST), {"pages": [page._asdict() for page in listed]})
    return listed


def known_by(pages: Sequence[Takedown]) -> dict[str, str]:
    """Part of a plan's inputs: nothing where no page was taken down."""
    return {"takedowns": fingerprint_of((page.key, page.evidence) for page in sorted(pages))} if pages else {}
