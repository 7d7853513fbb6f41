"""A verifier whose process gets SIGKILL when a completion says so, and which fails on another until it is mended."""

import os
import signal

from rewards.registry import verifier
from rewards.verdict import Verdict


@verifier("poison", version=1, gold_key="answer")
def poison():
    def check(completion, gold):
        if "POISON" in completion:
            os.kill(os.getpid(), signal.SIGKILL)
        if "FLAKY" in completion and "TAMIS_TEST_MENDED" not in os.environ:
            raise RuntimeError("not mended")
        right = completion == gold
        return Verdict(float(right), "correct" if right else "incorrect", {"gold": gold})

    return check
