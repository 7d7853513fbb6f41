"""What a check of the store can find, and the files it looks at. Plain data."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One disagreement between store and files.

    Attributes:
        kind: folder_missing, file_missing, file_changed, rows_missing, rows_differ, rows_without_file_row, duplicate_keys,
            shard_without_file, shard_count, orphan_file, index_differs, selection_differs.
        subject: the file, shard or stage.
        detail: what differs, with numbers and an example.
        repaired: whether this call has made it right.
        remedy: what the user can do where it has not.
    """

    kind: str
    subject: str
    detail: str
    repaired: bool = False
    remedy: str = ""


@dataclass(frozen=True)
class LandedFile:
    """An artifact's row with the file's full path."""

    id: int
    run_id: str
    kind: str
    path: Path
    sha256: str
    num_rows: int
    shard_id: int | None
    stage_kind: str | None
