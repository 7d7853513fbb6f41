"""Looks for a constant output that a rubric pays across prompts: a universal attack (after arXiv 2307.03131). Deterministic by seed.

Greedy: the best of the bank and of the prompts' own golds are wrapped, joined, repeated and cut, and what earns more on a part of the
prompts stays. What is found is then scored on all of them, so that a text which merely fits the part is seen for what it is.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rewards.probe.attack import Attack
from rewards.probe.panel import REWARD, Case, Panel
from rewards.registry import Verifier

DEFAULT_BUDGET: Final = 200
"""Outputs that are tried, each on every prompt of the part."""

PART: Final = 32
"""Prompts that the search looks at; the others are the judge of what it finds."""

POPULATION: Final = 12
NUM_FOUND: Final = 5
MAX_GOLDS: Final = 40
MAX_CHARS: Final = 20_000

_WRAPS: Final[tuple[tuple[str, str], ...]] = (
    ("box", "\\boxed{%s}"),
    ("answer tag", "<answer>%s</answer>"),
    ("phrase", "The answer is %s."),
    ("hashes", "#### %s"),
    ("thinking before", "<think>\nLet me think about this.\n</think>\n%s"),
    ("fence", "```python\n%s\n```"),
    ("quotation", '"%s"'),
    ("capitals of a list", "- %s"),
)
_JOINS: Final = ("\n", " ", ", ", " or ", " and ", "\n\n")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An output and how it came about: `how` reads as a recipe."""

    text: str
    how: str
    reward: float = 0.0


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """How a search went.

    Attributes:
        tried: outputs that were scored.
        part: prompts that they were scored on.
        start: the best mean reward on the part before any mutation.
        best: the best at the end.
        steps: (outputs tried so far, best mean reward) at each improvement.
    """

    tried: int
    part: int
    start: float
    best: float
    steps: Sequence[tuple[int, float]] = field(default_factory=list)


