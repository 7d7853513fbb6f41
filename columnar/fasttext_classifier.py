"""fastText's prediction in a compiled loop over Arrow buffers: the library's probabilities, many times faster. Pure: no I/O.

All is as in fastText 0.9: words are split at ASCII white space and NUL; a token that
reads `</s>` ends the text; tokens that start with `__label__` are no words; the end of the text counts as a word of its own; all
vectors are averaged. A line break is white space and nothing more, because fastText's `predict` takes one line: callers of it
replace line breaks by spaces first, and so does this. tests/columnar/test_fasttext.py compares with the library.
"""

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.fasttext_kernel import KEY_LANES, LOG_FLOOR, LOSS_CODES, SIGMOID_BOUND, SIGMOID_STEPS, score
from columnar.fasttext_model import Model, read_model
from columnar.text import buffers

_MEMO_BYTES = 1 << 23
_MOST_SLOTS = 1 << 16
_FEWEST_SLOTS = 1 << 10


class _Arrays(NamedTuple):
    """A model as the kernel takes it; see `columnar.fasttext_model` for each."""

    inputs: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    spelling: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int32]
    kept: npt.NDArray[np.uint64]
    ranks: npt.NDArray[np.int32]
    outputs: npt.NDArray[np.float32]
    tree: npt.NDArray[np.int32]
    sigmoid: npt.NDArray[np.float32]


class _Settings(NamedTuple):
    """The numbers of a model that the kernel needs."""

    dim: int
    word_ngrams: int
    min_chars: int
    max_chars: int
    buckets: int
    num_words: int
    loss: int


class _Memo(NamedTuple):
    """Remembered words, a slot of one row each: the sum of the vectors, the key, fastText's hash (-1: a label), how many vectors.

    Both views are of the same memory, so that a word is one place: float32[slots, 2 * n] and int64[slots, n].
    """

    sums: npt.NDArray[np.float32]
    facts: npt.NDArray[np.int64]


class Classifier:
    """A fastText model ready to score texts. Threads may share one: each remembers its own words."""

    def __init__(self, model: Model) -> None:
        """Takes a model; its arrays are used where they are."""
        self.labels = model.labels
        steps = np.arange(SIGMOID_STEPS + 1, dtype=np.float32) * np.float32(2 * SIGMOID_BOUND / SIGMOID_STEPS)
        self._arrays = _Arrays(
            model.inputs,
            model.dictionary.starts,
            model.dictionary.spelling,
            model.dictionary.table,
            model.kept,
            model.ranks,
            model.outputs,
            model.tree,
            (1.0 / (1.0 + np.exp(SIGMOID_BOUND - steps.astype(np.float64)))).astype(np.float32),
        )
        self._settings = _Settings(
            model.dim,
            model.word_ngrams,
            model.min_chars,
            model.max_chars,
            model.buckets,
            model.dictionary.num_words,
            LOSS_CODES[model.loss],
        )
        self._width = model.inputs.shape[1]
        self._local = threading.local()

    def probabilities(
        self,
        texts: pa.LargeStringArray,
        groups: Sequence[int] | None = None,
        num_groups: int | None = None,
        *,
        faint: bool = False,
    ) -> npt.NDArray[np.float32]:
        """Gives the probability of each label for each text, or the sums over groups of labels.

        Args:
            texts: the documents; slices are honoured.
            groups: the group of each label, -1 for none; by default each label is its own.
            num_groups: how many groups there are; by default one more than the highest.
            faint: whether hierarchical softmax gives labels below about 1e-5 their probability. fastText does not, and 0 is faster.

        Returns:
            float32[len(texts), groups]. A label's probability is what fastText's `predict` gives, with the 1e-5 that it adds,
            but at most 1. All zero where fastText gives no label: no word of the text has a vector.

        Raises:
            TypeError, ValueError: see `columnar.text.buffers`.
        """
        group_of = np.array(range(len(self.labels)) if groups is None else groups, np.int64)
        found = np.zeros((len(texts), num_groups if num_groups is not None else int(group_of.max()) + 1), np.float32)
        offsets, data = buffers(texts)
        score(
            offsets,
            data,
            *self._arrays,
            *self._settings,
            *self._memo(),
            group_of,
            found,
            np.float32(0.0 if faint else LOG_FLOOR),
        )
        return np.minimum(found, np.float32(1.0), out=found)

    def _memo(self) -> _Memo:
        if not hasattr(self._local, "memo"):
            row = -(-(self._width // 2 + KEY_LANES + 2) // 8) * 8  # whole lines of a processor's cache
            fitting = max(1, _MEMO_BYTES // (8 * row))
            slots = min(_MOST_SLOTS, max(_FEWEST_SLOTS, 1 << (fitting.bit_length() - 1)))
            facts = np.zeros((slots, row), np.int64)
            self._local.memo = _Memo(facts.view(np.float32), facts)
        memo: _Memo = self._local.memo
        return memo


@lru_cache(maxsize=4)
def load_classifier(path: str) -> Classifier:
    """Reads a model once a process.

    Raises:
        columnar.fasttext_model.ModelFileError: see `read_model`.
    """
    return Classifier(read_model(Path(path)))
