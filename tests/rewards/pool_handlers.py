"""What the pool's tests run inside its processes."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def handle(request: dict[str, Any], note: Callable[[str], None]) -> Any:  # noqa: PLR0911 - one case a request
    match request["do"]:
        case "echo":
            return request["value"]
        case "pid":
            return os.getpid()
        case "hang":
            note("sleeping")
            time.sleep(60)
        case "nap":
            time.sleep(0.2)
            return "rested"
        case "spin":
            note("spinning")
            while True:
                pass
        case "eat":
            return len(bytearray(4 << 30))
        case "die":
            os.kill(os.getpid(), getattr(signal, request["signal"]))
        case "die_once":
            marker = Path(request["marker"])
            if not marker.exists():
                marker.mkdir()
                os.kill(os.getpid(), signal.SIGKILL)
            return "second attempt"
        case "kill_zygote":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        case "raise":
            raise ValueError(request["value"])
        case "recurse":
            return _recurse(0)
        case "hash_seed":
            return sys.flags.hash_randomization, os.environ.get("PYTHONHASHSEED"), os.environ.get("SECRET_KEY")
        case "write":
            Path(request["path"]).write_text("x" * 10)
    return None


def _recurse(depth: int) -> int:
    return _recurse(depth + 1) + 1
