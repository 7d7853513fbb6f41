"""A run says which code made it."""

from pathlib import Path

from schemas import version


def test_names_the_commit_of_a_checkout_of_its_own():
    root = Path(version.__file__).parents[1]
    assert ("+g" in version.code_version()) == (root / ".git").exists()
