"""The house's own rules: one import direction, lazy imports, what may not be written anywhere, constraints that cover the needs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("apache_beam", "celery", "sqlalchemy", "pyarrow", "numba", "sympy", "polars", "numpy", "httpx", "pydantic")


def run(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_go_one_way():
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_a_wrong_import_is_caught(tmp_path):
    """The rule itself is tested: a room that imports to its right breaks the contract."""
    for room in ("schemas", "columnar", "curation", "rewards", "workers", "service"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("")
    (tmp_path / "rewards" / "wrong.py").write_text("import curation\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "rewards.wrong -> curation" in result.stdout


@pytest.mark.parametrize("module", ["service.cli", "rewards", "schemas.ids"])
def test_doors_import_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code).stdout.strip() == "[]"


def test_help_names_every_command():
    result = run("from service.cli import main; import sys; sys.argv = ['tamis', '--help']; main()")
    assert result.returncode == 0
    for command in (
        "curate",
        "sample",
        "verify",
        "select",
        "estimate",
        "explain",
        "rules",
        "worker",
        "status",
        "store",
        "demo",
        "report",
    ):
        assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE), command


def test_constraints_name_versions_and_no_addresses():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line), line
    pinned = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [
        *project["dependencies"],
        *project["optional-dependencies"]["demo"],
        *project["optional-dependencies"]["test"],
    ]
    for requirement in needed:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-")
        assert name in pinned, name


def test_modules_stay_readable():
    for room in ("schemas", "columnar", "curation", "rewards", "workers", "service"):
        for path in (ROOT / room).rglob("*.py"):
            lines = path.read_text().splitlines()
            assert len(lines) <= 450, f"{path.relative_to(ROOT)} has {len(lines)} lines"
            if lines and "versions" not in path.parts:
                assert lines[0].startswith(('"""', 'r"""')), f"{path.relative_to(ROOT)} does not say what it is for"
