"""C4's line rules as one compiled pass, in the readings of its released code, its paper and other tools. Pure: no I/O.

Sources: Raffel et al. 2020 (arXiv 1910.10683, 2.2); the released `c4_utils` of TensorFlow Datasets; datatrove's `C4QualityFilter`;
dolma's tagger `c4_v2`. A page rule (lorem ipsum, curly bracket) is counted and the page is read on, so that all of its failing
reasons are known; where the released code stops at the first, our counts after it go on.

Lower case is Python's for the letters of the phrases that are looked for; so the Kelvin sign is a k.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import DECIMAL, LINE_BREAK, SPACE, properties
from columnar.line_model import EditedBuffers, LineEdit
from columnar.line_options import MARKS, MARKS_OR_APOSTROPHE, NO_MARK_NEEDED, Options
from columnar.line_phrases import CURLY, LOREM, POLICIES, SCRIPT, Automaton, automaton
from columnar.segments import PUNKT, SPACY, characters, sentences_between, words
from columnar.text import Int, TextBuffers, decode

COUNTS: Mapping[str, str] = MappingProxyType(
    {
        "page_chars": "characters of the page before the edit",
        "lines": "lines before the edit",
        "lines_kept": "lines that stay",
        "lines_removed_long_word": "lines removed for a word longer than 1000 characters",
        "lines_removed_no_end_mark": "lines removed because they do not end as a sentence",
        "lines_removed_few_words": "lines removed for too few words",
        "lines_removed_javascript": "lines removed for the word javascript",
        "lines_removed_policy": "lines removed for a phrase of terms, privacy or cookies",
        "lorem_ipsum_lines": "lines with `lorem ipsum`",
        "curly_bracket_lines": "lines with `{`",
        "javascript_lines": "lines with `javascript`",
        "citations_removed": "`[12]`, `[edit]` and `[citation needed]` that were cut out",
        "sentences": "sentences of the lines that stay",
    }
)
(
    _PAGE_CHARS, _LINES, _KEPT, _LONG_WORD, _NO_MARK, _FEW_WORDS, _JAVASCRIPT, _POLICY, _LOREM_LINES, _CURLY_LINES,
    _JAVASCRIPT_LINES, _CITATIONS, _SENTENCES,
) = range(len(COUNTS))  # fmt: skip

# What a byte is for the inner loop.
_INK, _ASCII_SPACE, _HIGH = 0, 1, 2


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[128:] = _HIGH
    kinds[:128][(properties()[:128] & SPACE) > 0] = _ASCII_SPACE
    return kinds


def _edit(options: Options) -> Callable[[TextBuffers], EditedBuffers]:
    def run(texts: TextBuffers) -> EditedBuffers:
        num_docs = texts.offsets.size - 1
        size = int(texts.offsets[-1] - texts.offsets[0])
        # A citation is cut out of a line in its place, so a line that goes needs room, too; never more than it had.
        out = np.empty(size + 2, np.uint8)
        offsets = np.zeros(num_docs + 1, np.int64)
        counts = np.zeros((len(COUNTS), num_docs), np.int64)
        _edit_documents(
            texts.offsets, texts.data, options, properties(), _kinds(), automaton(), characters(), words(), offsets, out, counts
        )  # fmt: skip
        return EditedBuffers(offsets, out[: offsets[-1]], counts)

    return run


@nb.njit(_nrt=False)
def _scan(data: npt.NDArray[np.uint8], at: int, end: int, machine: Automaton) -> Int:
    """Gives the bits of the patterns that occur."""
    step, classes, found = machine.step, machine.classes, machine.found
    hits = np.uint8(0)
    state = np.uint16(0)  # unsigned: no index from the end
    for i in range(at, end):
        state = step[state, classes[data[i]]]
        hits |= found[state]
    return np.int64(hits)


@nb.njit(_nrt=False)
def _count_words(data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8]) -> int:
    num_words = 0
    inside = False
    while at < end:
        point: Int = np.int64(data[at])
        size = 1
        if point >= 0x80:
            point, size = decode(data, at, end)
        space = table[point] & SPACE != 0
        num_words += inside and space
        inside = not space
        at += size
    return num_words + inside


@nb.njit(_nrt=False)
def _citation_end(data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8]) -> int:
    """Gives where the citation that begins at `at`, a `[`, ends; 0 if none does."""
    for word in (b"[edit]", b"[citation needed]"):
        if end - at >= len(word):
            same = 0
            for i in range(len(word)):
                same += data[at + i] == word[i]
            if same == len(word):
                return at + len(word)
    at += 1
    while at < end:
        byte = np.int64(data[at])
        if byte == 93:
            return at + 1
        if 48 <= byte <= 57:
            at += 1
        elif byte >= 0x80:
            point, size = decode(data, at, end)
            if not table[point] & DECIMAL:
                return 0
            at += size
        else:
            return 0
    return 0


@nb.njit(_nrt=False)
def _goes_at_once(
    data: npt.NDArray[np.uint8], first: int, last: int, num_words: int, longest: int, brackets: int, options: Options
) -> int:
    """Tells by which count a line goes that needs no closer look, as most lines of menus do; 0 for a closer look.

    It decides as `_line` does for lines without a `[`.
    """
    if brackets or options.whole_page or longest > options.max_word_length >= 0:
        return 0
    if options.end_marks:
        mark = data[last - 1] if last > first else np.uint8(0)
        if mark not in (46, 63, 33, 34) and (mark != 39 or options.end_marks != MARKS_OR_APOSTROPHE):
            return _NO_MARK
        if not options.ellipsis and last - first >= 3 and mark == 46 and data[last - 2] == 46 and data[last - 3] == 46:
            return _NO_MARK
    return _FEW_WORDS if num_words < options.min_words else 0


@nb.njit(_nrt=False)
def _line(
    data: npt.NDArray[np.uint8],
    first: int,
    last: int,
    num_words: int,
    longest: int,
    brackets: int,
    options: Options,
    table: npt.NDArray[np.uint8],
    machine: Automaton,
    marks: npt.NDArray[np.uint8],
    lists: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
    out: npt.NDArray[np.uint8],
    to: int,
    row: npt.NDArray[np.int64],
) -> int:
    """Judges one stripped line, `data[first:last]`; writes it to `out[to:]` if it stays.

    Returns:
        Where it ends in `out`, or -1 if it goes.
    """
    row[_LINES] += 1
    hits = 0
    if options.whole_page:
        hits = _scan(data, first, last, machine)
        row[_LOREM_LINES] += hits & LOREM != 0
        row[_CURLY_LINES] += hits & CURLY != 0
        row[_JAVASCRIPT_LINES] += hits & SCRIPT != 0
    if longest > options.max_word_length >= 0:
        row[_LONG_WORD] += 1
        return -1
    end = to
    cut = 0
    if options.citations and brackets:
        at = first
        while at < last:
            if data[at] == 91:
                after = _citation_end(data, at, last, table)
                if after:
                    row[_CITATIONS] += 1
                    at = after
                    cut = 1
                    continue
            out[end] = data[at]
            end += 1
            at += 1
        if cut and not options.words_before:
            num_words = _count_words(out, to, end, table)
    else:
        end = to + last - first
        for i in range(last - first):
            out[to + i] = data[first + i]
    if options.end_marks:
        mark = out[end - 1] if end > to else np.uint8(0)
        marked = mark in (46, 63, 33, 34) or (mark == 39 and options.end_marks == MARKS_OR_APOSTROPHE)
        dots = not options.ellipsis and end - to >= 3 and mark == 46 and out[end - 2] == 46 and out[end - 3] == 46
        if not marked or dots:
            row[_NO_MARK] += 1
            return -1
    if num_words < options.min_words:
        row[_FEW_WORDS] += 1
        return -1
    if not options.whole_page:
        hits = _scan(out, to, end, machine)
        row[_LOREM_LINES] += hits & LOREM != 0
        row[_JAVASCRIPT_LINES] += hits & SCRIPT != 0
    if options.phrases and hits & SCRIPT:
        row[_JAVASCRIPT] += 1
        return -1
    if not options.whole_page:
        row[_CURLY_LINES] += hits & CURLY != 0
    if options.phrases and hits & POLICIES:
        row[_POLICY] += 1
        return -1
    if options.sentences >= 0:
        row[_SENTENCES] += sentences_between(out, to, end, options.sentences, marks, lists[0], lists[1], lists[2])
    row[_KEPT] += 1
    return end


@nb.njit(_nrt=False)
def _strip(out: npt.NDArray[np.uint8], start: int, end: int, table: npt.NDArray[np.uint8]) -> int:
    """Strips the document that was written, as a citation at its end may leave white space behind. Gives its end."""
    at = start
    while at < end:
        point: Int = np.int64(out[at])
        size = 1
        if point >= 0x80:
            point, size = decode(out, at, end)
        if not table[point] & SPACE:
            break
        at += size
    if at > start:
        for i in range(at, end):
            out[start + i - at] = out[i]
        end -= at - start
    while end > start:
        at = end - 1
        while at > start and out[at] & 0xC0 == 0x80:
            at -= 1
        point = np.int64(out[at])
        if point >= 0x80:
            point, size = decode(out, at, end)
        if not table[point] & SPACE:
            break
        end = at
    return end


@nb.njit(_nrt=False)
def _document(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    options: Options,
    table: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    machine: Automaton,
    marks: npt.NDArray[np.uint8],
    lists: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
    out: npt.NDArray[np.uint8],
    to: int,
    row: npt.NDArray[np.int64],
) -> int:
    """Edits `data[at:end]` into `out[to:]`; gives where it ends there."""
    start = to
    chars = num_words = word = longest = brackets = 0
    first = last = at
    after_return = False
    begun = False  # whether the current line holds anything
    point: Int
    while True:
        if at < end and kinds[data[at]] == _INK:
            ink = at
            while at < end:
                byte = data[at]
                if kinds[byte] != _INK:
                    break
                brackets |= byte == 91
                at += 1
            if word == 0 and num_words == 0:
                first = ink
            word += at - ink
            chars += at - ink
            last = at
            begun = True
            after_return = False
            continue
        size, point = 0, 0
        bits: Int = LINE_BREAK | SPACE
        if at < end:
            point, size = np.int64(data[at]), 1
            if point >= 0x80:
                point, size = decode(data, at, end)
            bits = np.int64(table[point])
            chars += 1
            if not bits & SPACE:
                if word == 0 and num_words == 0:
                    first = at
                word += 1
                at += size
                last = at
                begun = True
                after_return = False
                continue
        if word:
            num_words += 1
            longest = max(longest, word)
            word = 0
        ends = bits & LINE_BREAK and (point == 10 or not options.newline_only or at >= end)
        if not ends:
            begun = True
            after_return = False
            at += size
            continue
        # The second half of a line break ends nothing, nor does the text's end after one, except for `str.split`.
        half = point == 10 and after_return
        if not half and (at < end or begun or options.newline_only):
            if num_words == 0:
                first = last = at
            joined = to + 1 if row[_KEPT] else to
            stop = -1
            goes = _goes_at_once(data, first, last, num_words, longest, brackets, options)
            if goes:
                row[_LINES] += 1
                row[goes] += 1
            else:
                stop = _line(
                    data, first, last, num_words, longest, brackets, options, table, machine, marks, lists, out, joined, row
                )  # fmt: skip
            if stop >= 0:
                if joined > to:
                    out[to] = 10
                to = stop
        if at >= end:
            break
        after_return = point == 13 and not options.newline_only
        num_words = longest = brackets = 0
        begun = False
        at += size
    row[_PAGE_CHARS] = chars
    return int(_strip(out, start, to, table))


@nb.njit(cache=True, nogil=True)
def _edit_documents(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    options: Options,
    table: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    machine: Automaton,
    marks: npt.NDArray[np.uint8],
    lists: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
    out_offsets: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Edits document `i` into `out`, its counts into `counts[:, i]`."""
    row = np.zeros(counts.shape[0], np.int64)
    for i in range(offsets.size - 1):
        row[:] = 0
        out_offsets[i + 1] = _document(
            data, offsets[i], offsets[i + 1], options, table, kinds, machine, marks, lists, out, out_offsets[i], row
        )  # fmt: skip
        for k in range(row.size):
            counts[k, i] = row[k]


