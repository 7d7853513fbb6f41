r"""Finds the final answer in a completion. Text in, text out: what the answer means is not judged here.

The order of trust, from the text after `</think>` where there is one:
1. the last `<answer>...</answer>`; an empty one is no answer, whatever else stands there;
2. the last balanced, non-empty `\boxed{}`; boxes joined by commas or `and` are one list. More than `MAX_BOXES` different
   ones are a flood that guesses, and no answer;
3. what follows the last `####`;
4. what follows the last "the answer is", in several languages, or the `"answer"` field of JSON;
5. the last formula or number of the text, as the longest run of mathematics that ends there.
"""

import re
from typing import Final, NamedTuple

import regex

MAX_BOXES: Final = 16
"""So many different boxes may stand in one answer: honest ones box steps too, a flood hopes that the last rule is another."""

MAX_OPENINGS: Final = 200
"""Only the last boxes are looked at, for those that nest without end."""

MAX_COMPLETION_CHARS: Final = 1_000_000
"""Of a longer completion only the end is searched."""

MAX_PROSE_CHARS: Final = 20_000
"""An answer that nothing announces stands within so many characters of the end."""

MAX_ANSWER_SPAN: Final = 20_000
"""A longer candidate is cut; it is far over what is read as mathematics, and would only be carried about."""

