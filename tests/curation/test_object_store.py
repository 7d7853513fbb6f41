"""Objects behind the methods of paths: conditions, ranges, errors, the lease; against a real server of S3's protocol."""

import pickle
import re
import time

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from object_store_kit import BUCKET, client, keys_of, s3_server

from curation.job import lock
from curation.job.lease import HeldError, Lease
from curation.readers.listing import list_pieces
from curation.readers.streams import InputStream
from schemas import files, storage_s3
from schemas.errors import ResumableError, UserError
from schemas.recipe import CurateRecipe, parse_recipe
from schemas.storage import PreconditionError, StorageError, check_access, joined, location, remove_tree
from schemas.storage_fsspec import FsspecStore


@pytest.fixture(scope="module", autouse=True)
def _server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        client().create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture
def root(request):
    return location(f"s3://{BUCKET}/{re.sub('[^a-z0-9]+', '-', request.node.name.lower())}")


@pytest.fixture(params=["s3", "fsspec"])
def store(request):
    if request.param == "s3":
        return location(f"s3://{BUCKET}").store
    return FsspecStore("memory", fsspec.filesystem("memory"))


def test_locations(tmp_path):
    assert location(str(tmp_path)) == tmp_path
    assert location("file:///a/b").as_posix() == "/a/b"
    place = location("s3://corpus/a/b/")
    assert (str(place), place.name, str(place.parent), place.key) == ("s3://corpus/a/b", "b", "s3://corpus/a", "a/b")
    assert str(place / "c.json") == "s3://corpus/a/b/c.json"
    assert joined(tmp_path, "x") == tmp_path / "x"
    assert joined(tmp_path, "s3://corpus/a/b") == place
    assert pickle.loads(pickle.dumps(place)) == place
    for wrong, told in (("http://host/x", "none of the stores known"), ("s3:///x", "no bucket")):
        with pytest.raises(UserError, match=told):
            location(wrong)


def test_conditions_of_a_put(store):
    first = store.put(BUCKET, "one", b"1", absent=True)
    with pytest.raises(PreconditionError):
        store.put(BUCKET, "one", b"2", absent=True)
    second = store.put(BUCKET, "one", b"22", etag=first)
    with pytest.raises(PreconditionError):
        store.put(BUCKET, "one", b"333", etag=first)
    assert store.read(BUCKET, "one", 0, 100, second)[0] == b"22"
    with pytest.raises(PreconditionError):
        store.read(BUCKET, "one", 0, 100, first)
    store.delete(BUCKET, ["one", "never-there"])
    with pytest.raises(FileNotFoundError):
        store.head(BUCKET, "one")
    with pytest.raises(PreconditionError):
        store.put(BUCKET, "one", b"4", etag=second)


def test_ranges_and_listing(store, tmp_path):
    content = bytes(range(256)) * 10
    (tmp_path / "x").write_bytes(content)
    with (tmp_path / "x").open("rb") as handle:
        store.upload(BUCKET, "list/b", handle, len(content))
    store.put(BUCKET, "list/a", b"")
    store.put(BUCKET, "listed", b"z")
    assert store.read(BUCKET, "list/b", 5, 3, "")[0] == b"\x05\x06\x07"
    tail, info = store.read(BUCKET, "list/b", None, 4, "")
    assert (tail, info.size) == (content[-4:], 2560)
    assert store.read(BUCKET, "list/a", 0, 10, "")[0] == b""
    assert [(item.key, item.size) for item in store.list(BUCKET, "list/")] == [("list/a", 0), ("list/b", 2560)]
    store.delete(BUCKET, [item.key for item in store.list(BUCKET, "list")])
    assert list(store.list(BUCKET, "list")) == []


def test_a_file_of_an_object_reads_as_a_file(root):
    content = np.random.default_rng(3).bytes(300_000)
    (path := root / "x").store.put(path.bucket, path.key, content)
    with path.open(at_least=1000) as handle:
        for start, size in ((0, 10), (10, 5000), (299_990, 100), (7, 0), (150_000, 999), (149_000, 2000), (400_000, 5)):
            assert handle.seek(start) == start
            assert handle.read(size) == content[start : start + size]
        handle.seek(-3, 2)
        assert handle.read() == content[-3:]
    assert path.read_bytes() == content
    with InputStream(path) as stream:
        assert b"".join(iter(stream.read, b"")) == content
    wanted = [(0, 5), (1000, 1000), (299_000, 300_000), *((at, at + 7) for at in range(0, 5000, 100))]
    assert list(files.read_ranges(path, wanted)) == [content[start:stop] for start, stop in wanted]


def test_an_object_that_changes_while_it_is_read_is_noticed(root):
    (path := root / "x").store.put(path.bucket, path.key, b"a" * 5000)
    with path.open(at_least=100) as handle:
        handle.read(10)
        path.store.put(path.bucket, path.key, b"b" * 5000)
        handle.seek(4000)
        with pytest.raises(PreconditionError):
            handle.read(10)


def test_parts_land_as_in_a_folder(root, tmp_path):
    table = pa.table({"a": range(20_000), "t": [f"text {n}" for n in range(20_000)]})
    local, remote = files.write_part(tmp_path, "part-00000", table), files.write_part(root, "part-00000", table)
    assert local == remote
    assert files.read_parquet(root / remote.name, ["t"]).equals(table.select(["t"]))
    with files.open_parquet(root / remote.name) as file:
        assert file.read_row_group(1, columns=["a"])["a"][0].as_py() == files.ROW_GROUP_ROWS
    assert files.sha256_of(root / remote.name) == local.sha256
    assert files.write_lines(root, "l", ["ä", "b"]) == files.write_lines(tmp_path, "l", ["ä", "b"])


