"""The variants of Gopher's rules and FineWeb's hold the published thresholds, each over the signals of its own reading."""

import pytest

from columnar.signals import SIGNALS
from curation.rules.tables import RULE_SETS

#: Rae et al. 2021, table A1: what a document may have at most.
TABLE_A1 = {
    "duplicate_paragraph_share": 0.30,
    "duplicate_paragraph_char_share": 0.20,
    "duplicate_line_share": 0.30,
    "duplicate_line_char_share": 0.20,
    "top_2gram_char_share": 0.20,
    "top_3gram_char_share": 0.18,
    "top_4gram_char_share": 0.16,
    "duplicate_5gram_char_share": 0.15,
    "duplicate_6gram_char_share": 0.14,
    "duplicate_7gram_char_share": 0.13,
    "duplicate_8gram_char_share": 0.12,
    "duplicate_9gram_char_share": 0.11,
    "duplicate_10gram_char_share": 0.10,
}
#: A.1.1: (a document is dropped when its value is ..., than the number).
QUALITY = {
    "words": {("<", 50), (">", 100_000)},
    "word_length": {("<", 3), (">", 10)},
    "bullet_line_share": {(">", 0.9)},
    "ellipsis_line_share": {(">", 0.3)},
    "alpha_word_share": {("<", 0.8)},
    "stop_words": {("<", 2)},
}
FINEWEB = {
    "fineweb_terminal_line_share": {("<", 0.12)},
    "fineweb_short_line_share": {(">", 0.67)},
    "fineweb_duplicate_line_char_share": {(">", 0.01)},
    "fineweb_newline_to_word_ratio": {(">", 0.3)},
}


def thresholds(name, prefix=""):
    found = {}
    for rule in RULE_SETS[name].rules:
        found.setdefault(rule.signal.removeprefix(prefix), set()).add((rule.operator, rule.threshold))
    return found


@pytest.mark.parametrize(("name", "prefix"), [("", ""), ("_datatrove", "datatrove_"), ("_dolma", "dolma_")])
def test_repetition_is_table_a1(name, prefix):
    expected = {signal: {(">", share)} for signal, share in TABLE_A1.items()}
    if name == "_dolma":
        expected = {signal: share for signal, share in expected.items() if "paragraph" not in signal}
    if name == "_datatrove":
        expected["chars"] = {("<", 1)}
    assert thresholds(f"gopher_repetition{name}", prefix) == expected


def test_quality_as_datatrove_reads_it():
    expected = {
        **{signal.replace("word_length", "mean_word_length"): rule for signal, rule in QUALITY.items()},
        "hash_to_word_ratio": {(">", 0.1)},
        "ellipsis_to_word_ratio": {(">", 0.1)},
    }
    assert thresholds("gopher_quality_datatrove", "datatrove_") == expected


def test_quality_as_dolma_reads_it():
    expected = {
        **{signal.replace("word_length", "median_word_length"): rule for signal, rule in QUALITY.items()},
        "symbol_to_word_ratio": {(">", 0.1)},
    }
    assert thresholds("gopher_quality_dolma", "dolma_") == expected


def test_fineweb():
    assert thresholds("fineweb") == FINEWEB


@pytest.mark.parametrize("name", [name for name in RULE_SETS if name.startswith(("gopher", "fineweb"))])
def test_signals_exist_and_reasons_differ(name):
    rules = RULE_SETS[name].rules
    assert all(rule.signal in SIGNALS for rule in rules)
    assert len({rule.reason for rule in rules}) == len(rules)
    assert RULE_SETS[name].source.count("arXiv") == 1
