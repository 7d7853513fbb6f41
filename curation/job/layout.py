"""Where a curation run keeps what: the folders under ``<out>/curate`` and the done markers of its stages.

Touches marker files only. A marker is written last, once everything that it names is on disk; without it nothing counts.
"""

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.failpoints import failpoint
from schemas.files import read_jsons, write_json_durably
from schemas.storage import Location

#: Folders of stages, in the order of the work. Each holds one marker a shard or hash range.
MEASURE = "01-measure"
EXACT = "02-exact_dedup"
URL_EXACT = "02-url_dedup"
BUCKETS = "03-buckets"
SHINGLES = "04-shingles"
EDGES = "05-edges"
COMPONENTS = "06-components"
DECISION = "06-decision"
EMBEDDINGS = "06-embeddings"
CENTROIDS = "06-centroids"
CLUSTERS = "06-clusters"
SEMANTIC = "06-semantic_dedup"
SPAN_ANCHORS = "06-span_anchors"
SPAN_REPEATS = "06-span_repeats"
SPAN_PLACES = "06-span_places"
SPAN_FIRSTS = "06-span_firsts"
WRITE = "07-write"
INDEX = "08-index"
SEGMENT_SHARDS = "09-segment-shards"
SEGMENT_ENTRIES = "09-segment-entries"
SEGMENT_STANDING = "09-segment-standing-"

_MARKER = "done-"

#: Folders of what a run leaves for its readers.
OUTPUTS = ("kept", "rejects", "duplicates", "contamination", "cuts", "quarantine", "index")


@dataclass(frozen=True)
class Layout:
    """The paths of one run.

    Attributes:
        root: ``<out>/curate``, local or in an object store.
        run_id: names recipe and inputs; a marker of another run does not count.
    """

    root: Location
    run_id: str = ""

    @property
    def plan(self) -> Location:
        """The persisted plan."""
        return self.root / "plan.json"

    @property
    def lock(self) -> Location:
        """The lock file that names its holder."""
        return self.root / "lock"

    @property
    def manifest(self) -> Location:
        """Written last: the run is done."""
        return self.root / "manifest.json"

    @property
    def stages(self) -> Location:
        """Intermediate files, removed after the manifest."""
        return self.root / "stages"

    @property
    def logs(self) -> Path:
        """Output of worker processes: under the root, or in a folder of this machine if that is in an object store."""
        if isinstance(self.root, Path):
            return self.root / "logs"
        key = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tamis-logs-{key}"

    def stage(self, name: str) -> Location:
        """The folder of a stage."""
        return self.stages / name

    def write_marker(self, stage: str, number: int, body: dict[str, Any]) -> None:
        """Marks a shard or hash range as done; `body` names its parts and counts."""
        marker = {"run_id": self.run_id, "number": number, "pid": os.getpid(), "host": socket.gethostname(), **body}
        failpoint("curate.before_marker")
        write_json_durably(self._marker(stage, number), marker)
        failpoint("curate.after_marker")

    def read_marker(self, stage: str, number: int) -> dict[str, Any] | None:
        """Gives a marker; None if it is not there or belongs to another run."""
        return next(iter(self._read(stage, [number])))

    def read_markers(self, stage: str, total: int) -> dict[int, dict[str, Any]]:
        """Gives the markers that are there, by number."""
        return self.read_some(stage, self.marker_numbers(stage, total))

    def read_some(self, stage: str, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Gives those of these markers that are there, by number."""
        return {marker["number"]: marker for marker in self._read(stage, numbers) if marker is not None}

    def marker_numbers(self, stage: str, total: int) -> list[int]:
        """Lists the numbers below `total` that have a marker, of whatever run."""
        try:
            names = [path.name for path in self.stage(stage).iterdir()]
        except FileNotFoundError:
            return []
        numbers = (self.marker_number(name) for name in names)
        return sorted(number for number in numbers if number is not None and number < total)

    @staticmethod
    def marker_number(name: str) -> int | None:
        """Gives the number of the marker that a file name names; None for another file."""
        number = name.removeprefix(_MARKER).removesuffix(".json")
        return int(number) if number.isdecimal() and name == f"{_MARKER}{number}.json" else None

    def _read(self, stage: str, numbers: Sequence[int]) -> Iterator[dict[str, Any] | None]:
        for marker in read_jsons([self._marker(stage, number) for number in numbers]):
            yield marker if isinstance(marker, dict) and marker.get("run_id") == self.run_id else None

    def _marker(self, stage: str, number: int) -> Location:
        return self.stage(stage) / f"{_MARKER}{number:05d}.json"
