"""Which code this is, for manifests and the store. Asks git when the code runs from a checkout of its own."""

import functools
import importlib.metadata
import subprocess
from pathlib import Path


@functools.cache
def code_version() -> str:
    """Gives the package's version; in a git checkout with the commit, and ``.dirty`` when files differ from it."""
    try:
        version = importlib.metadata.version("tamis")
    except importlib.metadata.PackageNotFoundError:
        version = "0+source"
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return version
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}+g{described}"
