"""The manifest: what a run was, what it made and what became of every document, in numbers. Written last.

Reads and writes JSON; touches the manifest file only. Quick to import, for `tamis explain`.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, cast

from schemas.files import read_json, write_json_durably
from schemas.storage import Location, PlaceT

#: Quarantined rows that the manifest quotes; all of them stand in the quarantine files.
QUARANTINE_HEAD = 100


@dataclass(frozen=True)
class Artifact:
    """A file that the run leaves.

    Attributes:
        kind: kept, rejects, duplicates, contamination, cuts, quarantine or index.
        path: relative to the run's folder.
        sha256: of its content.
        rows: rows in it.
        bytes: its size.
    """

    kind: str
    path: str
    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class StageReport:
    """What a stage was: its shards or hash ranges, the processes that worked on it, seconds of work in all of them together."""

    name: str
    kind: str
    num_shards: int
    counts: dict[str, int]
    worker_pids: list[int]
    seconds: float


@dataclass(frozen=True)
class FunnelStep:
    """What a step did.

    Attributes:
        step: its name.
        documents_in: documents that entered.
        bytes_in: their bytes.
        documents_rejected: documents it removed.
        bytes_rejected: their bytes.
        first_reasons: reason -> documents and bytes; a document counts once, under its first reason.
        all_reasons: reason -> documents; a document counts under each of its reasons.
        by_source: the same for each source.
    """

    step: str
    documents_in: int
    bytes_in: int
    documents_rejected: int
    bytes_rejected: int
    first_reasons: dict[str, dict[str, int]]
    all_reasons: dict[str, int]
    by_source: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A finished run.

    Attributes:
        run_id: hash of recipe, inputs and limit.
        name: the recipe's name.
        code_version: of the code that made it.
        recipe: with all defaults filled in.
        limit: at most this many documents were read; None for all.
        inputs: for each source: files, bytes.
        skipped: files and records that are no document, by why.
        read: source -> documents and bytes read.
        kept: source -> documents and bytes kept.
        funnel: the steps in order.
        stats: `cuts`: source -> kept documents that span deduplication has cut, their passages and characters that went;
            `lengths`: source -> lower edge of a length class in bytes -> kept documents; `languages`: source -> language
            -> kept documents; `histograms`: step -> source -> signal -> lower edge of a class
            (`curation.job.histograms.EDGES`) -> documents that entered the step.
        stages: the stages in order.
        artifacts: every file that the run leaves, sorted by path.
        quarantined: rows in quarantine.
        quarantine_head: the first of them.
        warnings: what looks wrong.
        started_at: UTC, ISO 8601.
        finished_at: UTC, ISO 8601.
        seconds: from start to end of the command that finished the run.
    """

    run_id: str
    name: str
    code_version: str
    recipe: dict[str, Any]
    limit: int | None
    inputs: dict[str, dict[str, int]]
    skipped: dict[str, int]
    read: dict[str, dict[str, int]]
    kept: dict[str, dict[str, int]]
    funnel: list[FunnelStep]
    stats: dict[str, dict[str, Any]]
    stages: list[StageReport]
    artifacts: list[Artifact]
    quarantined: int
    quarantine_head: list[dict[str, str]]
    warnings: list[str]
    started_at: str
    finished_at: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Gives the manifest as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Manifest":
        """Reads what `to_json` gave."""
        return cls(
            **{
                **value,
                "funnel": [FunnelStep(**item) for item in value["funnel"]],
                "stages": [StageReport(**item) for item in value["stages"]],
                "artifacts": [Artifact(**item) for item in value["artifacts"]],
            }
        )

    @property
    def documents_read(self) -> int:
        """Documents of all sources."""
        return sum(item["documents"] for item in self.read.values())

    @property
    def documents_kept(self) -> int:
        """Documents of all sources."""
        return sum(item["documents"] for item in self.kept.values())

    def paths(self, directory: PlaceT, kind: str) -> list[PlaceT]:
        """Gives the files of a kind, in their order."""
        return [cast("PlaceT", directory / item.path) for item in self.artifacts if item.kind == kind]


def load_manifest(path: Location) -> Manifest | None:
    """Reads a manifest; None if there is none, or none that this version can read."""
    try:
        return Manifest.from_json(read_json(path))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def save_manifest(path: Location, manifest: Manifest) -> None:
    """Writes the manifest, in one step."""
    write_json_durably(path, manifest.to_json())
