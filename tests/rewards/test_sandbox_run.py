"""Budgets of a sandbox, each against a real program that breaks it; with control groups where they are to be had, and without."""

import dataclasses
import os
import tempfile
import time
from pathlib import Path

import pytest

from rewards.sandbox import launch
from rewards.sandbox.cgroups import cgroup_version, make_group
from rewards.sandbox.command import DEFAULT_TMPFS, Bind, SandboxSpec
from rewards.sandbox.isolation import SANDBOX_ID, find_isolation
from rewards.sandbox.launch import Limits
from rewards.sandbox.reach import public_folder
from rewards.sandbox.run import run_program
from rewards.sandbox.tree import measure_tree
from tests.rewards.marked_processes import new_mark, wait_until_gone

pytestmark = pytest.mark.skipif(not find_isolation().available, reason=f"no isolation here: {find_isolation().reason}")
PYTHON = "/usr/bin/python3"
needs_python = pytest.mark.skipif(not Path(PYTHON).exists(), reason="needs the system's Python")
LIMITS = Limits(
    cpu_seconds=0.6, wall_seconds=1.3, memory_bytes=96 << 20, output_bytes=1 << 16, file_bytes=1 << 20, processes=16
)
#: For what must not end by time, however busy the machine is.
ROOMY = dataclasses.replace(LIMITS, cpu_seconds=20.0, wall_seconds=120.0)
#: What takes so long was not ended by its budget: hostile programs sleep for 60 seconds, or for ever.
HANG_SECONDS = 45


@pytest.fixture(params=["with control groups", "without"])
def groups(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(launch, "make_group", lambda **_: None)
    elif cgroup_version() == 0:
        pytest.skip("no control groups to be had here")


def run(*command, stdin=b"", isolated=True, limits=ROOMY, **settings):
    return run_program(SandboxSpec(command, **settings), limits, stdin=stdin, isolated=isolated)


def shell(script, **settings):
    return run("/bin/sh", "-c", script, **settings)


def python(program, **settings):
    return run(PYTHON, "-I", "-c", program, **settings)


def test_a_program_that_ends_by_itself():
    done = shell("cat; echo aside >&2; exit 3", stdin=b"some input")
    assert (done.ending, done.exit_code, done.stdout, done.stderr) == ("exit", 3, b"some input", b"aside\n")
    assert shell("kill -SEGV $$").exit_code == -11
    assert run("/nowhere").exit_code == 127


def test_much_input_and_a_program_that_does_not_read_it():
    assert run("/usr/bin/wc", "-c", stdin=b"x" * 5_000_000).stdout.strip() == b"5000000"
    assert run("/bin/true", stdin=b"x" * 5_000_000).exit_code == 0


@needs_python
@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("program", "ending"),
    [
        ("while True: pass", "time_limit"),
        ("import time; time.sleep(60)", "time_limit"),
        ("import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()", "time_limit"),
        ("import os\nfor _ in range(3): os.fork()\nwhile True: pass", "time_limit"),
        ("kept = [bytearray(b'1') * (1 << 20) for _ in range(1000)]", "memory_limit"),
        (
            "import mmap\nkept = mmap.mmap(-1, 1 << 30)\nfor place in range(0, 1 << 30, 4096): kept[place] = 1",
            "memory_limit",
        ),
        (
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    kept = b'1' * (1 << 30)\ntime.sleep(60)",
            "memory_limit",
        ),
        ("while True: print('again')", "output_limit"),
        ("number = 0\nwhile True:\n    open(f'/tmp/{number}', 'w').close()\n    number += 1", "memory_limit"),
    ],
)
def test_limits(program, ending):
    began = time.monotonic()
    done = python(program, limits=LIMITS if ending == "time_limit" else ROOMY, tmpfs={"/tmp": 1 << 20})
    assert (done.ending, done.exit_code) == (ending, None), done.stderr
    assert len(done.stdout) <= LIMITS.output_bytes
    assert time.monotonic() - began < HANG_SECONDS


@needs_python
@pytest.mark.usefixtures("groups")
def test_memory_that_forks_share_counts_once():
    done = python("import os, time\nkept = b'1' * (60 << 20)\nos.fork(), os.fork()\ntime.sleep(0.5)")
    assert done.ending == "exit"
    assert done.peak_bytes >= 60 << 20


@needs_python
@pytest.mark.usefixtures("groups")
def test_processor_time_of_children_counts():
    burn = "import os, time\npid = os.fork()\nwhile time.process_time() < 0.3: pass\nif pid: os.wait(); print(sum(os.times()[:4]))"
    done = python(burn)
    told = float(done.stdout)
    assert told > 0.55
    assert 0.9 * told < done.cpu_seconds < 1.4 * told  # half as much again, were the child counted twice


