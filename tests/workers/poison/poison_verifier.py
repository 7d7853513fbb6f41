"""A verifier whose process gets SIGKILL when a completion says so, and which fails on another; until it is mended."""

import os
import signal

from rewards.registry import verifier
from rewards.verdict import Verdict


@verifier("poison", version=1, gold_key="answer")
def poison():
    def check(completion, gold):
        mended = "TAMIS_TEST_MENDED" in os.environ
        if "POISON" in completion and not mended:
            os.kill(os.getpid(), signal.SIGKILL)
        if "FLAKY" in completion and not mended:
            raise RuntimeError("not mended")
        right = completion == gold
        return Verdict(float(right), "correct" if right else "incorrect", {"gold": gold})

    return check
