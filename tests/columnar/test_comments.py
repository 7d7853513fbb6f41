"""Comments in source code: known answers, and Python's own tokenizer as an oracle."""

import io
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import large_strings, texts

from columnar.comments import LANGUAGES, comment_chars


def count(text, language):
    return int(comment_chars(large_strings([text]), language)[0])


@pytest.mark.parametrize(
    ("language", "text", "comments"),
    [
        ("python", "x = 1  # one é\ny = '# no'\n", ["# one é"]),
        ("python", 'def f():\n    """Says."""\n    return """no"""\n', ['"""Says."""']),
        ("python", 'r"""Raw\ndoc # in it"""\n', ['"""Raw\ndoc # in it"""']),
        ("python", 'f(\n  "argument",\n)\n', []),
        ("python", "x = 'it\\'s # no' # yes", ["# yes"]),
        ("python", "x = 'unclosed\n# yes", ["# yes"]),
        ("python", '"""never closed # all of it', ['"""never closed # all of it']),
        ("java", 'int a; // one\nString s = "// no"; /* two\n * lines */ char c = \'"\'; // x', ["// one", "/* two\n * lines */", "// x"]),
        ("java", 'var t = """\n// no "quotes" here\n"""; // yes', ["// yes"]),
        ("java", "/* open", ["/* open"]),
        ("javascript", 'let r = /\\/[/]*"/g; // yes\nlet q = a / b / c; // too', ["// yes", "// too"]),
        ("javascript", "let t = `// no\n${x} /* no */`; /* yes */", ["/* yes */"]),
        ("javascript", "f('// no', \"/* no */\")", []),
        ("javascript", "", []),
    ],
)  # fmt: skip
def test_known_answers(language, text, comments):
    assert count(text, language) == sum(map(len, comments))


LINES = st.sampled_from(
    ["x = 1", "x = 1  # é one", "# two", "    ", "y = 'a # b'", 'z = "\'"  # c', "f(1,  # in call\n  2)", "w = '''a\n# b\n'''", "n = [\n# d\n]",
     "a = b'\\\\'  # e"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines) + "\n"))
def test_as_pythons_tokenizer_says(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    assert count(source, "python") == sum(len(token.string) for token in tokens if token.type == tokenize.COMMENT)


@settings(max_examples=100, deadline=None)
@given(text=texts, language=st.sampled_from(sorted(LANGUAGES)))
def test_never_more_than_there_is(text, language):
    assert 0 <= count(text, language) <= len(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_code_ends(language):
    hostile = [
        "/" * 1_000_000,
        '"' * 1_000_000,
        "'\\" * 500_000,
        "=/[" * 300_000,
        "\n" * 1_000_000,
        "#/*" * 300_000,
        "\\",
    ]
    assert (comment_chars(large_strings(hostile), language) >= 0).all()
