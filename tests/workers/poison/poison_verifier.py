"""A verifier whose process gets SIGKILL when a completion says so, and which raises when it says that."""

import os
import signal

from rewards.registry import verifier
from rewards.verdict import Verdict


@verifier("poison", version=1, gold_key="answer")
def poison():
    def check(completion, gold):
        if "POISON" in completion:
            os.kill(os.getpid(), signal.SIGKILL)
        right = completion == gold
        return Verdict(float(right), "correct" if right else "incorrect", {"gold": gold})

    return check
