"""Runs a pipeline on this machine in worker processes that are ours: all cores, no hang when one dies, none left behind.

Beam's own DirectRunner may fetch a runner binary over the network, and its multi-processing mode waits for ever when a worker is
killed. This is Beam's FnApiRunner with another way to start and watch workers. Touches processes and their log files; relies on
the inside of Beam 2.77, which pyproject.toml pins.
"""

import contextlib
import functools
import itertools
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2, beam_provision_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format  # type: ignore[import-untyped]

_WORKER_URN = "tamis:env:local_worker:v1"
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_RETRY_SECONDS = 0.1
_EXIT_SECONDS = 10.0
#: One thread a worker: there is a worker for every core already.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class Worker:
    """A worker process, which is the nursery's child: its pid, and its exit code once the nursery has told it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self._ended = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until the process has ended; says whether it has."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Ends the process at once, if it still runs."""
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def end(self, code: int) -> None:
        """Notes that it has ended."""
        self.code = code
        self._ended.set()


class Nursery:
    """Forks workers for one pipeline after the other; see `curation.job.sdk_worker`. Started with the first worker.

    Args:
        log_directory: folder for the nursery's own output.
        stands: outlive the jobs that use it; see `standing_nursery`.
    """

    def __init__(self, log_directory: Path, *, stands: bool = False) -> None:
        self.stands = stands
        self._log_directory = log_directory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._born: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        self._workers: dict[int, Worker] = {}

    def start_worker(self, variables: dict[str, str], log: Path) -> Worker:
        """Forks a worker with this process's environment and folder of now, and `variables`; its output goes to `log`.

        Raises:
            RuntimeError: the nursery has ended; the next call starts another.
        """
        with self._lock:
            process = self._running()
            log.parent.mkdir(parents=True, exist_ok=True)
            request = {"env": {**_environment(), **variables}, "folder": str(Path.cwd()), "log": str(log.absolute())}
            try:
                process.stdin.write((json.dumps(request) + "\n").encode())  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
            except OSError:
                raise RuntimeError("the parent of the worker processes has ended") from None
            worker = self._born.get()
            if worker is None:
                raise RuntimeError("the parent of the worker processes has ended")
            return worker

    def close(self) -> None:
        """Ends the nursery, and what is left of its workers; one that stands goes on."""
        if self.stands:
            return
        with self._lock:
            process, self._process = self._process, None
            for worker in list(self._workers.values()):
                worker.kill()
            if process is not None:
                process.stdin.close()  # type: ignore[union-attr]
                try:
                    process.wait(_EXIT_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._log_directory.mkdir(parents=True, exist_ok=True)
            self._born = queue.SimpleQueue()
            with (self._log_directory / "nursery.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "curation.job.sdk_worker"],
                    env=_environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            listener = threading.Thread(
                target=self._listen, args=(self._process, self._born), name="nursery", daemon=True
            )
            listener.start()
        return self._process

    def _listen(self, process: subprocess.Popen[bytes], born: "queue.SimpleQueue[Worker | None]") -> None:
        mine: dict[int, Worker] = {}
        for line in process.stdout:  # type: ignore[union-attr]
            answer = json.loads(line)
            if "exit" in answer:
                mine.pop(answer["pid"]).end(answer["exit"])
                self._workers.pop(answer["pid"], None)
            else:
                worker = self._workers[answer["pid"]] = mine[answer["pid"]] = Worker(answer["pid"])
                born.put(worker)
        process.stdout.close()  # type: ignore[union-attr]
        # Nobody can tell any more how these end.
        for worker in mine.values():
            worker.kill()
            worker.end(-signal.SIGKILL)
            self._workers.pop(worker.pid, None)
        born.put(None)


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}


_standing: list[Nursery] = []


def nursery_for_job(log_directory: Path) -> Nursery:
    """Gives the nursery that stands, or a new one with this folder for its output; close it after the job."""
    return _standing[-1] if _standing else Nursery(log_directory)


@contextlib.contextmanager
def standing_nursery(log_directory: Path) -> Iterator[None]:
    """Lets the jobs of this process share one nursery until the block ends, where each would start its own: for many small ones."""
    nursery = Nursery(log_directory, stands=True)
    _standing.append(nursery)
    try:
        yield
    finally:
        _standing.remove(nursery)
        nursery.stands = False
        nursery.close()


class Crew:
    """The workers of one pipeline. When one ends before its time, all are ended, and the pipeline fails at once."""

    _numbers = itertools.count()
    by_key: dict[str, "Crew"] = {}  # noqa: RUF012 - Beam carries a key to the handler, not an object

    def __init__(self, nursery: Nursery, log_directory: Path) -> None:
        self.key = f"{os.getpid()}-{next(self._numbers)}"
        self.error: str | None = None
        self._nursery = nursery
        self._log_directory = log_directory
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self.by_key[self.key] = self

    def start(self, variables: dict[str, str]) -> Worker:
        """Starts a worker process whose output goes to a log file."""
        with self._lock:
            log = self._log_directory / f"worker-{self.key}-{len(self._workers)}.log"
            worker = self._nursery.start_worker(variables, log)
            self._workers.append(worker)
            late = self.error is not None
        if late:
            worker.kill()
        return worker

    def fail(self, error: str) -> None:
        """Ends all workers; the pipeline then raises an error that holds `error`."""
        with self._lock:
            self.error = self.error or error
            workers = list(self._workers)
        for worker in workers:
            worker.kill()


@environments.Environment.register_urn(_WORKER_URN, bytes)
class _LocalWorkerEnvironment(environments.Environment):
    """Names the crew whose workers run a transform."""

    def __init__(self, crew: str, capabilities: Any = (), artifacts: Any = (), resource_hints: Any = None) -> None:
        super().__init__(capabilities, artifacts, resource_hints)
        self.crew = crew

    def __eq__(self, other: object) -> bool:
        return bool(super().__eq__(other)) and isinstance(other, _LocalWorkerEnvironment) and self.crew == other.crew

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.crew))

    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:  # noqa: ARG002 - Beam's signature
        return _WORKER_URN, self.crew.encode()

    @staticmethod
    def from_runner_api_parameter(
        payload: bytes,
        capabilities: Any,
        artifacts: Any,
        resource_hints: Any,
        context: Any,  # noqa: ARG004
    ) -> "_LocalWorkerEnvironment":
        return _LocalWorkerEnvironment(payload.decode(), capabilities, artifacts, resource_hints)


