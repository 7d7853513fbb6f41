"""Line and word pass rates: the benchmark's rules one by one, and its published figures."""

import csv
import gzip
import io
import math
from collections import defaultdict

import pytest

from columnar.confusion import MIN_TOKENS, english_words, line_pass, pass_rates, word_pass
from columnar.fasttext_classifier import load_classifier

# Line pass rates with lid.176.ftz on the benchmark's own responses: monolingual, cross-lingual.
PUBLISHED = {
    "command-r": (98.0, 67.7),
    "gpt-3.5-turbo": (98.1, 89.1),
    "llama-3-instruct": (45.7, 30.0),
    "mistral-8x7b": (72.8, 69.1),
    "command-r-base": (85.5, 0.7),
}
ENGLISH = "The weather is very nice today and we are happy"
GERMAN = "Das Wetter ist heute sehr schön und wir freuen uns"
RUSSIAN = "Сегодня очень хорошая погода и мы все рады"
CHINESE = "今天的天气非常好我们都很高兴"
WORDS = english_words(["weather", "nice", "Paris", "the", "AIDS", " happy \n", ""])


@pytest.fixture(scope="session")
def classifier(language_model):
    return load_classifier(str(language_model))


def lines_of(classifier, *rows):
    return line_pass([text for text, _ in rows], [target for _, target in rows], classifier).to_pylist()


def words_of(*rows):
    return word_pass([text for text, _ in rows], [target for _, target in rows], WORDS).to_pylist()


def test_every_long_line_must_be_in_the_target(classifier):
    assert lines_of(
        classifier,
        (ENGLISH, "en"),
        (ENGLISH, "de"),
        (f"{GERMAN}\n{GERMAN}", "de"),
        (f"{GERMAN}\n\n{ENGLISH}", "de"),
        (f"{CHINESE}。\n{CHINESE}", "zh-CN"),
        (CHINESE, "ja"),
        (RUSSIAN, "ru"),
    ) == [True, False, True, False, True, False, True]


def test_lines_of_few_tokens_are_not_judged(classifier):
    short = " ".join(GERMAN.split()[: MIN_TOKENS - 1])
    assert lines_of(classifier, (f"{short}\n{ENGLISH}", "en"), (short, "en"), ("", "en"), ("\n\n", "de")) == [
        True,
        None,
        None,
        None,
    ]
    assert lines_of(classifier, ("你好吗", "zh"), ("你好", "ja"), ("สวัสดี", "th")) == [None] * 3


def test_punctuation_is_no_token_and_what_follows_q_is_left_out(classifier):
    assert lines_of(classifier, ("Das - ist , gut !", "en"), (f"{GERMAN}\nQ: {ENGLISH}", "de")) == [None, True]


def test_a_label_that_is_not_probable_does_not_pass(classifier):
    assert lines_of(classifier, ("x1 q2 z3 k4 w5 v6", "en")) == [False]


def test_words_are_judged_where_scripts_differ():
    assert words_of(
        (f"{RUSSIAN} nice", "ru"),
        (f"{RUSSIAN} Nice THE the AIDS Paris", "ru"),
        (f"{RUSSIAN}\nnice", "ru"),  # a short line
        (f"{RUSSIAN} nice-", "ru"),
        (f"{CHINESE}weather{CHINESE}", "zh"),
        (f"{RUSSIAN}weather слово", "ru"),  # as the benchmark: a token is what stands between spaces
        (ENGLISH, "de"),
        ("weather", "ru"),
    ) == [False, True, True, False, False, True, None, None]


def test_rates_count_what_was_judged_only(classifier):
    texts = [RUSSIAN, f"{RUSSIAN} nice", ENGLISH, "да", GERMAN]
    targets = ["ru", "ru", "ru", "ru", "de"]
    lines, words = line_pass(texts, targets, classifier), word_pass(texts, targets, WORDS)
    assert lines.to_pylist() == [True, True, False, None, True]
    assert words.to_pylist() == [True, False, False, None, None]
    assert pass_rates(lines, words) == (0.75, 0.5, 4, 2)
    assert pass_rates(lines[:0], words[:0]) == (None, None, 0, 0)


def test_texts_and_targets_go_together(classifier):
    with pytest.raises(ValueError, match="zip"):
        line_pass([ENGLISH], [], classifier)
    with pytest.raises(ValueError, match="zip"):
        word_pass([ENGLISH], [], WORDS)


def test_hostile_text_is_judged_like_any(classifier):
    marks, lines, mixed = "\u0301" * 100_000, "a\n" * 100_000, "a字" * 50_000
    texts = ["\ud800 a b c d e \x00", "字" * 200_000, marks, lines, mixed, "字 " * 50_000]
    passed = line_pass(texts, ["zh"] * len(texts), classifier).to_pylist()
    assert passed[0] is False
    assert passed[3] is None
    assert word_pass(texts, ["zh"] * len(texts), WORDS).to_pylist() == [True, True, True, None, True, True]


@pytest.mark.parametrize("model", PUBLISHED)
def test_rates_of_the_benchmarks_own_responses_are_those_published(model, classifier, reference_data):
    folder = reference_data("lcb_outputs")
    responses = gzip.decompress((folder / f"{model}.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(responses, newline="")))
    passed = line_pass([row["completion"] for row in rows], [row["language"] for row in rows], classifier).to_pylist()
    for task, published in zip(("monolingual", "crosslingual"), PUBLISHED[model], strict=True):
        by_source, by_language = defaultdict(list), defaultdict(list)
        for row, verdict in zip(rows, passed, strict=True):
            if row["task"] == task and verdict is not None:
                by_source[row["language"], row["source"]].append(verdict)
        for (language, _), verdicts in by_source.items():
            by_language[language].append(math.fsum(verdicts) / len(verdicts))
        mean = math.fsum(math.fsum(rates) / len(rates) for rates in by_language.values()) / len(by_language)
        assert 100 * mean == pytest.approx(published, abs=0.2)
