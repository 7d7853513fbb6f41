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
