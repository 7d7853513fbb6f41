"""Runs in EvalPlus' environment: its `untrusted_check` over programs, one process a program as it does.

    python evalplus_runner.py PROGRAMS.json

PROGRAMS.json is a list of objects with `source` (a whole program), `entry_point`, `inputs` and `expected`. Prints JSON: for each whether it
passed, and the processor seconds of all. EvalPlus runs programs with no isolation: only give it what may run on this machine.
"""

import json
import sys
from pathlib import Path

from clock import processor_seconds
from evalplus.eval import PASS, untrusted_check

if __name__ == "__main__":
    programs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begun = processor_seconds()
    passed = []
    for program in programs:
        status, _ = untrusted_check(
            "humaneval",
            program["source"],
            program["inputs"],
            program["entry_point"],
            expected=program["expected"],
            atol=0,
            ref_time=[0.1] * len(program["inputs"]),
            fast_check=True,
        )
        passed.append(status == PASS)
    print(json.dumps({"passed": passed, "cpu_seconds": processor_seconds() - begun}))
