r"""Extraction: the text of a page, and its formulas exactly as the page had them."""

import gzip
import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree
from step_kit import batch_of, kept_ids, reasons_of, step_of

from curation.readers.html import decode_page
from curation.steps.extract import MAX_DEPTH, extract_page
from curation.steps.formulas import MAX_FORMULA_CHARS, bare
from schemas.arrow import DOCUMENTS

MATHJAX = '<script src="https://cdn/MathJax.js"></script>'


def body(inner: str, *, head: str = "") -> str:
    return f"<html><head>{head}</head><body><main><p>before</p>{inner}<p>after</p></main></body></html>"


def between(inner: str, **options: object) -> str:
    text = extract_page(body(inner, **options)).text
    assert text.startswith("before")
    assert text.endswith("after")
    return text.removeprefix("before").removesuffix("after").strip()


TEX = "a<b \\% x\n  y % note\n z"
ESCAPED = TEX.replace("<", "&lt;")


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        # MathJax 2
        (f'<p>x <script type="math/tex">{TEX}</script>.</p>', f"x ${TEX}$."),
        (f'<p><script type="math/tex; mode=display">{TEX}</script></p>', f"$${TEX}$$"),
        (
            '<p>x <span class="MathJax_Preview">y2</span><span class="MathJax">y2</span><script type="math/tex">y^2</script></p>',
            "x $y^2$",
        ),
        # KaTeX
        (
            (
                '<p>x <span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>y</mi></mrow>'
                f'<annotation encoding="application/x-tex">{ESCAPED}</annotation></semantics></math></span>'
                '<span class="katex-html" aria-hidden="true">y2</span></span> z</p>'
            ),
            f"x ${TEX}$ z",
        ),
        (
            (
                '<span class="katex-display"><span class="katex"><math><semantics><mi>y</mi>'
                '<annotation encoding="application/x-tex">y^2</annotation></semantics></math></span></span>'
            ),
            "$$y^2$$",
        ),
        # MathML
        (f'<p>x <math alttext="{ESCAPED}"><mi>y</mi></math></p>', f"x ${TEX}$"),
        (
            '<math display="block"><semantics><mi>y</mi><annotation encoding="TeX">y^2</annotation></semantics></math>',
            "$$y^2$$",
        ),
        ("<p>x <math><mi>y</mi></math></p>", "x $y$"),  # no TeX anywhere: its text
        # MediaWiki hides the MathML and shows a picture
        (
            (
                '<p>x <span class="mwe-math-element"><span style="display: none;"><math><semantics><mi>y</mi>'
                '<annotation encoding="application/x-tex">{\\displaystyle y^{2}}</annotation></semantics></math></span>'
                '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle y^{2}}"></span></p>'
            ),
            "x $y^{2}$",
        ),
        # pictures
        ('<p>x <img class="tex" alt="y^2" src="1.png"></p>', "x $y^2$"),
        ('<p>x <img alt="$y^2$" src="https://s0.wp.com/latex.php?latex=z"></p>', "x $y^2$"),
        ('<p>x <img src="https://s0.wp.com/latex.php?latex=y%5E2&bg=fff"></p>', "x $y^2$"),
        ('<p>x <img src="https://latex.codecogs.com/png.latex?y%5E2"></p>', "x $y^2$"),
        ('<p>x <img alt="a photograph" src="photo.jpg"></p>', "x"),
    ],
)
def test_formulas_survive_exactly(inner, text):
    assert between(inner) == text


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (f"<p>x \\({ESCAPED}\\) z</p>", f"x ${TEX}$ z"),
        (f"<p>\\[{ESCAPED}\\]</p>", f"$${TEX}$$"),
        (f"<p>$${ESCAPED}$$</p>", f"$${TEX}$$"),
        ("<p>\\(a\\) and \\(b\\) but \\(never closed</p>", "$a$ and $b$ but \\(never closed"),
        ("<p>\\) \\(a\\(b\\) c\\)</p>", "\\) $a\\(b$ c\\)"),
        ("<p><code>\\(a\\)</code></p>", "\\(a\\)"),
        ("<pre>\\(a\\)</pre>", "\\(a\\)"),
    ],
)
def test_delimiters_are_formulas_on_pages_that_load_mathjax(inner, text):
    assert between(inner, head=MATHJAX) == text
    plain = extract_page(body(inner)).text
    assert "\\" in plain or "$$" in plain  # elsewhere the text stays as it is


