"""The processes in which `rewards.text_rules` runs, and the verdicts of what does not end there. Starts them at the first use."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.fork_server import Limits
from rewards.pool import Reply, shared_pool
from rewards.verdict import Verdict

RULES: Final = "rewards.text_rules:handle"

MEMORY_BYTES: Final = 512 * 1024 * 1024
WALL_SECONDS: Final = 60.0


def apply_rules(requests: Sequence[Mapping[str, Any]], cpu_seconds: float) -> list[Verdict | dict[str, Any]]:
    """Gives what `rewards.text_rules.handle` says to each request, or the verdict of one that did not end.

    Args:
        requests: as the handler takes them.
        cpu_seconds: processor time for one. What passes it, or the memory, is the fault of the gold while only that is read.
    """
    pool = shared_pool(RULES, Limits(cpu_seconds=cpu_seconds, wall_seconds=WALL_SECONDS, memory_bytes=MEMORY_BYTES))
    return [_settle(reply, cpu_seconds) for reply in pool.run(requests)]


def _settle(reply: Reply, cpu_seconds: float) -> Verdict | dict[str, Any]:
    if reply.outcome == "ok":
        found: dict[str, Any] = reply.value
        return (
            Verdict(None, "bad_gold", {"reason": "bad_gold", "error": found["bad_gold"]})
            if "bad_gold" in found
            else found
        )
    if reply.outcome == "error":
        return Verdict(None, "error", {"reason": "rule_failed", "error": reply.error})
    if reply.starved(cpu_seconds):
        return Verdict(None, "error", {"reason": "machine_too_busy"})
    if reply.phase == "gold":
        return Verdict(None, "bad_gold", {"reason": f"gold_{reply.outcome}"})
    return Verdict(0.0, reply.outcome, {"reason": f"text_{reply.outcome}"})
