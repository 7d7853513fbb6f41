"""Writes docs/rules.md: every table of rules, from the tables themselves. Pure.

``python -m curation.rules.page > docs/rules.md``
"""

from columnar.lines import LINE_EDITS
from columnar.signals import SIGNALS
from curation.rules.model import Rule, RuleSet
from curation.rules.tables import RULE_SETS
from curation.steps.measures import MEASURED

_HEAD = """# Rule tables

Written by `python -m curation.rules.page`; a test holds it to the tables. A document fails a rule if the value of its signal compares to the
threshold as the column "drop if" says. How tables are used is in steps/filter.md.
"""


def rules_page() -> str:
    """Gives the page: tables, then what their signals say."""
    parts = [_HEAD, *(_table(RULE_SETS[name]) for name in sorted(RULE_SETS)), _signals()]
    return "\n".join(parts)


def _table(table: RuleSet) -> str:
    lines = [f"## {table.name}", "", f"{table.source}.", ""]
    if table.edit:
        lines += [f"Edits lines first (`{table.edit}`):", ""]
        lines += [f"- {_cell(rule)}" for rule in LINE_EDITS[table.edit].rules] + [""]
    lines += ["| reason | drop if | for | what it is |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{rule.reason}` | `{rule.signal}` {_cell(rule.operator)} {rule.threshold:,g} | {_scope(rule)} | {_cell(rule.doc)} |"
        for rule in table.rules
    ]
    return "\n".join([*lines, ""])


def _scope(rule: Rule) -> str:
    kinds = ", ".join(sorted(rule.only)) or (f"all but {', '.join(sorted(rule.never))}" if rule.never else "all")
    conditions = [f"if `{rule.when}`"] * bool(rule.when) + [f"unless `{rule.unless}`"] * bool(rule.unless)
    conditions += [f"with the setting `{rule.needs}`"] * bool(rule.needs)
    conditions += [f"{rule.given} column of another step"] * bool(rule.given)
    return "; ".join([kinds, *conditions])


def _signals() -> str:
    lines = ["## Signals", "", "| signal | group | what it says |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {signal.group} | {_cell(signal.doc)} |" for name, signal in SIGNALS.items()]
    lines += [f"| `{name}` | if a rule asks | {_cell(doc)} |" for name, (_, doc) in MEASURED.items()]
    for edit in LINE_EDITS.values():
        lines += [f"| `{name}` | edit `{edit.name}` | {_cell(doc)} |" for name, (_, doc) in edit.signals.items()]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if "`" not in text else text.replace("|", "\\|")


if __name__ == "__main__":
    print(rules_page(), end="")  # noqa: T201 - what it is for
