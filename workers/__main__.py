"""`python -m workers`: the worker process that a command starts by itself. Its URLs come by environment (see `workers.broker`)."""

import argparse
import os
import sys

from workers.app import run_worker
from workers.broker import BROKER_VARIABLE, STORE_VARIABLE


def main() -> int:
    """Works until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m workers")
    parser.add_argument("--concurrency", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    return run_worker(os.environ[STORE_VARIABLE], os.environ[BROKER_VARIABLE], arguments.concurrency)


if __name__ == "__main__":
    sys.exit(main())
