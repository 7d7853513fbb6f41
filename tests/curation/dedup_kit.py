"""Independent references for deduplication, in plain Python over strings and sets, and rows for the shuffles."""

import string
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curation.dedup.buckets import BUCKET_SHUFFLE
from curation.dedup.exact import EXACT_SHUFFLE

_BLANK = str.maketrans(dict.fromkeys(string.punctuation, " "))


def string_shingles(text, ngram=5):
    """Word n-grams as tuples of strings, for texts of ASCII letters and punctuation."""
    words = text.lower().translate(_BLANK).split()
    size = min(ngram, len(words))
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)} if words else set()


def jaccard(one, other):
    return len(one & other) / len(one | other) if one | other else 0.0


def stay(order, similar):
    """The rule, word for word: {document: the earliest earlier staying document that it is similar to, or None}."""
    kept = {}
    for at, document in enumerate(order):
        before = [other for other in order[:at] if kept[other] is None and frozenset((document, other)) in similar]
        kept[document] = before[0] if before else None
    return kept


def components(order, similar):
    """{document: the first document of its connected component}."""
    first = {document: document for document in order}
    changed = True
    while changed:
        changed = False
        for pair in similar:
            one, other = tuple(pair)
            least = min(first[one], first[other], key=order.index)
            changed |= first[one] != least or first[other] != least
            first[one] = first[other] = least
    return first


def bucket_candidates(members, leaders):
    """members: {bucket: [document in order]} -> set of (earlier, later): each meets the first `leaders` before it."""
    return {
        (earlier, later)
        for documents in members.values()
        for at, later in enumerate(documents)
        for earlier in documents[: min(at, leaders)]
    }


def spread(table, cuts, seed):
    """Shuffles rows and cuts them into batches."""
    random = np.random.default_rng(seed)
    table = table.take(pa.array(random.permutation(table.num_rows)))
    bounds = sorted({0, table.num_rows, *random.integers(0, table.num_rows + 1, cuts).tolist()})
    batches = [table.slice(a, b - a).combine_chunks() for a, b in pairwise(bounds)]
    return [batch for part in batches for batch in part.to_batches()]


def exact_rows(documents):
    """documents: (content, dump, id number, shard, row)."""
    rows = [
        {
            "content_hi": content >> 1,
            "content_lo": content & 1,
            "dump": dump,
            "id_hi": 7,
            "id_lo": number,
            "shard": shard,
            "row": row,
        }
        for content, dump, number, shard, row in documents
    ]
    return pa.Table.from_pylist(rows, EXACT_SHUFFLE)


def bucket_rows(documents):
    """documents: (bucket, order number, id number, shard, row)."""
    rows = [
        {"bucket": bucket, "order": order, "id_hi": number, "shard": shard, "row": row}
        for bucket, order, number, shard, row in documents
    ]
    return pa.Table.from_pylist(rows, BUCKET_SHUFFLE)


def group(pairs):
    grouped = defaultdict(list)
    for key, value in pairs:
        grouped[key].append(value)
    return dict(grouped)
