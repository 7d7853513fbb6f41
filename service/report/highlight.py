"""Hostile text made safe to look at: escaped, invisible characters shown as marks, spans and differences highlighted.

Pure functions from text to markup. Nothing here trusts a text: what a page or a model wrote may hold `</script>`, controls
that turn the reading direction, or characters that no eye can see. All lengths are characters (code points).
"""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

#: Directional and invisible characters that can make a text read as something it is not: short names as Unicode's own charts have them.
_NAMED = {
    0x061C: "ALM",
    0x200B: "ZWSP",
    0x200E: "LRM",
    0x200F: "RLM",
    0x202A: "LRE",
    0x202B: "RLE",
    0x202C: "PDF",
    0x202D: "LRO",
    0x202E: "RLO",
    0x2060: "WJ",
    0x2066: "LRI",
    0x2067: "RLI",
    0x2068: "FSI",
    0x2069: "PDI",
    0x2028: "LS",
    0x2029: "PS",
    0xFEFF: "BOM",
}
_PLAIN_CONTROLS = frozenset("\t\n")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
#: Words for differences, each with the white space after it: runs of letters and digits, single ideographs and kana (scripts
#: without spaces), single signs.
_WORD = re.compile(
    r"(?:[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s])\s*|\s+"
)

#: Highlights of one text; further spans are left plain.
MAX_SPANS = 60
#: Markup of one text may take this many times its characters; a text of nothing but controls is shown without styles instead.
MAX_MARKUP_FACTOR = 8
#: Most words a side that are compared after the common ends are set aside; bounds the time of one comparison.
MAX_DIFF_WORDS = 2500
#: Words of agreement that are shown on each side of a difference.
DIFF_CONTEXT_WORDS = 9
#: Most differences that are shown in one piece, however close they are.
MAX_HUNK_CHANGES = 6
#: Where two texts differ, in words: from and to on the left, from and to on the right.
Change = tuple[int, int, int, int]


@dataclass(frozen=True)
class Span:
    """A stretch of a text with what a detector says of it; `start` and `end` count characters."""

    start: int
    end: int
    label: str
    severity: str = ""


@dataclass(frozen=True)
class Hunk:
    """One difference between two texts with its surroundings, as markup; `skipped` words of agreement stand before it."""

    left: Markup
    right: Markup
    skipped: int


