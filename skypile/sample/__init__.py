"""A small bilingual crawl of our own making, with a list of what was planted in it.

    <directory>/
      crawl/*.warc.gz           pages, one gzip member a record; two files are damaged
      crawl/texts.warc.wet.gz   articles as text
      crawl/export.jsonl        articles as text or HTML, and two bad lines
      crawl/saved/*.html        articles as files
      wikipedia.xml.bz2         articles in English and Chinese that cite some of the pages
      truths.jsonl              one line a planted record: where it is, what must become of it

About 1,150 records and 2.5 MB; written in 2 s. The same seed gives the same bytes.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from skypile.run_folder.output import output_folder
from skypile.sample import archive
from skypile.sample.kinds import KINDS
from skypile.sample.pages import Planted, page, write
from skypile.sample.planting import CITED_KINDS, plant
from skypile.sample.score import Score, score
from skypile.sample.wikipedia import dump

__all__ = ["KINDS", "Score", "score", "write_sample"]

WARC_FILES = 6


def write_sample(directory: str | Path, seed: int = 0) -> dict[str, Any]:
    """Write the sample under `directory`: an absent or empty folder, or one that holds the sample of this seed.

    Returns the paths `crawl`, `wikipedia` and `truths`, the number of `records` and of those of each kind
    (`kinds`). Raises OutputRefused.
    """
    with output_folder(str(directory), "sample", [], {"seed": seed}):
        return _write(Path(directory), seed)


def _write(root: Path, seed: int) -> dict[str, Any]:
    crawl = root / "crawl"
    (crawl / "saved").mkdir(parents=True, exist_ok=True)
    random = Random(f"skypile sample {seed}")
    planted = plant(random)
    by_file: dict[str, list[Planted]] = {name: [] for name in ("wet_text", "json_line", "html_file", "too_large")}
    for record in planted:
        by_file.get(record.kind, by_file.setdefault("warc", [])).append(record)
    pages = by_file["warc"]
    random.shuffle(pages)
    truths = [
        *_warc_files(crawl, pages[30:], random),
        *_damaged(crawl, pages[:20] + by_file["too_large"], random),
        *_cut_off(crawl, pages[20:30], random),
        *_wet(crawl, by_file["wet_text"], random),
        *_jsonl(crawl, by_file["json_line"]),
        *_html_files(crawl, by_file["html_file"]),
    ]
    (root / "wikipedia.xml.bz2").write_bytes(dump([p for p in planted if p.kind in CITED_KINDS], random))
    lines = b"".join(archive.json_line(truth) for truth in truths)
    (root / "truths.jsonl").write_bytes(lines)
    return {
        "crawl": str(crawl),
        "wikipedia": str(root / "wikipedia.xml.bz2"),
        "truths": str(root / "truths.jsonl"),
        "records": len(truths),
        "kinds": dict(Counter(truth["kind"] for truth in truths)),
    }


def truth(planted: Planted, file: str, offset: int) -> dict[str, Any]:
    """The line of truths.jsonl for a record at `offset` of `file` (relative to the folder `crawl`)."""
    kind = KINDS[planted.kind]
    return {
        "kind": planted.kind,
        "url": planted.url,
        "file": file,
        "offset": offset,
        "language": planted.article.language if planted.article else None,
        "verdicts": kind.verdicts,
        "reasons": kind.reasons,
        "group": planted.group,
        "near": planted.near,
        "sentence": planted.sentence,
        "absent": planted.absent,
    }


def _record(planted: Planted, random: Random) -> bytes:
    """As an uncompressed WARC record."""
    if planted.kind == "revisit":
        profile = "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
        return archive.warc_record("revisit", planted.url, planted.message, random, WARC_Profile=profile)
    return archive.warc_record("response", planted.url, planted.message, random)


def _write_warc(
    path: Path, records: Sequence[tuple[Planted, bytes]], random: Random, cut: int = 0
) -> list[dict[str, Any]]:
    """A file of compressed members after a warcinfo; the last `cut` bytes are left out."""
    parts = [archive.warcinfo(path.name, random), *(member for _, member in records)]
    content, offsets = archive.concatenate(parts)
    path.write_bytes(content[: len(content) - cut])
    return [truth(p, path.name, offset) for (p, _), offset in zip(records, offsets[1:], strict=True)]


def _members(pages: Sequence[Planted], random: Random) -> list[tuple[Planted, bytes]]:
    return [(p, archive.member(_record(p, random))) for p in pages]


def _warc_files(crawl: Path, pages: Sequence[Planted], random: Random) -> list[dict[str, Any]]:
    return [
        line
        for number in range(WARC_FILES)
        for line in _write_warc(
            crawl / f"sample-{number:05d}.warc.gz", _members(pages[number::WARC_FILES], random), random
        )
    ]


def _damaged(crawl: Path, pages: Sequence[Planted], random: Random) -> list[dict[str, Any]]:
    """Sound records and, between them, members that break and records that have no header."""
    records = _members(pages, random)
    for position in (17, 11, 5):
        lost = page(write("en", random), "broken_gzip", random)
        records.insert(position, (lost, archive.break_member(archive.member(_record(lost, random)))))
    for position in (14, 8):
        lost = page(write("zh", random), "bad_warc_header", random)
        records.insert(position, (lost, archive.member(b"WARC/1.0\r\nno header but this\r\n\r\n" + lost.message)))
    return _write_warc(crawl / "damaged.warc.gz", records, random)


def _cut_off(crawl: Path, pages: Sequence[Planted], random: Random) -> list[dict[str, Any]]:
    """A file that ends in the middle of its last member."""
    records = _members([*pages, page(write("en", random), "truncated", random)], random)
    return _write_warc(crawl / "cut-off.warc.gz", records, random, cut=len(records[-1][1]) // 2)


def _wet(crawl: Path, pages: Sequence[Planted], random: Random) -> list[dict[str, Any]]:
    records = []
    for planted in pages:
        assert planted.article is not None
        text = f"{planted.article.title}\n\n{planted.article.text}"
        records.append((planted, archive.member(archive.warc_record("conversion", planted.url, text.encode(), random))))
    return _write_warc(crawl / "texts.warc.wet.gz", records, random)


def _jsonl(crawl: Path, pages: Sequence[Planted]) -> list[dict[str, Any]]:
    records = []
    for number, planted in enumerate(pages):
        assert planted.article is not None
        html = planted.message.partition(b"\r\n\r\n")[2].decode()
        row = {"text": planted.article.text} if number % 3 else {"html": html}
        records.append((planted, archive.json_line({"url": planted.url, "date": archive.DATE} | row)))
    bad = Planted("bad_json", "", b"")
    records.insert(4, (bad, b'{"url": "http://half.example/", "text": "The line ends her\n'))
    missing = Planted("missing_field", "http://bare.example/", b"")
    records.insert(8, (missing, archive.json_line({"url": missing.url})))
    content, offsets = archive.concatenate([line for _, line in records])
    (crawl / "export.jsonl").write_bytes(content)
    return [truth(p, "export.jsonl", offset) for (p, _), offset in zip(records, offsets, strict=True)]


def _html_files(crawl: Path, pages: Sequence[Planted]) -> list[dict[str, Any]]:
    lines = []
    for number, planted in enumerate(pages):
        name = f"saved/{number:02d}.html"
        (crawl / name).write_bytes(planted.message.partition(b"\r\n\r\n")[2])
        lines.append(truth(planted, name, 0))
    return lines
