"""Opens the SQL store and brings it to the newest migration. SQLite embedded, PostgreSQL in earnest.

Touches the database only. Store URLs may hold a password: they never go into messages; use `redacted`.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from schemas.errors import UserError

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest migration of `schemas/migrations/versions`; a test holds it to that.
NEWEST = "0003"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_SECONDS = 60.0
_READS_ONLY = "tamis_reads_only"
_UNFLUSHED = "tamis_unflushed"
_MIGRATION_LOCK = 0x7A_71_15  # any fixed number: two commands that start at once must not both migrate


def sqlite_url(path: Path) -> str:
    """Gives the store URL of an SQLite file."""
    return f"sqlite:///{path}"


def redacted(url: str) -> str:
    """Gives a store or broker URL with its password hidden, for messages and records."""
    return sa.engine.make_url(url).render_as_string(hide_password=True)


def open_store(url: str) -> sa.Engine:
    """Opens the store and upgrades it.

    Args:
        url: ``sqlite:///file`` or ``postgresql://...`` (psycopg 3).

    Raises:
        UserError: for an unknown kind of database, a server that does not answer, or a store that a newer Tamis has
            upgraded.
    """
    engine = connect(url)
    try:
        upgrade(engine)
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        raise UserError(f"store {redacted(url)}: {reason}") from None
    return engine


def connect(url: str) -> sa.Engine:
    """Makes the engine without touching the database. See `open_store` for arguments and errors."""
    try:
        parsed = sa.engine.make_url(url)
    except sa.exc.ArgumentError:
        raise UserError("store: not a database URL (sqlite:///file or postgresql://user@host/name)") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
        return engine
    if backend == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    raise UserError(f"store: {backend} is not supported; use sqlite:///file or postgresql://user@host/name")


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Gives a connection that only reads: one snapshot, and no writer waits for it. Temporary tables may be made in it."""
    options: dict[str, Any] = {_READS_ONLY: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"  # its default takes a new snapshot for every statement
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def booking(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Gives a transaction for small writes that come often: it outlives killed processes, but not each power cut, and waits for no disk."""
    with engine.connect().execution_options(**{_UNFLUSHED: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
        yield connection


def upgrade(engine: sa.Engine) -> None:
    """Brings the store to the newest migration; does nothing when it is there. Safe to call from many processes at once."""
    if _version(engine) == NEWEST:
        return
    # Alembic takes a quarter of a second to import, and most commands find the store up to date.
    from alembic import command  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        current = MigrationContext.configure(connection).get_current_revision()
        if current == NEWEST:  # another process was quicker
            return
        known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
        if current is not None and current not in known:
            raise UserError(
                f"store {redacted(str(engine.url))}: its version {current} is newer than this Tamis; upgrade Tamis"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(engine: sa.Engine) -> str | None:
    """Gives the migration that the store is at; None for a new one."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return found


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see `upgrade`

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling starts none before DDL and SELECT; we begin explicitly (see _begin_immediate).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a committed row must outlive a power cut: its file is already on disk
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={int(_BUSY_TIMEOUT_SECONDS * 1000)}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # A deferred transaction that turns from reader to writer fails at once when another has written: no timeout applies.
    options = connection.get_execution_options()
    reads = options.get(_READS_ONLY, False)
    if not reads:  # the connection may have been another's before; within a transaction it cannot be changed
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get(_UNFLUSHED) else 'FULL'}")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
