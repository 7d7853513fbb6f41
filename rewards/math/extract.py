r"""Finds the final answer in a completion. Text in, text out: what the answer means is not judged here.

The order of trust, from the text after the thinking where there is some (`rewards.thinking.cut`):
1. the last `<answer>...</answer>`; an empty one is no answer, whatever else stands there;
2. the last balanced, non-empty `\boxed{}`; boxes joined by commas or `and` are one list. More than `MAX_BOXES` different
   ones are a flood that guesses, and no answer;
3. what follows the last `####`, unless that is a heading;
4. what follows the last "the answer is", in several languages, or the `"answer"` field of JSON (`rewards.math.phrases`);
5. the last formula or number of the text, as the longest run of mathematics that ends there. One that is denied (`it cannot be 5`)
   is no answer, and of `2 or 3` both are.
"""

import re
from typing import Final, NamedTuple

import regex

from rewards.math.phrases import (
    CHOICE,
    FORMULA,
    MAX_ANSWER_SPAN,
    NUMBER,
    RUN,
    find_announced,
    formula_content,
    of_sentence,
    tidy,
)  # fmt: skip
from rewards.thinking import cut

MAX_BOXES: Final = 16
"""So many different boxes may stand in one answer: honest ones box steps too, a flood hopes that the last rule is another."""

MAX_OPENINGS: Final = 200
"""Only the last boxes are looked at, for those that nest without end."""

MAX_COMPLETION_CHARS: Final = 1_000_000
"""Of a longer completion only the end is searched."""

MAX_PROSE_CHARS: Final = 4_000
"""An answer that nothing announces stands within so many characters of the end."""

# Linear in the text, whatever stands in it; see `rewards.math.phrases`.
_ANSWER_TAG: Final = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL | re.IGNORECASE)
_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s{0,4}(?:\{|(?P<bare>\d[\d.,]*+))")
_PLAIN_BOX: Final = re.compile(r"\\(?:boxed|fbox)\{\s*+([^{}\\\s][^{}\\\s]*+)\s*+\}")
_BOX_WORDS: Final = ("\\boxed", "\\fbox")
_EMPTY_BOX: Final = re.compile(r"\\(?:boxed|fbox)(?:\s{0,4}\{\s{0,9}\}|(?=[\s$.]{0,9}\Z))\$?")
_HAN_SENTENCE: Final = re.compile(r"[\u3400-\u9fff].*\d.*[\u3400-\u9fff]|[\u3400-\u9fff]{2}.*\d")
_DIGIT: Final = re.compile(r"\d")
_APART_BACKWARDS: Final = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,}+(?!\\)|[\"';=<>?]")
"""What stands in no `RUN` and no `NUMBER`, in a text that is read backwards: a word that is no command, a sign of sentences."""
_LISTED_BACKWARDS: Final = re.compile(r"\d\s,")
"""Where the last number of a list begins, and no `NUMBER` reaches across, in a text that is read backwards."""
_AHEAD_CHARS: Final = 60
_DENIED_AHEAD: Final = re.compile(
    r"(?:(?<![A-Za-z])(?:not|cannot)|n't)(?:\s(?:be|equal|equal\sto))?\s(?:[A-Za-z]\s?=\s?)?\Z", re.IGNORECASE
)
_EITHER_AHEAD: Final = re.compile(r"(?<![\w.,/^}])(?:[A-Za-z]\s?=\s?)?[-−]?\d++\s?(?:\sor|或)\s?(?:[A-Za-z]\s?=\s?)?\Z")
"""`x = 2 or x = ` ahead of a last number: two guesses, or an answer of two."""
_FORMULA_CLOSING: Final = re.compile(r"\$|\\[)\]]")
_FORMULA_OPENING: Final = re.compile(r"\$|\\[(\[]")
_BRACE: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_BOX_JOIN: Final = re.compile(r"[\s,;$]*+(?:\\text\s*+\{\s*+)?(?:and|or|和|或|、)?(?:\s*+\})?[\s,;$]*+")
_HEADING: Final = re.compile(r"\d{1,2}[.)]\s|[*_\s]*[A-Za-z]{2,}[^\d\\$]*?\s[^\d\\$]*?[A-Za-z]{2}")


