"""Adds measured generations up, a batch at a time, to the numbers of `summary.json`. Pure.

What is held does not grow with rows: sums of at most `cells.MAX_CELLS` groups of each grouping, switch matrices and histograms of
`MAX_MODELS` models, and the worst samples.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from service.audit.cells import OTHER, SUMS, Cells, difference_of, estimate_json, measures_of
from service.audit.intervals import share
from service.audit.model import DECILES, KINDS
from service.audit.steps import step_order

#: Version of `summary.json`; docs/audit.md describes it.
SUMMARY_VERSION: Final = "tamis.audit/1"
GROUPINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": (),
    "model": ("model",),
    "target": ("target",),
    "domain": ("domain",),
    "finish_reason": ("finish_reason",),
    "step": ("step",),
    "model,target": ("model", "target"),
    "model,domain": ("model", "domain"),
    "model,finish_reason": ("model", "finish_reason"),
    "model,step": ("model", "step"),
}
#: Models that have a switch matrix, histograms and positions of their own; further ones share `OTHER`.
MAX_MODELS: Final = 50
#: Models that are compared in pairs: those with the most generations.
MAX_COMPARED: Final = 8
COMPARED: Final = ("reported", "failed", "strict_ratio")
RATIO_BINS: Final = 20
PARTS: Final = ("thinking", "answer")
_PART_SUMS: Final = 3 + DECILES


class Summary:
    """The numbers so far; `add` batches in any order, then `to_json`."""

    def __init__(self) -> None:
        self._groupings = {name: Cells() for name in GROUPINGS}
        self._parts = Cells(len(PARTS) * _PART_SUMS)
        self._models: set[str] = set()
        self._transitions: dict[str, Counter[tuple[str, str]]] = {}
        self._found: dict[str, Counter[tuple[str, str]]] = {}
        self._kinds: dict[str, Counter[str]] = {}
        self._sources: Counter[str] = Counter()
        self._ratios: dict[str, npt.NDArray[np.int64]] = {}

    @property
    def generations(self) -> int:
        """How many there were so far."""
        return self._sources.total()

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes rows of `SAMPLES`."""
        if not batch.num_rows:
            return
        values = _values(batch)
        hashes = np.array(
            [xxhash.xxh3_64_intdigest(key.encode()) for key in batch["prompt_key"].to_pylist()], np.uint64
        )
        names = {name: batch[name].to_pylist() for name in ("model", "target", "domain", "finish_reason", "step")}
        for name, fields in GROUPINGS.items():
            keys = list(zip(*(names[field] for field in fields), strict=True)) if fields else [()] * batch.num_rows
            self._groupings[name].add(keys, values, hashes)
        self._sources.update(batch["target_source"].to_pylist())
        models = [self._model(model) for model in names["model"]]
        self._parts.add([(model,) for model in models], _part_values(batch), hashes)
        self._add_lists(models, batch)
        self._add_ratios(models, batch)

    def _model(self, model: str) -> str:
        if model not in self._models and len(self._models) >= MAX_MODELS:
            return OTHER
        self._models.add(model)
        return model

    def _add_lists(self, models: Sequence[str], batch: pa.RecordBatch) -> None:
        for model, kind in zip(models, batch["kind"].to_pylist(), strict=True):
            self._kinds.setdefault(model, Counter())[kind] += 1
        rows, changes = _elements(batch["transitions"], ("source", "target", "count"))
        for row, source, target, count in zip(rows, *changes, strict=True):
            self._transitions.setdefault(models[row], Counter())[source, target] += count
        rows, spans = _elements(batch["spans"], ("language", "severity"))
        targets = batch["target"].to_pylist()
        # A generation counts once for each language that it has a span in.
        found = {(row, language) for row, language, severity in zip(rows, *spans, strict=True) if severity != "minor"}
        for row, language in found:
            self._found.setdefault(models[row], Counter())[targets[row], language] += 1

    def _add_ratios(self, models: Sequence[str], batch: pa.RecordBatch) -> None:
        # The last bin holds nothing but 1: texts without a foreign word are not the same as nearly so.
        for model, ratio in zip(models, batch["strict_ratio"].to_pylist(), strict=True):
            if ratio is not None:
                bins = self._ratios.setdefault(model, np.zeros(RATIO_BINS + 1, np.int64))
                bins[min(int(ratio * RATIO_BINS), RATIO_BINS - 1) if ratio < 1 else RATIO_BINS] += 1

    def to_json(self) -> dict[str, Any]:
        """Gives the numbers as `summary.json` has them, less what the run adds: settings, inputs and counts of rows."""
        models = [key[0] for key in self._ordered("model")]
        return {
            "schema": SUMMARY_VERSION,
            "generations": self.generations,
            "target_sources": dict(sorted(self._sources.items())),
            "all": self._group("all", ()) if self.generations else None,
            "by": {
                name: [dict(zip(fields, key, strict=True)) | self._group(name, key) for key in self._ordered(name)]
                for name, fields in GROUPINGS.items()
                if fields and self._tells("step" if "step" in fields else fields[-1])
            },
            "kinds": {model: {kind: self._kinds[model][kind] for kind in KINDS} for model in sorted(self._kinds)},
            "transitions": _pairs(self._transitions, "source", "target"),
            "found": _pairs(self._found, "target", "language"),
            "ratio_histogram": {
                "edges": [number / RATIO_BINS for number in range(RATIO_BINS + 1)],
                "counts": {model: counts.tolist() for model, counts in sorted(self._ratios.items())},
            },
            "positions": [part for key in self._parts.groups() for part in self._positions(key)],
            "differences": self._differences(models[:MAX_COMPARED]),
        }

    def _tells(self, field: str) -> bool:
        """Says whether a grouping by the field tells anything: no row may have had a domain, a step, a finish reason."""
        return any(key != ("",) for key in self._groupings[field].groups())

    def _ordered(self, name: str) -> list[tuple[str, ...]]:
        """Gives the groups: models by name, steps by number, other values with the most generations first."""
        cells = self._groupings[name]
        sizes = {key: float(cells.sums(key)[:, 0].sum()) for key in cells.groups()}
        fields = GROUPINGS[name]
        if "step" in fields:
            return sorted(sizes, key=lambda key: (key[:-1], step_order(key[-1])))
        if name == "model":
            return sorted(sizes, key=lambda key: (-sizes[key], key))
        return sorted(sizes, key=lambda key: (key[:-1], -sizes[key], key))

    def _group(self, name: str, key: tuple[str, ...]) -> dict[str, Any]:
        cells = self._groupings[name]
        sums, prompts = cells.sums(key), cells.prompts(key)
        totals = dict(zip(SUMS, sums.sum(axis=0).tolist(), strict=True))
        counted = {f"num_{name}": int(totals[name]) for name in ("generations", "strict_words", "strict_target_words")}
        measured = {name: estimate_json(found) for name, found in measures_of(sums, prompts).items()}
        return {**counted, "prompts_about": round(prompts), **measured}

    def _positions(self, key: tuple[str, ...]) -> Iterable[dict[str, Any]]:
        sums, prompts = self._parts.sums(key), self._parts.prompts(key)
        for number, part in enumerate(PARTS):
            mine = sums[:, number * _PART_SUMS : (number + 1) * _PART_SUMS]
            texts, words, target_words = mine[:, :3].sum(axis=0).tolist()
            if not texts:
                continue
            yield {
                "model": key[0],
                "part": part,
                "generations": int(texts),
                "strict_ratio": target_words / words if words else None,
                "deciles": [estimate_json(share(mine[:, 3 + tenth], mine[:, 0], prompts)) for tenth in range(DECILES)],
            }

    def _differences(self, models: Sequence[str]) -> list[dict[str, Any]]:
        cells = self._groupings["model"]
        return [
            {
                "model": one,
                "less": other,
                **{
                    name: estimate_json(difference_of(cells.sums((one,)), cells.sums((other,)), name))
                    for name in COMPARED
                },
            }
            for place, one in enumerate(models)
            for other in models[place + 1 :]
        ]