# Every pattern here is linear in the text, whatever stands in it: repeats are bounded, possessive, or stop at what begins anew.
# Possessive repeats of a group are `regex`'s: the `re` of Python before 3.11.5 loses the last turn of some.
_ANSWER_TAG: Final = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL | re.IGNORECASE)
_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s{0,4}(?:\{|(?P<bare>\d[\d.,]*+))")
_BRACE: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_BOX_JOIN: Final = re.compile(r"[\s,;$]*+(?:\\text\s*+\{\s*+)?(?:and|or|和|或|、)?(?:\s*+\})?[\s,;$]*+")
_FORMULA_JOIN: Final = re.compile(r"\s{0,9}(?:,|;|、|(?:,\s{0,3})?(?:and|or|和|或))?\s{0,9}(?=\$|\\[(\[])")
_PHRASE: Final = re.compile(
    r"(?:"
    r"(?<![A-Za-z])(?:answer|result)\s{0,3}(?:\s(?:is|was|should\s{1,3}be|would\s{1,3}be|must\s{1,3}be|equals|"
    r"comes\s{1,3}(?:out\s{1,3})?to)(?![A-Za-z])|[:：=]|\*\*\s{0,3}[:：])"
    r"|^[ \t]{0,9}A[ \t]{0,3}:"
    r"|(?:最终)?答案\s{0,3}(?:应该是|应为|是|为|[:：])|故(?:答案为|选)|所以选|因此选|应选"
    r"|la\s{1,3}respuesta(?:\s{1,3}final)?\s{1,3}es|la\s{1,3}r[ée]ponse(?:\s{1,3}finale)?\s{1,3}est|die\s{1,3}antwort\s{1,3}(?:ist|lautet)"
    r"|a\s{1,3}resposta(?:\s{1,3}final)?\s{1,3}é|la\s{1,3}risposta\s{1,3}è"
    r"|答えは|答え\s{0,3}[:：]|정답은|답은|(?<!\w)ответ\s{0,3}(?:[:：—-]|\s(?:равен|это))|คำตอบคือ|উত্তর\s{0,3}[:：]|జవాబు\s{0,3}[:：]|jibu\s{1,3}ni"
    r")\s{0,9}[:：]?\s{0,9}",
    re.IGNORECASE | re.MULTILINE,
)
_JSON_FIELD: Final = regex.compile(
    r'"(?:final_)?answer"\s{0,9}:\s{0,9}(?:"((?:[^"\\]|\\.)*+)"|(-?[\d.,]++))', regex.IGNORECASE | regex.DOTALL
)
_JSON_ESCAPE: Final = re.compile(r'\\(["\\/])')
_SENTENCE_END: Final = re.compile(r"[。！？\n]|[.?](?=\s|$)|(?<!\\)!(?=$|\n|\s[A-Z])")
_FORMULA: Final = regex.compile(
    r"\$\$([^$]{1,4000}+)\$\$|\$([^$\n]{1,2000}+)\$|\\\(((?:(?!\\[()]).){1,4000}+)\\\)|\\\[((?:(?!\\[\[\]]).){1,4000}+)\\\]",
    regex.DOTALL,
)
_RUN: Final = regex.compile(
    r"(?:[-+−±]\s{0,3})?(?:[$£€¥]\s{0,3})?(?:\\?[({\[]\s{0,3}){0,9}(?:\\[A-Za-z]++\s*+|√\s*+|[π∞]|\.?\d)"
    r"(?:[\d\s.,^_*/×·÷√π∞°%!(){}\[\]|²³⁻¹⁰-⁹½¼¾:+\-−±]|\\[A-Za-z]++|\\[{}%!,]|(?<![A-Za-z])[a-zA-Z](?![A-Za-z]))*+"
)
_NUMBER: Final = re.compile(r"[-−]?[$£€¥]?\d[\d,]*+(?:\.\d++)?(?:\s{0,3}/\s{0,3}\d++)?\s{0,3}%?|[-−]?\.\d++")
_CHOICE: Final = re.compile(r"[\s(*（]{0,9}([A-J])[\s)*）]{0,9}")


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
        prose: whether rule 5 applies: a last formula or number that nothing announces.
    """
    text = completion[-MAX_COMPLETION_CHARS:]
    head, closing, tail = text.rpartition("</think>")
    if closing:
        text = tail
    elif "<think>" in text:
        return Extraction("", "thinking_not_closed")
    if not text.strip():
        return Extraction("", "empty_answer" if head or closing else "empty_completion")
    tags = _ANSWER_TAG.findall(text)
    if tags:
        inside = tags[-1].strip()
        if not inside:
            return Extraction("", "empty_answer_tag")
        found = _announced(inside) or Extraction(_tidy(inside), "answer_tag")
        return Extraction(found.answer[:MAX_ANSWER_SPAN], "answer_tag" if found.answer else found.source)
    found = _announced(text) or (_last_of_prose(text) if prose else None) or Extraction("", "no_answer")
    return Extraction(found.answer[:MAX_ANSWER_SPAN], found.source)


def _announced(text: str) -> Extraction | None:
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    _, hashes, rest = text.rpartition("####")
    line = rest.split("\n", 1)[0].strip()
    if hashes and line:
        return Extraction(line, "hashes")
    last = max(_PHRASE.finditer(text), key=lambda phrase: phrase.end(), default=None)
    field = max(_JSON_FIELD.finditer(text), key=lambda match: match.end(), default=None)
    if field is not None and (last is None or field.end() > last.end()):
        quoted, bare = field.groups()
        answer = _JSON_ESCAPE.sub(r"\1", quoted) if quoted is not None else bare
        return Extraction(answer.strip(), "json" if answer.strip() else "empty_answer")
    if last is not None:
        answer = _after_phrase(text[last.end() :])
        if answer:
            return Extraction(answer, "phrase")
    return None


def _boxed(text: str) -> Extraction | None:
    r"""The last box that holds something. `\boxed` as a word, empty boxes and unbalanced ones are none."""
    openings = list(_BOX.finditer(text))[-MAX_OPENINGS:]
    if not openings:
        return None
    closings = _matching_braces(text)
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


def _matching_braces(text: str) -> dict[int, int]:
    """Gives the place of the closing brace for that of each opening one; those that nothing closes are left out."""
    open_at: list[int] = []
    pairs: dict[int, int] = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_at.append(brace.start())
        elif brace[0] == "}" and open_at:
            pairs[open_at.pop()] = brace.start()
    return pairs


def _after_phrase(rest: str) -> str:
    """The answer that follows "the answer is": its formula if it is one, else its sentence without what trails."""
    rest = rest[:MAX_ANSWER_SPAN].lstrip(" \t*:：\n")
    formula = _FORMULA.match(rest)
    if formula:
        return _formula_list(rest)
    end = _SENTENCE_END.search(rest)
    sentence = rest[: end.start()] if end else rest
    inner = _FORMULA.search(sentence)
    if inner and not _RUN.match(sentence):
        return _formula_list(sentence[inner.start() :])
    return _tidy(sentence)


def _formula_list(text: str) -> str:
    """Formulas that commas or `and` join are one answer: `$1$ and $2$`."""
    parts: list[str] = []
    at = 0
    while formula := _FORMULA.match(text, at):
        parts.append(next(group for group in formula.groups() if group is not None))
        join = _FORMULA_JOIN.match(text, formula.end())
        if join is None or join.end() == formula.end():
            break
        at = join.end()
    return ", ".join(parts)


def _tidy(sentence: str) -> str:
    sentence = sentence.strip().strip("*").strip()
    choice = _CHOICE.fullmatch(sentence)
    return choice[1] if choice else sentence.rstrip(" \t.,;:。")


def _last_of_prose(text: str) -> Extraction | None:
    """Rule 5. A last line that is mathematics from end to end is taken whole; else the last formula or run ends the text."""
    text = text[-MAX_PROSE_CHARS:]
    line = text.strip().rsplit("\n", 1)[-1].strip()
    choice = _CHOICE.fullmatch(line)
    if choice:
        return Extraction(choice[1], "line")
    whole = _RUN.fullmatch(line)
    if whole or len(line.split()) <= 2 or (line.startswith("\\") and len(line) < 200):
        return Extraction(_tidy(line), "line")
    formulas = list(_FORMULA.finditer(text))
    numbers = list(_NUMBER.finditer(text))
    if formulas and (not numbers or numbers[-1].end() <= formulas[-1].end()):
        content = next(group for group in formulas[-1].groups() if group is not None)
        return Extraction(content.strip(), "formula")
    if not numbers:
        return None
    last = numbers[-1]
    start = text.rfind("\n", 0, last.start()) + 1
    for run in _RUN.finditer(text, start):
        if run.end() >= last.end():
            return Extraction(_tidy(run[0]), "number")
    return Extraction(last[0].strip(), "number")