def test_formulas_can_be_left_alone():
    page = body('<p>x <math alttext="y^2"><mi>y</mi></math></p>')
    assert extract_page(page, formulas=False).text == "before\n\nx y\n\nafter"
    assert extract_page(page).num_formulas == 1


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (" $x$ ", "x"),
        ("$$x$$", "x"),
        ("\\(x\\)", "x"),
        ("\\[ x \\]", "x"),
        ("$a$ and $b$", "$a$ and $b$"),
        ("{\\displaystyle x^{2}}", "x^{2}"),
        ("{\\displaystyle a}+{\\displaystyle b}", "{\\displaystyle a}+{\\displaystyle b}"),
        ("{\\textstyle \\{ }", "\\{"),
        ("$", "$"),
        ("$$", "$$"),
        ("", ""),
    ],
)
def test_wrappers_around_a_formula_are_taken_off(tex, expected):
    assert bare(tex) == expected


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=60)
)
def test_any_formula_in_a_script_survives(tex):
    if "<" in tex or "$" in tex or "\\" in tex or bare(tex) != tex:
        return
    found = extract_page(body(f'<p><script type="math/tex">{tex}</script></p>'))
    assert found.text == f"before\n\n${tex}$\n\nafter"


def test_marks_that_a_page_brings_itself_stand_for_nothing():
    mark = "\ua66e\u2e2e{}\u2e2e\ua66e"
    inner = f'<p>{mark.format(7)} {mark.format("9" * 5000)}</p><p><math alttext="y"></math></p>'
    assert between(inner) == f"{mark.format(7)} {mark.format('9' * 5000)}\n\n$y$"


def test_main_content_leaves_out_navigation():
    page = "<nav><a href=/>home</a></nav>" + body("<p>article</p>") + "<footer>imprint</footer>"
    assert extract_page(page).text == "before\n\narticle\n\nafter"
    assert "home" in extract_page(page, main_content=False).text


def test_titles_and_replaced_characters():
    found = extract_page("<title> A &amp;\n B </title><p>a&#0;b&#xD800;c")
    assert found.metadata.title == "A & B"
    assert found.text == "a\ufffdb\ufffdc"


def test_the_step_fills_text_drops_pages_and_rejects_empty_ones():
    batch = batch_of(
        {"html": "<title>T</title><p>é".encode("latin-1"), "html_encoding": "latin-1"},
        {"text": "<p>already text"},
        {"html": b"<title>only a title</title>"},
        {"html": b""},
    )
    output = step_of(extract={}).apply(batch)
    assert kept_ids(output) == ["0", "1"]
    assert output.kept.column("text").to_pylist() == ["é", "<p>already text"]
    assert reasons_of(output) == {"2": ["no_text"], "3": ["no_text"]}
    assert output.rejects.column("text").to_pylist() == ["", ""]
    assert output.rejects.column("step").to_pylist() == ["extract", "extract"]
    for kept in (output.kept, output.rejects):
        assert not {"html", "html_encoding"} & set(kept.schema.names)
        assert kept.schema.field("text") == DOCUMENTS.field("text")
    assert json.loads(output.rejects.column("meta")[0].as_py())["title"] == "only a title"


