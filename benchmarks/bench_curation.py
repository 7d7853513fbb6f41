"""All benchmarks of the curation engine, one after the other, then one table beside what is asked for.

    python benchmarks/bench_curation.py [--only NAME ...] [--table] [--check]

Takes about half an hour on two cores. `--table` runs nothing and prints the table of the last results. `--check` exits with 1 if a number
falls short or is missing.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from curation_targets import TARGETS
from targets import short, table

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(target.script for target in TARGETS))
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for name in [] if arguments.table else arguments.only:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, HERE / f"bench_{name}.py"], check=True)
    print("\n".join(table(TARGETS)))
    return int(arguments.check and bool(short(TARGETS)))


if __name__ == "__main__":
    sys.exit(main())
