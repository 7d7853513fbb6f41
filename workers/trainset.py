"""Writes a selected set as training files: texts and messages are fetched file by file, then put into the order of the set.

The set's order (by prompt) is not that of the files that hold the texts. So rows are read once in file order, spooled to disk in
buckets by their place in the set, and each bucket is sorted in memory. Reads artifacts, writes below the selection's folder.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.arrow import CONTRACT_KEY, VERSION_KEY
from schemas.files import Part, write_lines, write_part
from schemas.ids import canonical_json
from workers.ranking import Ranking
from workers.rows import artifact_files, fetch_in_order

#: Rows of a bucket: what is sorted in memory at a time.
BUCKET_ROWS = 8192
#: Spooled bytes that wait in memory for their buckets.
SPOOL_BYTES = 64 << 20
#: A training file closes at the first bucket that takes its texts and messages over this size.
PART_BYTES = 256 << 20
#: Distinct sampling settings that the data card lists.
MAX_SAMPLINGS = 32

#: The training set as Parquet. `messages` is the prompt's JSON as it stands in the prompts file, `text` the completion.
TRAINING = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("generation_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("messages", pa.large_string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("tokens", pa.int32()),
        pa.field("scores", pa.string(), nullable=False),  # JSON object: verifier -> score
    ],
    metadata={CONTRACT_KEY: b"training_set", VERSION_KEY: b"1"},
)

_COMPLETION_COLUMNS = ("text", "model")
_PROMPT_COLUMNS = ("messages", "source", "task", "language", "domain")


class Spool:
    """Rows on disk in buckets by place; appended in any order, read back in the order of their places."""

    def __init__(self, folder: Path, columns: Sequence[str], text: str) -> None:
        """Makes the folder for rows of these columns of `TRAINING`; `text` is the large one, whose bytes are counted."""
        self._folder = folder
        self._schema = pa.schema([pa.field("place", pa.int64()), *(TRAINING.field(name) for name in columns)])
        self._text = text
        self._pending: dict[int, list[dict[str, Any]]] = {}
        self._pending_bytes = 0
        #: Bytes of text by bucket.
        self.text_bytes: Counter[int] = Counter()
        folder.mkdir(parents=True)

    def append(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Takes rows with their places in the set."""
        for place, row in rows:
            bucket = place // BUCKET_ROWS
            size = len(row[self._text].encode())
            self._pending.setdefault(bucket, []).append({"place": place, **row})
            self.text_bytes[bucket] += size
            self._pending_bytes += size
            if self._pending_bytes >= SPOOL_BYTES:
                self.flush()

    def flush(self) -> None:
        """Appends what waits in memory to the buckets' files, each time as one Arrow IPC stream."""
        for bucket, rows in self._pending.items():
            with (
                (self._folder / f"{bucket}.arrows").open("ab") as sink,
                pa.ipc.new_stream(sink, self._schema) as writer,
            ):
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        self._pending.clear()
        self._pending_bytes = 0

    def read(self, bucket: int) -> pa.Table:
        """Gives a bucket's rows by place."""
        batches: list[pa.RecordBatch] = []
        with pa.memory_map(str(self._folder / f"{bucket}.arrows")) as source:
            while source.tell() < source.size():
                with pa.ipc.open_stream(source) as reader:
                    batches.extend(reader)
        return pa.Table.from_batches(batches, self._schema).sort_by("place")


@dataclass
class TrainingFiles:
    """What was written, and the sampling settings met: (model, sampling hash) -> settings, for the data card."""

    parquet: list[Part] = field(default_factory=list)
    lines: list[Part] = field(default_factory=list)
    samplings: dict[str, Any] = field(default_factory=dict)


