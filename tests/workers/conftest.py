"""Stores and brokers for the tests of the queue: real servers, each test with a store of its own."""

from pathlib import Path

import pytest

from schemas.store import sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Gives the URL of an empty store, on each kind of database in turn."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store" / "tamis.db")
    return request.getfixturevalue("postgresql_url")
