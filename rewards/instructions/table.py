"""The table of instructions: for each published id its check, and the arguments that a prompt row must give. Data, and its reader.

A gold is `{"instruction_id_list": [...], "kwargs": [...]}` as the rows of IFEval and IFBench have it, with a null for each keyword
that belongs to other instructions. Nothing is made up for what is missing: the published code draws a number or a letter anew in
each process, here the gold is bad.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from rewards.instructions import counts, fixed_tasks, ifeval, layout, wording
from rewards.instructions.languages import folded
from rewards.instructions.response import Response
from rewards.visible import seen

MAX_INSTRUCTIONS: Final = 100
"""No prompt asks for more; a longer list is a broken row."""

Check = Callable[..., str | None]
Reader = Callable[[Any], Any]


class BadGoldError(ValueError):
    """A gold that asks for nothing that can be checked; the message names what is wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a gold, ready to be asked of any response."""

    id: str
    check: Check
    arguments: tuple[Any, ...]

    def why_not(self, response: Response) -> str | None:
        """Gives None when the response follows it, else the reason. What has nothing to compare does not follow."""
        what, least = _LEAST.get(self.id, ("words", 0))
        found = len(response.sentences) if what == "sentences" else response.num_word_runs if least else 0
        if found < least:
            return f"{found} {what}, too few to follow it"
        return self.check(response, *self.arguments)


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 0 or given != int(given):
        raise ValueError("a whole number from 0 on")
    return int(given)


def _place(given: Any) -> int:
    number = _whole(given)
    if number == 0:
        raise ValueError("a whole number from 1 on")
    return number


def _text(given: Any) -> str:
    if not isinstance(given, str) or not seen(given).strip():
        raise ValueError("a text")
    return seen(given)


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise ValueError("a list of texts")
    return tuple(_text(item) for item in given)


def _relation(given: Any) -> str:
    if given not in ("at least", "less than"):
        raise ValueError("'at least' or 'less than'")
    return str(given)


def _letter(given: Any) -> str:
    if not isinstance(given, str) or len(given.strip()) != 1:
        raise ValueError("one character")
    return given.strip()


def _language(given: Any) -> str:
    label = folded(_text(given))
    if label is None:
        raise ValueError("the code of a language that is known here")
    return label


_TABLE: Final[Mapping[str, tuple[Check, Mapping[str, Reader]]]] = {
    # IFEval
    "change_case:capital_word_frequency": (
        ifeval.capital_words,
        {"capital_frequency": _whole, "capital_relation": _relation},
    ),
    "change_case:english_capital": (ifeval.all_capitals, {}),
    "change_case:english_lowercase": (ifeval.all_small, {}),
    "combination:repeat_prompt": (ifeval.repeat_prompt, {"prompt_to_repeat": _text}),
    "combination:two_responses": (ifeval.two_responses, {}),
    "detectable_content:number_placeholders": (ifeval.placeholders, {"num_placeholders": _whole}),
    "detectable_content:postscript": (ifeval.postscript, {"postscript_marker": _text}),
    "detectable_format:constrained_response": (ifeval.constrained_answer, {}),
    "detectable_format:json_format": (ifeval.is_json, {}),
    "detectable_format:multiple_sections": (ifeval.num_sections, {"section_spliter": _text, "num_sections": _whole}),
    "detectable_format:number_bullet_lists": (ifeval.num_bullets, {"num_bullets": _whole}),
    "detectable_format:number_highlighted_sections": (ifeval.num_highlights, {"num_highlights": _whole}),
    "detectable_format:title": (ifeval.title, {}),
    "keywords:existence": (ifeval.keywords, {"keywords": _texts}),
    "keywords:forbidden_words": (ifeval.forbidden_words, {"forbidden_words": _texts}),
    "keywords:frequency": (
        ifeval.keyword_frequency,
        {"keyword": _text, "frequency": _whole, "relation": _relation},
    ),
    "keywords:letter_frequency": (
        ifeval.letter_frequency,
        {"letter": _letter, "let_frequency": _whole, "let_relation": _relation},
    ),
    "language:response_language": (ifeval.language, {"language": _language}),
    "length_constraints:nth_paragraph_first_word": (
        ifeval.paragraph_first_word,
        {"num_paragraphs": _whole, "nth_paragraph": _place, "first_word": _text},
    ),
    "length_constraints:number_paragraphs": (ifeval.num_paragraphs, {"num_paragraphs": _whole}),
    "length_constraints:number_sentences": (ifeval.num_sentences, {"num_sentences": _whole, "relation": _relation}),
    "length_constraints:number_words": (ifeval.num_words, {"num_words": _whole, "relation": _relation}),
    "punctuation:no_comma": (ifeval.no_comma, {}),
    "startend:end_checker": (ifeval.end_phrase, {"end_phrase": _text}),
    "startend:quotation": (ifeval.quotation, {}),
    # IFBench, out of domain
    "count:conjunctions": (counts.conjunctions, {"small_n": _whole}),
    "count:keywords_multiple": (counts.keywords_multiple, {f"keyword{i}": _text for i in range(1, 6)}),
    "count:numbers": (counts.numbers, {"N": _whole}),
    "count:person_names": (counts.person_names, {"N": _whole}),
    "count:pronouns": (counts.pronouns, {"N": _whole}),
    "count:punctuation": (counts.punctuation, {}),
    "count:unique_word_count": (counts.unique_words, {"N": _whole}),
    "count:word_count_range": (counts.word_count_range, {"min_words": _whole, "max_words": _whole}),
    "count:words_japanese": (counts.japanese_words, {"N": _place}),
    "custom:character_reverse": (fixed_tasks.reversed_letters, {}),
    "custom:csv_city": (fixed_tasks.city_csv, {}),
    "custom:csv_quotes": (fixed_tasks.quoted_csv, {}),
    "custom:csv_special_character": (fixed_tasks.special_character_csv, {}),
    "custom:date_format_list": (fixed_tasks.napoleon_dates, {}),
    "custom:european_capitals_sort": (fixed_tasks.capitals_by_latitude, {}),
    "custom:mcq_count_length": (fixed_tasks.growing_questions, {}),
    "custom:multiples": (fixed_tasks.multiples, {}),
    "custom:reverse_newline": (fixed_tasks.african_countries, {}),
    "custom:sentence_alphabet": (wording.sentence_alphabet, {}),
    "custom:word_reverse": (fixed_tasks.reversed_words, {}),
    "format:emoji": (layout.emoji_at_ends, {}),
    "format:line_indent": (layout.stairs, {}),
    "format:list": (layout.list_with_separator, {"sep": _text}),
    "format:newline": (layout.word_a_line, {}),
    "format:no_bullets_bullets": (layout.sentences_then_bullets, {}),
    "format:no_whitespace": (layout.no_whitespace, {}),
    "format:options": (layout.one_option, {"options": _text}),
    "format:output_template": (layout.template, {}),
    "format:parentheses": (layout.nested_brackets, {}),
    "format:quote_unquote": (layout.explained_quotes, {}),
    "format:quotes": (layout.nested_quotes, {}),
    "format:sub-bullets": (layout.sub_bullets, {}),
    "format:thesis": (layout.thesis, {}),
    "format:title_case": (wording.title_case, {}),
    "ratio:overlap": (counts.overlap, {"reference_text": _text, "percentage": _whole}),
    "ratio:sentence_balance": (counts.sentence_balance, {}),
    "ratio:sentence_type": (counts.sentence_type_ratio, {}),
    "ratio:sentence_words": (counts.equal_sentences, {}),
    "ratio:stop_words": (counts.stop_words, {"percentage": _whole}),
    "repeat:repeat_change": (wording.repeat_changed, {"prompt_to_repeat": _text}),
    "repeat:repeat_simple": (wording.repeat_sentence, {}),
    "repeat:repeat_span": (wording.repeat_span, {"prompt_to_repeat": _text, "n_start": _whole, "n_end": _whole}),
    "sentence:alliteration_increment": (wording.growing_alliteration, {}),
    "sentence:increment": (wording.growing_sentences, {"small_n": _whole}),
    "sentence:keyword": (wording.sentence_keyword, {"word": _text, "N": _place}),
    "words:alphabet": (wording.alphabet_loop, {}),
    "words:consonants": (wording.consonant_clusters, {}),
    "words:keywords_specific_position": (wording.keyword_at_position, {"keyword": _text, "n": _place, "m": _place}),
    "words:last_first": (wording.last_word_first, {}),
    "words:no_consecutive": (wording.no_same_first_letters, {}),
    "words:odd_even_syllables": (wording.alternating_syllables, {}),
    "words:palindrome": (wording.palindromes, {}),
    "words:paragraph_last_first": (wording.paragraph_ends_as_it_begins, {}),
    "words:prime_lengths": (wording.prime_lengths, {}),
    "words:repeats": (counts.repeats, {"small_n": _whole}),
    "words:start_verb": (wording.starts_with_verb, {}),
    "words:vowel": (wording.few_vowels, {}),
    "words:words_position": (wording.second_words, {"keyword": _text}),
}

_LEAST: Final[Mapping[str, tuple[str, int]]] = {
    **dict.fromkeys(("sentence:alliteration_increment", "sentence:increment"), ("sentences", 2)),
    **dict.fromkeys(("words:alphabet", "words:no_consecutive", "words:odd_even_syllables"), ("words", 2)),
    **dict.fromkeys(("words:last_first", "words:paragraph_last_first", "words:prime_lengths"), ("words", 1)),
    **dict.fromkeys(("words:repeats", "words:vowel", "count:words_japanese", "repeat:repeat_change"), ("words", 1)),
    **dict.fromkeys(
        ("format:newline", "format:no_whitespace", "format:quote_unquote", "format:title_case"), ("words", 1)
    ),
}
"""What there must be for a rule on each or on one after the other to mean anything: one word is no row of words. (One sentence
follows `words:last_first`, as published: four of its five published answers are one.)"""

INSTRUCTION_IDS: Final = tuple(_TABLE)
"""The 83 ids that are known, IFEval's 25 first."""


