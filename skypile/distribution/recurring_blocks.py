"""Blocks whose *meaning* recurs across many hosts: paragraphs spun from one template, slogans, disclaimers.

A spun paragraph says the same in other words, another order, with other names and numbers, so that no two texts are
equal and no hash finds them. As vectors they are a heap: dense, and with nothing around it. A subject that many people
write about is dense in its middle too, but thins out slowly. So a *block* is a ball round a mean

- of the radius that one random pair of paragraphs in 10,000 comes under (`recurring_quantile`: a cosine of 0.70 on a
  crawl of 198 hosts),
- in which wordings from `recurring_hosts` hosts lie: each text once, under its first host, so that what is quoted or
  syndicated word for word counts once, however often it stands (deduplication sees to that);
- and half of whatever lies in the ball round the same mean that ten times as many random pairs come under.

Measured on 49,259 paragraphs of these hosts with 6 templates of 200 spun paragraphs each among them: of the paragraphs
in the wider ball (0.59) 97 to 100 % lay in the narrow one for the templates, at most 35 % for all that authors wrote.

Means start at exemplars (skypile.distribution.semantic) that are close to wordings from a quarter as many hosts, and
move to the mean of what lies in their ball, SHIFTS times (mean shift, Comaniciu and Meer 2002), for a template is
several exemplars wide; means that meet are one. Only flowing paragraphs of LEAST characters are looked at: lists,
code and verse are an author's (`skypile.text.paragraphs`), and what is shorter has too few words for a meaning.

Cut are the paragraphs in a block, of any page, but for the first in an order drawn from the ids, the example.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from skypile.distribution import centroids, embedding
from skypile.distribution.embedding import Embedder
from skypile.distribution.quantized import cosines, quantize
from skypile.text.paragraphs import is_flowing, paragraph_spans, weight
from skypile.text.spans import without

LEAST = 60  # characters, a Han one counting as 2: some ten words, below which unlike sentences are alike by accident
SHARE = 0.5  # of what lies in the wider ball, in the narrow one: 0.97 and up for templates, 0.35 and down for others
SHIFTS = 4  # after 2, 3 and 4 of them 98.6, 98.9 and 99.0 % of the spun paragraphs were found
ROWS = 4096  # members whose cosines are held at once
MEMBERS = 64  # wordings close to an exemplar by which means are found
MOST_BLOCKS = 1024  # exemplars that means start from, those with the most hosts
SHOWN_CHARACTERS = 2000  # of a paragraph that was cut, the evidence quotes so much

PARAGRAPHS = pa.schema(
    [
        ("record_id", pa.string()),
        ("order", pa.float64()),
        ("host", pa.int64()),
        ("place", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("wording", pa.string()),
        ("vector", pa.binary()),
    ]
)


def paragraphs(batch: pa.RecordBatch, embedder: Embedder, min_coverage: float) -> pa.RecordBatch:
    """The paragraphs with a meaning (PARAGRAPHS) of pages: record_id, order, host, text, all of them with a host.

    place: number of the paragraph in its text; start, end: where it stands (`cut_spans`).
    """
    found: list[tuple[int, int, int, int]] = []
    parts: list[str] = []
    for row, text in enumerate(batch["text"].to_pylist()):
        spans = paragraph_spans(text or "")
        for place, (start, end) in enumerate(spans):
            part = text[start:end].strip()
            if weight(part) >= LEAST and is_flowing(part):
                found.append((row, place, start, end))
                parts.append(part)
    vectors, coverage = embedder.embed(parts)
    heard = np.flatnonzero(vectors.any(axis=1) & (coverage >= min_coverage))
    rows, places, starts, ends = (np.array(column) for column in zip(*found, strict=True)) if found else [heard] * 4
    index = pa.array(rows[heard])
    names = [host.encode("utf-8", "surrogatepass") for host in batch["host"].to_pylist()]
    hosts = pa.array([xxhash.xxh3_64_intdigest(name) - (1 << 63) for name in names], pa.int64())
    return pa.RecordBatch.from_arrays(
        [
            batch["record_id"].take(index),
            batch["order"].take(index),
            hosts.take(index),
            *(pa.array(column[heard], pa.int32()) for column in (places, starts, ends)),
            pa.array([xxhash.xxh3_128_hexdigest(parts[i].encode("utf-8", "surrogatepass")) for i in heard]),
            pa.array([vectors[i].tobytes() for i in heard], pa.binary()),
        ],
        schema=PARAGRAPHS,
    )


class Balls(NamedTuple):
    """Means int8 (m, dim), and the cosines to them of the narrow and of the wider ball."""

    means: NDArray[np.int8]
    narrow: float
    wider: float


def shifted(starts: NDArray[np.int8], members: NDArray[np.int8], narrow: float) -> NDArray[np.int8]:
    """Means that `starts` (m, dim) move to among `members` (n, dim); those that meet are one. int8 (at most m, dim).

    Sums are of whole numbers, and all cosines exact up to rounding once: the result is the same on any machine.
    """
    means = starts
    for _ in range(SHIFTS):
        parts = [cosines(members[at : at + ROWS], means) >= narrow for at in range(0, len(members), ROWS)]
        inside = np.concatenate(parts)
        sizes = np.asarray(inside.sum(axis=0))
        sums = np.stack([members[inside[:, i]].astype(np.int64).sum(axis=0) for i in range(len(means))])
        means = quantize(np.where(sizes[:, None] > 0, sums, means).astype(np.float64))
        means = means[centroids.leaders(means, sizes)]
    return means


def in_balls(vectors: NDArray[np.int8], balls: Balls) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Row, ball and whether it is the narrow one, of every vector in a wider ball."""
    found = cosines(vectors, balls.means)
    rows, numbers = np.nonzero(found >= balls.wider)
    return rows, numbers, np.atleast_1d(found[rows, numbers] >= balls.narrow)


