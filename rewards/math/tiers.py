r"""How one gold and one answer are compared, tier by tier: cheap ones in this process, the rest as a request for the engine.

| tier | decides |
| --- | --- |
| string | the same text but for layout |
| choice | a gold that is one letter A to J, or a letter with its option |
| exact | rational values, by the gold's own precision (see `rewards.math.compare`) |
| structure | lists, sets, intervals, tuples, matrices, ratios, equations by their parts; machine floats may refute |
| numeric | formulas at fixed points with 120 digits, in the pool |
| symbolic | what the reader does not know: latex2sympy and Math-Verify, in the pool |
| text | what nothing reads as mathematics: the same words |

What is ambiguous is settled in the docstrings of `rewards.math.extract`, `rewards.math.compare` and `rewards.math.units`. Everything
here ends in bounded time; `rewards.math.engine` is only ever run in the processes of `rewards.pool`.
"""

import re
from typing import Any, Final

from rewards.math.admission import free_letters, not_mathematics, too_costly
from rewards.math.compare import Comparer, Tolerance
from rewards.math.latex import normalise, string_key
from rewards.math.phrases import lists_options
from rewards.math.reader import read
from rewards.math.tree import MAX_ANSWER_CHARS, GoldTooComplexError, Node, TooComplexError, UnreadableError
from rewards.math.values import FLOATS, UndecidedError
from rewards.pool import Reply
from rewards.verdict import Status, Verdict

ENGINE: Final = "rewards.math.engine:handle"

_WHOLE: Final = re.compile(r"[1-9][0-9]{0,14}")
"""Whole numbers with no zero ahead are equal where their texts are: most golds and answers of word problems."""
_LETTER: Final = re.compile(r"^[\s(*（]*([A-J])[\s)*）.]*$")
_LETTER_WITH_OPTION: Final = re.compile(r"^[\s(（*]*([A-J])\s*[)）.:：、][\s*]*(\S.*)$", re.DOTALL)
_UNEVALUATED: Final = re.compile(r"\\(?:i*o?int|sum|prod|lim|frac\s*\{\s*d\s*\})(?![A-Za-z])")
_AMBIGUOUS_COMMA: Final = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)")
_TEXT_GROUP: Final = re.compile(r"\\text\s*\{([^{}]*)\}")
_NOT_WORDS: Final = re.compile(r"\\text|[\s{}$.,;:!?()'\"*`]+")

