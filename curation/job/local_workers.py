"""Runs a pipeline on this machine in worker processes that are ours: all cores, no hang when one dies, none left behind.

Beam's own DirectRunner may fetch a runner binary over the network, and its multi-processing mode waits for ever when a worker is
killed. This is Beam's FnApiRunner with another way to start and watch workers. Touches processes and their log files; relies on
the inside of Beam 2.77, which pyproject.toml pins.
"""

import contextlib
import functools
import itertools
import logging
import os
import threading
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2, beam_provision_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format  # type: ignore[import-untyped]

from curation.job.nursery import EXIT_SECONDS, Nursery, Worker

_WORKER_URN = "tamis:env:local_worker:v1"
_RETRY_SECONDS = 0.1


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
        if not self._worker.wait(EXIT_SECONDS):
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
