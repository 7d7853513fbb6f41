"""The signature index: what earlier dumps hold, so that a later one is deduplicated against all of them without their texts.

A folder that outlives the runs and needs nothing else. A run adds one segment: files under the run's name, then
``segment-00003.json``, which is created once and never replaced. Creating it is the only step that counts: of two runs that were
planned on the same segments one gets the number, and the other is told; a run that is taken up again finds its own.

A segment holds, for the documents of its run:

- ``entries``: by range of bucket keys, the leaders of each bucket that earlier segments have left places for, kept or removed;
- ``shards``: the shingles, ids and order numbers of the documents that near-deduplication has kept, by the run's shards;
- ``standing``: by range of hashes, the distinct texts (URLs) of exact deduplication and who stands for each.

Touches the index's folder.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from columnar.minhash import MinHashPreset, band_hashes, signatures
from curation.dedup.buckets import ENTRIES
from curation.dedup.indexed import STANDING
from curation.dedup.keys import Uint64s
from curation.dedup.verify import ShingleFiles
from schemas.errors import UserError
from schemas.files import create_json, open_parquet, read_json
from schemas.ids import settings_hash
from schemas.recipe import CurateRecipe
from schemas.steps import NearDedupRecipe
from schemas.storage import Location, joined

FORMAT = 1
#: Its bands tell whether this version signs texts as the one that wrote a segment did.
_PROBE = ("A fine sieve keeps what is coarse, and 3.14 grains of É fall through it.", "百里挑一的好米")
_NAMED = 5


@dataclass(frozen=True)
class IndexView:
    """The segments of an index that a run is deduplicated against. Part of the run's identity.

    Attributes:
        runs: ids of the runs that added them, in the order of their numbers.
        dumps: their dumps, in order; a document's dump is kept as its rank in this list.
    """

    runs: tuple[str, ...]
    dumps: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Gives the view as a JSON object."""
        return {"runs": list(self.runs), "dumps": list(self.dumps)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Reads what `to_json` gave."""
        return cls(tuple(value["runs"]), tuple(value["dumps"]))


def index_folder(recipe: CurateRecipe, base: Path) -> Location | None:
    """Gives the folder of the index that a recipe names; None if it names none."""
    given = next((step.near_dedup.index for step in recipe.steps if step.near_dedup), None)
    return None if given is None else joined(base, given)


def near_preset(near: NearDedupRecipe) -> MinHashPreset:
    """Gives the preset of a near_dedup step."""
    return MinHashPreset(num_perm=near.bands * near.rows, bands=near.bands, rows=near.rows, ngram=near.ngram)


def index_settings(recipe: CurateRecipe, near: NearDedupRecipe) -> dict[str, Any]:
    """Gives what all segments of an index must have in common."""
    preset = near_preset(near)
    bands = band_hashes(signatures(pa.array(_PROBE, pa.large_string()), preset), preset)
    return {
        "ngram": preset.ngram,
        "bands": preset.bands,
        "rows": preset.rows,
        "permutations": preset.num_perm,
        "seed": preset.seed,
        "threshold": near.threshold,
        "bucket_leaders": near.bucket_leaders,
        "exact_dedup": [step.exact_dedup.by for step in recipe.steps if step.exact_dedup],
        "signatures": settings_hash(bands.tolist()),
    }


def read_segments(folder: Location) -> list[dict[str, Any]]:
    """Reads the segments of an index by number; none if the folder is not there.

    Raises:
        UserError: a segment's file cannot be read, or is of a later version.
    """
    found: list[dict[str, Any]] = []
    while True:
        path = segment_path(folder, len(found))
        try:
            segment = read_json(path)
        except FileNotFoundError:
            return found
        except ValueError as error:
            raise UserError(f"{path}: no segment of a signature index: {error}") from None
        if segment.get("format") != FORMAT:
            raise UserError(f"{path}: of format {segment.get('format')}, this version reads {FORMAT}")
        found.append(segment)


def segment_path(folder: Location, number: int) -> Location:
    """Gives the file whose creation adds a segment."""
    return folder / f"segment-{number:05d}.json"


def check_segments(folder: Location, segments: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> None:
    """Refuses an index that was made with other settings.

    Raises:
        UserError: names what differs.
    """
    for segment in segments:
        made = segment["settings"]
        changes = [
            f"{name} is {made.get(name)}, here {settings[name]}"
            for name in settings
            if made.get(name) != settings[name]
        ]
        if changes:
            raise UserError(f"{folder}: made with other settings of deduplication: {'; '.join(changes[:_NAMED])}")


def check_dumps(folder: Location, segments: Sequence[Mapping[str, Any]], dumps: Sequence[str]) -> None:
    """Refuses dumps that do not come after all that the index holds: only then is one by one the same as all at once.

    Raises:
        UserError: names the two dumps.
    """
    held = [(name, segment) for segment in segments for name in segment["dumps"]]
    if held and dumps and min(dumps) <= held[-1][0]:
        name, segment = held[-1]
        raise UserError(
            f"{folder}: dump {min(dumps)!r} does not come after dump {name!r}, which run {segment['run']} has added: "
            "dumps go into an index in the order of their names, each once"
        )


def publish_segment(folder: Location, number: int, segment: Mapping[str, Any]) -> None:
    """Adds a segment of which all files are there. Does nothing if the same run has added it already.

    Raises:
        UserError: another run has added a segment since this one was planned. This one's files are left: nobody reads them.
    """
    path = segment_path(folder, number)
    if create_json(path, {"format": FORMAT, "number": number, **segment}):
        return
    there = read_segments(folder)[number]
    if there["run"] != segment["run"]:
        raise UserError(
            f"{folder}: dump {', '.join(there['dumps'])!r} was added by another run while this one worked, so what this one compared "
            "is no longer all; nothing of it was added. The same command with --fresh compares again"
        )


@dataclass
class IndexReader:
    """Reads the segments of a view, in worker processes.

    Args:
        folder: the index.
        num_segments: segments of the view.
        first_shard: number of the first indexed shard among a run's shards.
    """

    folder: Location
    num_segments: int
    first_shard: int

    @cached_property
    def _segments(self) -> list[dict[str, Any]]:
        return [read_json(segment_path(self.folder, number)) for number in range(self.num_segments)]

    @property
    def num_entries(self) -> int:
        """Entries of all segments."""
        return sum(part["rows"] for segment in self._segments for part in segment["entries"] if part)

    def shingle_files(self) -> dict[int, ShingleFiles]:
        """Gives the shingle files of indexed shards, by number."""
        found = {}
        for first, segment in self._numbered():
            folder = self.folder / segment["run"]
            for shard, parts in enumerate(segment["shards"], first):
                if parts["index"]:
                    found[shard] = ShingleFiles(folder / parts["index"]["name"], folder / parts["numbers"]["name"])
        return found

    def entries(self, buckets: Uint64s) -> pa.Table:
        """Gives the entries of some buckets (sorted, distinct): each bucket's in the order, under this run's shard numbers."""
        found = [ENTRIES.empty_table()]
        for first, segment in self._numbered():
            for rows in self._matching(segment, segment["entries"], "bucket", buckets):
                shard = pc.add(rows["shard"].cast(pa.uint32()), pa.scalar(first, pa.uint32()))
                found.append(pa.Table.from_arrays([rows["bucket"], shard, rows["row"]], schema=ENTRIES))
        return pa.concat_tables(found)

    def standing(self, key: str, hashes: Uint64s) -> pa.Table:
        """Gives who stands for texts or URLs, of schema `STANDING`, by the high half of their hash (sorted, distinct)."""
        found = [STANDING.empty_table()]
        for _, segment in self._numbered():
            found += self._matching(segment, segment["standing"][key], "content_hi", hashes)
        return pa.concat_tables(found)

    def _numbered(self) -> Iterator[tuple[int, dict[str, Any]]]:
        first = self.first_shard
        for segment in self._segments:
            yield first, segment
            first += len(segment["shards"])

    def _matching(
        self, segment: Mapping[str, Any], parts: Sequence[Mapping[str, Any] | None], column: str, wanted: Uint64s
    ) -> Iterator[pa.Table]:
        """Yields the rows whose `column` is wanted, of parts that are ranges of it, each sorted by it; row group by row group."""
        if wanted.size == 0:
            return
        low, high = (int(wanted[at]) >> 32 for at in (0, -1))
        for number in range(low * len(parts) >> 32, (high * len(parts) >> 32) + 1):
            part = parts[number]
            if part is not None:
                yield from _rows_of(self.folder / segment["run"] / part["name"], column, wanted)


def _rows_of(path: Location, column: str, wanted: Uint64s) -> Iterator[pa.Table]:
    with open_parquet(path) as file:
        position = file.schema_arrow.get_field_index(column)
        for group in range(file.metadata.num_row_groups):
            about = file.metadata.row_group(group).column(position).statistics
            begin, end = np.searchsorted(wanted, np.array([about.min, about.max], np.uint64)).tolist()
            if begin < wanted.size and wanted[begin] <= about.max:
                keys = file.read_row_group(group, columns=[column])[column].to_numpy()
                found = _member(keys, wanted[begin : end + 1])
                if found.size:
                    yield file.read_row_group(group).take(pa.array(found))


def _member(keys: Uint64s, wanted: Uint64s) -> npt.NDArray[np.int64]:
    at = np.minimum(np.searchsorted(wanted, keys), wanted.size - 1)
    return np.flatnonzero(wanted[at] == keys)


def segment_dumps(segments: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Gives the dumps of segments in order."""
    return tuple(name for segment in segments for name in segment["dumps"])
