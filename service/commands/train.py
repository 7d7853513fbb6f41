"""`tamis train`: a fastText classifier of quality from two piles of documents, measured on a held-out share, with a model card."""

import hashlib
import json
import math
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.errors import UserError
from service.console import Terminal

POSITIVE, NEGATIVE = "positive", "negative"
# fastText has each thread initialise a tenth of the weights: with ten the rest of that division stays as memory was, and the
# model is not a number now and then; with fewer, whole tenths do.
THREADS = 12
_SCORED_AT_ONCE = 2048
_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_THRESHOLDS = tuple(n / 20 for n in range(1, 20))
_BREAKS = re.compile(r"\s+")


@dataclass(frozen=True)
class TrainRequest:
    """What the command line asked for. The defaults are DeepSeekMath's (2402.03300, section 2.1)."""

    positive: tuple[Path, ...]
    negative: tuple[Path, ...]
    dim: int = 256
    lr: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    epoch: int = 3
    buckets: int = 2_000_000
    text_column: str = "text"
    held_out: float = 0.1
    quantize: bool = False
    seed: int = 0
    limit: int | None = None


def train(request: TrainRequest, out: Path, *, as_json: bool) -> int:
    """Runs the command: writes the model at `out` and its card beside it as `<out>.json`."""
    terminal = Terminal(as_json=as_json)
    wanted = ".ftz" if request.quantize else ".bin"
    if out.suffix != wanted:
        raise UserError(f"--out {out}: a {'quantised' if request.quantize else 'plain'} model ends in {wanted}")
    if not 0 < request.held_out < 1:
        raise UserError(f"--held-out must be between 0 and 1, not {request.held_out}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".train-") as folder:
        corpus = Path(folder) / "train.txt"
        counts, held = _write_corpus(request, corpus)
        terminal.say(f"training on {sum(counts.values()):,} documents, {len(held):,} held out")
        made = Path(folder) / out.name
        _fit(request, corpus, made)
        measured = _measure(made, held)
        card = {"model": out.name, "parameters": _parameters(request), "trained_on": dict(counts), **measured}
        made.replace(out)
    card_path = out.with_name(out.name + ".json")
    card_path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    _show(card, card_path, terminal)
    return 0


def _write_corpus(request: TrainRequest, corpus: Path) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Writes the training lines in a shuffled order; gives their counts by label, and the held-out (label, text) pairs."""
    lines: list[str] = []
    held: list[tuple[str, str]] = []
    counts: Counter[str] = Counter()
    for label, paths in ((POSITIVE, request.positive), (NEGATIVE, request.negative)):
        for number, text in enumerate(_texts(paths, label, request)):
            # One line a document: fastText ends a document at a line break, and reads `__label__` as a label.
            line = _BREAKS.sub(" ", text).replace("__label__", "label").strip()
            if not line:
                continue
            if _is_held_out(line, request):
                held.append((label, line))
            else:
                lines.append(f"__label__{label} {line}\n")
                counts[label] += 1
            if request.limit is not None and number + 1 >= request.limit:
                break
        if not counts[label] or not any(held_label == label for held_label, _ in held):
            raise UserError(f"--{label}: too few documents to train on and hold some out ({counts[label]} found)")
    random.Random(request.seed).shuffle(lines)
    with corpus.open("w", encoding="utf-8") as handle:
        handle.writelines(lines)
    return counts, held


def _is_held_out(line: str, request: TrainRequest) -> bool:
    """Goes by the text alone, so that a copy of a document is never on both sides."""
    drawn = hashlib.blake2b(f"{request.seed} {line}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") < request.held_out * 2**64


def _texts(paths: Sequence[Path], label: str, request: TrainRequest) -> Iterator[str]:
    """Reads the documents of files in the formats of `tamis curate`; pages have to be extracted first."""
    from curation.model import Fault
    from curation.readers.listing import list_pieces
    from curation.readers.reading import read_pieces
    from schemas.recipe import CurateRecipe, parse_recipe

    columns = {} if request.text_column == "text" else {"text": request.text_column}
    inputs = [
        {"source": f"{label}{n}", "path": str(path.resolve()), "columns": columns} for n, path in enumerate(paths)
    ]
    recipe = parse_recipe({"name": label, "inputs": inputs, "steps": [{"language": {}}]}, CurateRecipe, f"--{label}")
    pieces, faults = list_pieces(recipe, Path())
    if faults:
        raise UserError(f"--{label}: {faults[0].locator}: {faults[0].error}")
    for found in read_pieces(pieces, recipe.output, Counter()):
        if isinstance(found, Fault):
            raise UserError(f"--{label}: {found.locator}: {found.error}")
        yield from found.column("text").to_pylist()


def _fit(request: TrainRequest, corpus: Path, made: Path) -> None:
    import fasttext

    model = fasttext.train_supervised(
        str(corpus),
        dim=request.dim,
        lr=request.lr,
        wordNgrams=request.word_ngrams,
        minCount=request.min_count,
        epoch=request.epoch,
        bucket=request.buckets,
        seed=request.seed,
        thread=THREADS,
        verbose=0,
    )
    if request.quantize:
        model.quantize(input=str(corpus), cutoff=100_000, retrain=False, qnorm=False)
    model.save_model(str(made))


def _parameters(request: TrainRequest) -> dict[str, Any]:
    given = asdict(request)
    return {
        **{name: value for name, value in given.items() if name not in ("positive", "negative")},
        "positive": [path.name for path in request.positive],
        "negative": [path.name for path in request.negative],
        "threads": THREADS,
        "repeatable": "no: fastText's threads write to the same weights without order, so two trainings differ a little",
    }


def _measure(made: Path, held: list[tuple[str, str]]) -> dict[str, Any]:
    """Scores the held-out documents as the quality step does."""
    from columnar.fasttext_classifier import Classifier
    from columnar.fasttext_model import ModelFileError, read_model

    try:
        model = Classifier(read_model(made))
    except ModelFileError as error:
        raise UserError(f"training gave no usable model, try a lower --lr: {error}") from None
    groups = [0 if label == POSITIVE else -1 for label in model.labels]
    texts = [text for _, text in held]
    parts = [
        model.probabilities(pa.array(texts[at : at + _SCORED_AT_ONCE], pa.large_string()), groups, 1, faint=True)[:, 0]
        for at in range(0, len(texts), _SCORED_AT_ONCE)
    ]
    scores = np.concatenate(parts)
    good = np.array([label == POSITIVE for label, _ in held])
    half = _at(0.5, scores, good)
    return {
        "held_out": {POSITIVE: int(good.sum()), NEGATIVE: int((~good).sum())},
        "precision": half["precision"],
        "recall": half["recall"],
        "f1": half["f1"],
        "thresholds": [_at(threshold, scores, good) for threshold in _THRESHOLDS],
        "score_quantiles": {
            label: {f"{q:g}": float(np.quantile(scores[mask], q)) for q in _QUANTILES}
            for label, mask in ((POSITIVE, good), (NEGATIVE, ~good))
        },
    }


def _at(threshold: float, scores: np.ndarray[Any, Any], good: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Precision, recall and F1 of keeping what scores at least so much; precision is null where nothing does."""
    kept = scores >= np.float32(threshold)
    right = int((kept & good).sum())
    precision = right / int(kept.sum()) if kept.any() else None
    recall = right / int(good.sum())
    f1 = 2 * right / (int(kept.sum()) + int(good.sum()))
    return {"min_score": threshold, "precision": precision, "recall": recall, "f1": f1, "kept": float(kept.mean())}


def _show(card: dict[str, Any], card_path: Path, terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.result(card)
        return
    rows = [
        [f"{row['min_score']:.2f}", *(_share(row[name]) for name in ("precision", "recall", "f1", "kept"))]
        for row in card["thresholds"]
    ]
    terminal.grid(
        f"{card['model']}: F1 {card['f1']:.3f} on {sum(card['held_out'].values()):,} held-out documents",
        ["min_score", "precision", "recall", "F1", "kept"],
        rows,
        numeric=[0, 1, 2, 3, 4],
    )
    terminal.say(f"model card: {card_path}")


def _share(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"
