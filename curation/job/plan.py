"""The plan of a run: what goes in, cut into shards, and the identity that a rerun must share.

Reads input files to fingerprint them, and the plan file. Listing the inputs is the readers' part.
"""

import difflib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from curation.embedding import ENCODER_FILES, find_model
from curation.job.signature_index import (
    IndexView,
    check_dumps,
    check_segments,
    index_folder,
    index_settings,
    read_segments,
    segment_dumps,
)
from curation.model import Fault, Piece, Step
from curation.readers.listing import list_pieces
from curation.step_files import model_folder, step_files
from curation.steps.build import build_steps
from schemas.arrow import DOCUMENTS
from schemas.errors import RecipeError, UserError
from schemas.files import read_json, write_json_durably
from schemas.ids import digest, settings_hash
from schemas.recipe import CurateRecipe
from schemas.steps import NearDedupRecipe, StepRecipe, step_paths
from schemas.storage import Location, location
from schemas.stored_steps import DEDUP_KINDS
from schemas.version import code_version

#: A file up to this size is fingerprinted by all its bytes; a larger one by as many at its head and at its tail.
WHOLE_FILE_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 20
_READERS = 8
_NAMED_CHANGES = 3


@dataclass(frozen=True)
class InputFile:
    """One input file as it was when the plan was made.

    Attributes:
        source: name of the input.
        dump: its dump, or an empty string.
        path: relative to the input's root.
        bytes: size.
        checksum: xxh3-128 of the content, or of the first and last `WHOLE_FILE_BYTES` of a file larger than that. Never a
            time: a copy of the inputs is the same inputs. A change in the middle of a large file that keeps its size is
            not seen.
    """

    source: str
    dump: str
    path: str
    bytes: int
    checksum: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the file."""
        return self.source, self.dump, self.path


@dataclass(frozen=True)
class Plan:
    """What a run does. Made before any work, kept in ``plan.json``.

    Attributes:
        run_id: hash of recipe, inputs and limit.
        recipe: the recipe with all defaults filled in.
        limit: at most this many documents are read; None for all. Each shard reads an equal share.
        code_version: package version, and the commit in a checkout.
        inputs: every input file.
        shards: pieces, grouped up to `output.input_shard_bytes` in the order of the listing.
        faults: input files that are broken already now.
        skipped: files in input folders that are no input, by why.
        base: folder that the recipe's relative paths start from. Not part of the run's identity.
        index: the segments of the signature index that the run is deduplicated against; None if the recipe names no index.
    """

    run_id: str
    recipe: CurateRecipe
    limit: int | None
    code_version: str
    inputs: tuple[InputFile, ...]
    shards: tuple[tuple[Piece, ...], ...]
    faults: tuple[Fault, ...]
    skipped: dict[str, int]
    base: str = "."
    index: IndexView | None = None

    @property
    def input_bytes(self) -> int:
        """Bytes of all input files as stored."""
        return sum(item.bytes for item in self.inputs)

    @property
    def dumps(self) -> list[str]:
        """The names of all dumps, those of the index first, in the order in which deduplication prefers them."""
        return [*(self.index.dumps if self.index else ()), *self.own_dumps]

    @property
    def own_dumps(self) -> list[str]:
        """The names of the inputs' dumps, in the same order."""
        return sorted(_dumps_of(self.shards), reverse=self.near_settings.keep == "newest")

    @property
    def adds_to_index(self) -> bool:
        """Whether the run becomes a segment of its index. A limited one does not: it has not seen its dumps."""
        return self.index is not None and self.limit is None

    @property
    def exact_steps(self) -> tuple[StepRecipe, ...]:
        """The exact_dedup steps in their order, at most one by text and one by URL."""
        return tuple(step for step in self.recipe.steps if step.kind == "exact_dedup")

    def exact_by(self, key: str) -> StepRecipe | None:
        """Gives the exact_dedup step that goes by `text` or by `url`, if there is one."""
        return next((step for step in self.exact_steps if step.exact_dedup and step.exact_dedup.by == key), None)

    @property
    def dedup_steps(self) -> tuple[StepRecipe, ...]:
        """All deduplication steps, in the order of the job."""
        return tuple(step for step in self.recipe.steps if step.kind in DEDUP_KINDS)

    @property
    def semantic(self) -> StepRecipe | None:
        """The semantic_dedup step, if there is one."""
        return next((step for step in self.recipe.steps if step.kind == "semantic_dedup"), None)

    @property
    def spans(self) -> StepRecipe | None:
        """The span_dedup step, if there is one."""
        return next((step for step in self.recipe.steps if step.kind == "span_dedup"), None)

    @property
    def near(self) -> StepRecipe | None:
        """The near_dedup step, if there is one."""
        return next((step for step in self.recipe.steps if step.kind == "near_dedup"), None)

    @property
    def near_settings(self) -> NearDedupRecipe:
        """The near_dedup step's settings; the defaults if there is no such step."""
        return (self.near.near_dedup if self.near else None) or NearDedupRecipe.model_validate({})

    def quota(self, shard: int) -> int | None:
        """Gives how many documents a shard may read; None for all."""
        if self.limit is None:
            return None
        share, rest = divmod(self.limit, len(self.shards))
        return share + (shard < rest)

    def to_json(self) -> dict[str, Any]:
        """Gives the plan as a JSON object."""
        return {
            "run_id": self.run_id,
            "recipe": self.recipe.model_dump(mode="json"),
            "limit": self.limit,
            "code_version": self.code_version,
            "inputs": [asdict(item) for item in self.inputs],
            "shards": [[piece.to_json() for piece in shard] for shard in self.shards],
            "faults": [asdict(fault) for fault in self.faults],
            "skipped": self.skipped,
            "base": self.base,
            "index": self.index.to_json() if self.index else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Plan":
        """Reads what `to_json` gave."""
        return cls(
            run_id=value["run_id"],
            recipe=CurateRecipe.model_validate(value["recipe"]),
            limit=value["limit"],
            code_version=value["code_version"],
            inputs=tuple(InputFile(**item) for item in value["inputs"]),
            shards=tuple(tuple(Piece.from_json(piece) for piece in shard) for shard in value["shards"]),
            faults=tuple(Fault(**fault) for fault in value["faults"]),
            skipped=value["skipped"],
            base=value["base"],
            index=IndexView.from_json(value["index"]) if value["index"] else None,
        )


def make_plan(recipe: CurateRecipe, base: Path, limit: int | None = None) -> Plan:
    """Lists and fingerprints the inputs and cuts them into shards. Writes nothing.

    Args:
        recipe: the validated recipe.
        base: folder that relative input paths start from.
        limit: read at most this many documents.

    Raises:
        UserError: an input finds nothing or is listed twice, a column is missing, or the limit is not positive.
        RecipeError: a step's settings do not fit its rules.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1, not {limit}")
    steps = build_steps(recipe, base)  # a rule or signal that does not exist is refused before any work
    _check_keep_by(recipe, steps)
    for step in steps:
        check = getattr(step, "check", None)  # what a step can say of its files before there is a row
        if check is not None:
            check()
    skipped: Counter[str] = Counter()
    pieces, faults = list_pieces(recipe, base, skipped)
    inputs = [*_fingerprints(pieces), *_step_files(recipe, base)]
    shards = cut_shards(pieces, recipe.output.input_shard_bytes)
    if limit is not None:
        shards = shards[:limit]
    identity = [
        recipe.model_dump(mode="json"),
        limit,
        [asdict(item) for item in inputs],
        [[fault.locator, fault.error] for fault in faults],
    ]
    run_id, index = _place_in_index(recipe, base, identity, sorted(_dumps_of(shards)))
    return Plan(
        run_id,
        recipe,
        limit,
        code_version(),
        tuple(inputs),
        shards,
        tuple(faults),
        dict(sorted(skipped.items())),
        str(base.resolve()),
        index,
    )


def _place_in_index(
    recipe: CurateRecipe, base: Path, identity: list[Any], dumps: list[str]
) -> tuple[str, IndexView | None]:
    """Gives the run's id and the segments before it: those before its own where it has added one, or else all.

    Which segments a run is deduplicated against is part of what it is. So a run that is taken up, or done again after later ones,
    knows itself by its id.
    """
    folder, near = index_folder(recipe, base), next((step.near_dedup for step in recipe.steps if step.near_dedup), None)
    if folder is None or near is None:
        return digest("curate", settings_hash(identity)), None
    segments = read_segments(folder)
    check_segments(folder, segments, index_settings(recipe, near))
    runs = tuple(str(segment["run"]) for segment in segments)
    for number in range(len(segments) + 1):
        run_id = digest("curate", settings_hash([*identity, list(runs[:number])]))
        if number < len(segments) and runs[number] == run_id:
            break
    else:
        check_dumps(folder, segments, dumps)
    return run_id, IndexView(runs[:number], segment_dumps(segments[:number]))


def _dumps_of(shards: Iterable[Iterable[Piece]]) -> set[str]:
    return {piece.dump for shard in shards for piece in shard}


def _check_keep_by(recipe: CurateRecipe, steps: list[Step]) -> None:
    """Raises RecipeError unless the signal that `keep: best` goes by is a number that a document of this recipe has."""
    fields = [*DOCUMENTS, *(field for step in steps for field in step.output_fields())]
    numeric = sorted(
        field.name for field in fields if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    )
    for step in recipe.steps:
        wanted = step.near_dedup.keep_by if step.near_dedup else None
        if wanted is not None and wanted not in numeric:
            close = difflib.get_close_matches(wanted, numeric, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else f"; they give {', '.join(numeric)}"
            raise RecipeError(f"step {step.title!r}: keep_by: the steps before give no number {wanted!r}{hint}")


def cut_shards(pieces: Iterable[Piece], shard_bytes: int) -> tuple[tuple[Piece, ...], ...]:
    """Groups consecutive pieces up to `shard_bytes`; a larger piece is a shard by itself. At least one shard, maybe empty."""
    shards: list[tuple[Piece, ...]] = []
    current: list[Piece] = []
    size = 0
    for piece in pieces:
        if current and size + piece.num_bytes > shard_bytes:
            shards.append(tuple(current))
            current, size = [], 0
        current.append(piece)
        size += piece.num_bytes
    if current or not shards:
        shards.append(tuple(current))
    return tuple(shards)


def _fingerprints(pieces: Iterable[Piece]) -> list[InputFile]:
    """Fingerprints each file once, however many pieces it has, in the order of the listing."""
    files = {(piece.source, piece.dump, piece.path): location(piece.root) / piece.path for piece in pieces}
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(fingerprint, files.values())
        return [InputFile(*key, size, checksum) for key, (size, checksum) in zip(files, found, strict=True)]


def _step_files(recipe: CurateRecipe, base: Path) -> list[InputFile]:
    """Fingerprints the models and lists that steps name: another model is another run."""
    found = []
    for step in recipe.steps:
        if step.semantic_dedup is not None:
            models = find_model(model_folder(step.semantic_dedup.model_path, base, ENCODER_FILES))
            found += [InputFile(f"step {step.title}", "", path.name, *fingerprint(path)) for path in models]
        for given in step_paths(step):
            try:
                files = step_files(given, base)
            except UserError as error:
                raise UserError(f"step {step.title!r}: {error}") from None
            found += [InputFile(f"step {step.title}", "", path.name, *fingerprint(path)) for path in files]
    return found


def fingerprint(path: Location) -> tuple[int, str]:
    """Gives a file's size and checksum; see `InputFile`."""
    hasher = xxhash.xxh3_128()
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            if size <= WHOLE_FILE_BYTES:
                while chunk := handle.read(_CHUNK_BYTES):
                    hasher.update(chunk)
            else:
                hasher.update(handle.read(WHOLE_FILE_BYTES))
                handle.seek(max(WHOLE_FILE_BYTES, size - WHOLE_FILE_BYTES))
                hasher.update(handle.read(WHOLE_FILE_BYTES))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    return size, hasher.hexdigest()


def load_plan(path: Location) -> Plan | None:
    """Reads a persisted plan; None if there is none, or none that this version can read."""
    try:
        return Plan.from_json(read_json(path))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def save_plan(path: Location, plan: Plan) -> None:
    """Persists a plan."""
    write_json_durably(path, plan.to_json())


def differences(old: Plan, new: Plan) -> list[str]:
    """Names what changed between two plans, for a refusal: fields of the recipe, the limit, input files."""
    changes = [
        f"recipe {change}"
        for change in _changed("", old.recipe.model_dump(mode="json"), new.recipe.model_dump(mode="json"))
    ]
    if old.limit != new.limit:
        changes.append(f"--limit: {_shown(old.limit)} -> {_shown(new.limit)}")
    before, after = {item.key: item for item in old.inputs}, {item.key: item for item in new.inputs}
    changes += [f"input {key[2]} is gone" for key in before if key not in after]
    changes += [f"input {key[2]} is new" for key in after if key not in before]
    changes += [f"input {key[2]} has other content" for key in before if key in after and before[key] != after[key]]
    if old.index != new.index:
        held = [", ".join(plan.index.dumps) or "none" if plan.index else "no index" for plan in (old, new)]
        changes.append(f"dumps of the signature index: {held[0]} -> {held[1]}")
    if {fault.locator for fault in old.faults} != {fault.locator for fault in new.faults}:
        changes.append("other inputs are broken")
    return changes


def refusal(old: Plan, new: Plan, where: Location) -> UserError:
    """Makes the error for a rerun that is not of the same work."""
    changes = differences(old, new) or ["what the plan holds"]
    more = f" and {len(changes) - _NAMED_CHANGES} more" if len(changes) > _NAMED_CHANGES else ""
    named = "; ".join(changes[:_NAMED_CHANGES])
    return UserError(f"{where}: holds another run: {named}{more}. Use --fresh to start over, or another --out")


def _changed(path: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [
            change for key in keys for change in _changed(f"{path}.{key}" if path else key, old.get(key), new.get(key))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            change for at, pair in enumerate(zip(old, new, strict=True)) for change in _changed(f"{path}[{at}]", *pair)
        ]
    return [] if old == new else [f"{path}: {_shown(old)} -> {_shown(new)}"]


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
