"""Reads fastText's model files, `.bin` and `.ftz`, into arrays that a kernel can use. Touches the one file that it is asked for.

The format is that of fastText 0.9 (version 12 of the file, and 11 before it): arguments, dictionary with the index of kept n-gram
buckets, input matrix (dense, or product-quantised), output matrix. Only supervised models are read. Every number in a file is
checked against the file's size before it is believed, so a cut or foreign file is one clear error and never a crash.
"""

from pathlib import Path
from typing import NamedTuple, TypeVar

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.text import Int

LABEL_PREFIX = "__label__"
END_OF_LINE = b"</s>"
LANES = 8  # numbers of a row that a kernel takes at a time

_MAGIC = 793712314
_VERSIONS = (11, 12)
_SUPERVISED = 3
_LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
_CENTROIDS = 256  # a code is a byte
# Far beyond any model in use; what a broken file claims must not become the size of a loop or an allocation.
_MAX_DIM = 1 << 16
_MAX_GRAM = 64
_Number = TypeVar("_Number", bound=np.generic)
_UNSET = 10**15  # the weight of a tree node before it is made; beyond any real count


class ModelFileError(ValueError):
    """A file that is no supervised fastText model, or a broken one. The message is one line that names the file."""


class Dictionary(NamedTuple):
    """The words of a model, then its labels.

    Attributes:
        starts: int64[entries + 1]: entry `i` is `spelling[starts[i] : starts[i + 1] - 1]`.
        spelling: uint8[...].
        table: int32[power of two]: entries in an open hash table by fastText's hash of the word; -1 is empty.
        num_words: entries before the labels.
        counts: int64[labels], how often each label was seen.
        labels: the labels without `__label__`, in the model's order.
    """

    starts: npt.NDArray[np.int64]
    spelling: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int32]
    num_words: int
    counts: npt.NDArray[np.int64]
    labels: tuple[str, ...]


