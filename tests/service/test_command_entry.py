"""A plain `explain` is read as the whole command line reads it, and loads little."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from service.__main__ import ExplainRequest, plain_explain
from service.cli import app

ROOT = Path(__file__).resolve().parents[2]


def as_typer_reads(arguments):
    command = typer.main.get_command(app)
    with command.make_context("tamis", ["explain", *arguments]) as context:
        explain = command.commands["explain"]
        with explain.make_context("explain", list(arguments), parent=context) as made:
            given = made.params
    return ExplainRequest(given["identifier"], str(given["out"]), given["store"], given["as_json"])


_options = st.lists(
    st.sampled_from([["--json"], ["--out", "place"], ["--out=other"], ["--store", "sqlite:///x"], ["--store=y"]]),
    max_size=3,
)


@given(_options, _options)
def test_it_is_read_as_typer_reads_it(before, after):
    arguments = [word for option in [*before, ["abcdef"], *after] for word in option]
    assert plain_explain(["explain", *arguments], {}) == as_typer_reads(arguments)


def test_variables_stand_in_for_options():
    variables = {"TAMIS_OUT": "there", "TAMIS_STORE": "sqlite:///s"}
    assert plain_explain(["explain", "abc"], variables) == ("abc", "there", "sqlite:///s", False)
    assert plain_explain(["explain", "abc", "--out", "here"], variables) == ("abc", "here", "sqlite:///s", False)
    assert plain_explain(["explain", "abc"], {}) == ("abc", "out", None, False)


@pytest.mark.parametrize(
    "arguments",
    [[], ["curate", "x"], ["explain"], ["explain", "a", "b"], ["explain", "--help"], ["explain", "a", "--out"],
     ["explain", "a", "--jsn"], ["explain", "a", "--json=1"], ["explain", "a", "--out", "--json"], ["--version"]],
)  # fmt: skip
def test_whatever_is_not_plain_is_left_to_the_whole_command_line(arguments):
    assert plain_explain(arguments, {}) is None


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_mistake_is_one_line_and_exit_2(tmp_path):
    done = run("explain", "not an id", "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tamis: 'not an id' is no id: give 6 to 32 hex digits\n"
    assert "Usage" in run("explain", "--help").stdout


def test_nothing_large_is_loaded_to_explain():
    code = "import sys, service.__main__, service.commands.explain, curation.rules.readings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"typer", "pydantic", "rich", "numba", "sqlalchemy", "apache_beam", "pyarrow.compute"} & set(
        loaded.split()
    )
