"""Kills real processes in the middle of a verification: what is there in the end is what an undisturbed run gives."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from material import NUM_SHARDS, PROMPTS, SAMPLES, count_generations, recipe, source, verdicts, write_generations

from schemas.store import connect, open_store, reading, sqlite_url
from schemas.tables import Run, Shard
from workers import imports, queue
from workers.broker import BROKER_VARIABLE, STORE_VARIABLE
from workers.check import check_store
from workers.landing import FAILPOINTS
from workers.verify import verify

COMMAND = Path(__file__).parent / "command.py"
#: Math keeps processes of its own, mixing loads models: most tests do with format, which starts in no time.
ALL_VERIFIERS = ["format", "math", "mixing"]
#: Each of two workers lands this many of the shards and waits with the next.
PASSED = 4


class Work:
    """One verification: its store, its folder, its input, and the command that does it."""

    def __init__(self, store_url: str, out: Path, generations: Path) -> None:
        self.store_url = store_url
        self.out = out
        self.generations = generations
        self.engine = connect(store_url)
        self.verifiers = ["format"]

    def start(self, environment: dict[str, str] | None = None, *arguments: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, **(environment or {})}
        argv = [sys.executable, str(COMMAND), self.store_url, str(self.out), str(self.generations)]
        argv += [",".join(self.verifiers), *arguments]
        return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, environment: dict[str, str] | None = None, *arguments: str) -> int:
        process = self.start(environment, *arguments)
        output, errors = process.communicate(timeout=300)
        assert process.returncode in (0, -signal.SIGKILL), output + errors
        return process.returncode

    def again(self) -> None:
        """Does what the command does, in this process: quicker where nothing is killed any more."""
        verify(self.store_url, self.out, [source(self.generations)], recipe(self.verifiers), concurrency=2)

    def settled(self) -> float:
        """Gives the share of settled shards."""
        with self.engine.connect() as connection:
            stage_id = connection.execute(sa.text("SELECT id FROM stages WHERE kind = 'verify'")).scalar()
        if stage_id is None:
            return 0.0
        tally = queue.tally(self.engine, stage_id)
        return tally.settled / NUM_SHARDS


@pytest.fixture(scope="session")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_generations(tmp_path_factory.mktemp("generations") / "made.jsonl.gz")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, generations: Path) -> list[tuple[object, ...]]:
    """The verdicts of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    work = Work(sqlite_url(folder / "tamis.db"), folder, generations)
    work.verifiers = ALL_VERIFIERS
    assert work.run() == 0
    rows = verdicts(work.engine)
    assert len(rows) == PROMPTS * SAMPLES * len(ALL_VERIFIERS)
    assert {row[5] for row in rows} >= {"correct", "incorrect", "partial"}
    assert not check_store(work.engine)
    return rows


@pytest.fixture
def work(store_url: str, tmp_path: Path, generations: Path) -> Iterator[Work]:
    """A store with the generations imported, nothing verified."""
    work = Work(store_url, tmp_path / "out", generations)
    engine = open_store(store_url)
    imports.import_rows(engine, work.out, [source(generations)])
    assert count_generations(engine) == PROMPTS * SAMPLES
    engine.dispose()
    yield work
    work.engine.dispose()


def interrupt_midway(
    work: Work, victim: Callable[[psutil.Process], psutil.Process], number: signal.Signals = signal.SIGKILL
) -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
    """Starts the command and signals one process of its tree when a part of the work is done and its workers wait with the next.

    They go on after a kill, and wait until they are ended after any other signal. Gives the command, and its children at that time.
    """
    hold = work.out.parent / "hold"
    hold.touch()
    held = {"TAMIS_FAILPOINT": "landing.after_files", "TAMIS_FAILPOINT_HOLD": str(hold)}
    process = work.start({**held, "TAMIS_FAILPOINT_PASS": str(PASSED)})
    part = 2 * PASSED / NUM_SHARDS
    wait_until(lambda: process.poll() is not None or work.settled() >= part)
    assert process.poll() is None, process.communicate()
    command = psutil.Process(process.pid)
    children = command.children(recursive=True)
    os.kill(victim(command).pid, number)
    assert work.settled() == part
    if number == signal.SIGKILL:
        hold.unlink()
    return process, children


def wait_until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive, f"they outlive their command: {alive}"


def itself(command: psutil.Process) -> psutil.Process:
    return command


def broker(command: psutil.Process) -> psutil.Process:
    return next(child for child in command.children() if "valkey-server" in child.name())


def worker_main(command: psutil.Process) -> psutil.Process:
    return next(child for child in command.children() if "workers" in child.cmdline())


def worker_child(command: psutil.Process) -> psutil.Process:
    return worker_main(command).children()[0]


def assert_as_undisturbed(work: Work, undisturbed: list[tuple[object, ...]]) -> None:
    assert verdicts(work.engine) == [row for row in undisturbed if row[1] in work.verifiers]
    findings = check_store(work.engine, repair=True)
    assert {finding.kind for finding in findings} <= {"orphan_file"}
    assert check_store(work.engine) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", [itself, worker_child, worker_main, broker])
