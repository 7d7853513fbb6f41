"""MinHash signatures a second on one core, beside datatrove, datasketch and rensa, on real text of this machine.

    python benchmarks/bench_minhash.py [--megabytes 20] [--check]

All sign with 112 functions over word 5-grams. Ours and datatrove's do the published normalisation too (lower case, numbers, punctuation,
accents); datasketch and rensa are given plain `text.lower().split()`, the least that one can do before them. datatrove runs in its own
environment (see rivals.py), its word tokenizer included, and writes nothing. `--check` exits with 1 below the targets.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasketch
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import cpu_seconds, machine_text, write_result
from benchmarks.rivals import rival_python
from columnar.minhash import MinHashPreset, jaccard_pairs, shingles, signatures

PRESET = MinHashPreset()
RIVAL_BYTES = 2_000_000  # enough for what runs at 1 MB/s
MIN_MEGABYTES_A_SECOND = 120.0
MIN_TIMES = {"datatrove": 80.0, "datasketch": 10.0, "rensa": 6.0}
DATATROVE = Path(__file__).parent / "rivals" / "datatrove_minhash.py"


def ngrams(text: str) -> list[bytes]:
    words = text.lower().split()
    return [" ".join(words[i : i + PRESET.ngram]).encode() for i in range(max(1, len(words) - PRESET.ngram + 1))]


def sign_with_datasketch(texts: list[str]) -> None:
    for text in texts:
        datasketch.MinHash(num_perm=PRESET.num_perm).update_batch(ngrams(text))


def seconds_of_datatrove(texts: list[str]) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        command = [rival_python("datatrove"), DATATROVE, file.name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(answer.stdout.splitlines()[-1])["seconds"])


def rensa_signer() -> Callable[[list[str]], None] | None:
    try:
        from rensa import RMinHash
    except ImportError:
        return None

    def sign(texts: list[str]) -> None:
        for text in texts:
            sketch = RMinHash(PRESET.num_perm, 1)
            sketch.update(ngrams(text))
            sketch.digest()

    return sign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20, help="text of each kind for our own kernels")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    rivals = {"datasketch": sign_with_datasketch, "rensa": rensa_signer()}
    rows, failures = [], []
    for kind in ("code", "docs"):
        texts = machine_text(kind, arguments.megabytes * 1_000_000)
        column = pa.array(texts, pa.large_string())
        sets = shingles(column, PRESET)
        pairs = np.random.default_rng(1).integers(0, len(texts), (2, 20_000)).astype(np.int32)
        ours = row(kind, "tamis signatures", texts, lambda column=column: signatures(column, PRESET))
        rows.append(ours)
        rows.append(row(kind, "tamis shingle sets", texts, lambda column=column: shingles(column, PRESET)))
        few = machine_text(kind, RIVAL_BYTES)
        for name, sign in rivals.items():
            if sign is None:
                print(f"{name} is not installed: left out")
                continue
            theirs = row(kind, name, few, lambda sign=sign, few=few: sign(few), repeats=1)
            compare(ours, theirs, failures)
            rows.append(theirs)
        theirs = figures(kind, "datatrove", few, seconds_of_datatrove(few))
        compare(ours, theirs, failures)
        rows.append(theirs)
        if ours["megabytes_a_second"] < MIN_MEGABYTES_A_SECOND:
            failures.append(f"{kind}: {ours['megabytes_a_second']:.0f} MB/s, wanted {MIN_MEGABYTES_A_SECOND}")
        seconds = cpu_seconds(lambda sets=sets, pairs=pairs: jaccard_pairs(sets, *pairs))
        print(f"{kind}: {pairs.shape[1] / seconds:,.0f} exact similarities a second")
    print(f"\n{'text':6}{'what':20}{'documents':>10}{'MB':>8}{'MB/s':>9}{'documents/s':>13}{'ours/theirs':>13}")
    for r in rows:
        ratio = f"{r['ours_is_faster_by']:.1f}" if "ours_is_faster_by" in r else ""
        print(
            f"{r['text']:6}{r['what']:20}{r['documents']:>10,}{r['megabytes']:>8.1f}{r['megabytes_a_second']:>9.1f}"
            f"{r['documents_a_second']:>13,.0f}{ratio:>13}"
        )
    print(f"\nwritten: {write_result('minhash', {'rows': rows}).name}")
    for failure in failures:
        print(f"below target: {failure}")
    return 1 if failures and arguments.check else 0


def compare(ours: dict[str, Any], theirs: dict[str, Any], failures: list[str]) -> None:
    """Notes how many times faster ours is, and a failure where that is too little."""
    times = theirs["ours_is_faster_by"] = ours["megabytes_a_second"] / theirs["megabytes_a_second"]
    if times < MIN_TIMES[theirs["what"]]:
        failures.append(f"{theirs['text']}: {times:.1f} times {theirs['what']}, wanted {MIN_TIMES[theirs['what']]}")


def row(kind: str, what: str, texts: list[str], run: Callable[[], object], repeats: int = 3) -> dict[str, Any]:
    return figures(kind, what, texts, cpu_seconds(run, repeats))


def figures(kind: str, what: str, texts: list[str], seconds: float) -> dict[str, Any]:
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    return {
        "text": kind,
        "what": what,
        "documents": len(texts),
        "megabytes": megabytes,
        "megabytes_a_second": megabytes / seconds,
        "documents_a_second": len(texts) / seconds,
    }


if __name__ == "__main__":
    sys.exit(main())
