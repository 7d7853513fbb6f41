"""Finds the tools of a language on this machine, makes them reachable for the sandbox, and warms their caches.

Reads PATH and a few usual places; starts tools to ask for their version and to warm caches, never a program under test.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from rewards.code.languages import LANGUAGES, Language
from rewards.sandbox.cgroups import cgroup_version
from rewards.sandbox.command import SYSTEM_FOLDERS, Bind
from rewards.sandbox.isolation import find_isolation
from rewards.sandbox.reach import UnreachableError, is_reachable, public_folder, reachable_copy

USUAL_PLACES: Final = ("/usr/local/go/bin", "/usr/lib/go/bin", "~/.cargo/bin", "~/go/bin", "/snap/bin")
"""Looked at after PATH."""

WARM_SECONDS: Final = 900.0
"""How long the warming of one cache may take; it happens once a machine and version."""

GO_PACKAGES: Final = (
    *(
        "fmt",
        "os",
        "io",
        "bufio",
        "bytes",
        "strings",
        "strconv",
        "errors",
        "sort",
        "slices",
        "maps",
        "cmp",
        "iter",
        "reflect",
        "regexp",
    ),
    *(
        "math",
        "math/big",
        "math/bits",
        "math/cmplx",
        "math/rand",
        "container/heap",
        "container/list",
        "container/ring",
        "unicode",
    ),
    *(
        "unicode/utf8",
        "unicode/utf16",
        "time",
        "sync",
        "sync/atomic",
        "context",
        "encoding/json",
        "encoding/hex",
        "encoding/base64",
    ),
    *(
        "encoding/binary",
        "hash/fnv",
        "hash/crc32",
        "crypto/md5",
        "crypto/sha1",
        "crypto/sha256",
        "text/tabwriter",
        "runtime",
        "log",
    ),
)
"""What Go programs of this kind import; a package beyond these is compiled within the program's own budget."""

_NO_PROC: Final = "a /proc for the sandbox, which this container holds back (systempaths=unconfined gives it)"
_LEAVE_OUT: Final = frozenset({"doc", "share"})


@dataclasses.dataclass(frozen=True, slots=True)
class Toolchain:
    """The tools of a language, found.

    Attributes:
        tools: path inside the sandbox by the name that commands use.
        binds: what of this machine the sandbox must be given for them, the warm cache included.
        host_tools: path on this machine.
    """

    tools: Mapping[str, str]
    binds: tuple[Bind, ...]
    host_tools: Mapping[str, str]


class MissingToolError(Exception):
    """A language cannot be run here; the text names what is missing, in one line."""


@functools.cache
def find_toolchain(name: str) -> Toolchain:
    """Finds the tools of a language and warms its cache. The answer is kept for the life of the process.

    Raises:
        MissingToolError: if a tool is not here or cannot be given to the sandbox's user.
    """
    language = LANGUAGES[name]
    if _lacks_proc(language):
        raise MissingToolError(f"{name} needs {_NO_PROC}")
    tools: dict[str, str] = {}
    host_tools: dict[str, str] = {}
    binds: dict[str, Bind] = {"/support": Bind(_support_folder(), "/support")}
    for alternatives in language.tools:
        path = next((found for found in map(_find_tool, alternatives) if found is not None), None)
        if path is None:
            raise MissingToolError(f"{name} cannot be run here: {' or '.join(alternatives)} is not installed")
        host_tools[alternatives[0]] = str(path)
        tools[alternatives[0]] = _make_reachable(path, binds)
    warm = _WARMERS.get(name)
    if warm is not None:
        binds["/warm"] = Bind(_warm_folder(language, Path(next(iter(host_tools.values()))), warm), "/warm")
    return Toolchain(tools, tuple(binds.values()), host_tools)


def describe() -> dict[str, dict[str, str]]:
    """Says what can be run here.

    Returns:
        `isolation`: `available` ("yes" or the reason), `uid`, `proc`, `cgroups`; and by language `version`, or `missing`, in one line each.
    """
    isolation = find_isolation()
    found = {
        "isolation": {
            "available": "yes" if isolation.available else isolation.reason,
            "uid": "dropped" if isolation.drops_uid else "our own",
            "proc": "the sandbox's own" if isolation.has_proc else "none",
            "cgroups": f"version {cgroup_version()}" if cgroup_version() else "none",
        }
    }
    for name, language in LANGUAGES.items():
        paths = {
            alternatives[0]: next(filter(None, map(_find_tool, alternatives)), None) for alternatives in language.tools
        }
        missing = [tool for tool, path in paths.items() if path is None] or [_NO_PROC] * _lacks_proc(language)
        first = next(iter(paths.values()))
        found[name] = {"missing": " and ".join(missing)} if missing or first is None else {"version": _version(first)}
    return found


def _lacks_proc(language: Language) -> bool:
    isolation = find_isolation()
    return language.needs_proc and isolation.available and not isolation.has_proc


def _find_tool(name: str) -> Path | None:
    if name == "rustc":
        return _find_rustc()
    found = shutil.which(name) or shutil.which(
        name, path=os.pathsep.join(str(Path(place).expanduser()) for place in USUAL_PLACES)
    )
    return Path(found) if found else None


