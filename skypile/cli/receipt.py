"""Would Wikipedia cite it? The lines of `why` that answer."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from skypile.cli.console import line, out

if TYPE_CHECKING:
    from skypile.run_folder.ledger import Verdict

MOST_TOKENS = 5  # of each direction


def receipt(run: str, record: "Verdict", citations: str | None) -> dict[str, Any]:
    """What `why --json` shows: score, up and down (tokens, times, log_odds), nearest, cited_by; null where none is."""
    from skypile.classifiers.receipt import cited_by, explained, near

    found = explained(run, record.record_id)
    told: dict[str, Any] = {"score": None, "up": [], "down": [], "nearest": [], "cited_by": None}
    if found is not None:
        told |= {"score": found.score, "log_odds": round(found.log_odds, 6), "offset": found.offset}
        told |= {"up": [share._asdict() for share in found.up], "down": [share._asdict() for share in found.down]}
        told["nearest"] = [one._asdict() for one in near(run, record.record_id)]
    if citations is not None and record.url:
        told["cited_by"] = asdict(cited_by(citations, record.url))
    return told


def print_receipt(told: dict[str, Any]) -> None:
    """The same in words."""
    if told["score"] is None:
        out.print(line("  would Wikipedia cite it? not scored: its language has no classifier, or it came not so far"))
    else:
        out.print(line(f"  would Wikipedia cite it? {told['score']:.3f}"), soft_wrap=True)
        for name, words in (("up", "for it"), ("down", "against")):
            shares = ", ".join(f"{share['tokens']} {share['log_odds']:+.2f}" for share in told[name][:MOST_TOKENS])
            out.print(line(f"      {words}: {shares or 'nothing'}"), soft_wrap=True)
        for one in told["nearest"]:
            by = f", cited in {', '.join(one['titles'])}" if one["titles"] else ""
            out.print(line(f"      like the cited {one['url']} ({one['similarity']:.2f}){by}"), soft_wrap=True)
    by = told["cited_by"]
    if by is None:
        return
    titles = f" in {', '.join(by['titles'])}" if by["titles"] else ""
    out.print(
        line(f"      cited {by['references']:,} times{titles}; its host {by['host_references']:,} times"),
        soft_wrap=True,
    )
    for url, articles in by["host_pages"]:
        out.print(line(f"      of its host: {url}, in {', '.join(articles)}"), soft_wrap=True)