def test_an_error_leaves_nothing(root):
    def broken():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        files.write_part(root, "part", broken(), pa.schema([("a", pa.int64())]))
    assert not root.exists()


def test_json_files_are_read_many_at_a_time(root):
    for number in range(0, 40, 2):
        files.write_json_durably(root / f"{number}.json", {"n": number})
    found = list(files.read_jsons([root / f"{number}.json" for number in range(40)]))
    assert [item and item["n"] for item in found] == [None if number % 2 else number for number in range(40)]


def test_large_objects_go_up_in_parts_and_broken_uploads_are_dropped(root, monkeypatch):
    monkeypatch.setattr(storage_s3, "PART_BYTES", 5 << 20)
    content = np.random.default_rng(1).bytes(11 << 20)
    part = files.write_blob(root, "big", "bin", [content])
    assert client().head_object(Bucket=BUCKET, Key=(root / part.name).key)["ETag"].endswith('-3"')
    assert (root / part.name).read_bytes() == content
    client().create_multipart_upload(Bucket=BUCKET, Key=(root / "half").key)
    assert files.remove_temporaries(root) == 1
    assert files.remove_temporaries(root) == 0


def test_a_tree_is_removed_and_nothing_beside_it(root):
    for number in range(3):
        (root / "a").store.put(BUCKET, (root / "a" / f"d{number}" / "x").key, b"")
    root.store.put(BUCKET, f"{root.key}-beside", b"")
    assert sorted(path for path, _ in root.below()) == ["a/d0/x", "a/d1/x", "a/d2/x"]
    remove_tree(root)
    assert not root.exists()
    assert keys_of(BUCKET, f"{root.key}-beside")


def test_errors_are_one_line_without_credentials(monkeypatch):
    with pytest.raises(UserError, match="there is no bucket 'nowhere'"):
        check_access(location("s3://nowhere/x"))
    from botocore.exceptions import ClientError

    store = location(f"s3://{BUCKET}").store

    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "key tester"}}, "HeadObject")

    monkeypatch.setattr(store._client, "head_object", refuse)
    with pytest.raises(StorageError) as caught:
        location(f"s3://{BUCKET}/x").is_file()
    assert str(caught.value) == f"s3://{BUCKET}/x: the store refuses: AccessDenied"


def test_inputs_are_listed_as_from_a_folder(root, tmp_path):
    names = ["a.jsonl", "b/c.jsonl", "b/d/e.jsonl", ".hidden/x.jsonl", "b/notes.xyz"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"text": "x"}\n')
        root.store.put(BUCKET, (root / name).key, b'{"text": "x"}\n')

    def paths(path):
        value = {"name": "n", "inputs": [{"source": "s", "path": path}], "steps": [{"exact_dedup": {}}]}
        return [piece.path for piece in list_pieces(parse_recipe(value, CurateRecipe, "test"), tmp_path)[0]]

    for end in ("", "/a.jsonl", "/**/*.jsonl", "/b/*.jsonl", "/b/?/[d-f].jsonl", "/*/c.jsonl", "/b/**/e.jsonl"):
        assert paths(f"{root}{end}") == paths(f"{tmp_path}{end}") != [], end
    with pytest.raises(UserError, match="nothing to read at s3://"):
        paths(f"{root}/none")


def test_one_command_at_a_time(root):
    with lock.hold(root / "lock") as check:
        check()
        with pytest.raises(UserError, match=r"process \d+ on .* is working here"), lock.hold(root / "lock"):
            pass
    with lock.hold(root / "lock"):  # given back, it is free at once
        pass


def _lease(path, name, stale=60.0, beat=60.0):
    return Lease(path, {"pid": 1, "host": name}, beat, stale)


def lost_at(check):
    """Gives what a lease's check says when it is lost."""
    try:
        check()
    except ResumableError as error:
        return str(error)
    return None


def test_a_stale_lease_is_taken_over_and_its_holder_told(root):
    path = root / "lock"
    first = _lease(path, "one", stale=60.0, beat=1.0)
    first.take(lambda _: False)
    with pytest.raises(HeldError) as caught:
        _lease(path, "two").take(lambda _: False)
    assert caught.value.holder["host"] == "one"
    with first.renewed() as check:
        _lease(path, "two").take(lambda _: True)
        deadline = time.monotonic() + 60
        while lost_at(check) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "another command has taken it over" in lost_at(check)
    assert b'"two"' in path.read_bytes(), "the loser has not touched it"


def test_only_one_of_two_takes_a_stale_lease(root):
    path = root / "lock"
    _lease(path, "dead").take(lambda _: False)
    slow, quick = _lease(path, "slow"), _lease(path, "quick")

    def meanwhile(_):
        quick.take(lambda _: True)
        return True

    with pytest.raises(HeldError):
        slow.take(meanwhile)


def test_a_lease_that_cannot_be_renewed_is_given_up(root):
    lease = _lease(root / "lock", "one", stale=0.05)
    lease.take(lambda _: False)
    with lease.renewed() as check:
        time.sleep(0.1)
        assert "could not be renewed" in lost_at(check)
