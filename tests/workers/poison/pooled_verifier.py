"""A verifier whose work is done by a process pool: the completion is the request. It says which zygote served it, and when it is closed."""

import json
import os
from pathlib import Path

from rewards.fork_server import Limits
from rewards.pool import ProcessPool
from rewards.registry import verifier
from rewards.verdict import UNSCORED, Verdict


class Pooled:
    def __init__(self):
        limits = Limits(cpu_seconds=0.5, wall_seconds=4.0, memory_bytes=256 << 20)
        self.pool = ProcessPool("tests.rewards.pool_handlers:handle", size=2, limits=limits)

    def __call__(self, completion, gold):
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions, _golds, /):
        replies = self.pool.run([json.loads(completion) for completion in completions])
        return [self._verdict(reply) for reply in replies]

    def _verdict(self, reply):
        detail = {"value": reply.value, "zygote": self.pool.zygote_pid(), "worker": os.getpid(), "error": reply.error}
        if reply.outcome == "ok":
            return Verdict(1.0, "correct", detail)
        return Verdict(None if reply.outcome in UNSCORED else 0.0, reply.outcome, detail)

    def close(self):
        self.pool.close()
        with Path(os.environ["TAMIS_TEST_WORK"]).open("a") as file:
            file.write(f"closed {os.getpid()}\n")


@verifier("pooled", version=1)
def pooled():
    return Pooled()
