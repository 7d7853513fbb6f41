"""`tamis rewards` as a user types it."""

import json

import pytest
from typer.testing import CliRunner

from rewards.registry import _BUILT_IN, available
from service.cli import app


def tamis(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_names_every_verifier_with_its_gold_and_settings():
    listed = tamis("rewards", "list", "--json")
    assert listed.exit_code == 0
    known = {row["name"]: row for row in json.loads(listed.output)}
    assert sorted(known) == available()
    assert known["math"]["gold_key"] == "answer"
    assert known["length"]["settings"]["max_tokens"] == 16_384
    ours = [known[name] for name in _BUILT_IN]  # other tests of this process may have registered their own
    assert all(row["summary"].endswith(".") and row["version"] >= 1 for row in ours)


@pytest.mark.parametrize("name", ["choice", "length", "repetition"])
def test_list_shows_a_table(name):
    assert name in tamis("rewards", "list").output
