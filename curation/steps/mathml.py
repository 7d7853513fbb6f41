r"""Writes presentation MathML as TeX, for formulas that carry no TeX of their own. Pure: reads a parsed tree.

Knows the elements that formulas on the web are made of (MathML Core): scripts, fractions, roots, fences, tables, accents. What it does
not know it reads as a row of its children, so nothing that is visible is lost.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

#: Deeper formulas are generated; they are read no further.
MAX_DEPTH = 64
MAX_NODES = 4000

_OPERATORS: Mapping[str, str] = MappingProxyType(
    {
        "−": "-", "×": r"\times", "÷": r"\div", "⋅": r"\cdot", "·": r"\cdot", "±": r"\pm", "∓": r"\mp", "∗": "*",
        "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto",
        "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "⇐": r"\Leftarrow",
        "⇔": r"\Leftrightarrow", "↦": r"\mapsto", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "⊆": r"\subseteq",
        "⊃": r"\supset", "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg",
        "∧": r"\wedge", "∨": r"\vee", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint",
        "∂": r"\partial", "∇": r"\nabla", "∞": r"\infty", "…": r"\ldots", "⋯": r"\cdots", "∘": r"\circ", "⊕": r"\oplus",
        "⊗": r"\otimes", "∣": r"\mid", "‖": r"\|", "⟨": r"\langle", "⟩": r"\rangle", "⌊": r"\lfloor", "⌋": r"\rfloor",
        "⌈": r"\lceil", "⌉": r"\rceil", "′": "'", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}",
        "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$",
        "_": r"\_", "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "",
    }
)  # fmt: skip
_GREEK: Mapping[str, str] = MappingProxyType(
    {
        "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ϵ": r"\epsilon", "ε": r"\varepsilon", "ζ": r"\zeta",
        "η": r"\eta", "θ": r"\theta", "ϑ": r"\vartheta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu",
        "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "ς": r"\varsigma", "τ": r"\tau",
        "υ": r"\upsilon", "φ": r"\varphi", "ϕ": r"\phi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma",
        "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Υ": r"\Upsilon",
        "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "ℓ": r"\ell", "ℏ": r"\hbar",
    }
)  # fmt: skip
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "ln",
        "lg",
        "exp",
        "lim",
        "max",
        "min",
        "sup",
        "inf",
        "det",
        "dim",
        "ker",
        "deg",
        "gcd",
        "arg",
    ]
)
_ACCENTS: Mapping[str, str] = MappingProxyType(
    {"^": r"\hat", "ˆ": r"\hat", "~": r"\tilde", "˜": r"\tilde", "¯": r"\bar", "‾": r"\overline", "→": r"\vec", "˙": r"\dot",
     ".": r"\dot", "¨": r"\ddot", "⏞": r"\overbrace", "_": r"\underline", "⏟": r"\underbrace"}
)  # fmt: skip
_BIG = frozenset({r"\sum", r"\prod", r"\int", r"\iint", r"\oint", r"\lim", r"\max", r"\min", r"\sup", r"\inf"})


def tex_of_mathml(math: Any) -> str:
    """Writes a `math` element as TeX; empty if it holds nothing, or more than `MAX_NODES` elements."""
    return _Writer().row(math, 0).strip()


class _Writer:
    """Writes one formula; counts what it reads."""

    def __init__(self) -> None:
        self._left = MAX_NODES

    def write(self, node: Any, depth: int) -> str:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            return ""
        writer = self._WRITERS.get(node.tag)
        if writer is None:
            return self.row(node, depth)
        return writer(self, node, depth)

    def row(self, node: Any, depth: int) -> str:
        """Writes the children one after the other; two control words or letters are kept apart."""
        out = ""
        for child in _elements(node):
            part = self.write(child, depth + 1)
            if part and out and part[0].isalpha() and _ends_in_command(out):
                out += " "
            out += part
        return out

    def _token(self, node: Any, _depth: int) -> str:
        text = " ".join((node.text or "").split())
        if node.tag == "mtext":
            return rf"\text{{{text}}}" if text else ""
        if text in _FUNCTIONS:
            return f"\\{text}"
        if node.tag == "mi" and len(text) > 1 and text.isalpha() and text.isascii():
            return rf"\mathrm{{{text}}}"
        return "".join(_GREEK.get(char) or _OPERATORS.get(char, char) for char in text)

    def _parts(self, node: Any, depth: int, count: int) -> list[str]:
        parts = [self.write(child, depth + 1) for child in _elements(node)][:count]
        return parts + [""] * (count - len(parts))

    def _fraction(self, node: Any, depth: int) -> str:
        above, below = self._parts(node, depth, 2)
        return rf"\frac{{{above}}}{{{below}}}"

    def _root(self, node: Any, depth: int) -> str:
        if node.tag == "msqrt":
            return rf"\sqrt{{{self.row(node, depth)}}}"
        inside, index = self._parts(node, depth, 2)
        return rf"\sqrt[{index}]{{{inside}}}"

    def _scripts(self, node: Any, depth: int) -> str:
        signs = {"msub": "_", "msup": "^", "msubsup": "_^", "munder": "_", "mover": "^", "munderover": "_^"}[node.tag]
        base, *scripts = self._parts(node, depth, len(signs) + 1)
        if node.tag in ("munder", "mover") and base not in _BIG:
            return _over_or_under(node.tag, base, scripts[0], (_elements(node)[1:] or [None])[0])
        whole = base if _is_atom(base) else f"{{{base}}}"
        return whole + "".join(f"{sign}{_braced(script)}" for sign, script in zip(signs, scripts, strict=True))

    def _fenced(self, node: Any, depth: int) -> str:
        opening, closing = node.getattr("open"), node.getattr("close")
        separators = (node.getattr("separators") or ",").strip() or ","
        inside = separators[0].join(self.write(child, depth + 1) for child in _elements(node))
        opening, closing = ("(" if opening is None else opening), (")" if closing is None else closing)
        return f"{_OPERATORS.get(opening, opening)}{inside}{_OPERATORS.get(closing, closing)}"

    def _table(self, node: Any, depth: int) -> str:
        rows = [" & ".join(self.row(cell, depth + 2).strip() for cell in _elements(row)) for row in _elements(node)]
        return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"

    def _space(self, _node: Any, _depth: int) -> str:
        return " "

    def _first_child(self, node: Any, depth: int) -> str:
        children = _elements(node)
        return self.write(children[0], depth + 1) if children else ""

    def _nothing(self, _node: Any, _depth: int) -> str:
        return ""

    _WRITERS: Mapping[str, Callable[["_Writer", Any, int], str]] = MappingProxyType(
        {
            **dict.fromkeys(("mi", "mn", "mo", "mtext", "ms"), _token),
            "mfrac": _fraction,
            **dict.fromkeys(("msqrt", "mroot"), _root),
            **dict.fromkeys(("msub", "msup", "msubsup", "munder", "mover", "munderover"), _scripts),
            "mfenced": _fenced,
            "mtable": _table,
            "mspace": _space,
            "semantics": _first_child,
            **dict.fromkeys(("annotation", "annotation-xml", "mphantom", "none", "mprescripts"), _nothing),
        }
    )


def _elements(node: Any) -> list[Any]:
    return [child for child in node.child_nodes if child.node_name not in {"#text", "#comment"}]


def _over_or_under(tag: str, base: str, script: str, node: Any) -> str:
    sign = " ".join((node.text or "").split()) if node is not None else ""
    if sign in _ACCENTS:
        return f"{_ACCENTS[sign]}{{{base}}}"
    return rf"\{'under' if tag == 'munder' else 'over'}set{{{script}}}{{{base}}}"


def _is_atom(tex: str) -> bool:
    return len(tex) == 1 or (tex.startswith("\\") and tex[1:].isalpha()) or tex[:-1].endswith("\\")


def _braced(tex: str) -> str:
    return tex if len(tex) == 1 else f"{{{tex}}}"


def _ends_in_command(tex: str) -> bool:
    end = len(tex)
    while end and tex[end - 1].isalpha():
        end -= 1
    return 0 < end < len(tex) and tex[end - 1] == "\\"
