"""What the readings of C4's line rules differ in. Pure: no I/O."""

from typing import NamedTuple

NO_MARK_NEEDED, MARKS, MARKS_OR_APOSTROPHE = 0, 1, 2


class Options(NamedTuple):
    """What the presets differ in.

    Attributes:
        end_marks: what a line must end in: nothing, one of `. ? ! "`, or also `'`.
        ellipsis: 1 if a line may end in three dots.
        min_words: fewest words of a line.
        words_before: 1 if words are counted before citations are removed, 0 if after.
        max_word_length: a line with a longer word goes; -1 for no limit.
        citations: 1 if `[12]`, `[edit]` and `[citation needed]` are cut out.
        phrases: 1 if lines with `javascript` or a policy's phrase go.
        whole_page: 1 if the phrases of a page are looked for in all its lines, 0 in those that no earlier rule has removed.
        newline_only: 1 if only a line feed ends a line, 0 for whatever `str.splitlines` knows.
        sentences: the reading of `columnar.segments`, or -1 to count none.
    """

    end_marks: int
    ellipsis: int
    min_words: int
    words_before: int
    max_word_length: int
    citations: int
    phrases: int
    whole_page: int
    newline_only: int
    sentences: int
