"""The lock: a live holder is named, a dead one's lock is taken over."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from job_kit import ROOT, kill

from curation.job import lock
from schemas.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from curation.job import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def _holder(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"held\n"
    process.stdout.close()
    return process


def test_a_live_holder_is_named_and_a_dead_one_is_not_in_the_way(tmp_path):
    path = tmp_path / "run" / "lock"
    process = _holder(path)
    with pytest.raises(UserError, match=f"process {process.pid} on {socket.gethostname()} since 2"), lock.hold(path):
        pass
    kill(process)
    assert json.loads(path.read_text())["pid"] == process.pid
    with lock.hold(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert json.loads(path.read_text()) == {}


def _write(path, **holder):
    path.write_text(json.dumps({"since": "2024-01-01T00:00:00+00:00", "started": 1.0, **holder}))


def test_a_holder_is_asked_where_the_file_system_locks_nothing(tmp_path):
    """The kernel's lock is free in all of these; only what the file says counts."""
    path = tmp_path / "lock"
    parent = os.getppid()
    _write(path, host=socket.gethostname(), pid=parent, started=lock._start_of(parent))
    with pytest.raises(UserError, match=f"process {parent} "), lock.hold(path):
        pass
    _write(path, host=socket.gethostname(), pid=parent, started=1.0)  # the number of a process that came later
    with lock.hold(path):
        pass
    _write(path, host="elsewhere", pid=1)
    with pytest.raises(UserError, match="on elsewhere"), lock.hold(path):
        pass
    os.utime(path, (0, time.time() - lock.STALE_SECONDS - 1))
    with lock.hold(path):
        pass
    path.write_text('{"host": "cut o')
    with lock.hold(path):
        pass


def test_a_holder_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
    path = tmp_path / "lock"
    with lock.hold(path):
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 60
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0
