"""A kill anywhere in a selection, then the same selection again: as if nothing had happened."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from selection_world import Sample, World, right

from schemas.errors import UserError
from schemas.files import sha256_of
from schemas.recipe import SelectRecipe
from schemas.tables import Artifact, Selection, SelectionItem
from workers.select import _sole_writer, select

RECIPE = {"name": "set", "require": {"math": {}}, "per_prompt": 2}
CHILD = """
import sys
from pathlib import Path
from schemas.recipe import SelectRecipe
from schemas.store import open_store
from workers.select import select
select(open_store(sys.argv[1]), Path(sys.argv[2]), SelectRecipe.model_validate_json(sys.argv[3]))
"""


def fill(world):
    world.add([Sample(f"p{n % 4}", f"text {n % 9}", right("math"), tokens=n) for n in range(30)])


def state(world):
    folder = world.out / "selections" / "set"
    with world.engine.connect() as connection:
        artifacts = sa.select(Artifact.path, Artifact.sha256).where(Artifact.path.startswith("selections/"))
        return (
            {path.name: sha256_of(path) for path in folder.iterdir() if path.name != ".lock"},
            sorted(tuple(row) for row in connection.execute(sa.select(SelectionItem.__table__))),
            sorted(tuple(row) for row in connection.execute(artifacts)),
            connection.scalars(sa.select(Selection.id)).all(),
        )


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "failpoint",
    ["files.after_write", "files.after_rename", "files.before_rename", "select.after_files", "select.before_commit"],
)
def test_a_killed_selection_is_taken_up(tmp_path, request, database, failpoint):
    url = request.getfixturevalue("postgresql_url") if database == "postgresql" else None
    recipe = SelectRecipe.model_validate(RECIPE)
    undisturbed = World(tmp_path / "undisturbed")
    fill(undisturbed)
    select(undisturbed.engine, undisturbed.out, recipe)
    world = World(tmp_path / "killed", url)
    fill(world)
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            CHILD,
            world.engine.url.render_as_string(hide_password=False),
            str(world.out),
            recipe.model_dump_json(),
        ],
        env={**os.environ, "TAMIS_FAILPOINT": failpoint, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    with world.engine.connect() as connection:
        assert connection.scalars(sa.select(Selection.id)).all() == []
    select(world.engine, world.out, recipe)
    files, *rest = state(world)
    expected, *expected_rest = state(undisturbed)
    assert {name: files[name] for name in files if not name.startswith(".tmp-")} == expected
    assert rest == expected_rest
    world.engine.dispose()


def test_two_writers_of_one_set_are_refused(tmp_path):
    world = World(tmp_path)
    fill(world)
    recipe = SelectRecipe.model_validate(RECIPE)
    with _sole_writer(tmp_path / "selections" / "set"), pytest.raises(UserError, match="another `tamis select`"):
        select(world.engine, tmp_path, recipe)
    assert select(world.engine, tmp_path, recipe).num_selected == 8
