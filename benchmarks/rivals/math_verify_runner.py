"""Runs in Math-Verify's environment: judges groups of completions, one at a time as its users do, the gold parsed once a group.

    python math_verify_runner.py GROUPS.json SCORES.json

GROUPS holds a list of `[gold, [completion, ...]]`; SCORES gets a list of scores a group. Prints processor seconds: of the process until
the first pass is done, imports included, and of a second pass.
"""

import json
import sys
import time
from pathlib import Path

from math_verify import parse, verify


def judged(gold: str, completions: list[str]) -> list[bool]:
    target = parse(f"\\boxed{{{gold}}}")
    return [bool(verify(target, parse(completion))) for completion in completions]


groups = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
scores = [judged(*group) for group in groups]
cold = time.process_time()
if "--twice" in sys.argv:
    for group in groups:
        judged(*group)
Path(sys.argv[2]).write_text(json.dumps(scores))
print(json.dumps({"cold": cold, "warm": time.process_time() - cold}))
