"""The documents of a run's corpus, before and after a treatment.

Before is the run's corpus as it is; after is what it would be. A document that comes back is judged by later stages:
the quality filter, and deduplication where one task holds the documents; the notes say what was not judged.

Texts are those that the stages handed on: a document that a stage dropped comes back as that stage read it, and without
deduplication pages have the paragraphs again that it cut. Documents are read batch by batch; ids and verdicts of what
dedup dropped or cut are held, some 300 bytes a record.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile import config as settings
from skypile import schema
from skypile.classifiers.model import load
from skypile.dedup.columns import Columns
from skypile.dedup.files_without_spark import decided as deduplicated
from skypile.dedup.paragraphs import Removed
from skypile.dedup.paragraphs import without as without_spans
from skypile.proxy.dropped_and_cut import by_dedup, by_distribution_filter, kept_ids, units_of
from skypile.proxy.treatments import Treatment
from skypile.quality.privacy.masking import masked
from skypile.recurrence.curve import READ
from skypile.recurrence.in_run import drawn_times
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.run_config import run_config
from skypile.runtime import files
from skypile.schema import KEPT

BATCH: Final = 512  # documents at once
_NEEDED: Final = tuple(c for c in schema.STAGE_COLUMNS["dedup"] if c not in schema.VERDICT_COLUMNS)
_OWN_OF_DEDUP: Final = frozenset(schema.names(schema.DEDUP_COLUMNS))


class Document(NamedTuple):
    """A document's text in the corpus before and after; None where it is not in it.

    Documents of one `unit`, a record and those that dedup dropped in its favour, belong together: what a duplicate does
    is seen only beside its original.
    """

    record_id: str
    unit: str
    host: str | None
    before: str | None
    after: str | None


def documents(run: str, treatment: Treatment, notes: list[str]) -> Iterator[Document]:
    """Every document that is in the corpus before or after, in no particular order; what was not judged, to `notes`.

    Texts that an earlier stage left are masked as the run's quality filter masks them (`skypile.quality.privacy`), so
    that before and after differ by what was decided and cut alone.

    Raises:
        PrunedError: the texts that come back were removed (`skypile prune`).
    """
    found = _documents(run, treatment, notes)
    yield from found if treatment.other is not None else _masked(found, run_config(run).quality_filter.privacy)


def _masked(found: Iterator[Document], config: settings.PrivacyConfig) -> Iterator[Document]:
    def mask(text: str | None) -> str | None:
        return text if text is None else masked(text, config).text

    for document in found:
        before = mask(document.before)
        after = before if document.after == document.before else mask(document.after)
        yield document._replace(before=before, after=after)


def _documents(run: str, treatment: Treatment, notes: list[str]) -> Iterator[Document]:
    if treatment.other is not None:
        yield from _of_two_runs(run, treatment.other, notes)
    elif treatment.until is not None:
        yield from _left_by(run, treatment.until)
    elif treatment.weights is not None:
        yield from _drawn_by_weight(run, treatment.weights)
    elif treatment.stage == "quality_filter":
        yield from _decided_anew(run, treatment)
    elif treatment.stage == "dedup":
        yield from _without_dedup(run, treatment.reason, notes)
    else:
        yield from _without_thinning(run, treatment.reason, notes)


def _left_by(run: str, stage: str) -> Iterator[Document]:
    """After is what a stage left, as it left it: nothing that came behind it decided, or cut anything."""
    dropped, cut = by_dedup(run)
    blocks = by_distribution_filter(run)[1] if stage == "extraction" else {}
    kept = kept_ids(run, "quality_filter")
    for batch in batches(run, stage, ["record_id", "host", "text"]):
        for row in batch.to_pylist():
            record, text = row["record_id"], row["text"]
            now = text if stage == "dedup" else _without(text, record, blocks, cut)
            unit = dropped[record][1] if record in dropped else record
            yield Document(record, unit, row["host"], now if record in kept else None, text)


def _decided_anew(run: str, treatment: Treatment) -> Iterator[Document]:
    """Without the quality filter, or by other settings of it; before by others again, or as the run has it."""
    kept, base = (None if one is None else _kept_by(run, one) for one in (treatment.quality, treatment.base))
    for batch in batches(run, "quality_filter", ["record_id", "host", "text", "verdict"], kept=None):
        for row in batch.to_pylist():
            record, text = row["record_id"], row["text"]
            after = kept is None or record in kept
            before = row["verdict"] == KEPT if base is None else record in base
            if before or after:
                yield Document(record, record, row["host"], text if before else None, text if after else None)


def _kept_by(run: str, config: settings.QualityFilterConfig) -> set[str]:
    """Records that the quality filter keeps by other settings, from its stored scores."""
    from skypile.quality.decision import READ, decide_again, was_ranked  # only here: without it no rule is loaded

    stored = batches(run, "quality_filter", ["record_id", *READ], kept=None)
    again = decide_again(stored, config, was_ranked(run, config))
    return {row for batch in again for row in batch.filter(pc.equal(batch["verdict"], KEPT))["record_id"].to_pylist()}


def _drawn_by_weight(run: str, recurrence: settings.RecurrenceConfig) -> Iterator[Document]:
    """Each document as often as its keep weight says: a second drawing is one more document, of the same unit."""
    config = run_config(run)
    before, after = (drawn_times(run, config, one) for one in (config.recurrence, recurrence))
    for batch in batches(run, "quality_filter", ["record_id", "host", "text", *READ]):
        rows = batch.select(["record_id", "host", "text"]).to_pylist()
        for row, old, new in zip(rows, before(batch), after(batch), strict=True):
            record, text = row["record_id"], row["text"]
            for copy in range(max(old, new)):
                name = f"{record}#{copy}" if copy else record
                yield Document(name, record, row["host"], text if copy < old else None, text if copy < new else None)


def _without_dedup(run: str, reason: str | None, notes: list[str]) -> Iterator[Document]:
    """Without deduplication (None), or one of its reasons; "boilerplate" is what it cut from texts as well."""
    dropped, cut = by_dedup(run)
    uncut = reason in (None, "boilerplate")
    kept, judge, judged = kept_ids(run, "quality_filter"), _judge(run), 0
    for batch in batches(run, "distribution_filter", [c.name for c in _NEEDED if c.name not in _OWN_OF_DEDUP]):
        returns: dict[int, Document] = {}
        rows = batch.select(["record_id", "host", "text"]).to_pylist()
        for at, row in enumerate(rows):
            record, text = row["record_id"], row["text"]
            if record in dropped:
                why, survivor = dropped[record]
                if reason in (None, why):
                    returns[at] = Document(record, survivor, row["host"], None, text)
                continue
            now = without_spans(text, cut[record]) if record in cut else text
            before = now if record in kept else None
            if uncut and record in cut:
                returns[at] = Document(record, record, row["host"], before, text)
            elif before is not None:
                yield Document(record, record, row["host"], before, before)
        judged += len(returns)
        passed = judge(batch.take(pa.array(list(returns), pa.int64()))) if returns else set()
        for document in returns.values():
            if document.record_id in passed or document.before is not None:
                yield document if document.record_id in passed else document._replace(after=None)
    if judged:
        notes.append(f"the quality filter judged {judged:,} documents anew that come back or have other text")


def _without(text: str, record: str, *cut: dict[str, list[Removed]]) -> str:
    for of_stage in cut:
        text = without_spans(text, of_stage.get(record, ()))
    return text


def _without_thinning(run: str, reason: str | None, notes: list[str]) -> Iterator[Document]:
    """Without the distribution filter (None), or one of its reasons; "recurring_blocks" is what it cut as well.

    Deduplication decides again on all that it then reads.
    """
    config = run_config(run).dedup
    dropped, cut = by_dedup(run)
    thinned, blocks = by_distribution_filter(run)
    uncut = reason in (None, "recurring_blocks")
    gone = pa.array([record for record, why in thinned.items() if reason not in (None, why)], pa.string())
    stays = _deduplicated_anew(run, config, gone) if config.enabled and not config.against else None
    if stays is None and config.enabled:
        notes.append("duplicates among the documents that come back were not looked for: too many for one task")
    kept, judge, returned = kept_ids(run, "quality_filter"), _judge(run), 0
    seen = kept_ids(run, "dedup") | set(dropped)
    for batch in batches(run, "extraction", schema.names(schema.DOCUMENT_COLUMNS)):
        fresh: dict[int, Document] = {}
        batch = batch.filter(pc.invert(pc.is_in(batch["record_id"], value_set=gone)))
        for at, row in enumerate(batch.select(["record_id", "host", "text"]).to_pylist()):
            record, text = row["record_id"], row["text"]
            before = _without(text, record, blocks, cut) if record in kept else None
            there = record in stays if stays is not None else record not in dropped
            why = dropped.get(record, ("", ""))[0]
            if before is not None and there and uncut and record in blocks:
                fresh[at] = Document(record, record, row["host"], before, text)
            elif before is not None:
                yield Document(record, record, row["host"], before, before if there else None)
            elif there and why != "boilerplate" and (record not in seen or record in dropped):
                fresh[at] = Document(record, record, row["host"], None, text)
        returned += len(fresh)
        passed = judge(batch.take(pa.array(list(fresh), pa.int64()))) if fresh else set()
        for document in fresh.values():
            if document.record_id in passed or document.before is not None:
                yield document if document.record_id in passed else document._replace(after=None)
    notes.append(f"dedup and the quality filter judged {returned:,} documents anew that come back")


def _deduplicated_anew(run: str, config: settings.DedupConfig, gone: pa.Array) -> set[str] | None:
    """Ids of what dedup would keep of all that extraction kept but `gone`; None if one task does not hold them."""
    columns = Columns("record_id", "text", "url")
    read = batches(run, "extraction", columns.needed(config))
    read = (batch.filter(pc.invert(pc.is_in(batch["record_id"], value_set=gone))) for batch in read)
    found = deduplicated(read, columns, config)
    return None if found is None else set(found.filter(pc.equal(found["verdict"], KEPT))["record_id"].to_pylist())


def _of_two_runs(run: str, other: str, notes: list[str]) -> Iterator[Document]:
    """A record that both have with other texts comes twice: with the one before, and with the one after."""
    unit = units_of(by_dedup(folder)[0] for folder in (run, other))
    columns = ["record_id", "host", "text"]
    mine, theirs = (
        {
            row["record_id"]: xxhash.xxh3_64_intdigest(row["text"].encode("utf-8", "surrogatepass"))
            for batch in batches(folder, "quality_filter", ["record_id", "text"])
            for row in batch.to_pylist()
        }
        for folder in (run, other)
    )
    if mine and theirs and not mine.keys() & theirs.keys():
        notes.append("the two runs share no record id: were they made of the same files? Nothing can be coupled")
    for folder, texts in ((run, theirs), (other, mine)):
        for batch in batches(folder, "quality_filter", columns):
            for row in batch.to_pylist():
                record, text = row["record_id"], row["text"]
                same = texts.get(record) == xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))
                if folder == run:
                    yield Document(record, unit(record), row["host"], text, text if same else None)
                elif not same:
                    yield Document(record, unit(record), row["host"], None, text)


def _judge(run: str) -> Callable[[pa.RecordBatch], set[str]]:
    """A function from documents (with `_NEEDED`, but for dedup's own) to the ids of those the quality filter keeps.

    Where it ranks documents, by the quantiles that were fitted on the run.
    """
    from skypile.quality import judges, perplexity_models  # only here: it loads Spark
    from skypile.quality.decision import model_folders
    from skypile.quality.stage import judge, word_list

    config = run_config(run).quality_filter
    cited, surprise = model_folders(run, config)
    classifiers = functools.cache(lambda: load(cited) if cited else {})
    models = functools.cache(lambda: perplexity_models.load(surprise) if surprise else {})
    fitted = judges.read(files.join(stage_folder.stage_dir(run, "quality_filter"), "judges"))
    target = schema.arrow_schema(_NEEDED)

    def passed(batch: pa.RecordBatch) -> set[str]:
        have = set(batch.schema.names)
        columns = [batch[f.name].cast(f.type) if f.name in have else pa.nulls(len(batch), f.type) for f in target]
        rows = pa.RecordBatch.from_arrays(columns, schema=target)
        listed = word_list(config.bad_words) if config.bad_words else None
        judged = judge(rows, config, classifiers(), models(), listed, fitted)
        return set(judged.filter(pc.equal(judged["verdict"], KEPT))["record_id"].to_pylist())

    return passed


def batches(run: str, stage: str, columns: Iterable[str], kept: bool | None = True) -> Iterator[pa.RecordBatch]:
    if kept is not False:
        stage_folder.check_not_pruned(run, stage)
    found = ledger.documents(run, stage)
    found = found if kept is None else found.filter(pc.field("kept") == str(kept).lower())
    for batch in found.to_batches(columns=list(columns), batch_size=BATCH, batch_readahead=1, fragment_readahead=1):
        if len(batch):
            yield batch