def write_training_files(ranking: Ranking, out: Path, folder: Path, spool_folder: Path) -> TrainingFiles:
    """Writes the chosen rows as ``train-*.parquet`` (`TRAINING`) and ``train-*.jsonl``, in the order of the set.

    A JSONL line is ``{"messages": [..., the completion], "id", "prompt_id", "source", "task", "language", "model",
    "scores"}``. The completion is an assistant message; where the prompt ends in an opened assistant message, it goes on there.

    Args:
        ranking: filled.
        out: folder that holds the artifacts if their run's own folder is gone.
        folder: where the files go.
        spool_folder: a folder that does not exist yet, for rows in between; as large as the set; the caller removes it.

    Raises:
        UserError: if the store and its files disagree.
    """
    written = TrainingFiles()
    completions = Spool(spool_folder / "completions", _COMPLETION_COLUMNS, "text")
    prompts = Spool(spool_folder / "prompts", _PROMPT_COLUMNS, "messages")
    _spool_completions(ranking, out, completions, written.samplings)
    files = artifact_files(ranking.connection, out, "prompts")
    for batch in fetch_in_order(files, ranking.prompt_places(), _PROMPT_COLUMNS):
        prompts.append(batch)
    completions.flush()
    prompts.flush()
    for number, buckets in enumerate(_cut(completions, prompts)):
        stem = f"train-{number:05d}"

        def tables(buckets: range = buckets) -> Iterator[pa.Table]:
            return (_table(ranking, completions.read(bucket), prompts.read(bucket), bucket) for bucket in buckets)

        batches = (batch for table in tables() for batch in table.to_batches())
        written.parquet.append(write_part(folder, stem, batches, TRAINING))
        lines = (_line(row) for table in tables() for batch in table.to_batches() for row in batch.to_pylist())
        written.lines.append(write_lines(folder, stem, lines))
    return written


def _spool_completions(ranking: Ranking, out: Path, spool: Spool, samplings: dict[str, Any]) -> None:
    files = artifact_files(ranking.connection, out, "generations")
    for batch in fetch_in_order(files, ranking.generation_places(), [*_COMPLETION_COLUMNS, "sampling"]):
        for (_, sampling_hash), record in batch:
            sampling = record.pop("sampling")
            if sampling_hash not in samplings and len(samplings) < MAX_SAMPLINGS:
                samplings[sampling_hash] = json.loads(sampling)
        spool.append([(place, record) for (place, _), record in batch])


def _cut(completions: Spool, prompts: Spool) -> Iterator[range]:
    """Gives the buckets of each part: at least one part, so that an empty set has its empty files."""
    start = size = 0
    last = max(completions.text_bytes, default=-1)
    for bucket in range(last + 1):
        size += completions.text_bytes[bucket] + prompts.text_bytes[bucket]
        if size >= PART_BYTES or bucket == last:
            yield range(start, bucket + 1)
            start, size = bucket + 1, 0
    if last < 0:
        yield range(0)


def _table(ranking: Ranking, completions: pa.Table, prompts: pa.Table, bucket: int) -> pa.Table:
    facts = list(ranking.chosen(bucket * BUCKET_ROWS, (bucket + 1) * BUCKET_ROWS))
    columns = {
        "prompt_id": [row.prompt_id for row in facts],
        "generation_id": [row.generation_id for row in facts],
        "rank": [row.rank for row in facts],
        "tokens": [row.tokens for row in facts],
        "scores": [canonical_json(ranking.scores(row)) for row in facts],
        **{name: completions[name] for name in _COMPLETION_COLUMNS},
        **{name: prompts[name] for name in _PROMPT_COLUMNS},
    }
    return pa.table([columns[name] for name in TRAINING.names], schema=TRAINING)


def _line(row: dict[str, Any]) -> str:
    value = {
        "messages": conversation(json.loads(row["messages"]), row["text"]),
        "id": row["generation_id"],
        "prompt_id": row["prompt_id"],
        **{name: row[name] for name in ("source", "task", "language", "model")},
        "scores": json.loads(row["scores"]),
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def conversation(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Gives the prompt's messages with the completion after them.

    A prompt whose last message is the assistant's opens the answer (few-shot prompts open the thinking so); the completion goes
    on in that message, or takes its place where the sampler has put the opening into the text already.
    """
    last = messages[-1] if messages else {}
    opening = last.get("content")
    if last.get("role") != "assistant" or not isinstance(opening, str):
        return [*messages, {"role": "assistant", "content": text}]
    whole = text if text.startswith(opening) else opening + text
    return [*messages[:-1], {**last, "content": whole}]