class Model(NamedTuple):
    """A supervised fastText model.

    Attributes:
        dim: size of a vector.
        word_ngrams: longest run of words that is hashed.
        min_chars, max_chars: shortest and longest character n-gram; no n-grams where `max_chars` is 0.
        buckets: how many rows the hashes of n-grams share.
        loss: hs, ns, softmax or ova.
        dictionary: words and labels.
        kept: uint64[buckets / 64]: a bit each bucket, set if a quantised model kept it; of size 0 where it kept all.
        ranks: int32[buckets / 64]: how many buckets before these 64 are kept.
        inputs: float32[rows, dim, filled up with zeros to a multiple of `LANES`]: a row each word, then a row each kept bucket
            in their order. Quantised ones are decoded.
        outputs: float32[labels, dim].
        tree: int32[labels - 1, 2]: the children of the inner nodes of `hs`, numbered from the leaves (labels) on; else empty.
    """

    dim: int
    word_ngrams: int
    min_chars: int
    max_chars: int
    buckets: int
    loss: str
    dictionary: Dictionary
    kept: npt.NDArray[np.uint64]
    ranks: npt.NDArray[np.int32]
    inputs: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float32]
    tree: npt.NDArray[np.int32]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels without `__label__`."""
        return self.dictionary.labels


def read_model(path: str | Path) -> Model:
    """Reads a supervised model.

    Its matrices are held as plain numbers: a dense model of 2 GB takes 2 GB of memory, a quantised one more than its file.

    Raises:
        ModelFileError: the file is missing, no fastText file, of another version, not supervised, cut short, or its parts do
            not fit together.
    """
    return _open(path).model()


def read_labels(path: str | Path) -> tuple[str, ...]:
    """Reads only a model's labels, without `__label__`: soon done, however large the model is.

    Raises:
        ModelFileError: see `read_model`; the matrices are not looked at.
    """
    return _open(path).head()[1].labels


def _open(path: str | Path) -> "_Cursor":
    path = Path(path)
    try:
        if not path.is_file():
            raise ModelFileError(f"{path}: no such fastText model")
        if path.stat().st_size < 8:
            raise ModelFileError(f"{path}: too short for a fastText model")
        return _Cursor(path, np.memmap(path, np.uint8, "r"))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from None


class _Arguments(NamedTuple):
    """What stands at the head of a file, in its order."""

    dim: int
    window: int
    epoch: int
    min_count: int
    negatives: int
    word_ngrams: int
    loss: int
    kind: int
    buckets: int
    min_chars: int
    max_chars: int
    update_rate: int


class _Cursor:
    """Goes through a file once."""

    def __init__(self, path: Path, data: npt.NDArray[np.uint8]) -> None:
        self._path = path
        self._data = data
        self._at = 0

    def head(self) -> tuple[_Arguments, Dictionary, npt.NDArray[np.int32]]:
        """Reads what stands before the matrices: arguments, dictionary and the kept buckets."""
        magic, version = self._ints(2)
        if magic != _MAGIC:
            raise self._error("not a fastText model")
        if version not in _VERSIONS:
            raise self._error(f"fastText file version {version} is not known; versions 11 and 12 are")
        arguments = self._arguments(version)
        return arguments, *self._dictionary()

    def model(self) -> Model:
        """Reads the whole file."""
        arguments, dictionary, prune = self.head()
        quantised = self._flag()
        if prune.size and not quantised:
            raise self._error("a pruned dictionary with a dense matrix: made by an old fastText, quantise it again")
        inputs = self._matrix(arguments.dim, quantised=quantised)
        outputs = self._matrix(arguments.dim, quantised=self._flag() and quantised)
        if self._at != self._data.size:
            raise self._error(f"{self._data.size - self._at} bytes follow the model")
        kept, ranks, order = self._kept(prune, arguments, len(inputs) - dictionary.num_words)
        num_labels = len(dictionary.labels)
        loss = _LOSSES[arguments.loss]
        if loss == "hs" and not (dictionary.counts.min() >= 0 and float(dictionary.counts.sum(dtype=float)) < _UNSET):
            raise self._error("label counts out of range")
        if len(outputs) != num_labels:
            raise self._error(f"{len(outputs)} rows of output for {num_labels} labels")
        for values in (inputs, outputs):
            if not np.isfinite(np.add.reduce(values, axis=None, dtype=np.float64)):
                raise self._error("holds numbers that are not finite: its training went wrong")
        return Model(
            arguments.dim,
            arguments.word_ngrams,
            arguments.min_chars,
            arguments.max_chars,
            arguments.buckets,
            loss,
            dictionary,
            kept,
            ranks,
            _filled_up(inputs, dictionary.num_words, order),
            np.ascontiguousarray(outputs),
            _huffman(dictionary.counts) if loss == "hs" else np.empty((0, 2), np.int32),
        )

    def _arguments(self, version: int) -> _Arguments:
        found = _Arguments(*self._ints(len(_Arguments._fields)))
        self._take(np.float64, 1)  # the sampling threshold, of no use here
        if found.kind != _SUPERVISED:
            raise self._error("not a supervised model: it has word vectors and no labels")
        if version == 11:  # models of that time ignored the n-grams that they were asked for
            found = found._replace(max_chars=0)
        in_bounds = (
            1 <= found.dim <= _MAX_DIM
            and 1 <= found.word_ngrams <= _MAX_GRAM
            and 0 <= found.min_chars <= _MAX_GRAM
            and 0 <= found.max_chars <= _MAX_GRAM
            and found.loss in _LOSSES
            and found.buckets >= (1 if found.word_ngrams > 1 or found.max_chars > 0 else 0)
        )
        if not in_bounds:
            raise self._error(f"arguments out of range: {found._asdict()}")
        return found

    def _dictionary(self) -> tuple[Dictionary, npt.NDArray[np.int32]]:
        """Reads the entries, and the index of kept buckets, int32[kept, 2]; one row of -1 where all buckets were dropped."""
        num_entries, num_words, num_labels = self._ints(3)
        _, num_kept = self._take(np.int64, 2).tolist()
        if min(num_entries, num_words, num_labels) < 0 or num_entries != num_words + num_labels or num_labels == 0:
            raise self._error(f"{num_entries} entries for {num_words} words and {num_labels} labels")
        if num_entries * 10 > self._data.size - self._at:  # an entry has at least a NUL, a count and a type
            raise self._error("cut short in its dictionary")
        starts = np.empty(num_entries + 1, np.int64)
        counts = np.empty(num_entries, np.int64)
        kinds = np.empty(num_entries, np.uint8)
        size, end = _scan_entries(self._data, self._at, starts, counts, kinds, np.empty(0, np.uint8))
        if end < 0:
            raise self._error("cut short in its dictionary")
        spelling = np.empty(size, np.uint8)
        _scan_entries(self._data, self._at, starts, counts, kinds, spelling)
        self._at = end
        if kinds[:num_words].any() or (kinds[num_words:] != 1).any():
            raise self._error("its dictionary does not hold words before labels")
        raw = [spelling[starts[i] : starts[i + 1] - 1].tobytes() for i in range(num_words, num_entries)]
        labels = tuple(name.decode("utf-8", "replace").removeprefix(LABEL_PREFIX) for name in raw)
        table = np.full(1 << (2 * num_entries).bit_length(), -1, np.int32)
        _fill_words(starts, spelling, table)
        dictionary = Dictionary(starts, spelling, table, num_words, counts[num_words:].copy(), labels)
        if num_kept < 0:
            return dictionary, np.empty((0, 2), np.int32)
        if num_kept == 0:
            return dictionary, np.full((1, 2), -1, np.int32)
        return dictionary, self._take(np.int32, 2 * num_kept).reshape(-1, 2)

    def _matrix(self, dim: int, *, quantised: bool) -> npt.NDArray[np.float32]:
        has_norms = quantised and self._flag()
        rows, columns = self._take(np.int64, 2).tolist()
        if columns != dim or rows < 0:
            raise self._error(f"a matrix of {rows} rows and {columns} columns for vectors of {dim}")
        if not quantised:
            return self._take(np.float32, rows * columns).reshape(rows, columns)
        (num_codes,) = self._ints(1)
        codes = self._take(np.uint8, num_codes)
        centroids = self._centroids(dim)
        if num_codes != rows * len(centroids):
            raise self._error(f"{num_codes} codes for {rows} rows of {len(centroids)}")
        codes = codes.reshape(rows, len(centroids))
        decoded = np.concatenate([table[codes[:, part]] for part, table in enumerate(centroids)], axis=1)[:, :dim]
        if has_norms:
            norm_codes = self._take(np.uint8, rows)
            with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused with all the rest
                decoded *= self._centroids(1)[0, norm_codes]
        return decoded

    def _centroids(self, dim: int) -> npt.NDArray[np.float32]:
        """Reads the tables of a product quantiser of vectors of this size, filled up to equal widths."""
        found, parts, width, last = self._ints(4)
        if found != dim or min(parts, width, last) < 1 or last > width or (parts - 1) * width + last != dim:
            raise self._error(f"a quantiser of {parts} parts of {width} for vectors of {dim}")
        values = self._take(np.float32, dim * _CENTROIDS)
        tables = np.zeros((parts, _CENTROIDS, width), np.float32)
        whole = (parts - 1) * _CENTROIDS * width
        tables[:-1] = values[:whole].reshape(parts - 1, _CENTROIDS, width)
        tables[-1, :, :last] = values[whole:].reshape(_CENTROIDS, last)
        return tables

    def _kept(
        self, prune: npt.NDArray[np.int32], arguments: _Arguments, num_rows: int
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.int32] | None]:
        """Makes the bits and ranks of the kept buckets, and the order in which their rows go; None for all as they are."""
        if not prune.size:
            # Without n-grams no bucket is ever asked for, however many rows there are.
            wanted = arguments.buckets if arguments.word_ngrams > 1 or arguments.max_chars > 0 else 0
            if num_rows < wanted:
                raise self._error(f"{num_rows} rows for {wanted} buckets")
            return np.empty(0, np.uint64), np.empty(0, np.int32), None
        prune = prune[prune[:, 0] >= 0]
        prune = prune[np.argsort(prune[:, 0], kind="stable")]
        buckets, rows = prune[:, 0], prune[:, 1]
        if num_rows < 0 or (rows.size and not 0 <= rows.min() <= rows.max() < num_rows):
            raise self._error(f"kept buckets beyond its {num_rows} rows")
        if buckets.size and (buckets[-1] >= arguments.buckets or (np.diff(buckets) == 0).any()):
            raise self._error("kept buckets out of range")
        kept = np.zeros(max(1, -(-arguments.buckets // 64)), np.uint64)
        np.bitwise_or.at(kept, buckets // 64, np.uint64(1) << (buckets % 64).astype(np.uint64))
        ranks = np.searchsorted(buckets, np.arange(len(kept)) * 64).astype(np.int32)
        return kept, ranks, rows

    def _flag(self) -> bool:
        return bool(self._take(np.uint8, 1)[0])

    def _ints(self, count: int) -> list[int]:
        return [int(value) for value in self._take(np.int32, count)]

    def _take(self, kind: type[_Number], count: int) -> npt.NDArray[_Number]:
        """Copies the next numbers, since those in the file stand anywhere, not where a processor wants them."""
        size = count * np.dtype(kind).itemsize
        if count < 0 or size > self._data.size - self._at:
            raise self._error("cut short")
        values = np.empty(count, kind)
        values.view(np.uint8)[:] = self._data[self._at : self._at + size]
        self._at += size
        return values

    def _error(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self._path}: {what}")


def _filled_up(
    rows: npt.NDArray[np.float32], num_words: int, order: npt.NDArray[np.int32] | None
) -> npt.NDArray[np.float32]:
    """Puts the rows after the words in an order, and fills each up to whole lanes; what is right already is not copied."""
    width = -(-rows.shape[1] // LANES) * LANES
    if order is None and width == rows.shape[1]:
        return np.ascontiguousarray(rows)
    bucket_rows = rows[num_words:] if order is None else rows[num_words + order]
    filled = np.zeros((num_words + len(bucket_rows), width), np.float32)
    filled[:num_words, : rows.shape[1]] = rows[:num_words]
    filled[num_words:, : rows.shape[1]] = bucket_rows
    return filled


def _huffman(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Builds the tree of hierarchical softmax as fastText does: over the labels in their order, which is by falling count."""
    size = len(counts)
    weights = np.full(2 * size - 1, _UNSET, np.int64)
    weights[:size] = counts
    tree = np.empty((size - 1, 2), np.int32)
    leaf, inner = size - 1, size
    for node in range(size, 2 * size - 1):
        for side in (0, 1):
            if leaf >= 0 and weights[leaf] < weights[inner]:
                tree[node - size, side] = leaf
                leaf -= 1
            else:
                tree[node - size, side] = inner
                inner += 1
        weights[node] = weights[tree[node - size]].sum()
    return tree


