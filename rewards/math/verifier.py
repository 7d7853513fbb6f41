"""The `math` verifier: a final answer against the gold, in tiers from a string comparison to SymPy in a killable process.

| tier | decides |
| --- | --- |
| string | the same text but for layout |
| choice | a gold that is one letter A to J, or a letter with its option |
| exact | rational values, by the gold's own precision (see `rewards.math.compare`) |
| structure | lists, sets, intervals, tuples, matrices, ratios, equations by their parts; machine floats may refute |
| numeric | formulas at fixed points with 120 digits, in the pool |
| symbolic | what the reader does not know: latex2sympy and Math-Verify, in the pool |
| text | what nothing reads as mathematics: the same words |

What is ambiguous is settled in the docstrings of `rewards.math.extract`, `rewards.math.compare` and `rewards.math.units`.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from rewards.fork_server import Limits
from rewards.math.compare import Comparer, Tolerance
from rewards.math.extract import Extraction, extract_answer
from rewards.math.latex import normalise, string_key
from rewards.math.reader import read
from rewards.math.tree import MAX_ANSWER_CHARS, Node, TooComplexError, UnreadableError
from rewards.math.values import FLOATS, UndecidedError
from rewards.pool import ProcessPool, Reply, shared_pool
from rewards.registry import Check, verifier
from rewards.verdict import Status, Verdict

ENGINE: Final = "rewards.math.engine:handle"

STARVED_SHARE: Final = 0.5
"""A request stopped by the clock that had less than this share of its processor time waited for our machine: not scored."""

_SHOWN_CHARS: Final = 300
_LETTER: Final = re.compile(r"^[\s(*（]*([A-J])[\s)*）.]*$")
_LETTER_WITH_OPTION: Final = re.compile(r"^[\s(（*]*([A-J])\s*[)）.:：、][\s*]*(\S.*)$", re.DOTALL)
_UNEVALUATED: Final = re.compile(r"\\(?:i*o?int|sum|prod|lim|frac\s*\{\s*d\s*\})(?![A-Za-z])")
_AMBIGUOUS_COMMA: Final = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)")
_NOT_WORDS: Final = re.compile(r"\\text|[\s{}$.,;:!?()'\"*`]+")

_Request = dict[str, Any]


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
        extracted = [extract_answer(completion, prose=self._prose) for completion in completions]
        accepted = [gold_texts(gold) for gold in golds]
        settled: dict[tuple[str, str], Verdict] = {}
        slow: dict[tuple[str, str], _Request] = {}
        for found, texts in zip(extracted, accepted, strict=True):
            for text in texts if found.answer else ():
                pair = text, found.answer
                if pair in settled or pair in slow:
                    continue
                outcome = compare_quickly(text, found.answer, self._tolerance)
                if isinstance(outcome, Verdict):
                    settled[pair] = outcome
                    if outcome.status == "correct":
                        break
                else:
                    slow[pair] = outcome
        for (pair, request), reply in zip(slow.items(), self._pool.run(list(slow.values())), strict=True):
            settled[pair] = self._from_reply(pair[0], pair[1], request, reply)
        return [_combine(found, texts, settled) for found, texts in zip(extracted, accepted, strict=True)]

    def _from_reply(self, gold: str, answer: str, request: _Request, reply: Reply) -> Verdict:
        engine = request["engine"]
        match reply.outcome:
            case "ok":
                return _from_engine(gold, answer, reply.value)
            case "error":
                return Verdict(None, "error", {"reason": "engine_failed", "error": reply.error, "tier": engine})
            case "time_limit" if reply.cpu_seconds < STARVED_SHARE * self._cpu_seconds:
                return Verdict(None, "error", {"reason": "machine_too_busy", "tier": engine})
        if reply.phase == "gold":
            return Verdict(None, "bad_gold", {"reason": f"gold_{reply.outcome}", "tier": engine})
        status: Status = reply.outcome
        return Verdict(0.0, status, {"reason": f"answer_{reply.outcome}", "tier": engine})


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


def compare_quickly(gold: str, answer: str, tolerance: float) -> Verdict | _Request:  # noqa: PLR0911 - the tiers in order
    """Compares in this process, in bounded time; what cannot be settled so is given back as a request for the engine."""
    letter = _compare_choice(gold, answer)
    if letter is not None:
        return letter
    if len(gold) > MAX_ANSWER_CHARS:
        same = gold.strip() == answer.strip()
        return _verdict(same=True, tier="string") if same else Verdict(None, "bad_gold", {"reason": "gold_too_long"})
    if len(answer) > MAX_ANSWER_CHARS:
        return Verdict(0.0, "too_complex", {"reason": "answer_too_long"})
    if string_key(gold) == string_key(answer):
        return _verdict(same=True, tier="string")
    try:
        gold_trees = _readings(gold)
    except TooComplexError as failure:
        return Verdict(None, "bad_gold", {"reason": "gold_too_complex", "error": str(failure)})
    try:
        answer_trees = _readings(answer)
    except TooComplexError as failure:
        return Verdict(0.0, "too_complex", {"reason": str(failure)})
    if not gold_trees or not answer_trees:
        return _compare_unread(gold, answer, gold_is_text=bool(gold_trees) and gold_trees[0][1].kind == "text")
    return _compare_trees(gold, answer, gold_trees, answer_trees, tolerance)


def _compare_choice(gold: str, answer: str) -> Verdict | None:
    """A gold of one letter, or of a letter with its option (`C. 1 - i`), is met by that letter, however it is dressed."""
    plain_gold, plain_answer = normalise(gold[:MAX_ANSWER_CHARS]), normalise(answer[:MAX_ANSWER_CHARS])
    plain_gold, plain_answer = _unwrap_text(plain_gold), _unwrap_text(plain_answer)
    wanted, option = _LETTER.match(plain_gold), _LETTER_WITH_OPTION.match(plain_gold)
    if wanted is None and option is None:
        return None
    letter = (wanted or option or [""])[1]
    given = _LETTER.match(plain_answer) or _LETTER_WITH_OPTION.match(plain_answer)
    if given is None and wanted is not None:
        given = re.match(r"^[\s(]*([a-j])[\s).]*$", plain_answer)
    if given is None:
        return None
    return _verdict(same=given[1].upper() == letter, tier="choice")


def _unwrap_text(text: str) -> str:
    return re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text)


def _readings(text: str) -> list[tuple[bool, Node]]:
    """The trees a text may stand for, the likeliest first: `24,112` is a number, or else a list of two. Empty for none."""
    readings = []
    for thousands in (True, False) if _AMBIGUOUS_COMMA.search(text) else (True,):
        try:
            readings.append((thousands, read(text, thousands=thousands)))
        except UnreadableError:
            continue
    return readings


def _compare_trees(
    gold: str, answer: str, golds: list[tuple[bool, Node]], answers: list[tuple[bool, Node]], tolerance: float
) -> Verdict | _Request:
    undecided: _Request | None = None
    for gold_thousands, gold_tree in golds:
        for answer_thousands, answer_tree in answers:
            comparer = Comparer(FLOATS, Tolerance(tolerance))
            try:
                if comparer.same(gold_tree, answer_tree):
                    return _verdict(same=True, tier="exact" if comparer.exact else "structure")
            except UndecidedError:
                undecided = undecided or {
                    "engine": "numeric", "gold": gold, "answer": answer, "tolerance": tolerance,
                    "gold_thousands": gold_thousands, "answer_thousands": answer_thousands,
                }  # fmt: skip
            except TooComplexError as failure:
                return Verdict(0.0, "too_complex", {"reason": str(failure)})
    return undecided or _verdict(same=False, tier="structure")


def _compare_unread(gold: str, answer: str, *, gold_is_text: bool) -> Verdict | _Request:
    """At least one side is not in the reader's grammar."""
    if _words(gold) == _words(answer) and _words(gold):
        return _verdict(same=True, tier="text")
    if gold_is_text:
        return _verdict(same=False, tier="text")
    if _UNEVALUATED.search(answer) and not _UNEVALUATED.search(gold):
        # Closes the trick of handing the question back: an integral that is equal to the gold is not its value.
        return Verdict(0.0, "incorrect", {"reason": "answer_not_evaluated", "tier": "text"})
    return {
        "engine": "latex",
        "gold": gold,
        "answer": answer,
        "tolerance": 0.0,
        "gold_thousands": True,
        "answer_thousands": True,
    }


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", normalise(text)).strip().casefold()