def test_kill_midway_changes_nothing(
    work: Work, victim: Callable[[psutil.Process], psutil.Process], undisturbed: list[tuple[object, ...]]
) -> None:
    process, children = interrupt_midway(work, victim)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == (-signal.SIGKILL if victim is itself else 0), output + errors
    assert_gone(children)
    work.again()
    assert_as_undisturbed(work, undisturbed)


@pytest.mark.slow
def test_kill_of_a_child_whose_verifiers_keep_processes(
    tmp_path: Path, generations: Path, undisturbed: list[tuple[object, ...]]
) -> None:
    url = sqlite_url(tmp_path / "tamis.db")
    open_store(url).dispose()
    work = Work(url, tmp_path / "out", generations)
    work.verifiers = ALL_VERIFIERS
    process, children = interrupt_midway(work, worker_child)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    assert_gone(children)
    assert_as_undisturbed(work, undisturbed)


@pytest.mark.slow
def test_ctrl_c_leaves_a_resumable_state(work: Work, undisturbed: list[tuple[object, ...]]) -> None:
    process, children = interrupt_midway(work, itself, signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode not in (0, -signal.SIGKILL)
    assert_gone(children)
    with reading(work.engine) as connection:
        shards = connection.execute(sa.select(Shard.status, Shard.attempts)).all()
        statuses = set(connection.execute(sa.select(Run.status).where(Run.kind == "verify")).scalars())
    assert {status for status, _ in shards} == {"done", "pending"}, "nothing is held by the dead"
    assert all(attempts == 0 for status, attempts in shards if status == "pending"), (
        "what was interrupted costs no attempt"
    )
    assert statuses == {"failed"}
    work.again()
    assert_as_undisturbed(work, undisturbed)


@pytest.mark.slow
def test_two_commands_at_once_share_the_work(work: Work, undisturbed: list[tuple[object, ...]]) -> None:
    both = [work.start(), work.start()]
    for process in both:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, output + errors
    with reading(work.engine) as connection:
        shards = connection.execute(sa.text("SELECT count(*) FROM shards")).scalar_one()
    assert shards == NUM_SHARDS + 1, "the import's one, and no shard twice"
    assert_as_undisturbed(work, undisturbed)


@pytest.mark.parametrize("point", FAILPOINTS)
def test_kill_in_an_import_changes_nothing(store_url: str, point: str, tmp_path: Path, generations: Path) -> None:
    open_store(store_url).dispose()
    pid = os.fork()
    if pid == 0:
        os.environ["TAMIS_FAILPOINT"] = point
        imports.import_rows(connect(store_url), tmp_path, [source(generations)])
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    engine = connect(store_url)
    imports.import_rows(engine, tmp_path, [source(generations)])
    assert count_generations(engine) == PROMPTS * SAMPLES
    assert {finding.kind for finding in check_store(engine, repair=True)} <= {"orphan_file"}
    assert check_store(engine) == []
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("point", FAILPOINTS)
def test_kill_between_two_steps_of_landing_changes_nothing(
    work: Work, point: str, tmp_path: Path, undisturbed: list[tuple[object, ...]]
) -> None:
    marker = tmp_path / "killed"
    work.run({"TAMIS_FAILPOINT": point, "TAMIS_FAILPOINT_ONCE": str(marker)})
    assert marker.exists(), "nothing was killed"
    work.again()
    assert_as_undisturbed(work, undisturbed)


@contextlib.contextmanager
def worker(
    work: Work, broker_url: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a worker of its own, as `tamis worker` does, for the length of the block."""
    urls = {STORE_VARIABLE: work.store_url, BROKER_VARIABLE: broker_url}
    argv = [sys.executable, "-m", "workers", "--concurrency", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=COMMAND.parents[2],
            env={**os.environ, **urls, **(environment or {})},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.mark.slow
def test_a_late_zombie_changes_nothing(
    work: Work, valkey_url: str, tmp_path: Path, undisturbed: list[tuple[object, ...]]
) -> None:
    # Store, broker and workers by URL. The first worker is stopped before it lands, and its lease expires: another takes its
    # shard and lands it; then the first goes on, finds it done, and takes its own file away.
    hold, reached, log = tmp_path / "hold", tmp_path / "reached", tmp_path / "zombie.log"
    hold.touch()
    environment = {
        "TAMIS_FAILPOINT": "landing.after_files",
        "TAMIS_FAILPOINT_HOLD": str(hold),
        "TAMIS_FAILPOINT_ONCE": str(reached),
    }
    with worker(work, valkey_url, log, environment) as zombie:
        command = work.start(None, valkey_url, "0")
        wait_until(reached.exists)
        child = psutil.Process(zombie.pid).children()[0]
        child.suspend()
        hold.unlink()
        with work.engine.begin() as connection:
            leased = sa.update(Shard).where(Shard.status == "leased")
            connection.execute(leased.values(lease_expires_at=datetime(2000, 1, 1, tzinfo=UTC)))
        with worker(work, valkey_url, tmp_path / "other.log"):
            output, errors = command.communicate(timeout=300)
        assert command.returncode == 0, output + errors
        before = verdicts(work.engine)
        assert "shard_landed" not in log.read_text()
        child.resume()
        wait_until(lambda: "shard_lost" in log.read_text())
    assert verdicts(work.engine) == before
    assert_as_undisturbed(work, undisturbed)
