"""The `math` verifier: a final answer against the gold, in tiers from a string comparison to SymPy in a killable process.

The answer is found by `rewards.math.extract`, compared by `rewards.math.tiers`; here groups are: every distinct pair of gold and answer
is compared once, and what is slow goes to the pool in one go.
"""

from collections.abc import Sequence
from typing import Any, Final

from rewards.fork_server import Limits
from rewards.math.extract import Extraction, extract_answer
from rewards.math.tiers import ENGINE, Request, compare_quickly, settle_reply
from rewards.pool import ProcessPool, shared_pool
from rewards.registry import Check, verifier
from rewards.verdict import Verdict

_SHOWN_CHARS: Final = 300

_Work = tuple[Extraction, tuple[str, ...]]
"""An answer and the golds of which any is right."""


class MathCheck:
    """Judges completions against golds; made by `math`."""

    def __init__(self, *, prose: bool, tolerance: float, pool: ProcessPool, cpu_seconds: float) -> None:
        self._prose = prose
        self._tolerance = tolerance
        self._pool = pool
        self._cpu_seconds = cpu_seconds

    def __call__(self, completion: str, gold: Any) -> Verdict:
        """Judges one completion: a batch of one."""
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
        """Extracts every answer, compares each distinct pair of gold and answer once, and sends the slow ones in one go."""
        places: dict[_Work, int] = {}
        asked: list[int] = []
        gold_before: Any = None  # the samples of a prompt share its gold
        texts: tuple[str, ...] = ()
        for completion, gold in zip(completions, golds, strict=True):
            if gold is not gold_before:
                gold_before, texts = gold, _accepted(gold)
            work = extract_answer(completion, prose=self._prose), texts
            asked.append(places.setdefault(work, len(places)))
        settled: dict[tuple[str, str], Verdict] = {}
        slow: dict[tuple[str, str], Request] = {}
        for found, texts in places:
            self._compare(found, texts, settled, slow)
        if slow:
            self._ask(slow, settled)
        verdicts = [_combine(found, texts, settled) for found, texts in places]
        return [verdicts[place] for place in asked]

    def answer_keys(self, completions: Sequence[str]) -> list[str]:
        """Gives what verdicts depend on: the answer and where it was found."""
        found = (extract_answer(completion, prose=self._prose) for completion in completions)
        return [f"{source}\0{answer}" for answer, source in found]

    def gold_completion(self, gold: Any) -> str | None:
        """Gives the gold, boxed; the first of several. None for what is no gold."""
        texts = gold_texts(gold)
        return f"\\boxed{{{texts[0]}}}" if texts else None

    def _ask(self, slow: dict[tuple[str, str], Request], settled: dict[tuple[str, str], Verdict]) -> None:
        """Sends the slow pairs to the pool, of each gold for the latex engine one ahead of the others.

        That engine reads the gold first. A gold that it cannot bear costs its budget once, and not again for every answer.
        """
        ahead: dict[str, tuple[str, str]] = {}
        for pair, request in slow.items():
            if request["engine"] == "latex":
                ahead.setdefault(pair[0], pair)
        waiting = [pair for pair, request in slow.items() if request["engine"] == "latex" and ahead[pair[0]] != pair]
        refused: dict[str, Verdict] = {}
        later = frozenset(waiting)
        for pairs in ([pair for pair in slow if pair not in later], waiting):
            asked = [pair for pair in pairs if pair[0] not in refused]
            for pair, reply in zip(asked, self._pool.run([slow[pair] for pair in asked]), strict=True):
                settled[pair] = settle_reply(slow[pair], reply, self._cpu_seconds)
                if reply.phase == "gold" and settled[pair].status == "bad_gold":
                    refused[pair[0]] = settled[pair]
        settled.update({pair: refused[pair[0]] for pair in waiting if pair not in settled})

    def _compare(
        self,
        found: Extraction,
        texts: tuple[str, ...],
        settled: dict[tuple[str, str], Verdict],
        slow: dict[tuple[str, str], Request],
    ) -> None:
        """Settles the pairs of one answer that can be settled here; the others go to `slow`, unless one of them is right already."""
        undecided: dict[tuple[str, str], Request] = {}
        for text in texts if found.answer else ():
            pair = text, found.answer
            if pair not in settled and pair not in slow:
                outcome = compare_quickly(text, found.answer, self._tolerance)
                if isinstance(outcome, Verdict):
                    settled[pair] = outcome
                else:
                    undecided[pair] = outcome
            if pair in settled and settled[pair].status == "correct":
                return
        slow.update(undecided)


