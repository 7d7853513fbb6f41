"""Beam's job servers and worker pools as processes of their own, and the one address behind which two pools stand."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from itertools import cycle
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Where `make test-flink` says what it has fetched: a folder of jars, and a program.
FLINK_JARS = "TAMIS_FLINK_JOB_SERVER"
PRISM = "TAMIS_PRISM"
#: Flink on Java 17 looks into these packages by reflection.
OPENED = (
    "java.lang",
    "java.lang.invoke",
    "java.net",
    "java.nio",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "sun.nio.ch",
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, log, port, **variables):
    """Runs a process until the block ends; waits until it answers at the port. Ends its children too."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # A pool starts its workers as `python`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **variables,
    }
    with Path(log).open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None, Path(log).read_text()[-3000:]
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.1)
        yield process
    finally:
        end(process)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def end(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def job_server(kind, port, folder):
    """Gives the command of a job server, or skips the test with the reason."""
    if kind == "python":
        return [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", "-p", str(port)]
    name = {"flink": FLINK_JARS, "prism": PRISM}[kind]
    if not os.environ.get(name):
        pytest.skip(f"{name} is not set: `make test-flink` fetches what can be had, and says what cannot")
    if kind == "prism":
        return [os.environ[name], f"-job_port={port}", "-serve_http=false"]
    ports = [f"--job-port={port}", f"--artifact-port={free_port()}", f"--expansion-port={free_port()}"]
    opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED]
    driver = ["-cp", f"{os.environ[name]}/*", "org.apache.beam.runners.flink.FlinkJobServerDriver"]
    return ["java", *opens, *driver, "--flink-master=[local]", f"--artifacts-dir={folder}", *ports]


def start_pool(port, log, **variables):
    """Starts a worker pool, the process that Beam's EXTERNAL environment asks for workers."""
    return running(
        [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"],
        log,
        port,
        **variables,
    )


def workers_of(pool):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pool.pid).children()
    return []


class TurnsProxy:
    """One address for several pools: connections go to them in turn.

    The EXTERNAL environment knows a single address. On a real cluster it is "this machine's pool", on each machine another one.
    """

    def __init__(self, ports):
        self._next = cycle(ports)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", next(self._next)))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source, target):
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
    for end_of in (source, target):
        with contextlib.suppress(OSError):
            end_of.shutdown(socket.SHUT_RDWR)
