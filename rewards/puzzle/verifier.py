"""The `puzzle` verifier: an answer against a problem of reasoning-gym, scored in killable processes.

Its scorers differ in what they pay: 0.01 or 0.05 for any text, a share for a text in which the answer stands. A trainer that adds such
scores pays for noise, so 1.0 alone is right here unless `partial_credit` is set, and an empty answer is 0.0 everywhere.
"""

import collections
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.fork_server import Limits
from rewards.matching import take_part
from rewards.math.extract import extract_answer
from rewards.pool import ProcessPool, Reply, shared_pool
from rewards.puzzle.entries import own_answer
from rewards.registry import Check, verifier
from rewards.verdict import Verdict
from schemas.ids import digest

SCORERS: Final = "rewards.puzzle.scorers:handle"

MAX_ANSWER_CHARS: Final = 20_000
"""A longer answer is `too_complex`: the largest boards have some thousand."""

MAX_GOLD_CHARS: Final = 1_000_000

LEAST_PARTIAL: Final = 0.1
"""With `partial_credit`: less is what a scorer gives to any text, and is 0.0."""

KEPT_GOLDS: Final = 20_000
"""So many golds are remembered to have accepted their own answer."""

_OUR_FAILURES: Final = frozenset({"scorer_failed", "machine_too_busy"})
_SHOWN_CHARS: Final = 300
_ANSWER_TAG: Final = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL | re.IGNORECASE)
_FENCED: Final = re.compile(r"\s*```[A-Za-z]{0,20}\n(.*?)\n?```\s*", re.DOTALL)


def find_answer(completion: str) -> tuple[str, str]:
    r"""Gives the answer and how it was found, or an empty one and the reason.

    The last `<answer>` after the thinking, else what an announcement gives (`\boxed{}`, "the answer is"), else all that follows the
    thinking, as grids and lists of moves are. One fence around it all is taken off.
    """
    response, missing = take_part(completion, "response")
    if missing:
        return "", missing
    tags = _ANSWER_TAG.findall(response)
    source, answer = "answer_tag", tags[-1] if tags else ""
    if not tags:
        found = extract_answer(response, prose=False)
        source, answer = (found.source, found.answer) if found.answer else ("response", response)
    fenced = _FENCED.fullmatch(answer)
    answer = (fenced[1] if fenced else answer).strip("\n")
    return (answer, source) if answer.strip() else ("", "empty_answer")