def test_a_fork_bomb_stays_small():
    mark = new_mark()
    limits = dataclasses.replace(ROOMY, wall_seconds=3.0)
    done = run("/bin/bash", "-c", f"bomb() {{ bomb | bomb & }}; bomb; sleep 5.5 # {mark}", limits=limits)
    assert done.ending in {"time_limit", "exit"}
    assert b"Resource temporarily unavailable" in done.stderr
    assert not wait_until_gone(mark)


def test_nothing_outlives_the_program():
    mark = new_mark()
    assert shell(f"(setsid sleep {mark} &) ; (nohup sleep {mark} >/dev/null 2>&1 &) ; echo done").stdout == b"done\n"
    assert not wait_until_gone(mark)
    assert shell(f"trap '' TERM HUP INT; sleep {mark}", limits=LIMITS).ending == "time_limit"
    assert not wait_until_gone(mark)


def test_one_file_and_all_files_have_a_size():
    one = shell("head -c 2000000 /dev/zero > /tmp/one; wc -c < /tmp/one")
    assert one.stdout.strip() == b"1048576"
    script = "for n in 1 2 3 4 5; do head -c 1000000 /dev/zero > /tmp/$n || echo full; done; cat /tmp/* | wc -c"
    several = shell(script, tmpfs={"/tmp": 2 << 20})
    assert int(several.stdout.split()[-1]) <= 2 << 20
    assert b"No space left" in several.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root's folder would have to be given away first")
def test_a_shared_folder_does_not_fill_the_disk(tmp_path):
    check_shared_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="others need not give the folder away")
def test_a_shared_folder_of_roots_does_not_fill_the_disk():
    with tempfile.TemporaryDirectory(dir=public_folder()) as folder:
        os.chown(folder, SANDBOX_ID, SANDBOX_ID)
        check_shared_folder(Path(folder))


def check_shared_folder(folder):
    script = "n=0; while :; do n=$((n + 1)); head -c 100000 /dev/zero > /out/$n; done"
    assert shell(script, binds=[Bind(folder, "/out", writable=True)]).ending == "output_limit"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100 << 20


def test_stderr_is_cut_and_stdout_is_exact():
    done = shell("head -c 1000000 /dev/zero >&2; head -c 65536 /dev/zero")
    assert (done.ending, len(done.stdout), len(done.stderr)) == ("exit", 65536, 65536)
    assert shell("head -c 65537 /dev/zero; sleep 1").ending == "output_limit"


def test_only_its_own_processes_can_be_signalled():
    sleeper = os.getpid()
    done = shell(f"kill -0 {sleeper} || echo none; kill -9 -1; echo alive")
    assert b"none" in done.stdout


def test_links_lead_nowhere(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the gold")
    data = Path("/usr/share")
    done = shell(
        f"ln -s {secret} /tmp/link; cat /tmp/link; ls /data/../../root; cat /proc/1/root{secret}",
        binds=[Bind(data, "/data")],
    )
    assert b"the gold" not in done.stdout
    assert done.exit_code != 0


def test_no_descriptor_of_ours_is_inherited():
    assert shell("ls /proc/self/fd").stdout.split() == [b"0", b"1", b"2", b"3"]


def test_without_isolation_budgets_hold_too(tmp_path):
    bind = Bind(tmp_path, "/data")
    assert shell("pwd; ls /data; echo $HOME; cat", isolated=False, binds=[bind], stdin=b"in").stdout.endswith(b"in")
    assert shell("echo one > /data/file", isolated=False, binds=[bind]).exit_code == 0
    assert (tmp_path / "file").read_text() == "one\n"
    mark = new_mark()
    assert shell(f"(sleep {mark} &); while :; do :; done", isolated=False, limits=LIMITS).ending == "time_limit"
    assert not wait_until_gone(mark)
    assert shell("kill -9 $$", isolated=False).exit_code == -9


def test_groups_hold_memory_and_go_again():
    if cgroup_version() == 0:
        pytest.skip("no control groups to be had here")
    group = make_group(memory_bytes=64 << 20, processes=8)
    assert group is not None
    folders = list(group.folders.values())
    assert all(folder.is_dir() for folder in folders)
    assert not group.ran_out_of_memory()
    assert group.cpu_seconds() is not None
    group.remove()
    assert not any(folder.exists() for folder in folders)


def test_a_tree_is_measured():
    used = measure_tree(os.getpid())
    assert used.pids[0] == os.getpid()
    assert used.memory_bytes > 1 << 20
    assert used.cpu_seconds > 0
    assert measure_tree(2**22 + 1).pids == ()
    assert sum(DEFAULT_TMPFS.values()) < 1 << 30
