"""Gopher's rules of quality and repetition, as published and as others' tools read them. Pure tables."""

from curation.rules.model import Rule, RuleSet

GOPHER_QUALITY = RuleSet(
    "gopher_quality",
    "Rae et al. 2021, arXiv 2112.11446, A.1.1",
    (
        Rule("too_few_words", "words", "<", 50, "at least 50 words"),
        Rule("too_many_words", "words", ">", 100_000, "at most 100,000 words"),
        Rule("words_too_short", "mean_word_length", "<", 3, "at least 3 characters a word on average"),
        Rule("words_too_long", "mean_word_length", ">", 10, "at most 10 characters a word on average"),
        Rule("too_many_hashes", "hash_to_word_ratio", ">", 0.1, "at most one # for 10 words"),
        Rule("too_many_ellipses", "ellipsis_to_word_ratio", ">", 0.1, "at most one ellipsis for 10 words"),
        Rule("too_many_bullet_lines", "bullet_line_share", ">", 0.9, "at most 90 % of the lines start with a bullet"),
        Rule(
            "too_many_ellipsis_lines", "ellipsis_line_share", ">", 0.3, "at most 30 % of the lines end in an ellipsis"
        ),
        Rule("too_few_alphabetic_words", "alpha_word_share", "<", 0.8, "at least 80 % of the words have a letter"),
        Rule("too_few_stop_words", "stop_words", "<", 2, "at least 2 of the, be, to, of, and, that, have, with"),
    ),
)

_PAPER = "Rae et al. 2021, arXiv 2112.11446, A.1.1"
_DATATROVE = f"{_PAPER}, as datatrove 0.10.1 reads it"
_DOLMA = f"{_PAPER}, as dolma 1.2.1 (gopher_v1) reads it"


def _quality(prefix: str, words: str, *, symbols: tuple[Rule, ...], lines: str, mean: str) -> tuple[Rule, ...]:
    """Gives the rules of quality over the signals of a variant."""
    return (
        Rule("too_few_words", words, "<", 50, "at least 50 words"),
        Rule("too_many_words", words, ">", 100_000, "at most 100,000 words"),
        Rule("words_too_short", f"{prefix}{mean}_word_length", "<", 3, f"at least 3 characters a word, {mean}"),
        Rule("words_too_long", f"{prefix}{mean}_word_length", ">", 10, f"at most 10 characters a word, {mean}"),
        *symbols,
        Rule(
            "too_many_bullet_lines",
            f"{prefix}bullet_line_share",
            ">",
            0.9,
            "at most 90 % of the lines start with a bullet",
        ),
        Rule("too_many_ellipsis_lines", lines, ">", 0.3, "at most 30 % of the lines end in an ellipsis"),
        Rule(
            "too_few_alphabetic_words",
            f"{prefix}alpha_word_share",
            "<",
            0.8,
            "at least 80 % of the words have a letter",
        ),
        Rule("too_few_stop_words", f"{prefix}stop_words", "<", 2, "at least 2 of the eight stop words"),
    )


def _repetition(prefix: str, *, paragraphs: bool = True) -> tuple[Rule, ...]:
    """Gives the rules of repetition (table A1) over the signals of a variant."""
    rules = []
    for part in ("paragraph", "line") if paragraphs else ("line",):
        rules += [
            Rule(
                f"too_many_duplicate_{part}s",
                f"{prefix}duplicate_{part}_share",
                ">",
                0.3,
                f"at most 30 % of the {part}s are duplicates",
            ),
            Rule(
                f"too_many_chars_in_duplicate_{part}s",
                f"{prefix}duplicate_{part}_char_share",
                ">",
                0.2,
                f"at most 20 % of the characters are in duplicate {part}s",
            ),
        ]
    rules += [
        Rule(
            f"top_{n}gram_too_common",
            f"{prefix}top_{n}gram_char_share",
            ">",
            share,
            f"at most {share:.0%} of the characters are in the most common {n}-gram of words",
        )
        for n, share in ((2, 0.2), (3, 0.18), (4, 0.16))
    ]
    rules += [
        Rule(
            f"too_many_duplicate_{n}grams",
            f"{prefix}duplicate_{n}gram_char_share",
            ">",
            share,
            f"at most {share:.0%} of the characters are in {n}-grams of words that repeat",
        )
        for n, share in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
    ]
    return tuple(rules)


GOPHER_QUALITY_DATATROVE = RuleSet(
    "gopher_quality_datatrove",
    _DATATROVE,
    _quality(
        "datatrove_",
        "datatrove_words",
        symbols=(
            Rule("too_many_hashes", "datatrove_hash_to_word_ratio", ">", 0.1, "at most one # for 10 tokens"),
            Rule(
                "too_many_ellipses", "datatrove_ellipsis_to_word_ratio", ">", 0.1, "at most one ellipsis for 10 tokens"
            ),
        ),
        lines="ellipsis_line_share",
        mean="mean",
    ),
)

GOPHER_QUALITY_DOLMA = RuleSet(
    "gopher_quality_dolma",
    _DOLMA,
    _quality(
        "dolma_",
        "dolma_words",
        symbols=(
            Rule("too_many_symbols", "dolma_symbol_to_word_ratio", ">", 0.1, "at most 10 % of the words have # or …"),
        ),
        lines="dolma_ellipsis_line_share",
        mean="median",
    ),
)

GOPHER_REPETITION = RuleSet("gopher_repetition", _PAPER, _repetition(""))

GOPHER_REPETITION_DATATROVE = RuleSet(
    "gopher_repetition_datatrove",
    _DATATROVE,
    (Rule("empty", "chars", "<", 1, "some text"), *_repetition("datatrove_")),
)

#: dolma knows no paragraphs.
GOPHER_REPETITION_DOLMA = RuleSet("gopher_repetition_dolma", _DOLMA, _repetition("dolma_", paragraphs=False))