def search(
    panel: Panel, known: Mapping[str, float], *, budget: int = DEFAULT_BUDGET, seed: int = 0
) -> tuple[list[Attack], SearchTrace]:
    """Looks for constants that earn more than those that are known.

    Args:
        panel: the rubric before its prompts.
        known: constant output -> its mean reward on all prompts: the bank's results.
        budget: outputs to try.
        seed: the same seed, rubric, prompts and budget try the same outputs.

    Returns:
        The best few outputs that are not known, best first, to be scored on all prompts, and how the search went.
    """
    draw = random.Random(f"probe {seed}")
    places = sorted(draw.sample(range(len(panel.cases)), min(PART, len(panel.cases))))
    tried: dict[str, Candidate] = {}
    steps: list[tuple[int, float]] = []

    def try_all(candidates: Iterable[Candidate]) -> None:
        for candidate in candidates:
            if len(tried) >= budget:
                return
            text = candidate.text[:MAX_CHARS]
            if text in tried:
                continue
            tally = panel.score([text] * len(places), places)[REWARD]
            # What is not scored earns nothing.
            reward = (tally.mean or 0.0) * (1.0 - tally.unscored)
            tried[text] = Candidate(text, candidate.how, reward)
            if not steps or reward > steps[-1][1]:
                steps.append((len(tried), reward))

    by_reward = sorted(known, key=lambda text: (-known[text], len(text), text))
    bank = [Candidate(text, _brief(text)) for text in by_reward if len(text) <= MAX_CHARS][: POPULATION // 2]
    atoms = gold_texts(panel.cases, panel.verifiers)
    try_all(bank)
    try_all(Candidate(text, f"gold {_brief(text)}") for text in atoms[: max(0, budget // 3)])
    start = steps[-1][1] if steps else 0.0
    while len(tried) < budget:
        before = len(tried)
        parents = sorted(tried.values(), key=lambda one: (-one.reward, len(one.text), one.text))[:POPULATION]
        try_all(_children(parents, atoms, draw))
        if len(tried) == before:
            break  # nothing new can be made
    found = sorted(tried.values(), key=lambda one: (-one.reward, len(one.text), one.text))
    fresh = [one for one in found if one.text not in known and one.reward > 0][:NUM_FOUND]
    attacks = [Attack(f"{number}: {one.how}"[:200], "found", one.text) for number, one in enumerate(fresh, 1)]
    best = found[0].reward if found else 0.0
    return attacks, SearchTrace(len(tried), len(places), start, best, steps)


def gold_texts(cases: Sequence[Case], verifiers: Sequence[Verifier]) -> list[str]:
    """Gives short texts out of the prompts' own golds, the commonest first: what would be right for one prompt."""
    counts: dict[str, int] = {}
    for case in cases:
        for verifier in verifiers:
            gold = case.golds.get(verifier.name)
            for text in _texts_of(verifier, gold):
                counts[text] = counts.get(text, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], len(text), text))[:MAX_GOLDS]


def _texts_of(verifier: Verifier, gold: object) -> list[str]:
    texts = []
    if isinstance(gold, str | int | float) and not isinstance(gold, bool) and verifier.gold_key == "answer":
        texts.append(str(gold))
    written = None if gold is None else verifier.gold_completion(gold)
    texts += [] if written is None else [written]
    return [text for text in texts if 0 < len(text) <= MAX_CHARS // 10]


def _children(parents: Sequence[Candidate], atoms: Sequence[str], draw: random.Random) -> Iterable[Candidate]:
    """Makes a generation: every operator on parents that are drawn, better ones more often."""
    for _ in range(POPULATION):
        one = parents[min(draw.randrange(len(parents)), draw.randrange(len(parents)))]
        other = draw.choice(parents)
        for change in draw.sample(_OPERATORS, 3):
            yield change(one, other, atoms, draw)


def _wrap(one: Candidate, _other: Candidate, _atoms: Sequence[str], draw: random.Random) -> Candidate:
    name, form = draw.choice(_WRAPS)
    return Candidate(form.replace("%s", one.text), f"{one.how} in a {name}")


def _join(one: Candidate, other: Candidate, _atoms: Sequence[str], draw: random.Random) -> Candidate:
    mark = draw.choice(_JOINS)
    return Candidate(one.text + mark + other.text, f"{one.how} + {other.how}")


def _add_gold(one: Candidate, _other: Candidate, atoms: Sequence[str], draw: random.Random) -> Candidate:
    if not atoms:
        return Candidate(one.text + "\n1", f"{one.how} + 1")
    atom = draw.choice(atoms)
    return Candidate(one.text + draw.choice(_JOINS) + atom, f"{one.how} + gold {_brief(atom)}")


def _list_golds(_one: Candidate, _other: Candidate, atoms: Sequence[str], draw: random.Random) -> Candidate:
    taken = atoms[: draw.choice((2, 3, 5, 10, 40))] or ["0", "1"]
    name, form = draw.choice(_WRAPS)
    return Candidate(form.replace("%s", draw.choice(_JOINS).join(taken)), f"{len(taken)} golds in a {name}")


def _repeat(one: Candidate, _other: Candidate, _atoms: Sequence[str], draw: random.Random) -> Candidate:
    times = draw.choice((2, 3, 10))
    return Candidate("\n".join([one.text] * times), f"{one.how}, {times} times")


def _cut(one: Candidate, _other: Candidate, _atoms: Sequence[str], draw: random.Random) -> Candidate:
    middle = len(one.text) // 2
    first = draw.random() < 0.5
    kept = one.text[:middle] if first else one.text[middle:]
    return Candidate(kept, f"{'first' if first else 'second'} half of {one.how}")


_Operator = Callable[[Candidate, Candidate, Sequence[str], random.Random], Candidate]
_OPERATORS: Final[tuple[_Operator, ...]] = (_wrap, _join, _add_gold, _list_golds, _repeat, _cut)


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 24 else line[:23] + "…")
