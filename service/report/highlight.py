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
#: Words for differences: runs of letters and digits, single ideographs and kana (scripts without spaces), single signs.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|[^\w\s]"
)

#: Highlights of one text; further spans are left plain.
MAX_SPANS = 60
#: Markup of one text may take this many times its characters; a text of nothing but controls is shown without styles instead.
MAX_MARKUP_FACTOR = 8
#: Most words a side that are compared after the common ends are set aside; bounds the time of one comparison.
MAX_DIFF_WORDS = 2500
#: Words of agreement that are shown on each side of a difference.
DIFF_CONTEXT_WORDS = 14


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
        beginning = visible("".join(ours[: max_words * 2]))
        return [Hunk(beginning, beginning, 0)], 0
    matcher = difflib.SequenceMatcher(None, middle[0], middle[1])
    changes = [
        (head + a0, head + a1, head + b0, head + b1)
        for a0, a1, b0, b1 in _joined([code[1:] for code in matcher.get_opcodes() if code[0] != "equal"])
    ]
    hunks: list[Hunk] = []
    shown_to = 0
    for number, (a0, a1, b0, b1) in enumerate(changes[:max_hunks]):
        before = min(DIFF_CONTEXT_WORDS, a0 - shown_to)
        next_change = changes[number + 1][0] if number + 1 < len(changes) else len(ours)
        after = min(DIFF_CONTEXT_WORDS, next_change - a1)
        skipped = sum(not word.isspace() for word in ours[shown_to : a0 - before])
        hunks.append(
            Hunk(
                _side(ours, a0, a1, around=(before, after), name="kept-only", max_words=max_words),
                _side(theirs, b0, b1, around=(before, after), name="removed-only", max_words=max_words),
                skipped,
            )
        )
        shown_to = a1 + after
    return hunks, len(changes) - len(hunks)


def _words(text: str) -> list[str]:
    # Ten times the compared words are enough for the common ends of any pair worth showing.
    found: Iterator[re.Match[str]] = _WORD.finditer(text[: MAX_DIFF_WORDS * 100])
    return [match.group() for match in found]


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        count += 1
    return count


def _joined(changes: Sequence[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Joins differences with less agreement between them than would be shown twice."""
    joined: list[tuple[int, int, int, int]] = []
    for change in changes:
        if joined and change[0] - joined[-1][1] <= 2:
            last = joined[-1]
            joined[-1] = (last[0], change[1], last[2], change[3])
        else:
            joined.append(change)
    return joined


def _side(words: Sequence[str], start: int, stop: int, *, around: tuple[int, int], name: str, max_words: int) -> Markup:
    before, after = around
    shown = words[start:stop][: max_words * 2]  # every second one is white space
    pieces = [visible("".join(words[start - before : start]).lstrip(" "))]
    if shown:
        pieces.append(Markup('<mark class="{}">{}</mark>').format(name, visible("".join(shown))))
    if stop - start > len(shown):
        pieces.append(_gap(sum(not word.isspace() for word in words[start + len(shown) : stop]), "word"))
    pieces.append(visible("".join(words[stop : stop + after])))
    return Markup("").join(pieces)
