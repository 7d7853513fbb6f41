"""How the documents spread over each rule's signal, and where its threshold cuts. From the manifest's histograms, which are exact."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.job.histograms import EDGES, merged
from service.report.facts import SignalFact

MAX_PANELS = 60
#: Bins of a panel, about.
BINS = 48
#: Beside the threshold, a panel shows what lies within these shares of the documents.
_TAILS = (0.002, 0.998)

#: A rule: step, reason, signal, operator, threshold, and how many documents fail it.
RuleOf = tuple[str, str, str, str, float, int]


def signal_facts(histograms: Mapping[str, Any], rules: Sequence[RuleOf]) -> list[SignalFact]:
    """Gives a panel for each rule whose signal was measured, those that many documents fail first.

    Args:
        histograms: ``stats["histograms"]`` of a manifest.
        rules: the rules of its recipe.
    """
    found = []
    for rule in rules:
        counts = merged(histograms.get(rule[0], {}), rule[2])
        if counts.any() and rule[3] in ("<", ">"):
            found.append(_fact(rule, counts))
    found.sort(key=lambda fact: (-fact.num_failing, fact.step, fact.reason))
    return found[:MAX_PANELS]


def _fact(rule: RuleOf, counts: npt.NDArray[np.int64]) -> SignalFact:
    step, reason, signal, operator, threshold, failing = rule
    low, high = _window(counts, threshold)
    log = EDGES[high] > 2
    edges = _edges(low, high, log=log)
    bins = np.searchsorted(edges, np.maximum(EDGES, edges[0]), "right") - 1
    shown = (np.arange(EDGES.size) <= high) & (bins < len(edges) - 1)
    fails = (threshold > EDGES) if operator == "<" else (threshold < EDGES)
    parted = [
        np.bincount(bins[shown & side], counts[shown & side], minlength=len(edges) - 1).astype(int).tolist()
        for side in (~fails, fails)
    ]
    # The class that holds the threshold is drawn as passing; the number beside the panel is the rule's own.
    return SignalFact(step, reason, signal, operator, threshold, edges, parted[0], parted[1], log, failing)


def _window(counts: npt.NDArray[np.int64], threshold: float) -> tuple[int, int]:
    """Gives the first and last class to show: nearly all documents, and the threshold."""
    reached = np.cumsum(counts) / counts.sum()
    low = int(np.searchsorted(reached, _TAILS[0]))
    high = int(np.searchsorted(reached, _TAILS[1]))
    at = int(np.searchsorted(EDGES, threshold, "right")) - 1
    return max(0, min(low, at - 1)), min(EDGES.size - 2, max(high, at + 1))


def _edges(low: int, high: int, *, log: bool) -> list[float]:
    """Gives edges of about `BINS` bins over the classes `low` to `high`; a logarithmic axis starts at 0.5, which stands for less."""
    if log:
        start, stop = max(float(EDGES[low]), 0.5), float(EDGES[high + 1])
        count = min(BINS, max(4, high + 1 - max(low, 100)))
        return [start * (stop / start) ** (number / count) for number in range(count + 1)]
    start, stop = float(EDGES[low]), float(EDGES[high + 1])
    width = max(1, math.ceil((high + 1 - low) / BINS))
    edges = [float(EDGES[number]) for number in range(low, high + 1, width)]
    return [*edges, stop] if edges[-1] < stop else [start, stop]
