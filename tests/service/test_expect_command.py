"""`tamis rewards expect` as a user types it."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rewards import get_verifier
from service.cli import app
from service.commands import expect

PLUS = {
    "task_id": "HumanEval/0",
    "prompt": "def double(x):\n",
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "base_input": [[1], ["a"]],
    "plus_input": [[[1, 2]], [None], [9 * 10**4299]],
}
OWN = {"prompt": "Say hi.", "gold": {"code": {"language": "python", "tests": [{"stdin": "", "stdout": "hi"}]}}}
ROWS = [PLUS, {**PLUS, "prompt": "def double(y):\n"}]


def run(problems: Path, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["rewards", "expect", str(problems), "--out", str(out), "--json", *more])
    return done.exit_code, json.loads(done.stdout)


def test_what_tests_expect_is_computed_by_the_solution(tmp_path: Path) -> None:
    problems = tmp_path / "plus.jsonl"
    problems.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert run(problems, tmp_path / "out", "--dry-run") == (0, {"problems": 2})
    code, summary = run(problems, tmp_path / "out")
    counted = [summary[name] for name in ("made", "tests", "tests_dropped", "bad_rows")]
    assert (code, counted) == (
        3,
        [1, 3, 7, 1],
    )  # None cannot be doubled, 1.8 * 10**4300 is too long for a file, and the second solution has no name x
    (line,) = Path(summary["file"]).read_text().splitlines()
    row = json.loads(line)
    assert [test["returns"] for test in row["gold"]["code"]["tests"]] == [2, "aa", [1, 2, 1, 2]]
    with_gold = get_verifier("code")
    assert with_gold("```python\ndef double(x):\n    return x + x\n```", row["gold"]["code"]).score == 1.0
    with_gold.close()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [Path(summary["file"]).name]
    again, _ = run(Path(summary["file"]), tmp_path / "again")  # whole golds stay as they are
    assert again == 0


def test_a_stopped_command_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    problems, out = tmp_path / "own.jsonl", tmp_path / "out"
    solution = {"language": "python", "solution": "print(1)", "tests": [{"stdin": ""}]}
    others = [{"prompt": f"{at}?", "gold": {"code": {**solution, "solution": f"print({at})"}}} for at in range(3)]
    problems.write_text("".join(json.dumps(row) + "\n" for row in others))
    computed: list[str] = []

    def compute(gold: Any, executor: Any) -> Any:
        computed.append(gold["solution"])
        if len(computed) == 2:
            raise KeyboardInterrupt
        return real(gold, executor)

    real = expect.with_expected
    monkeypatch.setattr(expect, "with_expected", compute)
    CliRunner().invoke(app, ["rewards", "expect", str(problems), "--out", str(out)])
    code, summary = run(problems, out)
    assert (code, summary["made"]) == (0, 3)
    assert computed == ["print(0)", "print(1)", "print(1)", "print(2)"]
