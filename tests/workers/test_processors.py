"""How many programs a worker process runs at once."""

import pytest

from rewards.sandbox.isolation import find_isolation
from workers import processors
from workers.resources import build_verifier


@pytest.fixture
def told(monkeypatch):
    """Says how many processors and worker processes there are."""

    def tell(cores, processes):
        monkeypatch.setattr(processors, "usable_processors", lambda: cores)
        monkeypatch.setattr(processors._Sharing, "processes", 1)
        processors.share_processors(processes)

    return tell


@pytest.mark.parametrize(
    ("cores", "processes", "slots"),
    [(1, 1, 2), (2, 1, 3), (2, 2, 2), (2, 3, 1), (16, 4, 5), (16, 5, 4), (16, 16, 2), (16, 100, 1)],
)
def test_processes_together_keep_the_processors_busy(told, cores, processes, slots):
    told(cores, processes)
    assert processors.program_slots() == slots


def test_a_recipe_may_say_how_many_without_another_key_of_its_verdicts(told):
    if not find_isolation().available:
        pytest.skip(f"no sandbox here: {find_isolation().reason}")
    told(4, 1)
    by_default, by_recipe = build_verifier("code", {}), build_verifier("code", {"slots": 2})
    assert [verifier.check._executor._python.size for verifier in (by_default, by_recipe)] == [5, 2]
    assert by_default.settings_hash == by_recipe.settings_hash


def test_a_worker_that_was_told_nothing_has_all_processors():
    assert processors.program_slots() == processors.usable_processors() + 1
