"""All of deduplication after the sketches, in one task: for inputs that one process holds.

The same decisions as the distributed steps (``exact`` to ``survivors``), document for document; the tests
hold both to the same oracle. Below some 100,000 documents the distributed steps cost more in scheduling a dozen jobs
than in work: on 2,225 texts this takes 0.1 s where they take 10 s. Memory: about 1 KB a document beside its
shingles; ``config.local_documents`` bounds the one, ``MOST_SKETCHES`` the other.
"""

from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as scipy_components

from skypile.config import DedupConfig
from skypile.dedup.similarity import compare_sets, overlap_sets
from skypile.dedup.sketch import MARK, unpacked_sets

# Bytes of shingles in one task, which has them twice for a moment: with 1.3 GB of them a process came to 3.2 GB.
MOST_SKETCHES = 3 << 29
FATES_TYPE = (
    "record_id string, survivor string, via string, reason string, copies int, jaccard double, containment double, "
    "bands int, component int"
)


class Sets(NamedTuple):
    """Shingle sets of the documents: document i has hashes[offsets[p]:offsets[p + 1]], where p = places[i].

    limits[p]: the set holds the shingles up to this hash.
    """

    hashes: np.ndarray
    offsets: np.ndarray
    limits: np.ndarray
    places: np.ndarray


