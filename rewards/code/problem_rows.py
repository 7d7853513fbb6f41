"""One row of a file of problems: tests generated, given expectations and sifted. What a row lacks is left out; a bad row says so.

A row is `{"gold": {...}}` with, each if it is wanted, `id`, `generator` (a Python program that reads a seed and writes one input), `seeds` (how many,
default 20), `accepted` and `wrong` (lists of whole programs).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from rewards.code.curation import Curated, curate_tests, generate_inputs, with_expected
from rewards.code.gold_form import GoldError
from rewards.code.jobs import Executor

DEFAULT_SEEDS: Final = 20
_FIELDS: Final = frozenset({"id", "gold", "generator", "seeds", "accepted", "wrong"})


def curate_row(
    row: Mapping[str, Any], executor: Executor, *, min_caught: float = 1.0, minimal: bool = False
) -> dict[str, Any]:
    """Gives `id`, `gold` (None where the problem is of no use), `reason`, `kept`, `dropped` and `uncaught` of a row; see `Curated`.

    Places of tests are those in the gold with the generated ones behind. Deterministic, as far as the programs are.

    Raises:
        ValueError: the row is none, or its gold is none; the message is one line.
    """
    gold, accepted, wrong = _checked(row)
    tests = list(gold.get("tests") or [])
    if row.get("generator"):
        inputs = generate_inputs(str(row["generator"]), executor, seeds=range(int(row.get("seeds", DEFAULT_SEEDS))))
        known = {test.get("stdin") for test in tests if isinstance(test, Mapping)}
        tests += [{"stdin": text} for text in inputs if text not in known]
    made = with_expected({**gold, "tests": tests}, executor, solutions=accepted)
    if made.gold is None or not (accepted or gold.get("solution")):
        return _shown(row, made)
    sifted = curate_tests(made.gold, executor, accepted=accepted, wrong=wrong, min_caught=min_caught, minimal=minimal)
    dropped = [dataclasses.replace(one, test=made.kept[one.test]) for one in sifted.dropped]
    return _shown(
        row,
        dataclasses.replace(
            sifted,
            kept=tuple(made.kept[place] for place in sifted.kept),
            dropped=tuple(sorted([*made.dropped, *dropped], key=lambda one: one.test)),
        ),
    )


def _checked(row: Any) -> tuple[Mapping[str, Any], list[str], list[str]]:
    if not isinstance(row, Mapping):
        raise GoldError(f"a row is an object, not {type(row).__name__}")
    unknown = sorted(str(key) for key in row.keys() - _FIELDS)
    if unknown:
        raise GoldError(f"a row has no field {unknown[0]!r}; its fields: {', '.join(sorted(_FIELDS))}")
    gold = row.get("gold")
    if not isinstance(gold, Mapping):
        raise GoldError("a row has a gold, an object")
    programs = [row.get("accepted") or [], row.get("wrong") or []]
    for name, given in zip(("accepted", "wrong"), programs, strict=True):
        if not isinstance(given, list) or not all(isinstance(program, str) for program in given):
            raise GoldError(f"{name} is a list of programs")
    seeds = row.get("seeds", DEFAULT_SEEDS)
    if not isinstance(seeds, int) or not 1 <= seeds <= 1000:
        raise GoldError(f"seeds is a number from 1 to 1000, not {seeds!r}")
    return gold, programs[0], programs[1]


def _shown(row: Mapping[str, Any], done: Curated) -> dict[str, Any]:
    return {
        "id": row.get("id"),
        "gold": done.gold,
        "reason": done.reason,
        "kept": list(done.kept),
        "dropped": [{"test": one.test, "reason": one.reason} for one in done.dropped],
        "uncaught": list(done.uncaught),
    }