class PuzzleCheck:
    """Judges completions; made by `puzzle`."""

    def __init__(self, pool: ProcessPool, cpu_seconds: float, *, partial_credit: bool) -> None:
        self._pool = pool
        self._cpu_seconds = cpu_seconds
        self._partial_credit = partial_credit
        self._tried: collections.OrderedDict[str, str] = collections.OrderedDict()  # gold -> why it is bad, or ""

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Judges one completion: a batch of one."""
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each; equal answers to one problem once. A problem that refuses its own answer is `bad_gold`."""
        problems = [_read_gold(gold) for gold in golds]
        answers = [find_answer(completion) for completion in completions]
        bad = self._try_golds({key: problem for key, problem in problems if key})
        wanted: dict[tuple[str, str], dict[str, Any]] = {}
        for (answer, _), (key, problem) in zip(answers, problems, strict=True):
            if answer and len(answer) <= MAX_ANSWER_CHARS and bad.get(key) == "":
                # A text of JSON cannot hold what is no Unicode, and no answer does.
                wanted[key, answer] = {**problem, "answer": answer.encode("utf-8", "replace").decode()}
        replies = dict(zip(wanted, self._pool.run(list(wanted.values())), strict=True))
        verdicts = []
        for (answer, source), (key, _) in zip(answers, problems, strict=True):
            reason = bad.get(key, "unreadable_gold")
            if reason:
                verdicts.append(Verdict(None, "error" if reason in _OUR_FAILURES else "bad_gold", {"reason": reason}))
            elif not answer:
                verdicts.append(Verdict(0.0, "unparseable", {"reason": source}))
            elif len(answer) > MAX_ANSWER_CHARS:
                verdicts.append(Verdict(0.0, "too_complex", {"reason": "long_answer", "characters": len(answer)}))
            else:
                detail = {"answer": answer[:_SHOWN_CHARS], "source": source}
                verdicts.append(self._settle(replies[key, answer], detail))
        return verdicts

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives the entry's own answer, None where the puzzle is only checked."""
        key, problem = _read_gold(gold)
        if not key:
            return None
        own = own_answer(problem["entry"])
        return None if own is None else f"<answer>{own}</answer>"

    def _try_golds(self, problems: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        """Scores the own answer of each problem that has not been tried, and gives by key why it is bad, or an empty text.

        What failed through no fault of the problem is not remembered: the next sample tries again.
        """
        bad = {key: self._tried[key] for key in list(problems) if key in self._tried}
        fresh = {key: problem for key, problem in problems.items() if key not in bad}
        requests = [{**problem, "answer": None} for problem in fresh.values()]
        for key, reply in zip(fresh, self._pool.run(requests), strict=True):
            bad[key] = self._why_bad(reply)
            if bad[key] not in _OUR_FAILURES:
                self._tried[key] = bad[key]
        while len(self._tried) > KEPT_GOLDS:
            self._tried.popitem(last=False)
        return bad

    def _why_bad(self, reply: Reply) -> str:
        """Gives why a problem that got this reply to its own answer is bad; empty where it is not."""
        if reply.outcome == "error":
            return "scorer_failed"
        if reply.starved(self._cpu_seconds):
            return "machine_too_busy"
        if reply.outcome != "ok":
            return f"own_answer_{reply.outcome}"
        if "bad_gold" in reply.value:
            return str(reply.value["bad_gold"])
        return "" if reply.value.get("score") == 1.0 else "own_answer_refused"

    def _settle(self, reply: Reply, detail: Mapping[str, Any]) -> Verdict:
        if reply.outcome == "ok":
            return self._score(reply.value, detail)
        if reply.outcome == "error":
            return Verdict(None, "error", {"reason": "scorer_failed", "error": reply.error, **detail})
        if reply.starved(self._cpu_seconds):
            return Verdict(None, "error", {"reason": "machine_too_busy", **detail})
        return Verdict(0.0, reply.outcome, {"reason": f"answer_{reply.outcome}", **detail})

    def _score(self, value: Mapping[str, Any], detail: Mapping[str, Any]) -> Verdict:
        if "score" not in value:
            reason = "not_plain" if "refused" in value else "unreadable_answer"
            return Verdict(0.0, "unparseable", {"reason": reason, **detail})
        score = min(1.0, value["score"])
        if score == 1.0:
            return Verdict(1.0, "correct", detail)
        detail = {**detail, "published_score": round(score, 6)}
        if self._partial_credit and score >= LEAST_PARTIAL:
            return Verdict(score, "partial", detail)
        return Verdict(0.0, "incorrect", detail)


def _read_gold(gold: Any) -> tuple[str, dict[str, Any]]:
    """Gives a gold's key and what the scorer needs of it; an empty key for what is no gold."""
    if not isinstance(gold, Mapping) or not isinstance(gold.get("entry"), dict):
        return "", {}
    entry, config = gold["entry"], gold.get("config") or {}
    metadata = entry.get("metadata")
    dataset = gold.get("dataset") or (metadata.get("source_dataset") if isinstance(metadata, dict) else None)
    if not isinstance(dataset, str) or not isinstance(config, dict):
        return "", {}
    problem = {"dataset": dataset, "entry": entry, "config": config}
    try:
        text = json.dumps(problem, sort_keys=True, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        return "", {}
    return ("", {}) if len(text) > MAX_GOLD_CHARS else (digest(text), problem)


@verifier("puzzle", version=1, gold_key="puzzle", resources=("pool",))
def puzzle(
    *,
    partial_credit: bool = False,
    cpu_seconds: float = 3.0,
    wall_seconds: float = 60.0,
    memory_bytes: int = 512 * 1024 * 1024,
    pool: ProcessPool | None = None,
) -> Check:
    """Scores the answer to a problem of reasoning-gym: 1.0 where its scorer gives full marks, else 0.0.

    Args:
        partial_credit: take the scorer's share of 1.0 where it is at least 0.1, in place of 0.0.
        cpu_seconds: processor time for one answer; over it the verdict is `time_limit`.
        wall_seconds: elapsed time for one, far above `cpu_seconds`, so that a busy machine does not change verdicts.
        memory_bytes: memory for one; over it the verdict is `memory_limit`.
        pool: killable processes to use instead of this process's shared ones; must run `rewards.puzzle.scorers:handle`.

    The gold is `{"dataset": name, "entry": what the dataset gave}`, and `config` where it was not the default.
    """
    if importlib.util.find_spec("reasoning_gym") is None:
        raise ValueError("needs reasoning-gym: pip install 'tamis[puzzle]'")
    if cpu_seconds <= 0 or wall_seconds <= 0 or memory_bytes <= 0:
        raise ValueError("cpu_seconds, wall_seconds and memory_bytes must be above 0")
    limits = Limits(cpu_seconds=cpu_seconds, wall_seconds=wall_seconds, memory_bytes=memory_bytes)
    return PuzzleCheck(pool or shared_pool(SCORERS, limits), cpu_seconds, partial_credit=partial_credit)
