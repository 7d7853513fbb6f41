"""Stores and brokers for the tests of the queue: real servers, each test with a store of its own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import Server

from schemas.store import sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Gives the URL of an empty store, on each kind of database in turn."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store" / "tamis.db")
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def server() -> Iterator[Server]:
    """Gives a running server of the test's own; see `scripted_server`."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
