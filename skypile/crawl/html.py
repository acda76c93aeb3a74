"""HTML files as records: one a file, read whole if it is within the limit, else not at all."""

import os
from collections.abc import Iterator

from skypile.crawl.inputs import NAMES_SEPARATOR, Split
from skypile.crawl.record import Record, dropped, failed, record
from skypile.runtime import files

# What the operating system says of a file that is not there or not ours; other errors are the machine's,
# and the task is to be tried again.
UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def html_records(split: Split, limit: int) -> Iterator[Record]:
    """Rows of the files of a split of format `html`, in order. The extension says HTML, so no one sniffs."""
    for source in split.source.split(NAMES_SEPARATOR):
        row = record(source, 0)
        try:
            with files.open_uri(split.uri + source) as file:
                body = file.read(limit + 1)
                size = len(body) if len(body) <= limit else file.seek(0, os.SEEK_END)
        except UNREADABLE as error:
            yield failed(row, "unreadable_file", detail=str(error))
            continue
        if size > limit:
            yield failed(row, "too_large", size, limit, at=0)
        elif not body:
            yield dropped(row, "empty_body")
        else:
            yield row._replace(body=body)