class Extraction(NamedTuple):
    """An answer and the rule that found it.

    Attributes:
        answer: its text; empty when there is none.
        source: `answer_tag`, `boxed`, `hashes`, `phrase`, `json`, `formula`, `number`, `line`; or, without an answer, why not.
    """

    answer: str
    source: str


def extract_answer(completion: str, *, prose: bool = True) -> Extraction:
    """Finds the final answer.

    Args:
        completion: what the model wrote, its thinking included or not.
        prose: whether rule 5 applies: a last formula or number that nothing announces. Without it, an announced sentence is the
            answer as it stands: `the 4th of July` is no 4.
    """
    # Looking for one sign costs a tenth of looking for a word: most completions are not searched for tags at all.
    whole = completion[-MAX_COMPLETION_CHARS:]
    tagged = "<" in whole
    thinking, text = cut(whole, anywhere=True) if tagged else (None, whole)
    if text is None:
        return Extraction("", "thinking_not_closed")
    if not text or text.isspace():
        return Extraction("", "empty_completion" if thinking is None else "empty_answer")
    tags = _ANSWER_TAG.findall(text) if tagged and "</" in text else []
    if tags:
        inside = tags[-1].strip()
        if not inside:
            return Extraction("", "empty_answer_tag")
        plain = of_sentence(inside) if prose else tidy(inside)
        found = _announced(inside, sentences=prose) or Extraction(plain, "answer_tag")
        return Extraction(found.answer[:MAX_ANSWER_SPAN], "answer_tag" if found.answer else found.source)
    found = (
        _announced(text, sentences=prose) or (_last_of_prose(text) if prose else None) or Extraction("", "no_answer")
    )
    return found if len(found.answer) <= MAX_ANSWER_SPAN else found._replace(answer=found.answer[:MAX_ANSWER_SPAN])


def _announced(text: str, *, sentences: bool) -> Extraction | None:
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    hashes = text.rfind("####") if "#" in text else -1
    line = text[hashes + 4 :].partition("\n")[0].strip(" \t\r*") if hashes >= 0 else ""
    if line and _HEADING.match(line) is None:
        return Extraction(line, "hashes")
    found = find_announced(text, sentences=sentences)
    return None if found is None else Extraction(*found)


def _boxed(text: str) -> Extraction | None:
    r"""The last box that holds something. `\boxed` as a word, empty boxes and unbalanced ones are none."""
    if "\\" not in text:
        return None
    last = text.rfind("\\boxed")
    if last >= 0 and text.find("box") == last + 1 and text.find("\\fbox", last) < 0:
        return _only_box(text, last)  # what is nearly always there costs one pass
    first = min((at for word in _BOX_WORDS if (at := text.find(word)) >= 0), default=-1)
    if first < 0:
        return None
    openings = list(_BOX.finditer(text, first))[-MAX_OPENINGS:]
    closings = _matching_braces(text, openings[0].start() if openings else len(text))
    spans: list[tuple[int, int, str]] = []
    for match in openings:
        closing = match.end() if match["bare"] else closings.get(match.end() - 1, -1)
        content = match["bare"] or text[match.end() : min(closing, match.end() + MAX_ANSWER_SPAN)].strip()
        if closing > 0 and content:
            spans.append((match.start(), closing + (not match["bare"]), content))
    if not spans:
        return None
    if len({content for _, _, content in spans}) > MAX_BOXES:
        return Extraction("", "answer_flood")
    joined = [spans[-1]]
    for span in reversed(spans[:-1]):
        gap = text[span[1] : joined[0][0]]
        if len(gap) > 40 or not _BOX_JOIN.fullmatch(gap) or not gap.strip():
            break
        joined.insert(0, span)
    return Extraction(", ".join(dict.fromkeys(content for _, _, content in joined)), "boxed")


