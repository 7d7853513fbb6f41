"""OpenWebMath's thresholds. Pure table; the classifier's score comes from a `quality` step with `signal: math`."""

from curation.rules.model import Rule, RuleSet

OPENWEBMATH = RuleSet(
    "openwebmath",
    "Paster et al. 2023, arXiv 2310.06786, 3",
    (
        Rule(
            "no_math",
            "math_marks",
            "<",
            1,
            "a LaTeX command or formula in the text, or a mark of mathematics in the page",
        ),
        Rule(
            "math_score_too_low_with_latex",
            "math_score",
            "<",
            0.15,
            "a math score of at least 0.15 for texts with LaTeX",
            when="has_latex",
            given="required",
        ),
        Rule(
            "math_score_too_low_without_latex",
            "math_score",
            "<",
            0.8,
            "a math score of at least 0.8 for texts without LaTeX",
            unless="has_latex",
            given="required",
        ),
        Rule("perplexity_too_high", "perplexity", ">", 15_000, "a perplexity of at most 15,000", given="optional"),
        Rule("too_short", "chars", "<", 100, "at least 100 characters"),
    ),
)
