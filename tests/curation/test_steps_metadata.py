"""What a page says of itself, and MathML written as TeX."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree
from step_kit import batch_of, step_of

from curation.readers.html import decode_page
from curation.steps.mathml import MAX_DEPTH, tex_of_mathml
from curation.steps.metadata import as_date, read_metadata


def metadata(head, *, url=None, attributes=""):
    return read_metadata(HTMLTree.parse(f"<html {attributes}><head>{head}</head><body><p>text</body></html>"), url)


def ld(value):
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    ("head", "date"),
    [
        ('<meta property="article:published_time" content="2024-05-06T01:30:00+02:00">', "2024-05-05T23:30:00Z"),
        ('<meta name="DC.date" content="2011-2-3">', "2011-02-03"),
        ('<meta name="date" content="2024/05/06 10:00">', "2024-05-06"),
        (ld({"@graph": [{"@type": "Article", "datePublished": "2020-01-02"}]}), "2020-01-02"),
        (ld({"datePublished": "2020-01-02"}) + '<meta name="date" content="2021-01-01">', "2020-01-02"),
        (ld({"datePublished": "soon"}) + '<meta name="date" content="2021-01-01">', "2021-01-01"),
        ('<script type="application/ld+json">{not json</script>', ""),
        ('<meta name="date" content="0001-01-01">', ""),
        ('<meta name="date" content="yesterday">', ""),
    ],
)
def test_dates(head, date):
    assert metadata(head).date == date


@pytest.mark.parametrize(
    ("href", "url", "canonical"),
    [
        ("https://a.org/x", None, "https://a.org/x"),
        ("/x?y=1", "https://a.org/z", "https://a.org/x?y=1"),
        ("/x", None, ""),
        ("javascript:alert(1)", "https://a.org/", ""),
        ("http://[broken", "https://a.org/", ""),
        ("https://a.org/" + "x" * 5000, None, ""),
    ],
)
def test_canonical_addresses(href, url, canonical):
    assert metadata(f'<link rel="canonical" href="{href}">', url=url).canonical_url == canonical


def test_languages_and_titles():
    assert metadata("", attributes='lang="pt-BR"').language == "pt-BR"
    assert metadata('<meta http-equiv="Content-Language" content="de">', attributes='lang="{{lang}}"').language == "de"
    assert metadata('<meta property="og:title" content=" A  title ">').title == "A title"
    assert metadata('<meta property="og:title" content="B"><title>A</title>').title == "A"


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(value):
    assert as_date(as_date(value)) == as_date(value)


def test_a_page_without_an_address_takes_its_canonical_one():
    step = step_of(extract={})
    head = '<title>A</title><link rel="canonical" href="https://a.org/x"><meta name="date" content="2024-05-06">'
    page = f"<html lang=en><head>{head}</head><body><main><p>Some text.</main></body></html>".encode()
    kept = step.apply(batch_of({"html": page}, {"html": page, "url": "https://b.org/"})).kept
    assert kept.column("url").to_pylist() == ["https://a.org/x", "https://b.org/"]
    meta = json.loads(kept.column("meta")[0].as_py())
    assert (meta["title"], meta["date"], meta["language_hint"]) == ("A", "2024-05-06", "en")
    assert meta["canonical_url"] == "https://a.org/x"


def test_readability_metadata(reference_data):
    folder = reference_data("html_readability")
    right = {"title": [], "lang": [], "publishedTime": []}
    for path in sorted(folder.glob("*/expected-metadata.json.gz")):
        wanted = json.loads(gzip.decompress(path.read_bytes()))
        page = decode_page(gzip.decompress(path.with_name("source.html.gz").read_bytes()), None)
        found = read_metadata(HTMLTree.parse(page))
        if wanted.get("title"):  # theirs cuts the site's name off
            right["title"].append(wanted["title"] in found.title or found.title in wanted["title"])
        if wanted.get("lang"):
            right["lang"].append(wanted["lang"] == found.language)
        if wanted.get("publishedTime"):
            right["publishedTime"].append(wanted["publishedTime"][:10] == found.date[:10])
    assert all(right["lang"])
    assert sum(right["title"]) / len(right["title"]) > 0.85
    assert sum(right["publishedTime"]) >= len(right["publishedTime"]) - 1


@pytest.mark.parametrize(
    ("math", "tex"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", r"\frac{a}{b+1}"),
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>10</mn></msubsup>", "x_i^{10}"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "{(a)}^2"),
        ("<msqrt><mi>x</mi></msqrt><mo>≤</mo><mroot><mi>y</mi><mn>3</mn></mroot>", r"\sqrt{x}\le\sqrt[3]{y}"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>0</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
            r"\sum_{i=0}^ni",
        ),
        ("<mi>sin</mi><mi>α</mi>", r"\sin\alpha"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd></mtr></mtable>",
            r"\begin{matrix}1 & 0 \\ 0 & 1\end{matrix}",
        ),
        ("<semantics><mi>x</mi><annotation-xml><mi>y</mi></annotation-xml></semantics>", "x"),
        ("<mstyle><mi>α</mi><mi>x</mi></mstyle>", r"\alpha x"),
        ("<mn>5</mn><mo>%</mo><mtext> of a </mtext>", r"5\%\text{of a}"),
        ("", ""),
    ],
)
def test_mathml_as_tex(math, tex):
    tree = HTMLTree.parse(f"<math>{math}</math>")
    assert tex_of_mathml(tree.document.query_selector("math")) == tex


def test_deep_mathml_ends():
    tree = HTMLTree.parse("<math>" + "<mrow>" * (MAX_DEPTH * 20) + "<mi>x</mi></math>")
    assert tex_of_mathml(tree.document.query_selector("math")) == ""
