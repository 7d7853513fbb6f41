"""A corpus of any size with near-duplicate pairs of known Jaccard similarity, as Parquet. For the scripts here.

Its words are those of this machine's source and documentation, as frequent as there; drawn one by one, so that no two documents are
alike but by plan. The copy of a planted pair has other words from some place on to its end: of S shingles, c change, and the true
similarity is (S - c) / (S + c).
"""

import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.machine_text import machine_text

NGRAM = 5
_SCHEMA = pa.schema([("url", pa.string()), ("text", pa.large_string())])
TRUTH = pa.schema([("first", pa.string()), ("second", pa.string()), ("jaccard", pa.float64())])
_BLOCK = 2000
_ROW_GROUP = 4096
_STREAM_BYTES = 4_000_000
_WORD = re.compile(r"(?<!\S)[A-Za-z]+[.,;:]?\s")  # what the published normalisation takes as one word


@dataclass(frozen=True)
class Corpus:
    """What to write.

    Attributes:
        folder: `in/*.parquet` and `truth/*.parquet` go here.
        documents: how many, copies included.
        pairs: how many of them are copies of another.
        low: least similarity of a planted pair.
        high: greatest.
        words: mean words of a document; 450 are about 3 kB.
        files: how many input files.
        seed: of everything.
    """

    folder: Path
    documents: int
    pairs: int
    low: float = 0.5
    high: float = 1.0
    words: int = 450
    files: int = 16
    seed: int = 5


@cache
def _words() -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Gives the distinct words with the white space behind each, and the stream of them as numbers."""
    found = [
        word for kind in ("docs", "code") for text in machine_text(kind, _STREAM_BYTES) for word in _WORD.findall(text)
    ]
    encoded = pa.array(found, pa.large_string()).dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()


def _texts(numbers: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> pa.LargeStringArray:
    """Joins the words of each document, `numbers[offsets[i]:offsets[i + 1]]`: in Arrow they lie side by side already."""
    words = _words()[0].take(pa.array(numbers))
    _, ends, data = words.buffers()
    ends = np.frombuffer(ends, np.int64, len(words) + 1)[offsets]
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(ends), data)


def _block(
    rng: np.random.Generator, corpus: Corpus, count: int, pairs: int
) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Gives `count` originals and then copies of the first `pairs` of them, and the pairs' similarities."""
    _, stream = _words()
    lengths = np.clip(rng.lognormal(np.log(corpus.words) - 0.125, 0.5, count), 60, corpus.words * 20).astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    numbers = stream[rng.integers(0, stream.size, offsets[-1])]
    shingles = lengths[:pairs] - NGRAM + 1
    wanted = rng.uniform(corpus.low, corpus.high, pairs)
    changed = np.round(shingles * (1 - wanted) / (1 + wanted)).astype(np.int64)
    copies = numbers[: offsets[pairs]].copy()
    ends = offsets[1 : pairs + 1]
    in_tail = np.arange(copies.size) >= np.repeat(ends - changed, lengths[:pairs])
    copies[in_tail] = stream[rng.integers(0, stream.size, int(in_tail.sum()))]
    texts = pa.concat_arrays([_texts(numbers, offsets), _texts(copies, offsets[: pairs + 1])])
    return texts, (shingles - changed) / (shingles + changed)


class _File:
    """An input file with row groups of the usual size."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _SCHEMA, compression="zstd")
        self._tables: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        self._tables.append(table)
        if sum(item.num_rows for item in self._tables) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables))
        self._tables = []


def _write_files(corpus: Corpus, files: Sequence[int], number: int, workers: int) -> None:
    """Writes one worker's share: originals and copies of a pair go to any of its files."""
    rng = np.random.default_rng([corpus.seed, number])
    left, pairs_left = corpus.documents // workers, corpus.pairs // workers
    truth: list[pa.Table] = []
    made = 0
    writers = [_File(corpus.folder / "in" / f"{file:04d}.parquet") for file in files]
    while left:
        size = min(_BLOCK, left)
        pairs = min(size // 2, round(pairs_left * size / left))
        texts, similarities = _block(rng, corpus, size - pairs, pairs)
        urls = [f"doc/{number}/{at}" for at in range(made, made + size)]
        truth.append(pa.table([urls[:pairs], urls[size - pairs :], similarities], schema=TRUTH))
        table = pa.table([urls, texts], schema=_SCHEMA)
        places = rng.integers(0, len(writers), size)
        for place, writer in enumerate(writers):
            writer.add(table.filter(pa.array(places == place)))
        made, left, pairs_left = made + size, left - size, pairs_left - pairs
    for writer in writers:
        writer.close()
    pq.write_table(pa.concat_tables(truth), corpus.folder / "truth" / f"{number:04d}.parquet")


def write_corpus(corpus: Corpus, workers: int = 2) -> int:
    """Writes a corpus with so many processes, which it depends on. Gives its bytes of text."""
    for name in ("in", "truth"):
        (corpus.folder / name).mkdir(parents=True)
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(_write_files, corpus, range(number, corpus.files, workers), number, workers)
            for number in range(workers)
        ]
        for job in jobs:
            job.result()
    total = 0
    for path in sorted((corpus.folder / "in").iterdir()):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                total += pc.sum(pc.binary_length(file.read_row_group(group, columns=["text"])["text"])).as_py() or 0
    return total


def read_truth(corpus: Corpus) -> pa.Table:
    """Gives the planted pairs; schema `TRUTH`."""
    return pa.concat_tables([pq.read_table(path) for path in sorted((corpus.folder / "truth").iterdir())])
