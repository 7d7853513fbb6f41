import pyarrow as pa
import pytest

from columnar.mixing import off_script


def counts(texts, target):
    return [column.to_pylist() for column in off_script(pa.array(texts, pa.large_string()), target)]


def test_letters_are_counted_by_script():
    texts = ["sinh成的 và", "", "αβ and λόγος", "한국 1 2 3 😀", "x\u0301é"]
    letters, foreign, latin = counts(texts, "vi")
    assert letters == [8, 0, 10, 2, 2]
    assert foreign == [2, 0, 5, 2, 0]
    assert latin == [0, 0, 0, 0, 0]


def test_latin_letters_in_another_script_are_counted_apart():
    assert counts(["это Python", "答案是 сорок two"], "ru") == [[9, 11], [0, 3], [6, 3]]


def test_slices_are_honoured():
    whole = pa.array(["成", "abc", "где"], pa.large_string())
    assert [c.to_pylist() for c in off_script(whole.slice(1, 2), "en")] == [[3, 3], [0, 3], [0, 0]]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="ISO 639"):
        counts(["a"], "english")
    with pytest.raises(TypeError, match="large_string"):
        off_script(pa.array(["a"]), "en")
