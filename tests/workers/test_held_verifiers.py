"""Verifiers that hold something: made once, closed when pushed out and at the exit, never by another process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rewards.registry import Verifier
from rewards.verdict import Verdict
from workers.held_verifiers import MAX_HELD, HeldVerifiers


class Holding:
    def __init__(self, log: list[str], settings: str) -> None:
        self.log = log
        self.settings = settings
        log.append(f"made {settings}")

    def __call__(self, _completion: str, _gold: Any) -> Verdict:
        return Verdict(1.0, "correct")

    def close(self) -> None:
        self.log.append(f"closed {self.settings}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def held(log: list[str]) -> HeldVerifiers:
    def make(name: str, settings: str) -> Verifier:
        return Verifier(name, 1, {}, "0" * 16, None, Holding(log, settings))

    return HeldVerifiers(make)


def test_one_of_each_settings_is_made_and_the_least_used_is_closed(held: HeldVerifiers, log: list[str]) -> None:
    assert held.get("v", "0") is held.get("v", "0")
    for number in range(1, MAX_HELD):
        held.get("v", str(number))
    held.get("v", "0")
    held.get("v", "one more")
    assert [line for line in log if line.startswith("closed")] == ["closed 1"]
    held.close()
    assert sum(line.startswith("closed") for line in log) == MAX_HELD + 1
    held.get("v", "0")
    assert log[-1] == "made 0"


def test_a_fork_starts_with_none_and_closes_none_of_its_parents(held: HeldVerifiers, log: list[str]) -> None:
    before = held.get("v", "0")
    child = os.fork()
    if child == 0:
        fresh = held.get("v", "0") is not before
        held.close()
        os._exit(0 if fresh and log == ["made 0", "made 0", "closed 0"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert held.get("v", "0") is before
    assert log == ["made 0"]


def test_what_is_held_at_the_exit_is_closed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rewards.registry import Verifier\n"
        "from workers.held_verifiers import HeldVerifiers\n"
        "class Check:\n"
        "    def __call__(self, completion, gold): raise AssertionError\n"
        "    def close(self): Path(sys.argv[1]).touch()\n"
        "held = HeldVerifiers(lambda name, settings: Verifier(name, 1, {}, '', None, Check()))\n"
        "held.get('v', '')\n"
    )
    marker = tmp_path / "closed"
    subprocess.run([sys.executable, "-c", script, str(marker)], check=True)
    assert marker.exists()
