"""The clocks of one test of a Python program: stops it at the first limit. Looks at processes; ends none."""

import dataclasses
import math
import os
import select
from typing import Final

from rewards.code.jobs import Budget, RunStatus
from rewards.code.python_zygotes import Interpreter
from rewards.sandbox.clock import ProgramClock
from rewards.sandbox.tree import TreeUse, children, measure_tree, proportional_bytes

TICK_SECONDS: Final = 0.1
"""How often a test that runs longer than this is looked at."""


@dataclasses.dataclass(slots=True)
class Watch:
    """What the clocks show of one test.

    Attributes:
        interpreter: whose forks are watched.
        budget: of the test.
        judge_seconds: what the judge's process had used before.
        clock: of the time that passes.
        cpu_seconds: the most that the program's processes were seen to have used.
        peak_bytes: the most memory that they were seen to hold together.
        stopped: the limit that was hit.
    """

    interpreter: Interpreter
    budget: Budget
    judge_seconds: float = 0.0
    clock: ProgramClock = dataclasses.field(init=False)
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    stopped: RunStatus | None = None

    def __post_init__(self) -> None:
        self.clock = ProgramClock(self.budget.wall_seconds, lambda: [*self._programs(), *self._judges()])

    def wait(self, *ends: int, output: int | None = None) -> None:
        """Waits until one of the descriptors can be read, or a limit is hit; the size of the file `output` is one."""
        poll = select.poll()
        for descriptor in ends:
            poll.register(descriptor, select.POLLIN)
        while self.stopped is None:
            left = min(TICK_SECONDS, self.budget.cpu_seconds, self.clock.left())
            if poll.poll(math.ceil(left * 1000)):
                return
            self._look()
            if self.stopped is None and output is not None and os.fstat(output).st_size > self.budget.output_bytes:
                self.stopped = "output_limit"
            if self.stopped is None and self.clock.is_over():
                self.stopped = "time_limit"

    def _look(self) -> None:
        used = [measure_tree(pid) for pid in self._programs()]
        judged = sum(measure_tree(pid).cpu_seconds for pid in self._judges()) - self.judge_seconds
        self.cpu_seconds = max(self.cpu_seconds, sum(tree.cpu_seconds for tree in used))
        memory = self._memory(used)
        self.peak_bytes = max(self.peak_bytes, memory)
        if self.cpu_seconds + max(0.0, judged) > self.budget.cpu_seconds:
            self.stopped = "time_limit"
        elif memory > self.budget.memory_bytes:
            self.stopped = "memory_limit"

    def _programs(self) -> list[int]:
        return [pid for pid in children(self.interpreter.programs.pid) if pid != self.interpreter.judges.pid]

    def _judges(self) -> list[int]:
        return children(self.interpreter.judges.pid)

    def _memory(self, used: list[TreeUse]) -> int:
        """Gives the memory of the program's processes; pages that they share are told apart only when that matters."""
        memory = sum(tree.memory_bytes for tree in used)
        if memory > self.budget.memory_bytes:
            exact = proportional_bytes(tuple(pid for tree in used for pid in tree.pids))
            memory = memory if exact is None else exact
        return memory