_RELATION: Final = re.compile(
    r"[<>]=?|[≤≥≠⩽⩾]|(?<![<>!])=|!=|\\(?:leq?|geq?|neq?|leqslant|geqslant|lt|gt|equiv|approx|sim)(?![A-Za-z])"
)
_PART: Final = re.compile(r",(?!\d{3}(?!\d))|;|\\cup|\\cap|&")
_NAMED: Final = re.compile(
    r"[^\d\\^_=<>+*/|{}\[\]$%:]*[^\W\d_]{3}[^\d\\^_=<>+*/|{}\[\]$%:]*(?:[=:]|(?<=\sis)\s)([^=<>]+)$"
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*(?:([ap])\.?\s?m\.?)?", re.IGNORECASE)
MORE_PARTS: Final = 4
"""A list, set or matrix with so many times the parts of the gold, and as many more, is refused before it is read."""

_MAX_CLOCK_CHARS: Final = 60

Request = dict[str, Any]
"""What `rewards.math.engine.handle` takes."""


def compare_quickly(gold: str, answer: str, tolerance: float) -> Verdict | Request:  # noqa: PLR0911 - the tiers in order
    """Compares in this process, in bounded time; what cannot be settled so is given back as a request for the engine."""
    if len(gold) > MAX_ANSWER_CHARS:
        same = gold.strip() == answer.strip()
        return _verdict(same=True, tier="string") if same else Verdict(None, "bad_gold", {"reason": "gold_too_long"})
    if len(answer) > MAX_ANSWER_CHARS:
        return Verdict(0.0, "too_complex", {"reason": "answer_too_long"})
    settled = _compare_whole(gold, answer, tolerance) or _compare_choice(gold, answer)
    if settled is not None:
        return settled
    times = _clock(gold), _clock(answer)
    if times[0] and times[1] and times[0][2] + times[1][2]:
        same_half = times[0][2] == times[1][2] or not (times[0][2] and times[1][2])
        return _verdict(same=times[0][:2] == times[1][:2] and same_half, tier="structure")
    if string_key(gold) == string_key(answer):
        return _verdict(same=True, tier="string")
    if _separators(answer) > MORE_PARTS * (_separators(gold) + MORE_PARTS):
        return Verdict(0.0, "incorrect", {"reason": "another_number_of_parts", "tier": "structure"})
    try:
        gold_trees = _readings(gold)
    except TooComplexError as failure:
        return Verdict(None, "bad_gold", {"reason": "gold_too_complex", "error": str(failure)})
    try:
        answer_trees = _readings(answer)
    except TooComplexError as failure:
        return Verdict(0.0, "too_complex", {"reason": str(failure)})
    if not gold_trees or not answer_trees:
        return _compare_unread(gold, answer, gold_trees[0][1] if gold_trees else None, tolerance)
    return _compare_trees(gold, answer, gold_trees, answer_trees, tolerance)


def _separators(text: str) -> int:
    return text.count(",") + text.count("&") + text.count(";")


def _compare_whole(gold: str, answer: str, tolerance: float) -> Verdict | None:
    if tolerance or not (_WHOLE.fullmatch(gold) and _WHOLE.fullmatch(answer)):
        return None
    return _verdict(same=True, tier="string") if gold == answer else _verdict(same=False, tier="structure")


def _compare_choice(gold: str, answer: str) -> Verdict | None:
    """A gold of one letter, or of a letter with its option (`C. 1 - i`), is met by that letter, however it is dressed."""
    plain_gold, plain_answer = normalise(gold), normalise(answer)
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
    several = given.re is _LETTER_WITH_OPTION and plain_answer != plain_gold and lists_options(given[2])
    return _verdict(same=given[1].upper() == letter and not several, tier="choice")


def _clock(text: str) -> tuple[int, str, str] | None:
    """A time of day as hour, minutes and `a`, `p` or nothing. One without a half of the day stands for either."""
    match = (
        _CLOCK.fullmatch(_unwrap_text(normalise(text)).strip())
        if ":" in text and len(text) < _MAX_CLOCK_CHARS
        else None
    )
    return (int(match[1]), match[2], (match[3] or "").lower()) if match else None


def _unwrap_text(text: str) -> str:
    return _TEXT_GROUP.sub(r"\1", text) if "\\text" in text else text


def _readings(text: str) -> list[tuple[bool, Node]]:
    """The trees a text may stand for, the likeliest first: `24,112` is a number, or else a list of two. Empty for none."""
    readings = []
    for thousands in (True, False) if "," in text and _AMBIGUOUS_COMMA.search(text) else (True,):
        try:
            readings.append((thousands, read(text, thousands=thousands)))
        except UnreadableError:
            continue
    return readings


def _compare_trees(
    gold: str, answer: str, golds: list[tuple[bool, Node]], answers: list[tuple[bool, Node]], tolerance: float
) -> Verdict | Request:
    undecided: Request | None = None
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
            except GoldTooComplexError as failure:
                return Verdict(None, "bad_gold", {"reason": "gold_too_complex", "error": str(failure)})
            except TooComplexError as failure:
                return Verdict(0.0, "too_complex", {"reason": str(failure)})
    return undecided or _verdict(same=False, tier="structure")


def _compare_unread(gold: str, answer: str, gold_tree: Node | None, tolerance: float) -> Verdict | Request:
    """At least one side is not in the reader's grammar; `gold_tree` is None where it is the gold.

    Only what may be mathematics is worth the engine's time: sentences and formulas that were cut off are settled here.
    """
    gold_is_text = gold_tree is not None and gold_tree.kind == "text"
    if (gold_tree is None or gold_is_text) and _words(gold) == _words(answer) and _words(gold):
        return _verdict(same=True, tier="text")
    if gold_is_text:
        return _verdict(same=False, tier="text")
    named = named_value(answer) if not _RELATION.search(gold) else None
    if named is not None:
        return compare_quickly(gold, named, tolerance)
    settled = _settle_unread(gold, answer, gold_tree)
    if settled is not None:
        return settled
    return {
        "engine": "latex",
        "gold": gold,
        "answer": answer,
        "tolerance": 0.0,
        "gold_thousands": True,
        "answer_thousands": True,
        "gold_costly": bool(too_costly(gold)),
    }


def _settle_unread(gold: str, answer: str, gold_tree: Node | None) -> Verdict | None:
    if _UNEVALUATED.search(answer) and not _UNEVALUATED.search(gold):
        # Closes the trick of handing the question back: an integral that is equal to the gold is not its value.
        return Verdict(0.0, "incorrect", {"reason": "answer_not_evaluated", "tier": "text"})
    if len(_RELATION.findall(answer)) != len(_RELATION.findall(gold)):
        # The engine reads an equation as the value of its last side; two different equations then are both 0.
        return Verdict(0.0, "incorrect", {"reason": "only_one_is_an_equation", "tier": "text"})
    if _parts(gold) != _parts(answer):
        return Verdict(0.0, "incorrect", {"reason": "another_number_of_parts", "tier": "text"})
    if gold_tree is not None and not gold_tree.symbols() and free_letters(answer):
        return Verdict(0.0, "incorrect", {"reason": "letters_that_the_gold_has_not", "tier": "text"})
    status: Status = "unparseable"
    reason = not_mathematics(answer) or ("unreadable_answer" if gold_tree is not None and too_costly(gold) else "")
    if not reason:
        status, reason = "too_complex", too_costly(answer)
    if reason:
        return Verdict(0.0, status, {"reason": reason, "tier": "text"})
    return _verdict(same=False, tier="text") if not_mathematics(gold) else None


def _parts(text: str) -> int:
    return len(_PART.findall(normalise(text)))


def named_value(answer: str) -> str | None:
    r"""Gives the value that words name, as in `\text{Total cost} = 205` or `Total: 205`; None for anything else."""
    match = _NAMED.match(_unwrap_text(normalise(answer)))
    return match[1] if match else None


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", normalise(text)).strip().casefold()


def settle_reply(request: Request, reply: Reply, cpu_seconds: float) -> Verdict:
    """Gives the verdict for what the pool said to a request of `compare_quickly`.

    Args:
        request: what was sent.
        reply: what came back.
        cpu_seconds: the pool's budget of processor time, which tells hard work from a busy machine.
    """
    engine = request["engine"]
    match reply.outcome:
        case "ok":
            return _from_engine(reply.value)
        case "error":
            return Verdict(None, "error", {"reason": "engine_failed", "error": reply.error, "tier": engine})
        case "time_limit" if reply.starved(cpu_seconds):
            return Verdict(None, "error", {"reason": "machine_too_busy", "tier": engine})
    if reply.phase == "gold" or (reply.phase == "compare" and request.get("gold_costly", False)):
        return Verdict(None, "bad_gold", {"reason": f"gold_{reply.outcome}", "tier": engine})
    status: Status = reply.outcome
    return Verdict(0.0, status, {"reason": f"answer_{reply.outcome}", "tier": engine})


def _from_engine(value: dict[str, Any]) -> Verdict:
    if "gold_too_complex" in value:
        return Verdict(None, "bad_gold", {"reason": "gold_too_complex", "error": value["gold_too_complex"]})
    if "too_complex" in value:
        return Verdict(0.0, "too_complex", {"reason": value["too_complex"], "tier": "numeric"})
    if value.get("unreadable") == "gold":
        # No engine reads the gold: it is a text, and the words have been compared already.
        return _verdict(same=False, tier="text")
    if value.get("unreadable") == "answer":
        return Verdict(0.0, "unparseable", {"reason": "unreadable_answer", "tier": "symbolic"})
    return _verdict(same=value["same"], tier=value["tier"])


def _verdict(*, same: bool, tier: str) -> Verdict:
    return Verdict(1.0 if same else 0.0, "correct" if same else "incorrect", {"tier": tier})
