"""The funnel: what each step let through and removed, from a run's counts, and what looks wrong with it. Pure."""

from collections.abc import Container, Iterable
from typing import Any

from curation.job.manifest import FunnelStep
from curation.job.tally import Tally

#: A step that removes a smaller share than this of what enters it warns, and one that removes more than the other.
ABOUT_NOTHING = 0.0005
NEARLY_ALL = 0.9
#: Below this many documents a share says nothing.
_ENOUGH = 200


def make_funnel(steps: Iterable[str], tally: Tally) -> list[FunnelStep]:
    """Gives the funnel of the steps in order."""
    return [_funnel_step(step, tally.tree) for step in steps]


def _funnel_step(step: str, tree: dict[str, Any]) -> FunnelStep:
    entered, rejected = tree.get("entered", {}).get(step, {}), tree.get("rejected", {}).get(step, {})
    first, every = tree.get("first_reasons", {}).get(step, {}), tree.get("all_reasons", {}).get(step, {})
    by_source = {
        source: {
            "in": entered.get(source, _NOTHING),
            "rejected": rejected.get(source, _NOTHING),
            "first_reasons": first.get(source, {}),
            "all_reasons": every.get(source, {}),
        }
        for source in sorted(entered)
    }
    total_in, total_rejected = Tally(), Tally()
    first_reasons, all_reasons = Tally(), Tally()
    for numbers in by_source.values():
        total_in.merge(numbers["in"])
        total_rejected.merge(numbers["rejected"])
        first_reasons.merge(numbers["first_reasons"])
        all_reasons.merge(numbers["all_reasons"])
    return FunnelStep(
        step,
        total_in.tree.get("documents", 0),
        total_in.tree.get("bytes", 0),
        total_rejected.tree.get("documents", 0),
        total_rejected.tree.get("bytes", 0),
        first_reasons.tree,
        all_reasons.tree,
        by_source,
    )


_NOTHING = {"documents": 0, "bytes": 0}


def funnel_warnings(funnel: Iterable[FunnelStep], serving: Container[str] = ()) -> list[str]:
    """Gives a line for each step that removed about nothing or nearly everything of at least some 200 documents.

    Args:
        funnel: the steps.
        serving: names of steps that are there for more than removing: about nothing is what they should remove.
    """
    lines = []
    for step in funnel:
        if step.documents_in < _ENOUGH:
            continue
        share = step.documents_rejected / step.documents_in
        if share > NEARLY_ALL:
            lines.append(
                f"step {step.step} removed {share:.1%} of {step.documents_in} documents: are its thresholds right?"
            )
        elif share < ABOUT_NOTHING and step.step not in serving:
            lines.append(
                f"step {step.step} removed {step.documents_rejected} of {step.documents_in} documents: is it needed?"
            )
    return lines
