"""The kernel against the same definitions in plain Python, which share no code with it."""

import pytest
from hypothesis import example, given, settings
from text_strategies import columns, large_strings, texts

from columnar.codepoints import SCRIPTS, UNSPACED_SCRIPTS, script_numbers
from columnar.signal_basic import STOP_WORDS
from columnar.signals import SIGNALS, measure


def is_unspaced(character: str) -> bool:
    return character.isalnum() and SCRIPTS[script_numbers()[ord(character)]] in UNSPACED_SCRIPTS


def plain_words(text: str) -> list[str]:
    """Splits on white space, then before a letter of an unspaced script and before what is alphanumeric after one."""
    words: list[str] = []
    for chunk in text.split():
        word = ""
        for character in chunk:
            has_core = any(map(str.isalnum, word))
            after_unspaced = any(map(is_unspaced, word))
            if (is_unspaced(character) and has_core) or (character.isalnum() and after_unspaced):
                words.append(word)
                word = ""
            word += character
        words.append(word)
    return words


def plain_stop_words(words: list[str]) -> int:
    cores = {"".join(c.lower() if c.isascii() else "?" for c in strip_symbols(word)) for word in words}
    return len(cores & set(STOP_WORDS))


def strip_symbols(word: str) -> str:
    alnum = [i for i, c in enumerate(word) if c.isalnum()]
    return word[alnum[0] : alnum[-1] + 1] if alnum else ""


def plain_measure(text: str) -> dict[str, object]:
    words, lines = plain_words(text), text.splitlines()

    def share(count: float, whole: list[str] | str) -> float:
        return count / max(1, len(whole))

    return {
        "bytes": len(text.encode()),
        "chars": len(text),
        "words": len(words),
        "lines": len(lines),
        "nonblank_lines": sum(1 for line in lines if line.strip()),
        "mean_word_length": share(sum(map(len, words)), words),
        "hash_to_word_ratio": share(text.count("#"), words),
        "ellipsis_to_word_ratio": share(text.count("...") + text.count("…"), words),
        "bullet_line_share": share(sum(line.lstrip().startswith(tuple("-*•‣◦⁃∙▪●○■")) for line in lines), lines),
        "ellipsis_line_share": share(sum(line.rstrip().endswith(("...", "…")) for line in lines), lines),
        "alpha_word_share": share(sum(any(map(str.isalpha, word)) for word in words), words),
        "stop_words": plain_stop_words(words),
        "mean_line_length": share(sum(map(len, lines)), lines),
        "max_line_length": max(map(len, lines), default=0),
        "alpha_char_share": share(sum(map(str.isalpha, text)), text),
        "alnum_char_share": share(sum(map(str.isalnum, text)), text),
        "replacement_chars": text.count("\ufffd"),
        "xml_declaration": "<?xml version=" in text[:100],
    }


@settings(max_examples=500)
@given(texts)
@example("a\r\nb\rc\n\n")
@example("x" * 86 + "<?xml version=")
@example("x" * 87 + "<?xml version=")
@example("\u00e9" * 86 + "<?xml version=" * 2)
@example("....... ...\n… .\n- …")
@example("The, the-end THE. (with) have_ havE and1")
@example("sinh成的abc，x 、ไทยกำ๑กa")
def test_measure_is_what_plain_python_says(text):
    assert measure(large_strings([text]), ["basic"]).to_pylist() == [plain_measure(text)]


@given(columns)
def test_documents_do_not_touch_each_other(values):
    assert measure(large_strings(values), ["basic"]).to_pylist() == [plain_measure(value) for value in values]


def test_columns_are_the_table_in_order():
    batch = measure(large_strings(["a"]))
    assert batch.schema.names == list(SIGNALS)
    assert [batch.schema.field(name).type for name in SIGNALS] == [signal.type for signal in SIGNALS.values()]
    assert all(signal.doc for signal in SIGNALS.values())
    assert measure(large_strings([])).schema == batch.schema


def test_known_answers():
    text = "# Title\n\n- The cat sat on\n- a mat, with that...\n\nAnd so on…\n"
    (row,) = measure(large_strings([text])).to_pylist()
    assert row["words"] == 15
    assert row["lines"] == 6
    assert row["nonblank_lines"] == 4
    assert row["stop_words"] == 4  # the, with, that, and
    assert row["bullet_line_share"] == pytest.approx(2 / 6)
    assert row["ellipsis_line_share"] == pytest.approx(2 / 6)
    assert row["ellipsis_to_word_ratio"] == pytest.approx(2 / 15)
    assert row["hash_to_word_ratio"] == pytest.approx(1 / 15)
    assert row["max_line_length"] == 21
    assert row["alpha_word_share"] == pytest.approx(12 / 15)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello, world", ["hello,", "world"]),
        ("sinh成的", ["sinh", "成", "的"]),
        ("今天，天气。", ["今", "天，", "天", "气。"]),
        ("「成」x", ["「成」", "x"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("กำ", ["ก", "ำ"]),
        ("— –", ["—", "–"]),
    ],
)
def test_what_a_word_is(text, words):
    assert plain_words(text) == words
    (row,) = measure(large_strings([text])).to_pylist()
    assert row["words"] == len(words)


def test_words_of_spaced_text_are_those_of_split():
    text = "Some plain text: it's spaced, 1.5 times... (as usual) — naïve café Привет"
    assert measure(large_strings([text]))["words"].to_pylist() == [len(text.split())]


@pytest.mark.parametrize("group", sorted({signal.group for signal in SIGNALS.values()}))
def test_a_group_is_measured_alone_as_with_all(group):
    texts = large_strings(["The cat sat on the mat. " * 3, "", "今天。"])
    alone, together = measure(texts, [group]), measure(texts)
    assert alone.schema.names == [name for name, signal in SIGNALS.items() if signal.group == group]
    assert alone.equals(together.select(alone.schema.names))


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="no group of signals 'gopher'; there are basic"):
        measure(large_strings(["a"]), ["basic", "gopher"])


@given(texts)
def test_basic_signals_are_the_same_with_others_and_alone(text):
    alone = measure(large_strings([text]), ["basic"])
    assert measure(large_strings([text])).select(alone.schema.names).equals(alone)


@pytest.mark.parametrize(
    "space", [" ", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u205f", "\u3000", "\u2019", "\u3001"]
)
def test_white_space_parts_words_wherever_it_stands(space):
    # Kernels look at 64 bytes at a time: white space of one to three bytes may lie across, and a document may end anywhere.
    values = [f"{'a' * before}{space}{'b' * after}" for before in range(58, 68) for after in (0, 1, 62, 130)]
    for column in (large_strings(values), large_strings([*values, "c" * 200])):
        found = measure(column, ["dolma"]).column("dolma_words").to_pylist()
        assert found[: len(values)] == [len(value.split()) for value in values]
