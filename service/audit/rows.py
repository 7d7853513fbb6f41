"""Reads generations in others' shapes, in blocks whose numbers follow from the input alone. Reads files only.

A row that cannot be read or mapped is a fault; it costs no other row.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from curation.readers.listing import format_of
from curation.readers.streams import CHUNK_BYTES, InputStream
from schemas.errors import UserError
from schemas.ids import canonical_json, digest
from service.audit.model import Generation, Settings
from service.audit.prompts import PromptFact, key_text, prompt_text
from service.report.highlight import shorten
from workers.mapping import MappedRow, RowMapping, Sample, resolve
from workers.presets import FIELDS, Candidates, fit_columns, has_column, value_at
from workers.row_files import RawRow, find_files, first_row, read_rows

#: A block closes at so many rows, or sooner at so many bytes.
BLOCK_ROWS = 512
BLOCK_BYTES = 8 << 20
#: Fields that only the audit reads, and the columns that feed them.
OWN_FIELDS: Candidates = {
    "id": ("id", "generation_id"),
    "prompt_id": ("prompt_id",),
    "step": ("step", "global_step", "checkpoint"),
}
_MAX_NAME = 160
_NO_FACT = PromptFact(None, None, "")


class Fault(NamedTuple):
    """A row that is not measured: where it stands, why, and where its raw bytes are."""

    locator: str
    error: str
    pointer: str


@dataclass
class Block:
    """Rows that are measured together."""

    number: int
    rows: list[Generation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    raw_rows: int = 0
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the block is to be closed."""
        return max(len(self.rows), self.raw_rows) >= BLOCK_ROWS or self.size >= BLOCK_BYTES


class FilePlan(NamedTuple):
    """A file and which of its columns feeds which field."""

    path: Path
    mapping: RowMapping
    own: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Gives the plan as a JSON object."""
        return {"path": str(self.path), "preset": self.mapping.preset, "columns": {**self.mapping.columns, **self.own}}


def plan_files(paths: Sequence[Path], settings: Settings) -> list[FilePlan]:
    """Finds the files and fits the columns.

    Raises:
        UserError: no file, a column that is missing, or no row at all.
    """
    plans = []
    for path in dict.fromkeys(itertools.chain.from_iterable(find_files(path) for path in paths)):
        there, first = first_row(path)
        if not there:
            continue
        own = {ours: theirs for ours, theirs in settings.columns.items() if ours in OWN_FIELDS}
        for ours, theirs in own.items():
            if not has_column(theirs, there, first):
                raise UserError(f"{path}: column {theirs!r} for {ours!r} is missing")
        others = {ours: theirs for ours, theirs in settings.columns.items() if ours not in OWN_FIELDS}
        unknown = sorted(set(others) - set(FIELDS))
        if unknown:
            raise UserError(f"--column {unknown[0]}=...: no such field; there are {', '.join((*FIELDS, *OWN_FIELDS))}")
        mapping = resolve(settings.preset, others, there, first, str(path), prompts_only=False, prompt_optional=True)
        plans.append(FilePlan(path, mapping, {**fit_columns(OWN_FIELDS, there, first), **own}))
    if not plans:
        raise UserError(f"{paths[0]}: holds no row that can be read")
    return plans


def count_rows(path: Path) -> int:
    """Counts the rows of a file, for the progress bar: Parquet's by its footer, JSONL's by line ends."""
    import pyarrow.parquet as pq

    if format_of(path.name) == "parquet":
        return int(pq.read_metadata(path).num_rows)
    lines, last = 0, b"\n"
    with InputStream(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


class Reader:
    """Reads the blocks of planned files."""

    def __init__(self, plans: Sequence[FilePlan], prompts: Mapping[str, PromptFact], settings: Settings) -> None:
        self._plans = plans
        self._prompts = prompts
        self._settings = settings

    def blocks(self) -> Iterator[Block]:
        """Gives every block in order; the same files and settings give the same blocks."""
        block = Block(0)
        left = self._settings.limit
        for plan in self._plans:
            for raw in read_rows(plan.path):
                if left is not None and left <= 0:
                    break
                before = len(block.rows)
                self._add(block, plan, raw)
                if left is not None:
                    del block.rows[before + left :]
                    left -= len(block.rows) - before
                if block.is_full:
                    yield block
                    block = Block(block.number + 1)
        if block.raw_rows:
            yield block

    def _add(self, block: Block, plan: FilePlan, raw: RawRow) -> None:
        block.raw_rows += 1
        block.size += raw.size
        where = f"{plan.path.name}:{raw.locator}" if raw.locator else plan.path.name
        if raw.value is None:
            block.faults.append(Fault(where, raw.error or "no row", raw.pointer))
            return
        try:
            row = plan.mapping.read(raw.value)
            block.rows += self._generations(plan, raw, raw.value, where, row)
        except (ValueError, TypeError) as error:
            block.faults.append(Fault(where, str(error), raw.pointer))

    def _generations(
        self, plan: FilePlan, raw: RawRow, value: Mapping[str, Any], where: str, row: MappedRow
    ) -> Iterator[Generation]:
        own = {name: key_text(value_at(value, column)) for name, column in plan.own.items()}
        prompt = prompt_text(row.messages)
        prompt_id = own.get("prompt_id", "")
        fact = self._prompts.get(prompt_id, _NO_FACT)
        given = row.language or fact.language or self._settings.language
        key = prompt_id or (digest(canonical_json(row.messages)) if row.messages else "")
        for number, sample in enumerate(row.samples):
            name = own.get("id") or where
            yield Generation(
                id=f"{name}/{_index(sample, number)}" if len(row.samples) > 1 else name,
                prompt_key=key or name,
                model=shorten(row.model or _stem(plan.path), _MAX_NAME),
                sample_index=_index(sample, number) if len(row.samples) > 1 else sample.index,
                step=shorten(own.get("step", ""), _MAX_NAME),
                domain=shorten(row.domain or fact.domain, _MAX_NAME),
                finish_reason=sample.finish_reason or "",
                language=given or fact.target,
                by_prompt=not given,
                prompt=prompt,
                text=sample.text,
                locator=where,
                pointer=raw.pointer,
            )


def _index(sample: Sample, number: int) -> int:
    return number if sample.index is None else sample.index


def _stem(path: Path) -> str:
    """Gives a file's name without its endings, which stands for the model where nothing else does."""
    name = path.name
    for ending in (".gz", ".zst", ".jsonl", ".ndjson", ".json", ".parquet"):
        name = name.removesuffix(ending)
    return name
