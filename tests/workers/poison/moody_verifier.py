"""A verifier worth caching that counts its work in a file, and is out of time on some answers until it is mended."""

import os
from pathlib import Path

from rewards.registry import verifier
from rewards.verdict import Verdict


class Moody:
    def answer_keys(self, completions):
        return [completion.strip() for completion in completions]

    def __call__(self, completion, gold):
        answer = completion.strip()
        work = Path(os.environ["TAMIS_TEST_WORK"])
        with work.open("a") as file:
            file.write(f"{answer}\n")
        mended = work.with_suffix(".mended").exists()
        if answer == "slow" and not mended:
            return Verdict(0.0, "time_limit", {"reason": "slow"})
        if answer == "fail" and not mended:
            raise RuntimeError("not mended")
        right = answer in (gold, "slow")
        return Verdict(float(right), "correct" if right else "incorrect", {"answer": answer})


@verifier("moody", version=1, gold_key="answer", cached=True)
def moody():
    return Moody()
