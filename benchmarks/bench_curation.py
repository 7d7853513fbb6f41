"""All benchmarks of the curation engine, one after the other, then one table beside what is asked for.

    python benchmarks/bench_curation.py [--only NAME ...] [--table] [--check]

Takes about half an hour on two cores. datatrove, dolma, datasketch and rensa run beside it.
"""

import sys

from curation_targets import TARGETS
from targets import main

if __name__ == "__main__":
    sys.exit(main(__doc__, TARGETS))