def _find_rustc() -> Path | None:
    """Gives the compiler itself: what rustup puts on PATH is a chooser that needs its own home folder."""
    shim = shutil.which("rustc") or shutil.which("rustc", path=str(Path("~/.cargo/bin").expanduser()))
    if shim is None:
        return None
    try:
        done = subprocess.run([shim, "--print", "sysroot"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    path = Path(done.stdout.strip(), "bin", "rustc")
    return path if path.is_file() else None


def _make_reachable(path: Path, binds: dict[str, Bind]) -> str:
    """Gives the tool's path inside the sandbox, and adds the folder it was installed in to `binds` if that is not a system folder."""
    real = path.resolve()
    if any(real.is_relative_to(folder) for folder in SYSTEM_FOLDERS) and is_reachable(real):
        return str(real)
    home = real.parent.parent if real.parent.name == "bin" else real.parent
    try:
        given = reachable_copy(home, leave_out=_LEAVE_OUT)
    except UnreachableError as failure:
        raise MissingToolError(f"{path.name} cannot be run in the sandbox: {failure}") from failure
    target = next((bind.target for bind in binds.values() if bind.source == given), f"/toolchain/{len(binds)}")
    binds[target] = Bind(given, target)
    return f"{target}/{real.relative_to(home)}"


def _support_folder() -> Path:
    folder = Path(__file__).parent / "support"
    try:
        return reachable_copy(folder)
    except UnreachableError as failure:
        raise MissingToolError(f"the files beside {__name__} cannot be given to the sandbox: {failure}") from failure


def _version(tool: Path) -> str:
    for option in ("version",) if tool.name == "go" else ("--version", "-version"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run([tool, option], capture_output=True, text=True, timeout=60, check=True)
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            # Perl tells its version in the second sentence.
            return next((line for line in lines if any(sign.isdigit() for sign in line)), "installed")
    return "installed"


def _warm_folder(language: Language, tool: Path, build: Callable[[Path, Path], None]) -> Path:
    """Gives the folder with a language's warm cache, made once for this machine, this user and this version of the tool.

    A cache that cannot be made is an empty folder: everything works without, more slowly.
    """
    known = tool.resolve().stat()
    key = hashlib.sha256(
        repr((str(tool.resolve()), known.st_mtime_ns, known.st_size, language.compile)).encode()
    ).hexdigest()[:16]
    base = _own_folder(public_folder() / f"tamis-warm-{os.geteuid()}")
    ready = base / f"{language.name}-{key}"
    with (base / f"{language.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_dir():
            fresh = Path(tempfile.mkdtemp(dir=base))
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                build(fresh, tool)
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            fresh.rename(ready)
    return ready


def _own_folder(folder: Path) -> Path:
    """Makes a folder that only we may write to; another's folder of that name is not trusted."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
    known = folder.lstat()
    if folder.is_symlink() or known.st_uid != os.geteuid() or known.st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    return folder


def _warm_cpp(folder: Path, tool: Path) -> None:
    """Precompiles the header that includes the whole library: it takes most of a compilation's time."""
    (folder / "bits").mkdir()
    # What is read where the precompiled one cannot be: after other code, or a second time.
    (folder / "bits" / "stdc++.h").write_text("#include_next <bits/stdc++.h>\n", encoding="ascii")
    source = folder / "all.hpp"
    source.write_text("#include <bits/stdc++.h>\n", encoding="ascii")
    listed = subprocess.run(
        [tool, "-std=gnu++20", "-M", str(source)],
        capture_output=True,
        text=True,
        timeout=WARM_SECONDS,
        check=True,
        env=_plain_environment(folder),
    )
    header = next(word for word in listed.stdout.split() if word.endswith("bits/stdc++.h"))
    _build(
        [
            tool,
            "-O2",
            "-std=gnu++20",
            "-w",
            "-pthread",
            "-x",
            "c++-header",
            header,
            "-o",
            str(folder / "bits" / "stdc++.h.gch"),
        ],
        folder,
    )


def _warm_go(folder: Path, tool: Path) -> None:
    """Compiles the usual packages into a build cache."""
    environment = {**LANGUAGES["go"].environment, "GOCACHE": str(folder), "GOPATH": str(folder / "path")}
    _build([tool, "build", *GO_PACKAGES], folder, environment)


def _warm_java(folder: Path, tool: Path) -> None:
    """Archives the classes that the compiler itself loads; it starts in half the time with them."""
    source = folder / "Warm.java"
    source.write_text(
        "import java.util.*;\nclass Warm { Map<String, List<Integer>> a = new HashMap<>(); Runnable b = () -> {}; }\n",
        encoding="ascii",
    )
    flags = ["-J-XX:+UseSerialGC", f"-J-XX:ArchiveClassesAtExit={folder / 'javac.jsa'}", "-proc:none"]
    _build([tool, *flags, "-d", str(folder), str(source)], folder)


_WARMERS: Final[Mapping[str, Callable[[Path, Path], None]]] = {"cpp": _warm_cpp, "go": _warm_go, "java": _warm_java}


def _build(command: list[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(
        command,
        cwd=folder,
        env={**_plain_environment(folder), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=WARM_SECONDS,
        check=True,
    )


def _plain_environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(folder), "LC_ALL": "C"}
