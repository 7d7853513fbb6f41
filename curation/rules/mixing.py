"""The rules of the `mixing` step: its settings as thresholds over the signals that it measures. Pure.

Nobody publishes thresholds for mixing inside a document; these are ours, and leave room for names and quotations.
"""

from collections.abc import Mapping
from types import MappingProxyType

from curation.rules.model import Rule
from schemas.steps import MixingRecipe

#: Reason -> the setting that holds its threshold.
MIXING_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"mixed_languages": "max_foreign_share", "off_script": "max_off_script_share"}
)
_RULES = (
    Rule(
        "mixed_languages",
        "mixing_foreign_share",
        ">",
        0.1,
        "at most a tenth of the characters in fragments of other languages; names and terms are none",
    ),
    Rule(
        "off_script",
        "mixing_off_script_share",
        ">",
        0.05,
        "at most one letter of twenty in fragments of another script",
    ),
)


def mixing_rules(recipe: MixingRecipe) -> tuple[Rule, ...]:
    """Gives the rules that a step's settings leave on, with its thresholds."""
    limits = {rule: getattr(recipe, MIXING_SETTINGS[rule.reason]) for rule in _RULES}
    return tuple(rule.at(limit) for rule, limit in limits.items() if limit is not None)
