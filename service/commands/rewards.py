"""`tamis rewards list`: which verifiers there are, what they need of a prompt, and their settings with defaults."""

from rewards.registry import available, describe
from service.commands.common import DONE
from service.console import Terminal


def list_verifiers(*, as_json: bool) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    known = [describe(name) for name in available()]
    if as_json:
        terminal.result(
            [
                {
                    "name": one.name,
                    "version": one.version,
                    "gold_key": one.gold_key,
                    "settings": dict(one.settings),
                    "summary": one.summary,
                }
                for one in known
            ]
        )
        return DONE
    rows = [
        [one.name, str(one.version), one.gold_key or "-", ", ".join(f"{k}={v!r}" for k, v in one.settings.items())]
        for one in known
    ]
    terminal.grid("verifiers", ["name", "version", "gold", "settings"], rows, numeric=[1])
    return DONE
