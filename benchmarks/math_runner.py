"""Runs the `math` verifier over groups in a fresh process, as `rivals/math_verify_runner.py` does Math-Verify.

    python math_runner.py GROUPS.json SCORES.json [--twice]

The second pass sees texts that are read anew: what the first has read is forgotten, so that warm is a warm process and not a kept answer.

Prints processor seconds of this process and of the pool's processes together.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rewards import get_verifier
from rewards.fork_server import Limits
from rewards.math.latex import normalise
from rewards.math.reader import read
from rewards.math.tiers import ENGINE
from rewards.pool import ProcessPool


def pool_seconds(pool: ProcessPool) -> float:
    """Processor seconds of the zygote, of its living workers and of those it has collected."""
    import psutil

    if pool.zygote_pid() is None:
        return 0.0
    zygote = psutil.Process(pool.zygote_pid())
    times = [one.cpu_times() for one in (zygote, *zygote.children())]
    return sum(one.user + one.system for one in times) + times[0].children_user + times[0].children_system


def main() -> None:
    groups = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    pool = ProcessPool(ENGINE, limits=Limits())
    judged = get_verifier("math", pool=pool)

    def work() -> list[list[bool]]:
        return [
            [verdict.score == 1.0 for verdict in judged.verify_batch(completions, [gold] * len(completions))]
            for gold, completions in groups
        ]

    scores = work()
    cold, in_pool = time.process_time(), pool_seconds(pool)
    if "--twice" in sys.argv:
        normalise.cache_clear()
        read.cache_clear()
        work()
    warm, later = time.process_time() - cold, pool_seconds(pool) - in_pool
    Path(sys.argv[2]).write_text(json.dumps(scores))
    print(json.dumps({"cold": cold + in_pool, "warm": warm + later}))
    pool.close()


if __name__ == "__main__":
    main()
