"""The two passes over a user's files, for a piece of them: n-grams are counted, then rows and verdicts written."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile.config import DecontaminationConfig, DedupConfig
from skypile.crawl.url import host
from skypile.decontamination.frequency import Tally, add_texts
from skypile.decontamination.index import Index
from skypile.decontamination.judge import REASON, judge
from skypile.decontamination.matches import matches
from skypile.decontamination.scan import scan
from skypile.dedup.columns import Columns, read_columns
from skypile.dedup.file_sketches import filtered
from skypile.dedup.parquet_input import Input, Piece, batches
from skypile.run_folder.parquet_part import part
from skypile.runtime import files
from skypile.runtime.parquet_rows import as_plain
from skypile.schema import DROPPED, FAILED, KEPT, LEDGER_COLUMNS, arrow_schema

LEDGER = arrow_schema(tuple(column for column in LEDGER_COLUMNS if column.name != "stage"))
READ = DedupConfig(survivor="smallest_id")  # for what deduplication reads files with: no column beside id, text, URL


class Written(NamedTuple):
    """What came of a piece: rows by verdict and reason, cut rows and characters, and texts by item found."""

    rows: Counter[tuple[str, str | None]]
    cut: Counter[str]
    items: Counter[int]


def tally_piece(
    given: Input, piece: Piece, columns: Columns, index: Index, config: DecontaminationConfig, tally: Tally
) -> None:
    """Count the n-grams of a piece's rows."""
    for batch in batches(given, piece, columns.needed(READ)):
        tally_batch(batch, columns, index, config, tally)


def tally_batch(
    batch: pa.RecordBatch, columns: Columns, index: Index, config: DecontaminationConfig, tally: Tally
) -> None:
    """Count the n-grams of a batch's rows."""
    read = read_columns(batch, columns, READ)
    hits = scan(read["text"], index)
    add_texts(tally, hits, matches(hits, read["text"], index, config), sources(read, hits.pair_text), index)


def sources(read: pa.RecordBatch, wanted: np.ndarray) -> np.ndarray:
    """A hash a row of the host of its URL, or of its id where no host is known; 0 for rows that are not `wanted`."""
    made = np.zeros(len(read), np.uint64)
    for row in np.unique(wanted).tolist():
        name = host(read["url"][row].as_py() or "") or f"\0{read['record_id'][row].as_py()}"
        made[row] = xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
    return made


def write_piece(
    given: Input, piece: Piece, number: int, output: str, columns: Columns, index: Index, config: DecontaminationConfig
) -> Written:
    """Write the rows of a piece that stay, and a verdict for every row, as file `number` of two folders."""
    done = Written(Counter(), Counter(), Counter())
    documents, verdicts = files.join(output, "documents"), files.join(output, "verdicts")
    with part(documents, number, given.schema) as add_rows, part(verdicts, number, LEDGER) as add_verdicts:
        for batch in batches(given, piece):
            kept, judged = decontaminated(batch, columns, index, config, done)
            add_rows(kept)
            add_verdicts(judged)
    return done


def decontaminated(
    batch: pa.RecordBatch, columns: Columns, index: Index, config: DecontaminationConfig, done: Written
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The rows that stay, their texts cut, and the verdicts on all rows (``LEDGER``); counted in ``done``."""
    judged, texts = verdicts_of(batch, columns, index, config, done)
    stays = pc.equal(judged["verdict"], KEPT).to_numpy(zero_copy_only=False)
    batch = with_texts(batch, columns.text, texts)
    return batch if stays.all() else filtered(batch, stays), judged


def verdicts_of(
    batch: pa.RecordBatch, columns: Columns, index: Index, config: DecontaminationConfig, done: Written
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Verdicts on all rows (``LEDGER``), counted in ``done``; and what is left of the texts that were cut, by row."""
    read = read_columns(batch, columns, READ)
    found = judge(read["text"], index, config)
    rows: list[tuple[str, str | None, float | None, float | None, str | None]]
    rows = [(FAILED if reason else KEPT, reason, None, None, None) for reason in read["reason"].to_pylist()]
    texts: dict[int, str] = {}
    for row, verdict in found.items():
        reason = REASON if verdict.verdict == DROPPED else None
        rows[row] = verdict.verdict, reason, verdict.score, verdict.threshold, verdict.evidence
        done.items.update(verdict.items)
        if verdict.text is not None:
            texts[row] = verdict.text
            done.cut["rows"] += 1
            done.cut["characters"] += len(read["text"][row].as_py()) - len(verdict.text)
    done.rows.update((verdict, reason) for verdict, reason, *_ in rows)
    own = zip(*rows, strict=True) if rows else [()] * 5
    arrays = [pa.array(list(values), LEDGER.field(at + 2).type) for at, values in enumerate(own)]
    record_ids = read["record_id"].cast(pa.string())
    return pa.RecordBatch.from_arrays([record_ids, read["url"].cast(pa.string()), *arrays], schema=LEDGER), texts


def with_texts(batch: pa.RecordBatch, name: str, texts: dict[int, str]) -> pa.RecordBatch:
    """The batch with other texts in some rows, in a column of whatever text type."""
    if not texts:
        return batch
    at, kind = batch.schema.get_field_index(name), batch.schema.field(name).type
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    values = as_plain(batch[name])
    as_bytes = pa.types.is_large_binary(values.type)
    held = values.to_pylist()
    for row, text in texts.items():
        held[row] = text.encode() if as_bytes else text
    made = pa.array(held, values.type)
    if pa.types.is_dictionary(storage):
        made = made.cast(storage.value_type).dictionary_encode().cast(storage)
    else:
        made = made.cast(storage)
    if storage is not kind:
        made = pa.ExtensionArray.from_storage(kind, made)
    return batch.set_column(at, batch.schema.field(name), made)