def blocks_of(vectors: NDArray[np.int8], balls: Balls) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The ball whose mean is nearest, and the cosine to it; -1 where the vector lies in no narrow ball."""
    found = cosines(vectors, balls.means)
    nearest = found.argmax(axis=1)
    best = found[np.arange(len(vectors)), nearest]
    return np.where(best >= balls.narrow, nearest, -1), best


def cut_spans(text: str, places: list[int]) -> list[tuple[int, int]]:
    """What to take out of a text for its paragraphs `places` to be gone, a span each: they are in order and apart.

    The blank lines after a paragraph go with it; those before it at the end of the text.

    >>> cut_spans("a\\n\\nb\\n\\nc\\n\\nd", [1, 2, 3])
    [(1, 4), (4, 7), (7, 10)]
    >>> cut_spans("a\\n\\nb\\n\\nc", [0, 1])
    [(0, 3), (3, 6)]
    """
    spans, gone = paragraph_spans(text), set(places)
    trailing = len(spans)
    while trailing and trailing - 1 in gone:
        trailing -= 1
    result = []
    for place in sorted(gone):
        if place < trailing:
            result.append((spans[place][0], spans[place + 1][0]))
        else:
            start = spans[place - 1][1] if place else 0
            result.append((start, len(text) if place == len(spans) - 1 else spans[place][1]))
    return result


def cut_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cut out of kept texts what the column `cuts` lists, and say so in the evidence; without that column.

    cuts: JSON array of {place, and what the evidence says of the block}, null where nothing is cut. A page that keeps
    a block's example stays whole where nothing would be left of it.
    """
    texts, evidence = batch["text"].to_pylist(), batch["evidence"].to_pylist()
    lengths, verdicts = batch["characters"].to_pylist(), batch["verdict"].to_pylist()
    for row, cuts in enumerate(batch["cuts"].to_pylist()):
        if not cuts:
            continue
        told = evidence_of(texts[row], json.loads(cuts))
        if verdicts[row] == "kept":
            left = without(texts[row], ((cut["start"], cut["end"]) for cut in told["cut"]))
            if not left.strip():
                continue
            texts[row], lengths[row] = left, len(left)
        evidence[row] = json.dumps(json.loads(evidence[row] or "{}") | told, ensure_ascii=False)
    for name, values in (("text", texts), ("characters", lengths), ("evidence", evidence)):
        at = batch.schema.get_field_index(name)
        batch = batch.set_column(at, batch.schema.field(at), pa.array(values, batch.schema.field(at).type))
    return batch.drop_columns(["cuts"])


def evidence_of(text: str, cuts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the verdict's evidence says: every span, so that the text minus these is what goes on."""
    by_place = {cut.pop("place"): cut for cut in cuts}
    spans = cut_spans(text, list(by_place))
    listed = []
    for (start, end), place in zip(spans, sorted(by_place), strict=True):
        part = text[start:end].strip()
        shown = part if len(part) <= SHOWN_CHARACTERS else f"{part[:SHOWN_CHARACTERS]}…"
        listed.append({"start": start, "end": end, **by_place[place], "host_pages": 0, "text": shown})
    return {"cut_characters": sum(end - start for start, end in spans), "cut": listed}


def embed_batches(
    batches: Iterator[pa.RecordBatch], model: str | None, min_coverage: float
) -> Iterator[pa.RecordBatch]:
    """`paragraphs` of each batch."""
    for batch in batches:
        if batch.num_rows:
            yield paragraphs(batch, embedding.load(model), min_coverage)
