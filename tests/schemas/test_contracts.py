"""Arrow, SQL and recipes say the same, field by field; migrations make the tables that the models declare."""

import datetime as dt
import json
import re

import pyarrow as pa
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from schemas import arrow, store, tables
from schemas.errors import ContractError, UserError
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe
from schemas.store import connect, open_store, reading, redacted, sqlite_url, upgrade

# SQL table, Arrow contract, fields that only the Parquet file holds, fields that only the SQL row holds.
AGREEMENT = [
    (tables.Prompt, "prompts", {"messages", "gold"}, {"artifact_id", "row"}),
    (tables.Generation, "generations", {"text", "sampling"}, {"sampling_hash", "artifact_id", "row"}),
    (tables.VerdictRow, "verdicts", {"detail"}, {"artifact_id", "row"}),
    (tables.SelectionItem, "selection", set(), set()),
]


def _kind_of_arrow(kind: pa.DataType) -> str:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) else str(kind)


def _kind_of_sql(kind: sa.types.TypeEngine) -> str:
    return {str: "text", int: "integer", float: "float", dt.datetime: "time"}[kind.python_type]


@pytest.mark.parametrize(
    ("model", "contract", "bulk", "pointer"), AGREEMENT, ids=lambda value: getattr(value, "__name__", None)
)
def test_arrow_and_sql_agree_field_by_field(model, contract, bulk, pointer):
    columns = {column.name: column for column in model.__table__.columns}
    fields = {field.name: field for field in arrow.CONTRACTS[contract]}
    assert set(fields) - bulk == set(columns) - pointer
    for name in set(fields) & set(columns):
        assert _kind_of_arrow(fields[name].type) == _kind_of_sql(columns[name].type), name
        assert fields[name].nullable == columns[name].nullable, name


def test_every_contract_names_itself_and_its_version():
    for name, schema in arrow.CONTRACTS.items():
        assert schema.metadata[arrow.CONTRACT_KEY] == name.encode()
        arrow.check_contract(schema, name)


def test_recipes_and_contracts_share_their_words():
    assert SelectRecipe.model_fields["role"].default in arrow.ROLES
    assert tables.VerdictRow.__table__.columns["verifier"].type.length >= 64  # VerifierRecipe.name
    schema = json.dumps(VerifyRecipe.model_json_schema()) + json.dumps(CurateRecipe.model_json_schema())
    assert re.search(r"shard_generations", schema)


def test_a_missing_column_is_named():
    broken = arrow.PROMPTS.remove(arrow.PROMPTS.get_field_index("messages"))
    with pytest.raises(ContractError, match=r"x\.parquet: column 'messages' of the prompts contract is missing"):
        arrow.check_contract(broken, "prompts", "x.parquet")


def test_a_newer_contract_is_refused():
    newer = arrow.PROMPTS.with_metadata({arrow.VERSION_KEY: b"99"})
    with pytest.raises(ContractError, match="upgrade"):
        arrow.check_contract(newer, "prompts")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "tamis.db")
    return request.getfixturevalue("postgresql_url")


def test_migrations_make_what_the_models_declare(store_url):
    engine = open_store(store_url)
    upgrade(engine)  # a second time: nothing to do
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.Base.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_is_looked_for():
    assert ScriptDirectory.from_config(store._config()).get_current_head() == store.NEWEST


def test_an_older_store_is_upgraded_and_keeps_its_rows(store_url):
    engine = connect(store_url)
    with engine.begin() as connection:
        config = store._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = {"subject_kind": "document", "subject_id": "0" * 32, "reviewer": "r", "decision": "keep"}
        connection.execute(sa.insert(tables.Review).values(**row, created_at=dt.datetime.now(dt.UTC)))
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(sa.select(tables.Review.reviewer)).scalars().all() == ["r"]
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.CachedVerdict)).scalar_one() == 0
    engine.dispose()


def test_a_store_of_a_newer_tamis_is_refused(store_url):
    engine = open_store(store_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer than this Tamis"):
        open_store(store_url)
    engine.dispose()


def test_a_reader_does_not_stop_a_writer(tmp_path):
    engine = open_store(sqlite_url(tmp_path / "tamis.db"))
    with reading(engine) as reader:
        before = reader.execute(sa.select(sa.func.count()).select_from(tables.Review)).scalar_one()
        with engine.begin() as writer:
            writer.execute(
                sa.insert(tables.Review).values(
                    subject_kind="document",
                    subject_id="0" * 32,
                    reviewer="r",
                    decision="keep",
                    created_at=dt.datetime.now(dt.UTC),
                )
            )
        assert reader.execute(sa.select(sa.func.count()).select_from(tables.Review)).scalar_one() == before
    engine.dispose()


def test_a_wrong_store_gets_one_clear_line():
    with pytest.raises(UserError, match="not a database URL"):
        connect("nonsense")
    with pytest.raises(UserError, match="mysql is not supported"):
        connect("mysql://localhost/x")
    with pytest.raises(UserError, match=r"store postgresql://someone:\*\*\*@127\.0\.0\.1:1/none"):
        open_store("postgresql://someone:hunter2@127.0.0.1:1/none?connect_timeout=2")
    assert "hunter2" not in redacted("postgresql://someone:hunter2@localhost/none")