_PAPER = "Raffel et al. 2020, arXiv 1910.10683, 2.2"
_MARK_RULE = 'lines that do not end in . ? ! or ", or that end in ..., go'
_PHRASE_RULES = (
    "lines with `javascript` go",
    "lines with terms of use, privacy policy, cookie policy, uses cookies, use of cookies or use cookies go",
)
_FIRST_RULES = (
    "lines are stripped; those with a word longer than 1000 characters go",
    "[12], [edit] and [citation needed] are cut out",
)


C4_EDITS = (
    LineEdit(
        "c4_tfds",
        f"{_PAPER}; the released code in TensorFlow Datasets",
        (*_FIRST_RULES, _MARK_RULE, "lines with fewer than 5 words, counted after that, go", *_PHRASE_RULES),
        COUNTS,
        _edit(Options(MARKS, 0, 5, 0, 1000, 1, 1, 0, 0, PUNKT)),
    ),
    LineEdit(
        "c4_paper",
        _PAPER,
        (*_FIRST_RULES, _MARK_RULE, "lines with fewer than 3 words, counted before that, go", *_PHRASE_RULES),
        COUNTS,
        _edit(Options(MARKS, 0, 3, 1, 1000, 1, 1, 0, 0, PUNKT)),
    ),
    LineEdit(
        "c4_datatrove",
        f"{_PAPER}; datatrove 0.10.1, C4QualityFilter",
        (
            *_FIRST_RULES,
            "lines that do not end in . ? ! \" or ', or that end in ..., go",
            "lines with fewer than 3 words, counted before citations are cut out, go",
            *_PHRASE_RULES,
        ),
        COUNTS,
        _edit(Options(MARKS_OR_APOSTROPHE, 0, 3, 1, 1000, 1, 1, 0, 0, SPACY)),
    ),
    LineEdit(
        "c4_fineweb",
        "Penedo et al. 2024, arXiv 2406.17557, 3.5; datatrove 0.10.1, C4QualityFilter(filter_no_terminal_punct=False)",
        (*_FIRST_RULES, "lines with fewer than 3 words, counted before citations are cut out, go", *_PHRASE_RULES),
        COUNTS,
        _edit(Options(NO_MARK_NEEDED, 0, 3, 1, 1000, 1, 1, 0, 0, SPACY)),
    ),
    LineEdit(
        "c4_dolma",
        f"{_PAPER}; dolma 1.2.1, tagger c4_v2",
        (
            'lines, ended by a line feed, that do not end in . ? ! or " go',
            "lines with fewer than 3 words go",
        ),
        COUNTS,
        _edit(Options(MARKS, 1, 3, 1, -1, 0, 0, 1, 1, -1)),
    ),
)
