"""Where the members of a compressed file begin."""

import gzip
from pathlib import Path

from tests.crawl.test_warc import page, rows_of


def test_scanning_for_members_survives_magic_numbers_at_window_edges(tmp_path: Path, monkeypatch) -> None:
    members = [gzip.compress(page(i), mtime=0) for i in range(5)]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    whole = rows_of(path)
    for window in (1, 2, 3, 7, 64):
        monkeypatch.setattr("skypile.crawl.members.READ", window)
        size = path.stat().st_size
        assert [r for s in range(0, size, 97) for r in rows_of(path, s, min(size, s + 97))] == whole
