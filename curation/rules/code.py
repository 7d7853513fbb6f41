"""Rules for source code. Pure tables."""

from curation.rules.model import Rule, RuleSet

_DATA_FILES = frozenset({"json", "yaml"})
_PAGES = frozenset({"html"})
_COMMENTED = frozenset({"python", "java", "javascript"})
_LONG_LINES = frozenset({"markdown", "rest", "tex", "sql", "r"})

#: DeepSeek-Coder and StarCoder say the same of HTML.
_VISIBLE_TEXT = (
    Rule(
        "too_small_visible_share",
        "visible_char_share",
        "<",
        0.2,
        "HTML: visible text is at least 20 % of the file",
        only=_PAGES,
    ),
    Rule(
        "too_little_visible_text",
        "visible_chars",
        "<",
        100,
        "HTML: at least 100 characters of visible text",
        only=_PAGES,
    ),
)

DEEPSEEK_CODER = RuleSet(
    "deepseek_coder",
    "Guo et al. 2024, arXiv 2401.14196, 2.1",
    (
        Rule("lines_too_long", "mean_line_length", ">", 100, "at most 100 characters a line on average"),
        Rule("longest_line_too_long", "max_line_length", ">", 1000, "at most 1000 characters in the longest line"),
        Rule("too_few_letters", "alpha_char_share", "<", 0.25, "at least 25 % of the characters are alphabetic"),
        Rule(
            "xml_declaration",
            "xml_declaration",
            ">",
            0,
            "no `<?xml version=` in the first 100 characters, XSLT apart",
            never=frozenset({"xslt"}),
        ),
        *_VISIBLE_TEXT,
        Rule("data_file_too_short", "chars", "<", 50, "JSON and YAML: at least 50 characters", only=_DATA_FILES),
        Rule("data_file_too_long", "chars", ">", 5000, "JSON and YAML: at most 5000 characters", only=_DATA_FILES),
    ),
)

STARCODER = RuleSet(
    "starcoder",
    "Li et al. 2023, arXiv 2305.06161, 3",
    (
        Rule(
            "lines_too_long",
            "mean_line_length",
            ">",
            100,
            "at most 100 characters a line on average",
            never=_LONG_LINES,
        ),
        Rule(
            "longest_line_too_long",
            "max_line_length",
            ">",
            1000,
            "at most 1000 characters in the longest line",
            never=_LONG_LINES,
        ),
        Rule(
            "too_few_letters_and_digits",
            "alnum_char_share",
            "<",
            0.25,
            "at least 25 % of the characters are letters or digits",
        ),
        Rule(
            "too_few_comments",
            "comment_char_share",
            "<",
            0.01,
            "Python, Java, JavaScript: at least 1 % of the characters are in comments",
            only=_COMMENTED,
        ),
        Rule(
            "too_many_comments",
            "comment_char_share",
            ">",
            0.8,
            "Python, Java, JavaScript: at most 80 % of the characters are in comments",
            only=_COMMENTED,
        ),
        Rule(
            "too_few_chars_per_token",
            "chars_per_token",
            "<",
            2.5,
            "at least 2.5 characters a token of the given tokenizer",
            needs="tokenizer",
        ),
        *_VISIBLE_TEXT,
    ),
)