def _values(batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
    """Gives what is added up of each row: float64[rows, SUMS]."""
    column = {name: _floats(batch[name]) for name in batch.schema.names if _is_number(batch.schema.field(name).type)}
    spoken = column["strict_words"] > 0
    kind = batch["kind"].to_pylist()
    reported = column["num_off_script"] + column["num_same_script"] > 0
    values = {
        **{
            name: column[name]
            for name in ("strict_words", "strict_target_words", "lenient_words", "lenient_target_words")
        },
        "generations": np.ones(batch.num_rows),
        "reported": reported,
        "off_script": column["num_off_script"] > 0,
        "other_language": np.array([name == "other_language" for name in kind]),
        "minor_only": (column["num_minor"] > 0) & ~reported,
        "failed": column["failed"],
        "with_words": spoken,
        "ratio": np.where(spoken, column["strict_ratio"], 0.0),
        "switches": column["switches"],
        "lines": _floats(pc.is_valid(batch["lines_pass"])),
        "lines_pass": column["lines_pass"],
        "words": _floats(pc.is_valid(batch["words_pass"])),
        "words_pass": column["words_pass"],
    }
    return np.stack([np.asarray(values[name], np.float64) for name in SUMS], axis=1)


def _part_values(batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
    """Gives of each row and part: whether it is there, its words, its target words, and which tenths a reported span touches."""
    found = np.zeros((batch.num_rows, len(PARTS), _PART_SUMS))
    for number, part in enumerate(PARTS):
        there = _floats(pc.is_valid(batch[f"{part}_deciles"]))
        found[:, number, 0] = there
        for place, name in enumerate(("words", "target_words"), 1):
            found[:, number, place] = there * _floats(batch[f"{part}_{name}"])
        tenths = pc.list_flatten(batch[f"{part}_deciles"]).to_numpy(zero_copy_only=False).reshape(-1, DECILES)
        found[there > 0, number, 3:] = tenths > 0
    return found.reshape(batch.num_rows, -1)


def _elements(lists: pa.Array, fields: Sequence[str]) -> tuple[list[int], list[list[Any]]]:
    """Gives the row of each element of a column of lists, and of the elements' fields a list each."""
    elements = pc.list_flatten(lists)
    return pc.list_parent_indices(lists).to_pylist(), [pc.struct_field(elements, name).to_pylist() for name in fields]


def _is_number(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean))


def _floats(array: pa.Array) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = pc.fill_null(pc.cast(array, pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    return found


def _pairs(counted: Mapping[str, Counter[tuple[str, str]]], first: str, second: str) -> list[dict[str, Any]]:
    return [
        {"model": model, first: one, second: other, "count": count}
        for model, pairs in sorted(counted.items())
        for (one, other), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    ]
