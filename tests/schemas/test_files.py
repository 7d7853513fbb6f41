"""Files are whole or not there, and their names come from their content."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import files


def test_same_rows_same_name(tmp_path):
    table = pa.table({"a": range(20_000)})
    first = files.write_part(tmp_path / "x", "part-00000", table)
    cut = files.write_part(tmp_path / "y", "part-00000", iter(table.to_batches(max_chunksize=777)), table.schema)
    assert first == cut
    assert first.name == f"part-00000-{files.sha256_of(tmp_path / 'x' / first.name)[:16]}.parquet"
    assert pq.read_table(tmp_path / "x" / first.name).equals(table)


def test_row_groups_are_bounded_by_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROW_GROUP_BYTES", 1 << 20)
    batch = pa.record_batch({"t": pa.array(["y" * 100_000] * 10, pa.large_string())})
    part = files.write_part(tmp_path, "big", iter([batch] * 10), batch.schema)
    assert pq.ParquetFile(tmp_path / part.name).num_row_groups >= 5
    assert part.rows == 100


def test_an_error_leaves_nothing(tmp_path):
    def broken():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        files.write_part(tmp_path, "part", broken(), pa.schema([("a", pa.int64())]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("point", ["files.after_write", "files.after_rename", "files.before_rename"])
def test_killed_between_any_two_steps(tmp_path, point):
    code = (
        "import pyarrow as pa, sys; from pathlib import Path; from schemas import files\n"
        "d = Path(sys.argv[1]); files.write_part(d, 'part', pa.table({'a': [1]})); files.write_json_durably(d / 'done.json', {})"
    )
    environment = {**os.environ, "TAMIS_FAILPOINT": point, "PYTHONPATH": str(Path.cwd())}
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "done.json").exists()
    for path in tmp_path.glob("part-*.parquet"):
        assert files.sha256_of(path)[:16] in path.name
    files.remove_temporaries(tmp_path)
    assert not list(tmp_path.glob(".tmp-*"))
    environment.pop("TAMIS_FAILPOINT")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet", ".json"}
    assert len(list(tmp_path.iterdir())) == 2
