"""Which samples of one prompt give the same answer: classes by equivalence, for majority voting and cons@k.

Votes that are counted by string split `1/2` from `0.5`. Here distinct answers are compared once, by the tiers of
`rewards.math.tiers`; there is no gold, so two answers are the same when each would accept the other as gold.
"""

import collections
from collections.abc import Sequence
from typing import Final

from rewards.fork_server import Limits
from rewards.math.extract import extract_answer
from rewards.math.latex import string_key
from rewards.math.tiers import ENGINE, Request, compare_quickly, settle_reply
from rewards.pool import ProcessPool, shared_pool
from rewards.verdict import Verdict

MAX_SLOW_PAIRS: Final = 128
"""So many pairs of one group go to the engine, those of the most frequent answers first; beyond them answers count as different."""

_LIMITS: Final = Limits()
_MAX_KEYED_CHARS: Final = 4_000
"""A longer answer is not read as mathematics: it is in one class with the same text only."""


def answer_classes(
    completions: Sequence[str], *, prose: bool = True, pool: ProcessPool | None = None
) -> list[int | None]:
    """Gives each completion the number of its answer's class, None where it has no answer.

    Class 0 has the most completions, ties in the order of their texts. The classes are the same whatever the order of the
    completions: equivalence is not transitive (5 cm, 5, 5 m), so the most frequent texts are the first members, and an answer joins
    the first class whose first member is equal to it.

    Args:
        completions: the samples of one prompt.
        prose: as the setting of `math`: whether a last formula or number that nothing announces counts as the answer.
        pool: killable processes for slow pairs; must run `rewards.math.engine:handle`. This process's shared ones by default.
    """
    return classes_of_answers([extract_answer(completion, prose=prose).answer for completion in completions], pool=pool)


def classes_of_answers(answers: Sequence[str], *, pool: ProcessPool | None = None) -> list[int | None]:
    """Does the work of `answer_classes` for answers that are already extracted; an empty one is none."""
    keys = [_key(answer) for answer in answers]
    counts = collections.Counter(key for key in keys if key)
    ranked = sorted(counts, key=lambda key: (-counts[key], key))
    text_of = {key: min(answer for answer, its in zip(answers, keys, strict=True) if its == key) for key in ranked}
    leader_of = _lead(ranked, text_of, pool)
    sizes: collections.Counter[str] = collections.Counter()
    for key, leader in leader_of.items():
        sizes[leader] += counts[key]
    number_of = {leader: place for place, leader in enumerate(sorted(sizes, key=lambda key: (-sizes[key], key)))}
    return [number_of[leader_of[key]] if key else None for key in keys]


def _key(answer: str) -> str:
    """The text without layout; of an answer that is all layout, the text as it stands."""
    if len(answer) > _MAX_KEYED_CHARS:
        return answer
    return string_key(answer) or answer.strip()


def _lead(ranked: Sequence[str], text_of: dict[str, str], pool: ProcessPool | None) -> dict[str, str]:
    """Gives each key the first member of its class: quick comparisons first, then all slow ones in one go."""
    leader_of: dict[str, str] = {}
    leaders: list[str] = []
    pending: dict[tuple[str, str], Request] = {}
    for key in ranked:
        open_pairs: dict[tuple[str, str], Request] = {}
        for leader in leaders:
            outcome = _compare(text_of[leader], text_of[key])
            if outcome is True:
                leader_of[key] = leader
                break
            if outcome is not False:
                open_pairs[leader, key] = outcome
        else:
            leader_of[key] = key
            leaders.append(key)
            pending |= open_pairs
    asked = dict(list(pending.items())[:MAX_SLOW_PAIRS])
    if asked:
        same = _ask(asked, pool or shared_pool(ENGINE, _LIMITS))
        for leader, key in asked:
            # An earlier pair may have put either into another class; first members alone take members in.
            if (leader, key) in same and leader_of[leader] == leader and leader_of[key] == key:
                leader_of[key] = leader
    return {key: leader_of[leader_of[key]] for key in ranked}


def _compare(leader: str, answer: str) -> bool | Request:
    """Compares both ways in this process; a request where that cannot tell."""
    there = compare_quickly(leader, answer, 0.0)
    if isinstance(there, Verdict) and there.status != "correct":
        return False
    back = compare_quickly(answer, leader, 0.0)
    if isinstance(back, Verdict) and back.status != "correct":
        return False
    undecided = there if not isinstance(there, Verdict) else back
    return True if isinstance(undecided, Verdict) else undecided


def _ask(asked: dict[tuple[str, str], Request], pool: ProcessPool) -> set[tuple[str, str]]:
    replies = pool.run(list(asked.values()))
    same: set[tuple[str, str]] = set()
    for (leader, key), reply in zip(asked, replies, strict=True):
        request = asked[leader, key]
        verdict = settle_reply(request, reply, pool.limits.cpu_seconds)
        if verdict.status == "correct":
            same.add((leader, key))
    return same