def _mark_of(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's control pictures
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"\u27e6{_NAMED.get(code, f'U+{code:04X}')}\u27e7"


def plain_marks(text: str) -> str:
    """Gives the text with every control, directional and invisible character as a visible mark; still to be escaped.

    Newlines and tabs stay. Joiners (U+200C, U+200D) stay: Persian, Indic scripts and emoji need them.
    """
    return _SUSPECT.sub(lambda match: _mark_of(match.group()), text)


def visible(text: str) -> Markup:
    """Gives escaped markup in which suspect characters are styled marks with their Unicode name on hover."""
    pieces: list[Markup] = []
    position = 0
    for match in _SUSPECT.finditer(text):
        pieces.append(escape(text[position : match.start()]))
        code = ord(match.group())
        name = unicodedata.name(match.group(), _NAMED.get(code, "control"))
        title = f"U+{code:04X} {name}"
        pieces.append(Markup('<span class="ctl" title="{}">{}</span>').format(title, _mark_of(match.group())))
        position = match.end()
    pieces.append(escape(text[position:]))
    return Markup("").join(pieces)


def shorten(text: str, limit: int) -> str:
    """Cuts in the middle to at most `limit` characters, for names and paths: both ends tell something."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}\u2026{text[len(text) - (limit - 1 - head) :]}"


def excerpt(text: str, spans: Sequence[Span], limit: int, context: int = 120) -> Markup:
    """Gives about `limit` characters of the text: its head, its tail and the surroundings of the first spans, highlighted.

    Args:
        text: any text.
        spans: what to highlight; those outside the text are left out, overlaps are cut.
        limit: about how many characters are shown in all. What is left out is said in its place.
        context: characters shown on each side of a span.
    """
    clean = _clean_spans(spans, len(text))[:MAX_SPANS]
    pieces: list[Markup] = []
    position = 0
    for start, end in _windows(len(text), clean, limit, context):
        if start > position:
            pieces.append(_gap(start - position, "character"))
        pieces.append(_highlighted(text, start, end, clean))
        position = end
    if position < len(text):
        pieces.append(_gap(len(text) - position, "character"))
    markup = Markup("").join(pieces)
    if len(markup) > MAX_MARKUP_FACTOR * limit:
        return escape(plain_marks(text[: limit // 2])) + (_gap(len(text) - limit // 2, "character"))
    return markup


def _clean_spans(spans: Sequence[Span], length: int) -> list[Span]:
    kept: list[Span] = []
    position = 0
    for span in sorted(spans, key=lambda item: (item.start, item.end)):
        start, end = max(span.start, position), min(span.end, length)
        if start < end:
            kept.append(Span(start, end, span.label, span.severity))
            position = end
    return kept


def _windows(length: int, spans: Sequence[Span], limit: int, context: int) -> list[tuple[int, int]]:
    """Chooses what to show as sorted, disjoint (start, end) pairs of about `limit` characters."""
    if length <= limit:
        return [(0, length)]
    tail = limit // 4
    budget = limit - tail
    wanted = [(length - tail, length)]
    for span in spans:
        start = max(0, span.start - context)
        end = min(length, min(span.end, span.start + context) + context)
        # Half of the budget goes to spans at most: the head of a text says what it is about.
        if budget - (end - start) < limit // 3:
            break
        wanted.append((start, end))
        budget -= end - start
    wanted.append((0, budget))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _highlighted(text: str, start: int, end: int, spans: Sequence[Span]) -> Markup:
    pieces: list[Markup] = []
    position = start
    for span in spans:
        left, right = max(span.start, start), min(span.end, end)
        if left >= right:
            continue
        pieces.append(visible(text[position:left]))
        said = f"{span.label}, {span.severity}" if span.severity else span.label
        pieces.append(Markup('<mark title="{}">{}</mark>').format(plain_marks(said), visible(text[left:right])))
        position = right
    pieces.append(visible(text[position:end]))
    return Markup("").join(pieces)


def _gap(count: int, unit: str) -> Markup:
    plural = "" if count == 1 else "s"
    return Markup(' <span class="gap" dir="ltr">\u22ef {} {}{} \u22ef</span> ').format(f"{count:,}", unit, plural)


def differences(left: str, right: str, max_hunks: int, max_words: int = 60) -> tuple[list[Hunk], int]:
    """Compares two texts word by word and gives the first differences with their surroundings.

    Args:
        left: the text that is kept.
        right: the text that was removed.
        max_hunks: most differences to give.
        max_words: most words of one difference that are shown on each side.

    Returns:
        The hunks, and how many more there are within the compared part. Two equal texts give one hunk of their beginning.
    """
    ours, theirs = _words(left), _words(right)
    head = _common(ours, theirs)
    # Only what stands between the common ends is compared, and no more of it than MAX_DIFF_WORDS.
    tail = _common(ours[head:][::-1], theirs[head:][::-1])
    middle = ours[head : len(ours) - tail][:MAX_DIFF_WORDS], theirs[head : len(theirs) - tail][:MAX_DIFF_WORDS]
    if not middle[0] and not middle[1]:
        beginning = visible("".join(ours[: max_words * 2]).rstrip())
        return [Hunk(beginning, beginning, 0)], 0
    matcher = difflib.SequenceMatcher(None, middle[0], middle[1])
    differing = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    if min(map(len, middle)) == MAX_DIFF_WORDS and len(differing) > 1:
        differing.pop()  # where the comparison was cut off, not where the texts differ
    moved = [(head + a0, head + a1, head + b0, head + b1) for a0, a1, b0, b1 in _joined(differing)]
    changes = [_narrowed(ours, theirs, change) for change in moved]
    groups = _grouped(changes)
    hunks: list[Hunk] = []
    shown_to = 0
    for number, group in enumerate(groups[:max_hunks]):
        before = min(DIFF_CONTEXT_WORDS, group[0][0] - shown_to)
        next_change = groups[number + 1][0][0] if number + 1 < len(groups) else len(ours)
        after = min(DIFF_CONTEXT_WORDS, next_change - group[-1][1])
        # Where only white space differs it is marked; elsewhere that after the last word is not.
        exact = ["".join(ours[a0:a1]).split() == "".join(theirs[b0:b1]).split() for a0, a1, b0, b1 in group]
        sides = [
            _side(words, [(change[at], change[at + 1]) for change in group], exact, (before, after), name, max_words)
            for words, at, name in ((ours, 0, "kept-only"), (theirs, 2, "removed-only"))
        ]
        hunks.append(Hunk(sides[0], sides[1], group[0][0] - before - shown_to))
        shown_to = group[-1][1] + after
    return hunks, len(changes) - sum(map(len, groups[:max_hunks]))


def _words(text: str) -> list[str]:
    # A hundred characters for each compared word leave room for the common beginning of any pair worth showing.
    found: Iterator[re.Match[str]] = _WORD.finditer(text[: MAX_DIFF_WORDS * 100])
    return [match.group() for match in found]


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        count += 1
    return count


def _joined(changes: Sequence[Change]) -> list[Change]:
    """Joins differences with less agreement between them than would be shown twice."""
    joined: list[Change] = []
    for change in changes:
        if joined and change[0] - joined[-1][1] <= 1:
            last = joined[-1]
            joined[-1] = (last[0], change[1], last[2], change[3])
        else:
            joined.append(change)
    return joined


def _narrowed(ours: Sequence[str], theirs: Sequence[str], change: Change) -> Change:
    """Takes a first word that differs in the white space after it alone out of a difference, if something is left."""
    a0, a1, b0, b1 = change
    if max(a1 - a0, b1 - b0) > 1 and a0 < a1 and b0 < b1 and ours[a0].rstrip() == theirs[b0].rstrip():
        return a0 + 1, a1, b0 + 1, b1
    return change


def _grouped(changes: Sequence[Change]) -> list[list[Change]]:
    """Puts differences together whose surroundings meet, at most `MAX_HUNK_CHANGES` of them."""
    groups: list[list[Change]] = []
    for change in changes:
        near = bool(groups) and change[0] - groups[-1][-1][1] <= 2 * DIFF_CONTEXT_WORDS
        if near and len(groups[-1]) < MAX_HUNK_CHANGES:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _side(
    words: Sequence[str],
    changes: Sequence[tuple[int, int]],
    exact: Sequence[bool],
    around: tuple[int, int],
    name: str,
    max_words: int,
) -> Markup:
    """Gives one side of a hunk: the differing words marked, the words between them and around them plain."""
    start, stop = changes[0][0] - around[0], changes[-1][1]
    indent = words[start - 1].rpartition("\n") if start else ("", "", "")
    pieces = [visible((indent[2] if indent[1] else "") + "".join(words[start : changes[0][0]]))]
    position = changes[0][0]
    for (begin, end), whole in zip(changes, exact, strict=True):
        pieces.append(visible("".join(words[position:begin])))
        shown = "".join(words[begin : min(end, begin + max_words)])
        if shown:
            marked = shown if whole else shown.rstrip() or shown
            pieces.append(Markup('<mark class="{}">{}</mark>').format(name, visible(marked)))
            pieces.append(visible(shown[len(marked) :]))
        if end - begin > max_words:
            pieces.append(_gap(end - begin - max_words, "word"))
        position = end
    pieces.append(visible("".join(words[stop : stop + around[1]]).rstrip()))
    return Markup("").join(pieces)
