"""Where a curation run keeps what: the folders under ``<out>/curate`` and the done markers of its stages.

Touches marker files only. A marker is written last, once everything that it names is on disk; without it nothing counts.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.failpoints import failpoint
from schemas.files import read_json, write_json_durably

#: Folders of stages, in the order of the work. Each holds one marker a shard or hash range.
MEASURE = "01-measure"
EXACT = "02-exact_dedup"
URL_EXACT = "02-url_dedup"
BUCKETS = "03-buckets"
SHINGLES = "04-shingles"
EDGES = "05-edges"
COMPONENTS = "06-components"
DECISION = "06-decision"
WRITE = "07-write"
INDEX = "08-index"

_MARKER = "done-"

#: Folders of what a run leaves for its readers.
OUTPUTS = ("kept", "rejects", "duplicates", "contamination", "quarantine", "index")


@dataclass(frozen=True)
class Layout:
    """The paths of one run.

    Attributes:
        root: ``<out>/curate``.
        run_id: names recipe and inputs; a marker of another run does not count.
    """

    root: Path
    run_id: str = ""

    @property
    def plan(self) -> Path:
        """The persisted plan."""
        return self.root / "plan.json"

    @property
    def lock(self) -> Path:
        """The lock file that names its holder."""
        return self.root / "lock"

    @property
    def manifest(self) -> Path:
        """Written last: the run is done."""
        return self.root / "manifest.json"

    @property
    def stages(self) -> Path:
        """Intermediate files, removed after the manifest."""
        return self.root / "stages"

    @property
    def logs(self) -> Path:
        """Output of worker processes."""
        return self.root / "logs"

    def stage(self, name: str) -> Path:
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
        try:
            marker: dict[str, Any] = read_json(self._marker(stage, number))
        except (FileNotFoundError, ValueError):  # a torn file cannot be, but a file of somebody else can
            return None
        return marker if marker.get("run_id") == self.run_id else None

    def read_markers(self, stage: str, total: int) -> dict[int, dict[str, Any]]:
        """Gives the markers that are there, by number."""
        there = (self.read_marker(stage, number) for number in range(total))
        return {marker["number"]: marker for marker in there if marker is not None}

    @staticmethod
    def marker_number(name: str) -> int | None:
        """Gives the number of the marker that a file name names; None for another file."""
        number = name.removeprefix(_MARKER).removesuffix(".json")
        return int(number) if number.isdecimal() and name == f"{_MARKER}{number}.json" else None

    def _marker(self, stage: str, number: int) -> Path:
        return self.stage(stage) / f"{_MARKER}{number:05d}.json"
