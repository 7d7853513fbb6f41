import pytest
from hypothesis import given
from hypothesis import strategies as st

from columnar.masking import MAX_INLINE_MATH, find_masks


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("plain text, 5 < 6 and a@ b", []),
        ("so $x_1 = y$ and $$z\n= 1$$.", ["$x_1 = y$", "$$z\n= 1$$"]),
        ("I paid $5 and then $10 for it", []),
        ("costs $ 5 $ or $\n$", []),
        (r"a \(x\) b \[y\n\] c", [r"\(x\)", r"\[y\n\]"]),
        (r"so \boxed{a{b}c} and \alpha+\frac{1}{2}", [r"\boxed{a{b}c}", r"\alpha", r"\frac{1}"]),
        (r"\begin{align*}x&=1\end{align*} \begin{itemize}", [r"\begin{align*}x&=1\end{align*}", r"\begin"]),
        (r"literal \$5 and 5\$ stay", []),
        ("use `x = 1` and ``a ` b``", ["`x = 1`", "``a ` b``"]),
        ("text\n```python\nprint('成')\n```\nmore", ["```python\nprint('成')\n```"]),
        ("~~~\ncode\n~~~", ["~~~\ncode\n~~~"]),
        ("```\nnever closed", ["```\nnever closed"]),
        ("open ` only", []),
        ("[asy]draw(a);[/asy] then", ["[asy]draw(a);[/asy]"]),
        ("see https://a.b/c?d=e#f, www.x.org.", ["https://a.b/c?d=e#f,", "www.x.org."]),
        ("在https://a.b/c。成的", ["https://a.b/c"]),
        ("https://пример.рф/путь ok", ["https://пример.рф/путь"]),
        ("to me.you+x@mail.example.org now", ["me.you+x@mail.example.org"]),
        ("<think>a</think> <br/> <a href='成'>b</a> <!-- c --> <|im_end|>",
         ["<think>", "</think>", "<br/>", "<a href='成'>", "</a>", "<!-- c -->", "<|im_end|>"]),
        ("if a <b and c> d", []),
    ],
)  # fmt: skip
def test_known_masks(text, masked):
    assert [text[mask.start : mask.end] for mask in find_masks(text)] == masked


def test_only_formulas_are_math():
    kinds = [mask.kind for mask in find_masks(r"$x$ `x` \[x\] https://x.y \boxed{1} <b>")]
    assert kinds == ["math", "other", "math", "other", "math", "other"]


def test_inline_math_is_bounded():
    assert find_masks("$" + "x" * MAX_INLINE_MATH + "$")
    assert not find_masks("$" + "x" * (MAX_INLINE_MATH + 1) + "$")


_PIECES = (
    *(
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\",
        "{",
        "}",
        "\\boxed{",
        "\\begin{align}",
        "\\end{align}",
        "`",
        "```",
        "~~~",
    ),
    *("[asy]", "[/asy]", "://", "www.", "@", "<", ">", "<b", "=", "a", "成", ".", " ", "\n"),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_masks_are_ordered_and_do_not_overlap(text):
    at = 0
    for mask in find_masks(text):
        assert at <= mask.start < mask.end <= len(text)
        at = mask.end


@pytest.mark.parametrize(
    "unit", ["$", "$$ ", "\\(", "\\boxed{", "`` ` ", "<a ", "<a=", "a@", "://", "[asy]", "```\n", "\\begin{align}"]
)
def test_a_megabyte_of_openers_ends(unit):
    """A scan that went back for each opener would take hours."""
    find_masks(unit * (1_000_000 // len(unit)))