def _accepted(gold: Any) -> tuple[str, ...]:
    if type(gold) is str:  # the usual case, for every sample of a group
        return (gold,) if gold.strip() else ()
    return tuple(gold_texts(gold))


def gold_texts(gold: Any) -> list[str]:
    """Gives the accepted answers of a gold: a string, a number, or a list of them. Empty for what is no gold."""
    if isinstance(gold, bool) or gold is None:
        return []
    if isinstance(gold, float):
        return [str(int(gold)) if gold.is_integer() else repr(gold)] if gold == gold and abs(gold) < 1e300 else []  # noqa: PLR0124
    if isinstance(gold, int):
        return [str(gold)]
    if isinstance(gold, str):
        return [gold] if gold.strip() else []
    if isinstance(gold, list | tuple):
        return [text for one in gold if not isinstance(one, list | tuple) for text in gold_texts(one)]
    return []


def _combine(found: Extraction, texts: tuple[str, ...], settled: dict[tuple[str, str], Verdict]) -> Verdict:
    """The verdict over all accepted golds: right if any is met, unscored if one that could not be compared might be."""
    detail = {"answer": found.answer[:_SHOWN_CHARS], "source": found.source}
    if not texts:
        return Verdict(None, "bad_gold", {**detail, "reason": "no_gold"})
    if not found.answer:
        return Verdict(0.0, "unparseable", {"reason": found.source})
    verdicts = [settled[text, found.answer] for text in texts if (text, found.answer) in settled]
    best = next((one for one in verdicts if one.status == "correct"), None)
    if best is None:
        best = next((one for one in verdicts if one.score is None), verdicts[0])
    return Verdict(best.score, best.status, {**detail, **best.detail})


@verifier("math", version=3, gold_key="answer", resources=("pool",), cached=True)
def math(
    *,
    prose: bool = True,
    relative_tolerance: float = 0.0,
    cpu_seconds: float = 3.0,
    wall_seconds: float = 30.0,
    memory_bytes: int = 512 * 1024 * 1024,
    pool: ProcessPool | None = None,
) -> Check:
    """Compares the final answer of a completion with the gold: a string, a number, or a list of which any is right.

    Args:
        prose: whether a last formula or number that nothing announces counts as the answer.
        relative_tolerance: how far a number may be from the gold, as a share of it; 0 leaves the gold's written digits to
            decide. For physics data such as Minerva's.
        cpu_seconds: processor time for one slow comparison; over it the verdict is `time_limit`.
        wall_seconds: elapsed time for one; over it the verdict is `time_limit`, or `error` when the machine was too busy. Far
            above `cpu_seconds`, so that a busy machine does not change verdicts.
        memory_bytes: memory for one; over it the verdict is `memory_limit`.
        pool: killable processes to use instead of this process's shared ones; must run `rewards.math.engine:handle`.
    """
    if not 0.0 <= relative_tolerance < 1.0:
        raise ValueError(f"relative_tolerance must be at least 0 and below 1, not {relative_tolerance}")
    if cpu_seconds <= 0 or wall_seconds <= 0 or memory_bytes <= 0:
        raise ValueError("cpu_seconds, wall_seconds and memory_bytes must be above 0")
    limits = Limits(cpu_seconds=cpu_seconds, wall_seconds=wall_seconds, memory_bytes=memory_bytes)
    return MathCheck(
        prose=prose, tolerance=relative_tolerance, pool=pool or shared_pool(ENGINE, limits), cpu_seconds=cpu_seconds
    )
