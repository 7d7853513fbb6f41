"""RefinedWeb's rule over its line-wise corrections. Pure table."""

from curation.rules.model import Rule, RuleSet

REFINEDWEB = RuleSet(
    "refinedweb",
    "Penedo et al. 2023, arXiv 2306.01116, G.2",
    (
        Rule(
            "too_many_words_removed",
            "refinedweb_lines_removed_word_share",
            ">",
            0.05,
            "at most 5 % of the words are in lines that the corrections remove or mend",
        ),
        Rule("no_lines_left", "refinedweb_lines_kept", "<", 1, "at least one line stays"),
    ),
    "refinedweb_lines",
)
