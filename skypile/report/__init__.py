"""The report of a run: one self-contained HTML page."""

from skypile.runtime import files

__all__ = ["write_report"]


def write_report(run: str, output: str | None = None) -> str:
    """Write the report of the run folder `run` to `output`, by default `report.html` in it; returns its path.

    Reads what stages there are, finished or not. Raises FileNotFoundError if there is none.
    """
    from skypile.report.collect import collect  # only here: with numba and pandas behind it, half a second
    from skypile.report.page import render

    output = output or files.join(run, "report.html")
    files.write_text(output, render(collect(run)))
    return output
