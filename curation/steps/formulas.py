r"""Finds the formulas of a page and keeps their TeX through text extraction, as `$...$` and `$$...$$`.

Knows MathJax (scripts of type `math/tex`, and `\(...\)`, `\[...\]`, `$$...$$` in the text of pages that load MathJax or KaTeX), KaTeX,
MathML (its TeX where it carries some, else written as TeX by `curation.steps.mathml`), and images whose alternative text is TeX. Pure: works on a parsed tree.

Each formula's place is held by a mark while the text is extracted, because extraction collapses white space and TeX comments
end at line breaks: what is put back is what the page had.
"""

import re
from bisect import bisect_right
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from resiliparse.parse.html import HTMLTree

from curation.steps.mathml import tex_of_mathml

#: Longest formula that is believed; a longer one is left to the extraction as it stands.
MAX_FORMULA_CHARS = 16 << 10
#: A page with more is generated or hostile; the rest of its formulas is left as it stands.
MAX_FORMULAS = 20_000

# Two pairs of characters that no page writes so, and that engines which drop unprintable ones (trafilatura) let through.
_OPEN, _CLOSE = "\ua66e\u2e2e", "\u2e2e\ua66e"
_MARK = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")

_SCRIPTS = 'script[type^="math/tex"]'
# What MathJax 2 has rendered beside its scripts: the same formula again.
_RENDERED = (
    ".MathJax_Preview, .MathJax, .MathJax_Display, .MathJax_SVG, .MathJax_SVG_Display, .MathJax_CHTML, .MJXc-display"
)
_ANNOTATION = 'annotation[encoding="application/x-tex"], annotation[encoding="TeX"], annotation[encoding="LaTeX"]'
#: Containers that hold a formula once as MathML and again as drawn; the container is replaced whole.
_CONTAINERS = ".katex-display, .katex, .mwe-math-element, mjx-container"
_RENDERERS = ("latex.php", "tex.cgi", "latex.codecogs.com", "/latex/")
_IMAGES = ", ".join(
    [f"img.{name}" for name in ("tex", "latex", "math", "mathtex", "formula")]
    + ['img[class^="mwe-math-fallback-image"]']
    + [f'img[src*="{renderer}"]' for renderer in _RENDERERS]
)
_DELIMITER = re.compile(r"\\[()\[\]]|\$\$")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
# What a page has that lets MathJax or KaTeX find formulas in its text. Elsewhere `\(` is as likely a regular expression.
_LOADERS = ", ".join(
    ['script[type^="text/x-mathjax-config"]']
    + [f'script[src*="{name}"]' for name in ("mathjax", "MathJax", "katex", "KaTeX")]
    + [f'link[href*="{name}"]' for name in ("mathjax", "MathJax", "katex", "KaTeX")]
)
_ANYTHING = f"{_SCRIPTS}, {_CONTAINERS}, math, {_IMAGES}, {_LOADERS}"
#: Elements in which MathJax and KaTeX leave text alone.
_VERBATIM = frozenset({"script", "noscript", "style", "textarea", "pre", "code"})
_WRAPPERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_STYLE_WRAPPER = re.compile(r"\{\\(?:display|text)style\s+(.*)\}", re.DOTALL)


class Formulas:
    """The formulas of one page, in the order of their marks."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def hold(self, tex: str, *, display: bool) -> str | None:
        """Keeps a formula and gives the mark that stands for it; None if it is empty, too long, or one too many."""
        tex = bare(tex)
        if not tex or len(tex) > MAX_FORMULA_CHARS or len(self._found) >= MAX_FORMULAS:
            return None
        self._found.append(f"$${tex}$$" if display else f"${tex}$")
        return f"{_OPEN}{len(self._found) - 1}{_CLOSE}"

    def restore(self, text: str) -> str:
        """Puts the formulas back in place of their marks."""
        if not self._found:
            return text
        return _MARK.sub(self._formula, text)

    def __len__(self) -> int:
        return len(self._found)

    def _formula(self, match: re.Match[str]) -> str:
        number = match[1]
        # A page may hold such a mark by itself; one that stands for nothing stays.
        return self._found[int(number)] if len(number) < 9 and int(number) < len(self._found) else match[0]


def hold_formulas(tree: HTMLTree) -> Formulas:
    """Replaces every formula of a parsed page by a mark.

    Args:
        tree: the page; it is changed.
    """
    formulas = Formulas()
    document = tree.document
    if document is None:
        return formulas
    # One search tells whether there is anything; most pages have nothing.
    if document.query_selector(_ANYTHING) is None:
        return formulas
    _hold_scripts(tree, document, formulas)
    _hold_containers(tree, document, formulas)
    _hold_mathml(tree, document, formulas)
    _hold_images(tree, document, formulas)
    if document.query_selector(_LOADERS) is not None:
        _hold_delimited(document, formulas)
    return formulas


def bare(tex: str) -> str:
    r"""Gives TeX without white space around it, without delimiters, and without the `{\displaystyle ...}` that MediaWiki adds."""
    tex = tex.strip()
    for start, end in _WRAPPERS:
        inner = tex[len(start) : -len(end)]
        if len(tex) > len(start) + len(end) and tex.startswith(start) and tex.endswith(end) and start not in inner:
            tex = inner.strip()
            break
    match = _STYLE_WRAPPER.fullmatch(tex)
    return match[1].strip() if match and _is_balanced(match[1]) else tex


def _is_balanced(tex: str) -> bool:
    """Tells whether no brace closes before it opens: then an outer pair of braces belongs together."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", tex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _hold_scripts(tree: HTMLTree, document: Any, formulas: Formulas) -> None:
    scripts = document.query_selector_all(_SCRIPTS).values()
    if scripts:
        for node in document.query_selector_all(_RENDERED).values():
            node.remove()
    for node in scripts:
        display = "mode=display" in (node.getattr("type") or "").replace(" ", "")
        _replace(tree, node, formulas.hold(node.text or "", display=display))


