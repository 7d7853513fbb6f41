"""Real text that is on every machine with this project installed, and the one way to write a benchmark's result. For the scripts here."""

import json
import platform
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_SUFFIXES = {"code": (".py",), "docs": (".md", ".rst", ".txt")}
_MAX_BYTES = 200_000  # larger files are tables and generated code


def machine_text(kind: str, num_bytes: int) -> list[str]:
    """Reads about `num_bytes` of source (`code`) or documentation (`docs`) of the standard library and installed packages."""
    texts: list[str] = []
    missing = num_bytes
    for path in _files(_SUFFIXES[kind]):
        if missing <= 0:
            break
        if 200 <= path.stat().st_size <= _MAX_BYTES:
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            texts.append(text)
            missing -= len(text.encode())
    return texts


def _files(suffixes: tuple[str, ...]) -> Iterator[Path]:
    paths = sysconfig.get_paths()
    folders = sorted(path for path in Path(paths["purelib"]).iterdir() if path.is_dir())
    for folder in chain(folders, [Path(paths["stdlib"])]):
        for path in sorted(folder.rglob("*")):
            if path.suffix in suffixes and path.is_file() and (folder in folders or "site-packages" not in path.parts):
                yield path


def cpu_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Gives the least processor time of some runs: the first may compile, and others may share the machine."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def write_result(name: str, result: dict[str, Any]) -> Path:
    """Writes `results/NAME.json` with the commit and the machine."""
    about = {"commit": _commit(), "python": platform.python_version(), "machine": platform.machine()}
    path = _ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, **result}, indent=2) + "\n", encoding="utf-8")
    return path


def _commit() -> str | None:
    """Gives the commit, and `-dirty` behind it where more than earlier results differs from it; None outside git."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
    return (git("describe", "--always") + ("-dirty" if changed else "")) or None
