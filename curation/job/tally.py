"""Counts that merge exactly: whole numbers in nested dictionaries, added place by place. Pure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Lower edges, in bytes, of the classes of a length histogram: four to each doubling, whole numbers.
LENGTH_EDGES = np.array(sorted(set(np.round(2.0 ** (np.arange(0, 31 * 4) / 4)).tolist())), np.int64)


class Tally:
    """A tree of counts. Adding shard by shard, in any order and any grouping, gives the same tree."""

    def __init__(self, tree: Mapping[str, Any] | None = None) -> None:
        self.tree: dict[str, Any] = {}
        if tree is not None:
            self.merge(tree)

    def add(self, amount: int, *path: str) -> None:
        """Adds `amount` at a place of the tree."""
        node = self.tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = node.get(path[-1], 0) + amount

    def merge(self, other: Mapping[str, Any]) -> None:
        """Adds another tree; `other` is left as it is."""
        _add(self.tree, other)

    def add_documents(self, sources: pa.Array, sizes: pa.Array, *path: str) -> None:
        """Adds rows as ``path.<source>.documents`` and ``.bytes``."""
        for source, documents, size in _by_value(sources, sizes):
            self.add(documents, *path, source, "documents")
            self.add(size, *path, source, "bytes")

    def add_lengths(self, sources: pa.Array, sizes: pa.Array) -> None:
        """Adds rows to the length histogram of their source, ``lengths.<source>.<lower edge>``."""
        classes = LENGTH_EDGES[np.searchsorted(LENGTH_EDGES, np.maximum(sizes.to_numpy(), 1), "right") - 1]
        table = (
            pa.table({"source": sources, "class": classes}).group_by(["source", "class"]).aggregate([([], "count_all")])
        )
        for row in table.to_pylist():
            self.add(row["count_all"], "lengths", row["source"], str(row["class"]))

    def add_languages(self, sources: pa.Array, languages: pa.Array) -> None:
        """Adds rows as ``languages.<source>.<language>``; "" where there is none."""
        table = pa.table({"source": sources, "language": pc.fill_null(languages, "")})
        for row in table.group_by(["source", "language"]).aggregate([([], "count_all")]).to_pylist():
            self.add(row["count_all"], "languages", row["source"], row["language"])

    def add_reasons(self, step: str, sources: pa.Array, sizes: pa.Array, reasons: pa.ListArray) -> None:
        """Adds rejects under ``steps.<step>.<source>``: each once under its first reason, and once under each of its reasons."""
        self.add_documents(sources, sizes, "rejected", step)
        first = pc.list_element(reasons, 0)
        grouped = pa.table({"source": sources, "reason": first, "size": sizes}).group_by(["source", "reason"])
        for row in grouped.aggregate([([], "count_all"), ("size", "sum")]).to_pylist():
            self.add(row["count_all"], "first_reasons", step, row["source"], row["reason"], "documents")
            self.add(row["size_sum"], "first_reasons", step, row["source"], row["reason"], "bytes")
        parents = pc.list_parent_indices(reasons)
        spread = pa.table({"source": sources.take(parents), "reason": pc.list_flatten(reasons)})
        for row in spread.group_by(["source", "reason"]).aggregate([([], "count_all")]).to_pylist():
            self.add(row["count_all"], "all_reasons", step, row["source"], row["reason"])


def document_sizes(batch: pa.RecordBatch) -> pa.Int64Array:
    """Gives each row's bytes: of its text in UTF-8, or of its page where there is no text yet."""
    text = pc.binary_length(batch["text"])
    if "html" in batch.schema.names:
        text = pc.coalesce(text, pc.binary_length(batch["html"]))
    return pc.fill_null(text, 0).cast(pa.int64())


def _by_value(sources: pa.Array, sizes: pa.Array) -> list[tuple[str, int, int]]:
    # Arrow's group_by starts a plan with threads, a millisecond a call; this is called several times a batch.
    encoded = sources.dictionary_encode()
    codes = encoded.indices.to_numpy()
    names = encoded.dictionary.to_pylist()
    totals = np.zeros(len(names), np.int64)
    np.add.at(totals, codes, sizes.to_numpy())
    counts = np.bincount(codes, minlength=len(names))
    return list(zip(names, counts.tolist(), totals.tolist(), strict=True))


def _add(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, Mapping):
            _add(tree.setdefault(name, {}), value)
        else:
            tree[name] = tree.get(name, 0) + value