class Edges(NamedTuple):
    """Confirmed pairs of document numbers, ``better`` before ``worse`` in survivor order, with their measures."""

    better: np.ndarray
    worse: np.ndarray
    jaccard: np.ndarray
    containment: np.ndarray
    bands: np.ndarray

    def plus(self, other: "Edges") -> "Edges":
        return Edges(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def fates(table: pa.Table, config: DedupConfig) -> pa.Table:
    """What becomes of the documents to drop. Documents are numbered in survivor order, so that smaller is better."""
    # Sets stay where they are, and are looked up by ``places``: to sort them would take their memory again. Large
    # offsets, as together they may have more than 2 GB.
    sets = _joined(table["shingles"].cast(pa.large_binary()))
    order = pc.sort_indices(table, [("rank", "ascending"), ("record_id", "ascending")])
    table, places = table.drop_columns(["shingles"]).take(order).combine_chunks(), order.to_numpy().astype(np.int64)
    n = table.num_rows
    corpus = pc.starts_with(table["record_id"], MARK).to_numpy()
    limits = np.empty(n, np.uint32)
    limits[places] = table["limit"].to_numpy()
    documents = Sets(*unpacked_sets(sets), limits, places)
    present = np.ones(n, bool)
    passes = []
    for key, reason in (("url_key", "duplicate_url"), ("text_key", "duplicate_text")):
        if key == "url_key" and not config.collapse_urls:
            continue
        via, copies = equal_documents(table[key], present)
        measures = None
        if key == "url_key" and config.url_overlap:
            via, copies, measures = agreeing(via, documents, config.url_overlap)
        gone = (via >= 0) & ~corpus
        passes.append((reason, np.where(gone, via, -1), copies, measures))
        present &= ~gone & ~pc.fill_null(pc.equal(table["matched"], reason), False).to_numpy()
    present &= pc.list_value_length(table["buckets"]).to_numpy() > 0
    edges = near_edges(table, documents, present, corpus, config)
    return _fates_table(table, passes, edges, _corpus_survivors(table), config)


def _joined(column: pa.ChunkedArray) -> pa.Array:
    """One array, which is no copy where there is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def equal_documents(keys: pa.ChunkedArray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each document the first one with an equal key (-1 for that one itself, or without a key), and how many."""
    codes = keys.combine_chunks().dictionary_encode().indices
    groups = np.where(present, pc.fill_null(codes, -1).to_numpy(), -1)
    first, copies = np.full(len(groups), -1), np.zeros(len(groups), np.int64)
    members = np.flatnonzero(groups >= 0)
    _, starts, inverse, counts = np.unique(groups[members], return_index=True, return_inverse=True, return_counts=True)
    first[members], copies[members] = members[starts][inverse], counts[inverse]
    return np.where(first == np.arange(len(groups)), -1, first), copies


def agreeing(via: np.ndarray, sets: Sets, least: float) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """``via`` where the texts agree, else -1; how many agree with that document, itself included; Jaccard and overlap.

    All arrays have a number a document; what was not compared has 0.
    """
    at = np.flatnonzero(via >= 0)
    measures = np.zeros(len(via)), np.zeros(len(via))
    measures[0][at], measures[1][at] = overlap_sets(*sets[:3], sets.places[via[at]], sets.places[at])
    via = np.where((via >= 0) & (measures[1] >= least), via, -1)
    counts = np.bincount(via[via >= 0], minlength=len(via)) + 1
    return via, np.where(via >= 0, counts[via], 0), measures


@numba.njit(cache=True, nogil=True)
def _pairs(starts, documents, limit):
    """Pairs of a bucketed order of documents: see ``candidates``."""
    count = 0
    for group in range(len(starts) - 1):
        size = starts[group + 1] - starts[group]
        small = min(size, limit)
        count += small * (small - 1) // 2 + 2 * (size - small)
    better, worse = np.empty(count, np.int64), np.empty(count, np.int64)
    at = 0
    for group in range(len(starts) - 1):
        low = starts[group]
        for i in range(low, starts[group + 1]):
            if i - low < limit:
                for j in range(low, i):
                    better[at], worse[at] = documents[j], documents[i]
                    at += 1
            else:
                better[at], worse[at] = documents[low], documents[i]
                better[at + 1], worse[at + 1] = documents[i - 1], documents[i]
                at += 2
    return better, worse


@numba.njit(cache=True, nogil=True)
def dropped_nodes(better, worse, nodes):
    """Which of ``nodes`` nodes are dropped, bool[nodes]; edge i says better[i] (int64) outranks worse[i].

    better [0, 1, 2], worse [1, 2, 3] -> [False, True, False, True]
    """
    waiting = np.zeros(nodes, np.int64)
    starts = np.zeros(nodes + 1, np.int64)
    for i in range(len(better)):
        waiting[worse[i]] += 1
        starts[better[i] + 1] += 1
    for node in range(nodes):
        starts[node + 1] += starts[node]
    places, targets = starts.copy(), np.empty(len(better), np.int64)
    for i in range(len(better)):
        targets[places[better[i]]] = worse[i]
        places[better[i]] += 1
    dropped = np.zeros(nodes, np.bool_)
    queue, length = np.empty(nodes, np.int64), 0
    for node in range(nodes):
        if waiting[node] == 0:
            queue[length] = node
            length += 1
    at = 0
    while at < length:
        node = queue[at]
        at += 1
        for i in range(starts[node], starts[node + 1]):
            if not dropped[node]:
                dropped[targets[i]] = True
            waiting[targets[i]] -= 1
            if waiting[targets[i]] == 0:
                queue[length] = targets[i]
                length += 1
    return dropped


def candidate_codes(documents: np.ndarray, keys: list[np.ndarray], limit: int, n: int) -> np.ndarray:
    """Candidate pairs within groups of equal keys, each as better * n + worse, sorted, without repeats."""
    order = np.lexsort((documents, *reversed(keys)))
    changed = np.ones(len(order), bool)
    changed[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    starts = np.append(np.flatnonzero(changed), len(order))
    better, worse = _pairs(starts, documents[order], limit)
    return np.unique(better * n + worse)


def near_edges(table: pa.Table, sets: Sets, present: np.ndarray, corpus: np.ndarray, config: DedupConfig) -> Edges:
    """Confirmed pairs among the documents that are ``present``."""
    n, limit = table.num_rows, config.bucket_limit
    rows = np.flatnonzero(present)
    lists = table["buckets"].combine_chunks().take(pa.array(rows))
    matrix = np.zeros((n, config.bands), np.int64)
    matrix[rows] = lists.flatten().to_numpy().reshape(len(rows), config.bands)
    documents, bands = np.repeat(rows, config.bands), np.tile(np.arange(config.bands), len(rows))
    buckets = matrix[rows].reshape(-1)
    hashes, offsets, limits, places = sets

    def confirm(codes: np.ndarray) -> Edges:
        better, worse = codes // n, codes % n
        jaccard, containment = compare_sets(hashes, offsets, limits, places[better], places[worse])
        close = jaccard >= config.jaccard_threshold
        if config.containment_threshold is not None:
            close |= containment >= config.containment_threshold
        better, worse = better[close], worse[close]
        shared = (matrix[better] == matrix[worse]).sum(axis=1).astype(np.int32)
        return Edges(better, worse, jaccard[close], containment[close], shared)

    def new(codes: np.ndarray) -> np.ndarray:
        return codes[~corpus[codes % n]]

    seen = new(candidate_codes(documents, [buckets], limit, n))
    edges = confirm(seen)
    _, inverse, sizes = np.unique(buckets, return_inverse=True, return_counts=True)
    large = sizes[inverse] > limit
    documents, bands, buckets = documents[large], bands[large], buckets[large]
    for number in range(1, config.mega_rounds + 1):
        left = ~dropped_nodes(edges.better, edges.worse, n)[documents]
        documents, bands, buckets = documents[left], bands[left], buckets[left]
        if not len(documents):
            break
        second = matrix[documents, (bands + number) % config.bands]
        fresh = [candidate_codes(documents, keys, limit, n) for keys in ([buckets], [buckets, second])]
        codes = np.setdiff1d(new(np.union1d(*fresh)), seen)
        seen, edges = np.union1d(seen, codes), edges.plus(confirm(codes))
    return edges


def _corpus_survivors(table: pa.Table) -> np.ndarray:
    """Number of the survivor of each corpus document that was dropped on arrival, else -1."""
    found = pc.index_in(table["survivor"], value_set=table["record_id"].combine_chunks(), skip_nulls=True)
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def _fates_table(table: pa.Table, passes: list, edges: Edges, survivors: np.ndarray, config: DedupConfig) -> pa.Table:
    n, ids = table.num_rows, table["record_id"].combine_chunks()
    best = best_edges(edges, dropped_nodes(edges.better, edges.worse, n), ids)
    near = Edges(*(column[best] for column in edges))
    survivors[near.worse] = near.better
    graph = coo_array((np.ones(len(edges.better), np.int8), (edges.better, edges.worse)), shape=(n, n))
    label = scipy_components(graph, directed=False)[1]
    size = np.bincount(label, minlength=1)[label[near.worse]] if len(best) else np.empty(0, np.int64)
    reasons = np.where(near.jaccard >= config.jaccard_threshold, "near_duplicate", "contained")
    parts = [_part(ids, near.worse, near.better, reasons=reasons, measures=near[2:], component=size)]
    for reason, via, copies, measures in reversed(passes):
        gone = np.flatnonzero(via >= 0)
        direct = via[gone]
        final = np.where(survivors[direct] >= 0, survivors[direct], direct)
        survivors[gone] = final
        named = np.full(len(gone), reason)
        shared = None if measures is None else (measures[0][gone], measures[1][gone], None)
        parts.append(_part(ids, gone, final, np.where(direct != final, direct, -1), named, copies[gone], shared))
    return pa.concat_tables(parts)


def _part(ids, gone, survivors, via=None, reasons=None, copies=None, measures=None, component=None) -> pa.Table:
    """Rows of ``FATES_TYPE``; what is not given is null."""
    nulls = [None] * len(gone)
    numbers = (
        copies,
        *(measures or (None,) * 3),
        component,
    )
    types = (pa.int32(), pa.float64(), pa.float64(), pa.int32(), pa.int32())
    return pa.table(
        [
            ids.take(pa.array(gone)),
            ids.take(pa.array(survivors)),
            ids.take(pa.array(via, mask=via < 0)) if via is not None else pa.array(nulls, pa.string()),
            pa.array(reasons, pa.string()),
            *(pa.array(nulls if value is None else value, kind) for value, kind in zip(numbers, types, strict=True)),
        ],
        ["record_id", "survivor", "via", "reason", "copies", "jaccard", "containment", "bands", "component"],
    )


def best_edges(edges: Edges, dropped: np.ndarray, ids: pa.StringArray) -> np.ndarray:
    """Index of each dropped document's edge to its closest survivor, in the order of ``survivors.best_match``."""
    usable = np.flatnonzero(~dropped[edges.better])
    names = [name.rsplit(MARK, 1)[-1] for name in ids.take(pa.array(edges.better[usable])).to_pylist()]
    places = np.unique(np.array(names, object), return_inverse=True)[1] if names else usable
    keys = (edges.better[usable], places, -edges.containment[usable], -edges.jaccard[usable], edges.worse[usable])
    order = usable[np.lexsort(keys)]
    first = np.ones(len(order), bool)
    first[1:] = edges.worse[order][1:] != edges.worse[order][:-1]
    return order[first]