def _from_engine(gold: str, answer: str, value: dict[str, Any]) -> Verdict:
    if "too_complex" in value:
        return Verdict(0.0, "too_complex", {"reason": value["too_complex"], "tier": "numeric"})
    if value.get("unreadable") == "gold":
        # No engine reads the gold: it is a text, and the words have been compared already.
        return _verdict(same=False, tier="text")
    if value.get("unreadable") == "answer":
        return Verdict(0.0, "unparseable", {"reason": "unreadable_answer", "tier": "symbolic"})
    if value["same"] and _sides(gold) != _sides(answer) and value["tier"] == "symbolic":
        # The engine reads an equation as the value of its last side; two different equations then are both 0.
        return Verdict(0.0, "incorrect", {"reason": "only_one_is_an_equation", "tier": "symbolic"})
    return _verdict(same=value["same"], tier=value["tier"])


def _sides(text: str) -> bool:
    return bool(re.search(r"[^<>!]=\s*0\s*\$*$", text))


def _verdict(*, same: bool, tier: str) -> Verdict:
    return Verdict(1.0 if same else 0.0, "correct" if same else "incorrect", {"tier": tier})


def _combine(found: Extraction, texts: list[str], settled: dict[tuple[str, str], Verdict]) -> Verdict:
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


@verifier("math", version=1, gold_key="answer", resources=("pool",))
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
