"""`tamis rewards curate-tests` as a user types it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from service.cli import app

GOLD = {"language": "python", "solution": "print(int(input()) ** 2)", "tests": [{"stdin": "3", "stdout": "8"}]}
ROWS = [
    {
        "id": "squares",
        "gold": GOLD,
        "generator": "print(int(input()) - 1)",
        "seeds": 4,
        "accepted": ["n = int(input())\nprint(n * n)"],
        "wrong": ["print(int(input()))", "n = int(input())\nprint(abs(n) * n)"],
    },
    {"id": "useless", "gold": GOLD, "accepted": [], "wrong": []},
    {"id": "bad", "gold": {"tests": []}},
    {"answer": 1},
    3,
]


def test_rows_come_out_with_their_tests_and_why(tmp_path):
    problems = tmp_path / "problems.jsonl"
    problems.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    arguments = ["rewards", "curate-tests", str(problems), "--out", str(tmp_path / "out"), "--json"]
    planned = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert json.loads(planned.stdout) == {"problems": 5}
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 3, done.output
    summary = json.loads(done.stdout)
    assert (summary["kept"], summary["no_tests_left"], summary["bad_rows"]) == (1, 1, 2)
    squares, useless, *_ = map(json.loads, Path(summary["file"]).read_text(encoding="utf-8").splitlines())
    assert squares["gold"]["tests"] == [
        {"stdin": "-1\n", "stdout": "1\n"},
        {"stdin": "0\n", "stdout": "0\n"},
        {"stdin": "1\n", "stdout": "1\n"},
        {"stdin": "2\n", "stdout": "4\n"},
    ]
    assert squares["kept"] == [1, 2, 3, 4]
    assert squares["dropped"] == [{"test": 0, "reason": "fails_accepted: program 0: wrong"}]
    assert useless["gold"] is None


def test_a_missing_file_is_refused(tmp_path):
    assert CliRunner().invoke(app, ["rewards", "curate-tests", str(tmp_path / "none.jsonl")]).exit_code != 0
