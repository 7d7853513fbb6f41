"""Rules for source code. Pure tables."""

from curation.rules.model import Rule, RuleSet

_DATA_FILES = frozenset({"json", "yaml"})
_PAGES = frozenset({"html"})

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
        Rule("data_file_too_short", "chars", "<", 50, "JSON and YAML: at least 50 characters", only=_DATA_FILES),
        Rule("data_file_too_long", "chars", ">", 5000, "JSON and YAML: at most 5000 characters", only=_DATA_FILES),
    ),
)