def test_a_batch_without_rows_keeps_its_schema():
    output = step_of(extract={}).apply(batch_of())
    assert (output.kept.num_rows, output.rejects) == (0, None)
    assert "html" not in output.kept.schema.names


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "x",
        MATHJAX + "<div>" * 100_000 + "\\(x\\)",
        "<b>" * 100_000 + "x",
        '<span class="katex">' * 30_000 + "x<math alttext=y></math>",
        "<script type=math/tex>x</script>" * 30_000 + "x",
        MATHJAX + "<p>" + "\\(" * 200_000 + "x",
        MATHJAX + "<p>" + "$$" * 100_001 + "x",
        "<" * 500_000 + " x",
        "<a b='" + "c d " * 5000 + "'>x",
        f'<p>x<math alttext="{"y" * (MAX_FORMULA_CHARS + 1)}"></math>',
    ],
    ids=lambda page: page[:20],
)
@pytest.mark.timeout(200)  # a square would take hours
def test_hostile_pages_end(page):
    assert "x" in extract_page(page).text


def test_a_page_too_deep_for_its_main_content_is_taken_whole():
    deep = "<nav>menu</nav>" + "<div>" * (MAX_DEPTH * 10) + "x"
    assert extract_page(deep).text.split() == ["menu", "x"]
    assert extract_page("<nav>menu</nav>" + "<div>" * 10 + "x").text == "x"


def test_a_program_with_long_comparisons_is_no_tag():
    page = "<script>if(a<b){" + "x = y; " * 30_000 + "}</script><p>text"
    assert extract_page(page).text == "text"


def _grams(text: str) -> Counter:
    words = re.findall(r"\w+", text)
    return Counter(zip(*(words[start:] for start in range(4)), strict=False))


def test_article_extraction_benchmark(reference_data):
    """The benchmark's own measure: 4-gram precision and recall, averaged over pages. Full text would be 0.70."""
    folder = reference_data("html_article_extraction")
    gold = json.loads((folder / "ground-truth.json").read_text())
    precision, recall = [], []
    for name, item in sorted(gold.items()):
        path = folder / f"{name}.html.gz"
        if not path.exists():
            continue
        found = _grams(extract_page(decode_page(gzip.decompress(path.read_bytes()), None)).text)
        wanted = _grams(item["articleBody"])
        common = (found & wanted).total()
        precision.append(common / max(1, found.total()))
        recall.append(common / max(1, wanted.total()))
    p, r = np.mean(precision), np.mean(recall)
    assert len(precision) > 100
    assert 2 * p * r / (p + r) > 0.90
    assert r > 0.97


def test_the_second_engine_keeps_formulas_and_leaves_navigation_out():
    paragraphs = "".join(
        f"<p>Sentence {n} of an article about rivers, with enough words to be believed.</p>" for n in range(8)
    )
    page = body(f"<article>{paragraphs}<p>The speed is <math><mfrac><mi>d</mi><mi>t</mi></mfrac></math>.</p></article>")
    found = extract_page(
        page.replace("<body>", "<body><nav><a href=/>Home</a><a href=/a>About</a></nav>"), engine="trafilatura"
    )
    assert r"The speed is $\frac{d}{t}$." in found.text
    assert "About" not in found.text
    assert found.num_formulas == 1


@pytest.mark.parametrize("engine", ["resiliparse", "trafilatura"])
@pytest.mark.parametrize(
    "page", ["<div>" * 30_000 + "x", "<p>" + "<b>x" * 20_000, "<" * 50_000, "<table><tr><td>" * 3000, ""], ids=range(5)
)
def test_hostile_pages_end_with_both_engines(engine, page):
    extract_page(page, engine=engine)


@pytest.mark.parametrize("engine", ["resiliparse", "trafilatura"])
def test_readability_pages(reference_data, engine):
    """What Readability takes for the article is found by both engines."""
    folder = reference_data("html_readability")
    found = []
    for expected in sorted(folder.glob("*/expected.html.gz")):
        wanted = _grams(HTMLTree.parse(decode_page(gzip.decompress(expected.read_bytes()), None)).body.text)
        page = decode_page(gzip.decompress(expected.with_name("source.html.gz").read_bytes()), None)
        common = (_grams(extract_page(page, engine=engine).text) & wanted).total()
        found.append(common / max(1, wanted.total()))
    assert np.mean(found) > 0.85
