"""Fixtures that every room's tests share. Servers are real and started here; none is expected to run."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

_DEFAULT_REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def reference_data() -> Callable[[str], Path]:
    """Gives the folder of one reference data set, or skips the test with the reason."""
    root = Path(os.environ.get("TAMIS_REFERENCE_DATA", _DEFAULT_REFERENCE))

    def folder(name: str) -> Path:
        path = root / name
        if not path.is_dir():
            pytest.skip(f"reference data {name!r} is not here: set TAMIS_REFERENCE_DATA to the folder that holds it")
        return path

    return folder
