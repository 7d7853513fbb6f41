"""Environments of the tools that benchmarks run beside ours: each in its own, because their dependencies exclude each other's.

Makes a virtual environment from ``rivals/<name>.txt`` on first use, in ``TAMIS_RIVALS`` or ``.rivals`` beside the project.
"""

import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def rival_python(name: str) -> Path:
    """Gives the interpreter of a rival's environment, and makes the environment if it is not there.

    Args:
        name: a file in ``benchmarks/rivals``, without its suffix.

    Raises:
        FileNotFoundError: there is no such rival.
        subprocess.CalledProcessError: it does not install.
    """
    requirements = _HERE / "rivals" / f"{name}.txt"
    if not requirements.exists():
        raise FileNotFoundError(requirements)
    environment = Path(os.environ.get("TAMIS_RIVALS") or _HERE.parent / ".rivals") / name
    python = environment / "bin" / "python"
    if not python.exists():
        print(f"installing {name} into {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        # pip's resolver tries versions of dolma's dependencies for more than ten minutes; uv's needs seconds.
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, "-r", requirements]
        subprocess.run(command, check=True)
    return python
