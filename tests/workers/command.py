"""A command as the tests kill it: `python command.py STORE_URL OUT GENERATIONS VERIFIERS [BROKER_URL WORKERS]` verifies."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from material import recipe, source

from schemas.errors import ResumableError
from workers.verify import verify


def main() -> int:
    store, out, generations, verifiers, *broker = sys.argv[1:]
    try:
        result = verify(
            store,
            Path(out),
            [source(Path(generations))],
            recipe(verifiers.split(",")),
            broker_url=broker[0] if broker else None,
            concurrency=int(broker[1]) if broker else 2,
        )
    except ResumableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"statuses": result.statuses, "quarantined": len(result.quarantined)}) + "\n")
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
