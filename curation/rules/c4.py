"""C4's page rules, over lines edited as the paper, its released code, datatrove or dolma edit them. Pure tables."""

from curation.rules.model import Rule, RuleSet

_PAPER = "Raffel et al. 2020, arXiv 1910.10683, 2.2"


_BAD_WORDS = Rule(
    "bad_words", "bad_words", ">", 0, "no word or phrase of the list in the text that stays", needs="bad_words"
)


def _table(name: str, source: str, min_sentences: int, *first: Rule) -> RuleSet:
    return RuleSet(
        name,
        source,
        (
            *first,
            Rule("lorem_ipsum", f"{name}_lorem_ipsum_lines", ">", 0, "no `lorem ipsum`"),
            Rule("curly_bracket", f"{name}_curly_bracket_lines", ">", 0, "no `{`"),
            Rule(
                "too_few_sentences",
                f"{name}_sentences",
                "<",
                min_sentences,
                f"at least {min_sentences} sentences in the lines that stay",
            ),
            _BAD_WORDS,
        ),
        name,
    )


C4_TABLES = (
    _table(
        "c4_tfds",
        f"{_PAPER}, and its released code in TensorFlow Datasets",
        3,
        Rule("page_too_long", "c4_tfds_page_chars", ">", 190_000, "at most 190,000 characters before the edit"),
    ),
    _table("c4_paper", _PAPER, 5),
    _table("c4_datatrove", f"{_PAPER}, as datatrove 0.10.1 reads it", 5),
    _table("c4_fineweb", "Penedo et al. 2024, arXiv 2406.17557, 3.5: C4 without its terminal punctuation", 5),
    RuleSet(
        "c4_dolma",
        f"{_PAPER}, as dolma 1.2.1 reads it",
        (
            Rule("lorem_ipsum", "c4_dolma_lorem_ipsum_lines", ">", 0, "no `lorem ipsum`"),
            Rule("javascript", "c4_dolma_javascript_lines", ">", 0, "no `javascript`"),
            Rule("curly_bracket", "c4_dolma_curly_bracket_lines", ">", 0, "no `{`"),
            Rule("no_lines_left", "c4_dolma_lines_kept", "<", 1, "at least one line stays"),
            _BAD_WORDS,
        ),
        "c4_dolma",
    ),
)
