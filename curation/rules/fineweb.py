"""FineWeb's own rules, which follow Gopher's and C4's in its chain. Pure tables."""

from curation.rules.model import Rule, RuleSet

FINEWEB = RuleSet(
    "fineweb",
    "Penedo et al. 2024, arXiv 2406.17557, 3.6, as datatrove 0.10.1 reads it",
    (
        Rule(
            "too_few_terminal_lines",
            "fineweb_terminal_line_share",
            "<",
            0.12,
            "at least 12 % of the lines end as a sentence does",
        ),
        Rule(
            "too_many_short_lines",
            "fineweb_short_line_share",
            ">",
            0.67,
            "at most 67 % of the lines have 30 characters or fewer",
        ),
        Rule(
            "too_many_chars_in_duplicate_lines",
            "fineweb_duplicate_line_char_share",
            ">",
            0.01,
            "at most 1 % of the characters are in duplicate lines",
        ),
        Rule("too_many_line_breaks", "fineweb_newline_to_word_ratio", ">", 0.3, "at most 3 line feeds for 10 words"),
    ),
)