def _only_box(text: str, at: int) -> Extraction | None:
    plain = _PLAIN_BOX.match(text, at)
    if plain is not None:
        return Extraction(plain[1], "boxed")
    opening = _BOX.match(text, at)
    if opening is None:
        return None
    content = opening["bare"]
    if not content:
        closing = _closing_brace(text, opening.end() - 1)
        content = text[opening.end() : min(closing, opening.end() + MAX_ANSWER_SPAN)].strip()
    return Extraction(content, "boxed") if content else None


def _closing_brace(text: str, opening: int) -> int:
    """Gives the place of the brace that closes the one at `opening`; that one's own where none does."""
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += 1 if brace[0] == "{" else -1 if brace[0] == "}" else 0
        if depth == 0:
            return brace.start()
    return opening


def _matching_braces(text: str, start: int) -> dict[int, int]:
    """Gives the place of the closing brace for that of each opening one from `start` on; those that nothing closes are left out."""
    open_at: list[int] = []
    pairs: dict[int, int] = {}
    for brace in _BRACE.finditer(text, start):
        if brace[0] == "{":
            open_at.append(brace.start())
        elif brace[0] == "}" and open_at:
            pairs[open_at.pop()] = brace.start()
    return pairs


def _last_of_prose(text: str) -> Extraction | None:
    """Rule 5. A last line that is mathematics from end to end is taken whole; else the last formula or run ends the text."""
    text = _EMPTY_BOX.sub("", text[-MAX_PROSE_CHARS:]).strip()
    line = text.rpartition("\n")[2].strip()
    if not line:
        return None
    choice = CHOICE.fullmatch(line)
    if choice:
        return Extraction(choice[1], "line")
    if (
        RUN.fullmatch(line)
        or (len(line.split()) <= 2 and not _HAN_SENTENCE.search(line))
        or (line.startswith("\\") and len(line) < 200)
    ):
        return Extraction(tidy(line), "line")
    return _last_mathematics(text)


def _last_mathematics(text: str) -> Extraction | None:
    backwards = text[::-1]
    digit = _DIGIT.search(backwards)
    end = len(text) - digit.start() if digit is not None else 0
    if digit is None or _FORMULA_CLOSING.search(text, end):
        formula = _last_formula(text)
        if formula is not None and end <= formula.end():
            return Extraction(formula_content(formula).strip(), "formula")
    if digit is None:
        return None
    # Nothing that is found below crosses a line or what stands in no run: it is looked for behind the last of these.
    apart = _APART_BACKWARDS.search(backwards, digit.start())
    start = max(text.rfind("\n", 0, end) + 1, len(text) - apart.start() if apart is not None else 0)
    listed = _LISTED_BACKWARDS.search(backwards, digit.start())
    own = max(start, len(text) - listed.start() - 1 if listed is not None else 0)
    last = next(reversed(list(NUMBER.finditer(text, own))), None)
    if last is None:
        return None
    run = next((run for run in RUN.finditer(text, start) if run.end() >= last.end()), None)
    first, answer = (last.start(), last[0].strip()) if run is None else (run.start(), tidy(run[0]))
    ahead = text[max(0, first - _AHEAD_CHARS) : first]
    if _DENIED_AHEAD.search(ahead):
        return Extraction("", "denied")
    either = _EITHER_AHEAD.search(ahead) if answer.isdecimal() else None  # `1/2 or 0.5` says one number twice
    return Extraction(either[0] + answer if either else answer, "number")


def _last_formula(text: str) -> "regex.Match[str] | None":
    last, at = None, 0
    while opening := _FORMULA_OPENING.search(text, at):
        formula = FORMULA.match(text, opening.start())
        last, at = (formula, formula.end()) if formula is not None else (last, opening.end())
    return last