@nb.njit(cache=True)
def hash_bytes(data: npt.NDArray[np.uint8], start: Int, end: Int) -> np.uint32:
    """Hashes a word as fastText does: FNV-1a over bytes that count as signed."""
    value = np.uint32(2166136261)
    for at in range(start, end):
        value = np.uint32(np.uint32(value ^ np.uint32(np.int8(data[at]))) * np.uint32(16777619))
    return value


@nb.njit(cache=True)
def _scan_entries(
    data: npt.NDArray[np.uint8],
    start: int,
    starts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.uint8],
    spelling: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Reads the entries of a dictionary: a NUL-ended word, int64 count, type.

    Returns:
        The bytes that all words take with their NULs, and the position behind the last entry; -1 where the file ends too
        early. An empty `spelling` is only measured.
    """
    at, to = start, 0
    for entry in range(counts.size):
        starts[entry] = to
        while at < data.size and data[at] != 0:
            if spelling.size:
                spelling[to] = data[at]
            to += 1
            at += 1
        if at + 10 > data.size:
            return to, -1
        if spelling.size:
            spelling[to] = 0
        to += 1
        count = np.uint64(0)
        for k in range(8):
            count |= np.uint64(data[at + 1 + k]) << np.uint64(8 * k)
        counts[entry] = np.int64(count)
        kinds[entry] = data[at + 9]
        at += 10
    starts[counts.size] = to
    return to, at


@nb.njit(cache=True)
def _fill_words(starts: npt.NDArray[np.int64], spelling: npt.NDArray[np.uint8], table: npt.NDArray[np.int32]) -> None:
    """Enters every word into the hash table."""
    for entry in range(starts.size - 1):
        slot = np.int64(hash_bytes(spelling, starts[entry], starts[entry + 1] - 1)) & (table.size - 1)
        while table[slot] >= 0:
            slot = (slot + 1) & (table.size - 1)
        table[slot] = entry