@WorkerHandler.register_environment(_WORKER_URN, bytes)
class _LocalWorkerHandler(GrpcWorkerHandler):
    """The runner's side of one worker."""

    def __init__(self, crew: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._crew = Crew.by_key[crew.decode()]
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{self.worker_id}", daemon=True)

    def start_worker(self) -> None:
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        self._worker = self._crew.start(
            {
                "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
                "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
                "WORKER_ID": self.worker_id,
            }
        )
        self._watcher.start()

    def close(self) -> None:
        # Work in flight at the end means that the pipeline has failed elsewhere: its other workers would go on to the end.
        if self.control_conn._futures_by_id:  # noqa: SLF001 - Beam has no other way to ask
            self._crew.fail("the pipeline failed")
        self._stopping.set()
        for connection in (self.control_conn, self.data_conn):
            with contextlib.suppress(grpc.RpcError):  # of a worker that has been killed
                connection.close()
        self.stop_worker()

    def stop_worker(self) -> None:
        if not self._worker.wait(_EXIT_SECONDS):
            self._worker.kill()
        self._watcher.join()

    def _watch(self) -> None:
        self._worker.wait()
        if self._stopping.is_set():
            return
        code = self._worker.code or 0
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._crew.fail(f"worker process {self._worker.pid} ended by {cause}")
        # Answer every request to this worker by an error, also those that are still to come: Beam would wait for ever.
        while not self._stopping.wait(_RETRY_SECONDS):
            pending = self.control_conn._futures_by_id  # noqa: SLF001
            for key in list(pending):
                future = pending.pop(key, None)
                if future is not None:
                    future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=key, error=self._crew.error or cause))


class LocalRunner(fn_runner.FnApiRunner):
    """Beam's in-process runner with `num_workers` worker processes.

    Args:
        options: the pipeline's options, which the workers get too.
        num_workers: worker processes. What passes through a shuffle is held in this process's memory.
        nursery: forks them.
        log_directory: folder for their output.
    """

    def __init__(self, options: PipelineOptions, num_workers: int, nursery: Nursery, log_directory: Path) -> None:
        self.crew = Crew(nursery, log_directory)
        self._wanted_workers = num_workers
        encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
        super().__init__(
            default_environment=_LocalWorkerEnvironment(self.crew.key),
            provision_info=fn_runner.ExtendedProvisionInfo(
                beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
            ),
        )

    def run_via_runner_api(self, pipeline_proto: Any, options: PipelineOptions) -> Any:
        """Runs a translated pipeline; raises RuntimeError when a worker or a transform fails."""
        self._num_workers = self._wanted_workers
        try:
            return super().run_via_runner_api(pipeline_proto, options)
        finally:
            Crew.by_key.pop(self.crew.key, None)


@functools.cache
def quiet_connections() -> None:
    """Keeps the tracebacks of Beam's connection threads off the terminal: when a worker is killed, each of them raises.

    For good, since some raise when the pipeline has long ended. Every other thread's errors are shown as before.
    """
    shown = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if not isinstance(arguments.exc_value, grpc.RpcError):
            shown(arguments)

    def passes(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], grpc.RpcError))

    threading.excepthook = hook
    logging.getLogger("apache_beam.runners.worker.data_plane").addFilter(passes)