def _hold_containers(tree: HTMLTree, document: Any, formulas: Formulas) -> None:
    # A `.katex` inside a `.katex-display` is gone when its turn comes: it has no annotation any more.
    for node in document.query_selector_all(_CONTAINERS).values():
        tex = _tex_of(node)
        if tex is None:
            continue
        name = node.class_name or ""
        math = node.query_selector("math")
        display = "katex-display" in name or node.getattr("display") == "true" or _is_block(math)
        _replace(tree, node, formulas.hold(tex, display=display))


def _hold_mathml(tree: HTMLTree, document: Any, formulas: Formulas) -> None:
    for node in document.query_selector_all("math").values():
        tex = _tex_of(node)
        if tex is not None:
            _replace(tree, node, formulas.hold(tex, display=_is_block(node)))


def _hold_images(tree: HTMLTree, document: Any, formulas: Formulas) -> None:
    for node in document.query_selector_all(_IMAGES).values():
        tex = node.getattr("alt") or _tex_in_address(node.getattr("src") or "")
        display = "display" in (node.class_name or "")
        _replace(tree, node, formulas.hold(tex, display=display))


def _tex_in_address(source: str) -> str:
    """Gives the TeX that an image server was asked to draw, `?latex=...` or the whole query; empty for other images."""
    if not any(renderer in source for renderer in _RENDERERS):
        return ""
    query = urlsplit(source).query
    named = parse_qs(query).get("latex")
    return named[0] if named else unquote(query)


def _tex_of(node: Any) -> str | None:
    """Gives the TeX of a formula in MathML: its annotation or `alttext`, or what it shows written as TeX."""
    annotation = node.query_selector(_ANNOTATION)
    if annotation is not None:
        return str(annotation.text or "") or None
    math = node if node.tag == "math" else node.query_selector("math")
    if math is not None and math.getattr("alttext"):
        return str(math.getattr("alttext"))
    if node.getattr("data-latex"):
        return str(node.getattr("data-latex"))
    return (tex_of_mathml(math) or None) if math is not None else None


def _is_block(math: Any) -> bool:
    return math is not None and (math.getattr("display") == "block" or math.getattr("mode") == "display")


def _replace(tree: HTMLTree, node: Any, mark: str | None) -> None:
    if mark is not None and node.parent is not None:
        node.replace_with(tree.create_text_node(mark))


def _hold_delimited(document: Any, formulas: Formulas) -> None:
    pending = [document.query_selector("body")]
    while pending:
        node = pending.pop()
        if node is None:
            continue
        if node.node_name == "#text":
            text = node.value or ""
            if "\\(" in text or "\\[" in text or "$$" in text:
                node.value = _held_text(text, formulas)
        elif node.tag not in _VERBATIM:
            pending.extend(node.child_nodes)


def _held_text(text: str, formulas: Formulas) -> str:
    """Replaces the formulas of a text by marks: each runs from an opening delimiter to the next one that closes it."""
    found = [(match.start(), match[0]) for match in _DELIMITER.finditer(text)]
    places: dict[str, list[int]] = {closing: [] for closing in _CLOSING.values()}
    for start, delimiter in found:
        if delimiter in places:
            places[delimiter].append(start)
    parts, done = [], 0
    for start, delimiter in found:
        if start < done or delimiter not in _CLOSING:
            continue
        ends = places[_CLOSING[delimiter]]
        index = bisect_right(ends, start)
        if index == len(ends):
            continue
        mark = formulas.hold(text[start + 2 : ends[index]], display=delimiter != "\\(")
        if mark is not None:
            parts += [text[done:start], mark]
            done = ends[index] + 2
    return "".join([*parts, text[done:]])
