"""How a stage's work is put into Beam: one element a shard or hash range, and a call that ends with its done marker.

A DoFn here owns its marker from start to end, so bundles, retries and runners do not matter: work that is marked is not done
again, work that is done again gives the same files. Beam only.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa

from curation.job.layout import Layout

#: Works on one shard; gives the body of its marker.
ShardTask = Callable[[int], dict[str, Any]]
#: Works on all batches of one hash range; gives the body of its marker.
RangeTask = Callable[[int, Iterable[pa.RecordBatch]], dict[str, Any]]


class Unit(NamedTuple):
    """One folder's share of a stage: how many markers it has when it is done."""

    folder: str
    total: int


class _RunShard(beam.DoFn):
    """Runs a task for each shard number that has no marker yet, and passes the number on."""

    def __init__(self, layout: Layout, folder: str, task: ShardTask) -> None:
        self._layout = layout
        self._folder = folder
        self._task = task

    def process(self, number: int) -> Iterator[int]:
        if self._layout.read_marker(self._folder, number) is None:
            started = time.monotonic()
            body = self._task(number)
            self._layout.write_marker(self._folder, number, {**body, "seconds": time.monotonic() - started})
        yield number


class _RunRange(beam.DoFn):
    """Runs a task for each hash range; a range whose marker is there is left as it is."""

    def __init__(self, layout: Layout, folder: str, task: RangeTask) -> None:
        self._layout = layout
        self._folder = folder
        self._task = task

    def process(self, element: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[int]:
        number, batches = element
        if self._layout.read_marker(self._folder, number) is None:
            started = time.monotonic()
            body = self._task(number, batches)
            self._layout.write_marker(self._folder, number, {**body, "seconds": time.monotonic() - started})
        yield number


@dataclasses.dataclass
class RunShards(beam.PTransform):
    """Spreads shard numbers over the workers and runs a task for each.

    Takes PCollection[int], gives the numbers back. Each worker loads the task once.
    """

    layout: Layout
    folder: str
    task: ShardTask

    def __post_init__(self) -> None:
        super().__init__()

    def expand(self, numbers: Any) -> Any:
        """Wires the transform."""
        run = beam.ParDo(_RunShard(self.layout, self.folder, self.task)).with_output_types(int)
        return numbers | "Spread" >> beam.Reshuffle() | "Run" >> run


@dataclasses.dataclass
class RunRanges(beam.PTransform):
    """Runs a task for each hash range. Takes PCollection[tuple[int, Iterable[RecordBatch]]], gives the ranges' numbers."""

    layout: Layout
    folder: str
    task: RangeTask

    def __post_init__(self) -> None:
        super().__init__()

    def expand(self, ranges: Any) -> Any:
        """Wires the transform."""
        run = beam.ParDo(_RunRange(self.layout, self.folder, self.task)).with_output_types(int)
        return ranges | "Run" >> run


@dataclasses.dataclass
class AfterAll(beam.PTransform):
    """Waits for all numbers of a stage, then gives `numbers`: the next stage reads files that each of them has written."""

    numbers: list[int]

    def __post_init__(self) -> None:
        super().__init__()

    def _next(self, _all: tuple[int, Iterable[int]]) -> Iterator[int]:
        yield from self.numbers

    def expand(self, done: Any) -> Any:
        """Wires the transform."""
        keyed = done | "Key" >> beam.Map(lambda number: (0, number)).with_output_types(tuple[int, int])
        return keyed | "Wait" >> beam.GroupByKey() | "Next" >> beam.FlatMap(self._next).with_output_types(int)


def numbers(pipeline: Any, wanted: Iterable[int]) -> Any:
    """Starts a pipeline with shard numbers."""
    return pipeline | "Numbers" >> beam.Create(list(wanted), reshuffle=False).with_output_types(int)
