"""A small corpus with planted duplicates, recipes for it, and what of a finished run must be the same every time."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa

from curation.job.manifest import load_manifest
from schemas.arrow import VOLATILE_COLUMNS
from schemas.files import read_parquet
from schemas.recipe import CurateRecipe, parse_recipe

ROOT = Path(__file__).resolve().parents[2]
NUM_FILES = 24
#: For a job to end, however busy the machine is.
WAIT_SECONDS = 500
#: Beam's oldest runner works in this very process: quick, for jobs of which the workers are not what is tested.
HERE = ("--runner=BundleBasedDirectRunner",)
_STARTED = []
_VOWELS, _CONSONANTS = "aeiou", "bcdfghklmnprstvz"
STOP_WORDS = ["the", "be", "to", "of", "and", "that", "have", "with"]


def words(rng, number):
    """Made-up English-like text: a stop word now and then, no two alike."""
    made = [
        "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(2, 4))) for _ in range(number)
    ]
    return [rng.choice(STOP_WORDS) if at % 4 == 0 else word for at, word in enumerate(made)]


def write_corpus(folder, num_files=NUM_FILES, rows=12, seed=5):
    """Writes JSONL files of two dumps: texts of their own, too short ones, copies with other white space, near copies of copies."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    earlier = []
    for number in range(num_files):
        lines = []
        for _ in range(rows):
            kind = rng.random()
            if kind < 0.15:
                text = words(rng, 12)
            elif kind < 0.35 and earlier:
                text = rng.choice(earlier)
                lines.append(" \n ".join(text) if rng.random() < 0.5 else "  ".join(text))
                continue
            elif kind < 0.6 and earlier:
                text = list(rng.choice(earlier))
                for _ in range(rng.randint(1, 4)):
                    text[rng.randrange(len(text))] = "".join(rng.choices(_CONSONANTS, k=6))
                earlier.append(text)
            else:
                text = words(rng, rng.randint(60, 160))
                earlier.append(text)
            lines.append(" ".join(text))
        name = f"{'late' if number % 3 else 'early'}/{number:02d}.jsonl"
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps({"text": line, "n": at}) + "\n" for at, line in enumerate(lines)))
    return folder


def recipe(folder, *, steps=None, output=None, partitions=16, **settings):
    """A recipe over `write_corpus`: two dumps of one source, a filter, both dedups; each file is a shard unless `output` says else."""
    near = {"partitions": partitions, "threshold": 0.7, **settings}
    value = {
        "name": "small",
        "inputs": [
            {"source": "web", "path": f"{folder}/late", "dump": "2024-10"},
            {"source": "web", "path": f"{folder}/early", "dump": "2024-05"},
        ],
        "steps": steps or [{"filter": {"rules": "gopher_quality"}}, {"exact_dedup": {}}, {"near_dedup": near}],
        "output": {"input_shard_bytes": 1, **(output or {})},
    }
    return parse_recipe(value, CurateRecipe, "test recipe")


def rows_of(out, kind):
    """All rows of the run's files of a kind, sorted by id, without the columns that may differ."""
    directory = out / "curate"
    tables = [read_parquet(path) for path in load_manifest(directory / "manifest.json").paths(directory, kind)]
    if not tables:
        return []
    table = pa.concat_tables(tables)
    table = table.drop_columns(
        [name for name in table.column_names if name in VOLATILE_COLUMNS or name in ("file", "row")]
    )
    key = "id" if "id" in table.column_names else "locator"
    return table.sort_by(key).to_pylist()


def outcome(out):
    """What must be the same for every way of running one job."""
    manifest = load_manifest(out / "curate" / "manifest.json")
    found = {kind: rows_of(out, kind) for kind in ("kept", "rejects", "duplicates", "quarantine", "index")}
    return {
        **found,
        "funnel": manifest.funnel,
        "stats": manifest.stats,
        "read": manifest.read,
        "kept_counts": manifest.kept,
    }


_COMMAND = """
import json, sys
from pathlib import Path
from curation.job.driver import run_job
from schemas.errors import ResumableError
from schemas.recipe import CurateRecipe
from schemas.storage import location
if __name__ == "__main__":
    recipe = CurateRecipe.model_validate(json.loads(sys.argv[1]))
    try:
        run_job(recipe, Path("."), location(sys.argv[2]), num_workers=2)
    except (KeyboardInterrupt, ResumableError) as error:
        sys.exit(str(error))
"""


def start_command(job, out, log=None, **environment):
    """Starts the job as a process of its own, leader of its own group; `log` is by default beside `out`."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with (log or out.parent / "command.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, job.model_dump_json(), str(out)],
            env=variables, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    _STARTED.append(process)
    return process


def holding(folder, point, passes=0):
    """Makes a file, and the variables by which each process waits at a failpoint as long as the file is there.

    Each passes by there `passes` times before. The variables' TAMIS_FAILPOINT_HOLD is the file.
    """
    (folder / "hold").touch()
    hold = {"TAMIS_FAILPOINT": point, "TAMIS_FAILPOINT_HOLD": str(folder / "hold")}
    return {**hold, "TAMIS_FAILPOINT_PASS": str(passes)}


def let_go(held):
    """Takes the file of `holding` away."""
    Path(held["TAMIS_FAILPOINT_HOLD"]).unlink()


def finish_with_kills(job, out, names, log=None, **environment):
    """Runs the job with one kill at each of these failpoints, of a worker or of the command, which is then called again, to its end."""
    log, once = log or out.parent / "command.log", log.parent / "once" if log else out.parent / "once"
    points = {"TAMIS_FAILPOINT": ",".join(names), "TAMIS_FAILPOINT_ONCE": str(once)}
    for _ in range(len(names) + 1):
        code = start_command(job, out, log, **points, **environment).wait(WAIT_SECONDS)
        if code == 0:
            break
        assert code == -signal.SIGKILL, log.read_text()[-3000:]
    else:
        raise AssertionError(f"still killed after {len(names)} kills")
    killed = [name for name in names if Path(f"{once}.{name}").exists()]
    assert killed == list(names), "not killed everywhere"


def end_commands():
    """Ends what a failed test has left running, with all its children."""
    while _STARTED:
        process = _STARTED.pop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def count_markers(out, stage="01-measure"):
    return len(list((out / "curate" / "stages" / stage).glob("done-*.json")))


def wait_for_markers(out, least, process, stage="01-measure", seconds=300):
    """Waits until a stage has so many markers; gives the number."""
    deadline = time.monotonic() + seconds
    while (found := count_markers(out, stage)) < least:
        assert process.poll() is None, "the command ended too early"
        assert time.monotonic() < deadline, f"only {found} markers"
        time.sleep(0.005)
    return found


def wait_until_gone(pids, seconds=60):
    """Waits until none of the processes runs; gives those that still do."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _runs(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
