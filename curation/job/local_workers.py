"""Runs a pipeline on this machine in worker processes that are ours: all cores, no hang when one dies, none left behind.

Beam's own DirectRunner may fetch a runner binary over the network, and its multi-processing mode waits for ever when a worker is
killed. This is Beam's FnApiRunner with another way to start and watch workers. Touches processes and their log files; relies
on the inside of Beam 2.77, which pyproject.toml pins.
"""

import contextlib
import itertools
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2, beam_provision_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format

from curation.job.sdk_worker import DRIVER_PID

_WORKER_URN = "tamis:env:local_worker:v1"
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_RETRY_SECONDS = 0.1
_EXIT_SECONDS = 10.0
#: One thread a worker: there is a worker for every core already.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class Crew:
    """The workers of one pipeline. When one ends before its time, all are ended, and the pipeline fails at once."""

    _numbers = itertools.count()
    by_key: dict[str, "Crew"] = {}  # noqa: RUF012 - Beam carries a key to the handler, not an object

    def __init__(self, log_directory: Path) -> None:
        self.key = f"{os.getpid()}-{next(self._numbers)}"
        self.error: str | None = None
        self._log_directory = log_directory
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.by_key[self.key] = self

    def start(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        """Starts a worker process whose output goes to a log file."""
        self._log_directory.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, **_ONE_THREAD, **variables, "PYTHONPATH": path, DRIVER_PID: str(os.getpid())}
        with self._lock, (self._log_directory / f"worker-{self.key}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "curation.job.sdk_worker"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            self._processes.append(process)
            late = self.error is not None
        if late:
            process.kill()
        return process

    def fail(self, error: str) -> None:
        """Ends all workers; the pipeline then raises an error that holds `error`."""
        with self._lock:
            self.error = self.error or error
            processes = list(self._processes)
        for process in processes:
            if process.poll() is None:
                process.kill()

    @property
    def pids(self) -> list[int]:
        """Process ids of all workers that were started."""
        return [process.pid for process in self._processes]


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
        self._process = self._crew.start(
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
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._watcher.join()

    def _watch(self) -> None:
        code = self._process.wait()
        if self._stopping.is_set():
            return
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._crew.fail(f"worker process {self._process.pid} ended by {cause}")
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
        log_directory: folder for the workers' output.
    """

    def __init__(self, options: PipelineOptions, num_workers: int, log_directory: Path) -> None:
        self.crew = Crew(log_directory)
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


@contextlib.contextmanager
def quiet_connections() -> Iterator[None]:
    """Keeps the tracebacks of Beam's connection threads off the terminal: when a worker is killed, each of them raises."""
    previous = threading.excepthook
    data_plane = logging.getLogger("apache_beam.runners.worker.data_plane")

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if not isinstance(arguments.exc_value, grpc.RpcError):
            previous(arguments)

    def passes(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], grpc.RpcError))

    threading.excepthook = hook
    data_plane.addFilter(passes)
    try:
        yield
    finally:
        data_plane.removeFilter(passes)
        threading.excepthook = previous
