"""What the markers of a run say, read as they come: each marker once, however often one asks. Touches marker files only."""

from collections.abc import Iterable, Iterator
from typing import Any

from curation.job.layout import MEASURE, Layout
from curation.job.tally import Tally
from curation.job.units import Unit


class Ledger:
    """The markers that have been seen, and running sums over the measured shards.

    Args:
        layout: the run.

    Attributes:
        documents: documents that have been read.
        bytes: their bytes.
        faults: rows that went into quarantine.
    """

    def __init__(self, layout: Layout) -> None:
        self.documents = self.bytes = self.faults = 0
        self._layout = layout
        self._markers: dict[str, dict[int, dict[str, Any]]] = {}

    def refresh(self, units: Iterable[Unit]) -> int:
        """Reads the markers that have come since; gives how many these units have now."""
        return sum(self._refresh(unit) for unit in units)

    def markers(self, folder: str) -> Iterator[dict[str, Any]]:
        """Gives the markers of a folder that have been seen, by number."""
        for _, marker in sorted(self._markers.get(folder, {}).items()):
            yield marker

    def tally(self, folder: str) -> Tally:
        """Gives the counts of a folder's shards together."""
        tally = Tally()
        for marker in self.markers(folder):
            tally.merge(marker["tally"])
        return tally

    def _refresh(self, unit: Unit) -> int:
        seen = self._markers.setdefault(unit.folder, {})
        new = [number for number in self._layout.marker_numbers(unit.folder, unit.total) if number not in seen]
        for number, marker in self._layout.read_some(unit.folder, new).items():
            seen[number] = marker
            if unit.folder == MEASURE:
                self._add(marker["tally"])
        return len(seen)

    def _add(self, tally: dict[str, Any]) -> None:
        for item in tally.get("read", {}).values():
            self.documents += item["documents"]
            self.bytes += item["bytes"]
        self.faults += sum(count for stage in tally.get("faults", {}).values() for count in stage.values())
