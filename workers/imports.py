"""Lands others' prompts and generations: files in many shapes become our contracts, rows that fit none are quarantined.

Touches the files it is given, the run's folder and the store. Runs in the command itself, a block of rows a shard; a killed import
goes on behind the last block that landed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from schemas.arrow import CONTRACTS, check_contract
from schemas.errors import ResumableError, UserError
from schemas.files import sha256_of
from schemas.ids import canonical_json, digest, generation_id, prompt_id
from schemas.tables import Generation, Prompt
from workers import blocks, runs
from workers.blocks import Block, BlockPlace, keep_rows, known_rows, land_block, open_block
from workers.lookup import fetch
from workers.mapping import MappedRow, RowMapping, Sample, resolve
from workers.row_files import RawRow, find_files, first_row, read_rows

#: How many bad rows a result lists; all stand in the quarantine files.
_LISTED = 20
_UNKNOWN_MODEL = "unknown"


@dataclass(frozen=True)
class ImportSource:
    """Files of one origin and how to read them.

    Attributes:
        path: a JSONL or Parquet file, a folder of them, or a glob.
        source: name of the origin; part of every prompt's id.
        preset: a key of `workers.mapping.PRESETS`, or `auto`.
        columns: our field -> their column, before the preset's.
        task: for rows that do not say.
        model: for rows that do not say.
        language: for rows that do not say.
        prompts_only: land prompts alone.
    """

    path: Path
    source: str
    preset: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str = "math"
    model: str | None = None
    language: str | None = None
    prompts_only: bool = False


@dataclass
class ImportResult:
    """What came in.

    Attributes:
        run_ids: one for each source.
        counts: rows, prompts, generations (both new), already_there, bad_rows, replaced_characters.
        bad: the first bad rows: (file:line, reason).
    """

    run_ids: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[str, str]] = field(default_factory=list)

    @property
    def bad_rows(self) -> int:
        """Rows that are in quarantine."""
        return self.counts["bad_rows"]

    @property
    def exit_code(self) -> int:
        """0, or 3 where rows are quarantined."""
        return 3 if self.bad_rows else 0


def import_rows(
    engine: sa.Engine, out: Path, sources: Sequence[ImportSource], *, max_bad: int | None = None
) -> ImportResult:
    """Lands what is new of the sources' rows. The same files again change nothing.

    Raises:
        UserError: a file is missing or unreadable, a column is missing, or there is no row at all: before any work.
        ResumableError: more rows than `max_bad` are bad.
    """
    plans = [(source, *_look_at(source)) for source in sources]
    result = ImportResult()
    for source, files, mappings in plans:
        run_id = _open_run(engine, out, source, files)
        result.run_ids.append(run_id)
        with runs.marked_failed_on_error(engine, run_id):
            counts = _Import(engine, out, run_id, source, result=result, max_bad=max_bad).land_files(files, mappings)
        runs.close_run(engine, run_id, status="done", counts=counts)
    return result


def preview_import(sources: Sequence[ImportSource]) -> list[dict[str, Any]]:
    """Says which files `import_rows` would read and which column feeds which field; refuses what it would refuse.

    Returns:
        For each source: `source`, and `files` with `path`, `preset` and `columns`.
    """
    return [
        {
            "source": source.source,
            "files": [
                {"path": str(path), "preset": mapping.preset, "columns": dict(mapping.columns)}
                for path, mapping in _look_at(source)[1].items()
            ],
        }
        for source in sources
    ]


def as_it_comes(source: ImportSource) -> ImportSource:
    """Gives the source, with `prompts_only` where its first rows hold no generation.

    Raises:
        UserError: it has no prompts either, or cannot be read.
    """
    try:
        for path, mapping in _look_at(source)[1].items():
            mapping.read(first_row(path)[1])
    except (UserError, ValueError, TypeError):
        source = replace(source, prompts_only=True)
        _look_at(source)
    return source


def mapped_rows(
    source: ImportSource, on_bad: Callable[[str, str], None] | None = None
) -> Iterator[tuple[str, MappedRow]]:
    """Gives the rows of a source that can be read, each with its place, without landing them; tells `on_bad` place and fault of others.

    Raises:
        UserError: as `import_rows` does before any work.
    """
    files, mappings = _look_at(source)
    for path in files:
        for raw in read_rows(path):
            place, fault = f"{path.name}:{raw.locator}", raw.error or "no row that can be read"
            row = None
            if raw.value is not None and path in mappings:
                try:
                    row = mappings[path].read(raw.value)
                except (ValueError, TypeError) as error:
                    fault = str(error)
            if row is not None:
                yield place, row
            elif on_bad is not None:
                on_bad(place, fault)


def _look_at(source: ImportSource) -> tuple[list[Path], dict[Path, RowMapping]]:
    files = find_files(source.path)
    mappings = {}
    for path in files:
        columns, first = first_row(path)
        if columns:
            mappings[path] = resolve(
                source.preset, source.columns, columns, first, str(path), prompts_only=source.prompts_only
            )
    if not mappings:
        raise UserError(f"{source.path}: holds no row that can be read")
    return files, mappings


def _open_run(engine: sa.Engine, out: Path, source: ImportSource, files: Sequence[Path]) -> str:
    root = source.path if source.path.is_dir() else source.path.parent
    inputs = [
        {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in files
    ]
    recipe = {
        "source": source.source,
        "preset": source.preset,
        "columns": dict(source.columns),
        "task": source.task,
        "model": source.model,
        "language": source.language,
        "prompts_only": source.prompts_only,
        "block_rows": blocks.BLOCK_ROWS,
        "block_bytes": blocks.BLOCK_BYTES,
    }
    return runs.open_run(engine, kind="import", name=source.source, out=out, recipe=recipe, inputs=inputs)


class _Import:
    """The import of one source: keeps which sample of each prompt comes next."""

    def __init__(
        self,
        engine: sa.Engine,
        out: Path,
        run_id: str,
        source: ImportSource,
        *,
        result: ImportResult,
        max_bad: int | None,
    ) -> None:
        self._engine = engine
        self._out = out
        self._run_id = run_id
        self._source = source
        self._result = result
        self._max_bad = max_bad
        self._stage_id = runs.open_stage(engine, run_id, name="import", kind="import")
        self._next_index: Counter[tuple[str, str, str]] = Counter()
        self._prompts: set[str] = set()
        self._generations: set[str] = set()

    def land_files(self, files: Sequence[Path], mappings: Mapping[Path, RowMapping]) -> Counter[str]:
        """Lands every block that has not landed; gives the counts of the whole source."""
        total: Counter[str] = Counter()
        for number, block in enumerate(self._blocks(files, mappings)):
            total += self._land(number, block)
            if self._max_bad is not None and self._result.bad_rows > self._max_bad:
                raise ResumableError(
                    f"{self._source.path}: {self._result.bad_rows} bad rows, more than the {self._max_bad} allowed; "
                    f"the first: {': '.join(self._result.bad[0])}"
                )
        runs.close_stage(self._engine, self._stage_id, total)
        return total

    def _land(self, number: int, block: Block) -> Counter[str]:
        shard_id, status, counts = open_block(self._engine, self._stage_id, number)
        if status == "done":
            # The rows are read again for their numbers and faults; what they brought stands in the store.
            block.counts["already_there"] = len(block.generations["id"]) or len(block.prompts["id"])
            self._result.counts.update(block.counts)
            return Counter(counts)
        self._drop_known_prompts(block)
        self._drop_known_generations(block)
        block.counts["prompts"] = len(block.prompts["id"])
        block.counts["generations"] = len(block.generations["id"])
        cargo = {"prompts": block.prompts, "generations": block.generations, "quarantine": block.faults}
        place = BlockPlace(self._out, self._run_id, self._stage_id, shard_id, number)
        land_block(self._engine, place, cargo, block.counts)
        self._result.counts.update(block.counts)
        return block.counts

    def _drop_known_prompts(self, block: Block) -> None:
        known = known_rows(self._engine, self._out, Prompt, block.prompts["id"])
        keep_rows(block.prompts, [key not in known for key in block.prompts["id"]])

    def _drop_known_generations(self, block: Block) -> None:
        known = known_rows(self._engine, self._out, Generation, block.generations["id"])
        if not known:
            return
        texts = fetch(known, ["text"])
        for key, text in zip(block.generations["id"], block.generations["text"], strict=True):
            if key in known and texts[key]["text"] != text:
                origin = block.origins[key]
                error = (
                    "this sample of the prompt has landed with another text; import the file under another source name"
                )
                self._fault(block, origin.pointer.partition("@")[0].partition("#")[0], origin, error)
            elif key in known:
                block.counts["already_there"] += 1
        keep_rows(block.generations, [key not in known for key in block.generations["id"]])

    def _blocks(self, files: Sequence[Path], mappings: Mapping[Path, RowMapping]) -> Iterator[Block]:
        block = Block()
        for path in files:
            for raw in read_rows(path):
                self._add(block, path, mappings.get(path), raw)
                if block.is_full:
                    yield block
                    block = Block()
        if block.counts:
            yield block

    def _add(self, block: Block, path: Path, mapping: RowMapping | None, raw: RawRow) -> None:
        block.size += raw.size
        if raw.value is None or mapping is None:
            self._fault(block, path.name, raw, raw.error or "no column of the file fits")
            return
        block.counts["rows"] += 1
        block.counts["replaced_characters"] += raw.replaced
        try:
            row = mapping.read(raw.value)
            self._take(block, raw, row)
        except (ValueError, TypeError) as error:
            self._fault(block, path.name, raw, str(error))

    def _take(self, block: Block, raw: RawRow, row: MappedRow) -> None:
        source, task = row.source or self._source.source, row.task or self._source.task
        prompt = prompt_id(source, task, row.messages, row.gold)
        model = row.model or self._source.model or _UNKNOWN_MODEL
        sampling = {"import": self._source.source}
        keys = [
            (generation_id(prompt, model, sampling, index), index, sample)
            for index, sample in self._numbered((prompt, model, source), row.samples)
        ]
        fresh: set[str] = set()
        for key, index, _ in keys:
            if key in self._generations or key in fresh:
                raise ValueError(f"sample {index} of this prompt has come before")
            fresh.add(key)
        if prompt not in self._prompts:
            self._prompts.add(prompt)
            values: dict[str, Any] = {
                "id": prompt,
                "task": task,
                "messages": canonical_json(row.messages),
                "gold": canonical_json(row.gold) if row.gold is not None else None,
                "language": row.language or self._source.language,
                "domain": row.domain,
                "source": source,
            }
            for name, value in values.items():
                block.prompts[name].append(value)
        for key, index, sample in keys:
            self._generations.add(key)
            block.origins[key] = RawRow(raw.locator, None, 0, None, raw.pointer)
            sample_values: dict[str, Any] = {
                "id": key,
                "prompt_id": prompt,
                "sample_index": index,
                "text": sample.text,
                "model": model,
                "sampling": canonical_json(sampling),
                "finish_reason": sample.finish_reason,
                "tokens": sample.tokens,
            }
            for name, value in sample_values.items():
                block.generations[name].append(value)

    def _numbered(self, group: tuple[str, str, str], samples: Sequence[Sample]) -> Iterator[tuple[int, Sample]]:
        for sample in samples:
            index = self._next_index[group] if sample.index is None else sample.index
            self._next_index[group] = max(self._next_index[group], index + 1)
            yield index, sample

    def _fault(self, block: Block, file: str, raw: RawRow, error: str) -> None:
        block.counts["bad_rows"] += 1
        where = f"{file}:{raw.locator}" if raw.locator else file
        if len(self._result.bad) < _LISTED:
            self._result.bad.append((where, error))
        values = {
            "locator": where,
            "source": self._source.source,
            "stage": "import",
            "error": error.encode("utf-8", "replace").decode(),
            "pointer": raw.pointer,
        }
        for name, value in values.items():
            block.faults[name].append(value)


def import_prompts(engine: sa.Engine, out: Path, prompts: pa.Table, name: str) -> ImportResult:
    """Lands a table of the prompts contract; prompts that are there already stay as they are.

    Args:
        engine: the store.
        out: folder of the run's files.
        prompts: the prompts contract; ids are taken as they are.
        name: of the run.

    Raises:
        ContractError: when the table is not of the contract.
    """
    check_contract(prompts.schema, "prompts", "prompts")
    ids = prompts.column("id").to_pylist()
    inputs = [{"prompts": len(ids), "digest": digest(*ids)}]
    run_id = runs.open_run(
        engine, kind="import", name=name, out=out, recipe={"block_rows": blocks.BLOCK_ROWS}, inputs=inputs
    )
    stage_id = runs.open_stage(engine, run_id, name="import", kind="import")
    result = ImportResult([run_id])
    for number, start in enumerate(range(0, len(ids), blocks.BLOCK_ROWS)):
        columns = prompts.slice(start, blocks.BLOCK_ROWS).select(CONTRACTS["prompts"].names).to_pydict()
        rows = len(columns["id"])
        shard_id, status, _ = open_block(engine, stage_id, number)
        if status != "done":
            known = known_rows(engine, out, Prompt, columns["id"])
            keep_rows(columns, [key not in known for key in columns["id"]])
            counts = Counter(rows=rows, prompts=len(columns["id"]), already_there=rows - len(columns["id"]))
            land_block(engine, BlockPlace(out, run_id, stage_id, shard_id, number), {"prompts": columns}, counts)
        else:
            counts = Counter(rows=rows, already_there=rows)
        result.counts.update(counts)
    runs.close_stage(engine, stage_id, result.counts)
    runs.close_run(engine, run_id, status="done", counts=result.counts)
    return result
