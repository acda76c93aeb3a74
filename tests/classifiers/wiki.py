"""Dumps of our own making."""

import html
from pathlib import Path

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="zh">'


def page(text: str, ns: str = "0", extra: str = "", title: str = "T") -> str:
    written = html.escape(text)
    return f"<page><title>{title}</title><ns>{ns}</ns>{extra}<revision><text>{written}</text></revision></page>"


def write(path: Path, *pages: str, head: str = HEAD) -> str:
    path.write_text(head + "".join(pages) + "</mediawiki>", encoding="utf-8")
    return str(path)
