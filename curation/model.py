"""What the rooms of curation hand to each other: pieces of input, raw batches, faults, and the contract of a step.

Pure types over Arrow; no Beam, no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from schemas.arrow import DOCUMENTS

#: What a reader yields: the documents contract without its language columns, with the page's bytes beside the text. Exactly one of
#: `text` and `html` is set. Steps add columns after these.
RAW = pa.schema(
    [
        *(item for item in DOCUMENTS if item.name not in ("text", "language", "language_score")),
        pa.field("text", pa.large_string()),
        pa.field("html", pa.large_binary()),
        pa.field("html_encoding", pa.string()),  # as the transport declared it, if it did
        pa.field("replaced_characters", pa.int32(), nullable=False),  # NUL and lone surrogates that became U+FFFD
    ]
)


@dataclass(frozen=True)
class Piece:
    """A part of one input file that is read as a whole by one worker.

    Attributes:
        source: name of the input in the recipe.
        dump: the input's dump, or an empty string.
        root: folder (or URL) that `path` is relative to; not part of any id.
        path: path relative to `root`, with forward slashes.
        format: warc, html, jsonl, parquet or source.
        columns: our field -> their column, for jsonl and parquet.
        start: first row group (parquet only).
        stop: row group after the last one, or -1 for the file's end.
        num_bytes: size of the part as stored.
        repo: name of the repository (source only), or an empty string.
    """

    source: str
    dump: str
    root: str
    path: str
    format: str
    columns: tuple[tuple[str, str], ...] = ()
    start: int = 0
    stop: int = -1
    num_bytes: int = 0
    repo: str = ""

    def to_json(self) -> dict[str, Any]:
        """Gives the piece as a JSON object, for the shard plan."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Piece":
        """Reads what `to_json` gave."""
        return cls(**{**value, "columns": tuple((ours, theirs) for ours, theirs in value["columns"])})


@dataclass(frozen=True)
class Fault:
    """Something that could not be read or processed: a row of the quarantine contract."""

    locator: str
    source: str
    stage: str
    error: str
    pointer: str


@dataclass
class StepOutput:
    """What a step makes of a batch.

    Attributes:
        kept: the rows that go on, with the step's columns added.
        rejects: the rows that stop, with the same columns plus `step: string` and `reasons: list<string>`; None for none.
        faults: rows that the step could not process; they are in neither batch.
        evidence: what a decontamination found, schema `schemas.arrow.CONTAMINATION`; None for none.
    """

    kept: pa.RecordBatch
    rejects: pa.RecordBatch | None = None
    faults: list[Fault] = field(default_factory=list)
    evidence: pa.RecordBatch | None = None


@dataclass(frozen=True)
class Reading:
    """One signal against its threshold, as `explain` shows it.

    `operator` is the comparison under which the document FAILS, for example value 12 `<` threshold 50.
    """

    step: str
    signal: str
    value: float | str | None
    operator: str
    threshold: float | str | None
    reason: str
    failed: bool


class Step(Protocol):
    """A map step: pure, picklable, the same result for any cut of the batches."""

    name: str
    version: int
    sources: frozenset[str]

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the columns that `apply` adds."""

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Processes the rows of its sources; other rows pass, with nulls in the added columns."""

    def explain(self, text: str) -> list[Reading]:
        """Gives every signal, threshold and verdict of this step for one text."""

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Gives the same for a written row from its columns, without measuring; nothing for columns that it lacks."""
