"""Alembic's entry: runs the migrations over the connection that `schemas.store.upgrade` hands in."""

import sqlalchemy as sa
from alembic import context

from schemas.tables import Base

connection: sa.Connection | None = context.config.attributes.get("connection")
if connection is None:
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise SystemExit("set sqlalchemy.url, or use `tamis store upgrade --store URL`")
    connection = sa.create_engine(url).connect()
if connection.dialect.name == "postgresql":
    connection.execute(sa.text("SET LOCAL lock_timeout = '30s'"))
context.configure(
    connection=connection, target_metadata=Base.metadata, render_as_batch=connection.dialect.name == "sqlite"
)
context.run_migrations()
