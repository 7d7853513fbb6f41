"""Runs in Math-Verify's environment: judges groups of completions, one at a time as its users do, the gold parsed once a group.

    python math_verify_runner.py GROUPS.json SCORES.json

GROUPS holds a list of `[gold, [completion, ...]]`; SCORES gets a list of scores a group. Prints the processor seconds of the work and
of the process, imports included.
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
for _ in range(2 if "--warm" in sys.argv else 1):
    start = time.process_time()
    scores = [judged(*group) for group in groups]
    seconds = time.process_time() - start
Path(sys.argv[2]).write_text(json.dumps(scores))
print(json.dumps({"seconds": seconds, "process_seconds": time.process_time()}))