def read_gold(gold: Any) -> tuple[Instruction, ...]:
    """Reads a gold: a mapping, or its JSON as text.

    Raises:
        BadGoldError: it is neither, names no instruction or an unknown one, or lacks an argument; the message says which.
    """
    if isinstance(gold, str):
        try:
            gold = json.loads(gold)
        except (ValueError, RecursionError) as failure:
            raise BadGoldError("gold is neither a mapping nor JSON") from failure
    if not isinstance(gold, Mapping):
        raise BadGoldError("gold is neither a mapping nor JSON of one")
    ids, given = gold.get("instruction_id_list"), gold.get("kwargs")
    if not isinstance(ids, list | tuple) or not ids:
        raise BadGoldError("instruction_id_list is missing or empty")
    if len(ids) > MAX_INSTRUCTIONS:
        raise BadGoldError(f"{len(ids)} instructions, at most {MAX_INSTRUCTIONS} are read")
    if given is None:
        given = [{}] * len(ids)
    if not isinstance(given, list | tuple) or len(given) != len(ids):
        raise BadGoldError("kwargs is not a list as long as instruction_id_list")
    return tuple(_read_instruction(name, arguments) for name, arguments in zip(ids, given, strict=True))


def _read_instruction(name: Any, given: Any) -> Instruction:
    if not isinstance(name, str) or name not in _TABLE:
        raise BadGoldError(f"no instruction is called {name!r}"[:120])
    if given is not None and not isinstance(given, Mapping):
        raise BadGoldError(f"{name}: kwargs is no mapping")
    check, readers = _TABLE[name]
    arguments = []
    for keyword, reader in readers.items():
        value = (given or {}).get(keyword)
        if value is None:
            raise BadGoldError(f"{name}: {keyword} is missing")
        try:
            arguments.append(reader(value))
        except (ValueError, OverflowError) as failure:
            raise BadGoldError(f"{name}: {keyword} must be {failure}") from failure
    return Instruction(name, check, tuple(arguments))
