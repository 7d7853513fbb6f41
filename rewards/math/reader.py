"""Reads an answer into a tree, by a grammar of its own: LaTeX and plain notation as models write final answers.

No text of a model is evaluated: the only things that can come out are nodes of `rewards.math.tree`. Bounded in length, depth
and nodes. What the grammar does not know raises `UnreadableError`, never a guess.
"""

import functools
import re
from typing import Final

import regex

from rewards.math.latex import matching_brace, normalise
from rewards.math.scalars import CONSTANT_WORDS, ScalarReader
from rewards.math.tree import MAX_ANSWER_CHARS, MAX_BRACKETS, MAX_NODES, Node, TooComplexError, UnreadableError
from rewards.math.units import read_unit

_RELATIONS: Final = re.compile(
    r"\\le |\\ge |\\ne |\\approx|\\equiv|\\sim(?:eq)?|\\in(?![a-z])|\\to|\\rightarrow|<=|>=|!=|=|<|>"
)
_RELATION_NAMES: Final = {
    r"\le ": "<=", r"\ge ": ">=", r"\ne ": "!=", r"\approx": "~", r"\equiv": "=", r"\sim": "~", r"\simeq": "~", r"\in": "in",
    r"\to": "=", r"\rightarrow": "=",
}  # fmt: skip
_SEPARATOR: Final = re.compile(
    r"\s*(?:[,;]|\\text\s*\{\s*,?\s*(?:and|or|或|和)\s*,?\s*\}|(?<![A-Za-z])(?:and|or)(?![A-Za-z])|或|和|\\\\)\s*"
)
_MATRIX: Final = re.compile(r"\\begin\{([bpvV]?matrix|array)\}(?:\{[lcr|]*\})?")
_CLOSERS: Final = {"(": ")]", "[": ")]", "\\{": ("\\}",), "\\langle": ("\\rangle",), "{": "}"}
_ANY_BRACKET: Final = re.compile(r"[{}()\[\]]")
_TEXT: Final = re.compile(r"\\text\s*(?=\{)")
_WORDS_ONLY: Final = re.compile(r"[^\d\\^_=<>+*/|{}\[\]$%]+")
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_UNIT_START: Final = re.compile(r"\\text|[^\W\d_]|[°¢€£¥]")
_UNIT_TAIL: Final = regex.compile(
    r"(?:\\text\s*+\{[^{}]*+\}|[^\W\d_]++|\^\s*+\{?-?\d\}?|/|\\cdot|[\s°¢€£¥*.·])++$"
)  # possessive, hence linear
_CURRENCY: Final = re.compile(r"\s*(\\?\$|€|£|¥|\\text\s*\{\s*(?:USD|Rs\.?)\s*\})\s*(?=[\d.\\(-])")
_SIGN_OF_MONEY: Final = re.compile(r"\s*-\s*(?=\\?\$)")
_CURRENCIES: Final = {"$": "dollar", "€": "€", "£": "£", "¥": "¥"}


@functools.lru_cache(maxsize=8192)
def read(text: str, *, thousands: bool = True) -> Node:
    """Reads one answer.

    Args:
        text: the answer as it stands in the completion.
        thousands: whether `1,234` outside brackets is one number; a caller may try both readings.

    Raises:
        UnreadableError: for text that is not in the grammar.
        TooComplexError: for text over a bound.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise TooComplexError(f"the answer has over {MAX_ANSWER_CHARS} characters")
    source = normalise(text)
    if not source:
        raise UnreadableError("nothing is left of the answer without its layout")
    words = read_words(source)
    if words is not None:
        return words
    _check_depth(source)
    return _AnswerReader(source, thousands=thousands).answer()


def _check_depth(source: str) -> None:
    if source.count("{") + source.count("(") + source.count("[") <= MAX_BRACKETS:
        return
    depth = 0
    for bracket in _ANY_BRACKET.findall(source):
        depth += 1 if bracket in "{([" else -1
        if depth > MAX_BRACKETS:
            raise TooComplexError(f"nested over {MAX_BRACKETS} deep")


def read_words(source: str) -> Node | None:
    r"""Gives a text node for an answer of words alone (`\text{Evelyn}`, `Yes`), None for anything with mathematics in it."""
    plain = _TEXT.sub("", source)
    plain = plain.replace("{", " ").replace("}", " ").strip() if plain != source else plain
    if not _WORDS_ONLY.fullmatch(plain):
        return None
    runs = _LETTERS.findall(plain)
    if not runs or (plain == source and all(run.lower() in CONSTANT_WORDS or len(run) < 3 for run in runs)):
        return None
    return Node("text", " ".join(re.sub(r"[^\w\s'-]", " ", plain).casefold().split()))


class _AnswerReader(ScalarReader):
    """The part of the grammar above scalars: lists, brackets, sets, intervals, relations, matrices, units."""

    def answer(self) -> Node:
        tree = self._list(top=True)
        if not self.done():
            raise self.unreadable("what follows the answer")
        return tree

    def _list(self, *, top: bool) -> Node:
        items = [self._item(top=top)]
        while not self.done():
            separator = _SEPARATOR.match(self.source, self.at)
            if separator is None or separator.end() == self.at:
                break
            self.at = separator.end()
            if self.done():
                break
            follow_up = _SEPARATOR.match(self.source, self.at)  # ", and"
            if follow_up and follow_up.end() > self.at:
                self.at = follow_up.end()
            items.append(self._item(top=top))
        return items[0] if len(items) == 1 else self.node("list", "", *items)

    def _item(self, *, top: bool) -> Node:
        """One element: a chain of relations, or a ratio, or a set, or a scalar with its unit."""
        operands = [self._union(top=top)]
        operators: list[str] = []
        while True:
            self.spaces()
            relation = _RELATIONS.match(self.source, self.at)
            if relation is None:
                break
            self.at = relation.end()
            operators.append(_RELATION_NAMES.get(relation[0], relation[0]))
            operands.append(self._union(top=top))
        if operators:
            return self.node("relation", " ".join(operators), *operands)
        return operands[0]

    def _union(self, *, top: bool) -> Node:
        left = self._ratio(top=top)
        unions = 0
        while True:
            unions = self.link(unions)
            name = self.command_ahead("cup", "cap", "bigcup")
            if not name and not (self.ahead("U") and left.kind in {"tuple", "union", "set"}):
                return left
            self.at += len(name) + 1 if name else 1
            right = self._ratio(top=top)
            left = self.node("intersection" if name == "cap" else "union", "", left, right)

    def _ratio(self, *, top: bool) -> Node:
        parts = [self._measured(top=top)]
        while self.ahead(":"):
            self.at += 1
            parts.append(self._measured(top=top))
        return parts[0] if len(parts) == 1 else self.node("ratio", "", *parts)

    def _measured(self, *, top: bool) -> Node:
        currency = _CURRENCY.match(self.source, self.at)
        sign = _SIGN_OF_MONEY.match(self.source, self.at) if currency is None else None
        if sign:
            currency = _CURRENCY.match(self.source, sign.end())
        if currency:
            self.at = currency.end()
        scalar = self.sum()
        if sign:
            scalar = self.node("negate", "", scalar)
        unit = _CURRENCIES.get(currency[1].lstrip("\\"), "") if currency else ""
        if top:
            unit = self._unit() or unit
        return self.node("quantity", unit, scalar) if unit else scalar

    def _unit(self) -> str:
        """Takes the words behind a scalar, up to a separator; gives them if they are a unit, and drops an annotation."""
        self.spaces()
        end = self.at
        if not _UNIT_START.match(self.source, end):
            return ""
        separator = _SEPARATOR.search(self.source, self.at)
        stop = separator.start() if separator else len(self.source)
        tail = self.source[end:stop]
        if not tail or not _UNIT_TAIL.fullmatch(tail):
            return ""
        plain = _TEXT.sub(" ", tail).replace("{", "").replace("}", " ") if "\\text" in tail else tail
        plain = plain.strip()
        if not plain or not _LETTERS.search(plain + plain):
            return ""
        self.at = stop
        return plain if read_unit(plain) is not None else ""

    def bracketed(self) -> Node | None:
        """Brackets and what stands in them, if one opens here."""
        matrix = _MATRIX.match(self.source, self.at)
        if matrix:
            return self._matrix(matrix)
        for opener in ("\\{", "\\langle", "(", "["):
            if self.source.startswith(opener, self.at):
                return self._group(opener)
        if self.source.startswith("{", self.at):
            closing = matching_brace(self.source, self.at)
            body = self.source[self.at : closing]
            if "," in body or "\\mid" in body:  # braces of a set whose backslashes were lost
                return self._group("{")
        return None

    def _group(self, opener: str) -> Node:
        self.at += len(opener)
        with self.deeper(brackets=True):
            self.spaces()
            closers = _CLOSERS[opener]
            if any(self.source.startswith(closer, self.at) for closer in closers) and opener in {"{", "\\{"}:
                self.at += len(closers[0])
                return self.node("set")
            body = self._list(top=False)
            self.spaces()
            if opener in {"{", "\\{"} and (self.command_ahead("mid") or self.ahead("|") or self.ahead(":")):
                self.at += 4 if self.command_ahead("mid") else 1
                body = self.node("builder", "", body, self._list(top=False))
                self.spaces()
            closer = next((c for c in closers if self.source.startswith(c, self.at)), None)
            if closer is None:
                raise self.unreadable(f"no bracket closes {opener}")
            self.at += len(closer)
        items = body.children if body.kind == "list" else (body,)
        if opener in {"{", "\\{"}:
            return body if body.kind == "builder" else self.node("set", "", *items)
        if len(items) == 1 and opener + closer in {"()", "[]"} and body.kind != "list":
            return body if opener == "(" else self.node("tuple", "[]", body)
        brackets = "()" if opener == "\\langle" else opener + closer
        return self.node("tuple", brackets, *items)

    def _matrix(self, begin: re.Match[str]) -> Node:
        end = self.source.find(f"\\end{{{begin[1]}}}", begin.end())
        if end < 0:
            raise self.unreadable("a matrix that does not end")
        rows: list[Node] = []
        body = self.source[begin.end() : end]
        for line in re.split(r"\\\\|\\cr", body):
            if line.strip() and line.strip() != "\\hline":
                cells = [self.within(cell) for cell in line.split("&")]
                rows.append(self.node("row", "", *cells))
        if not rows or len({len(row.children) for row in rows}) != 1:
            raise self.unreadable("a matrix whose rows differ in length")
        self.at = end + len(f"\\end{{{begin[1]}}}")
        if begin[1] in {"vmatrix", "Vmatrix"}:
            raise self.unreadable("a determinant")
        return self.node("matrix", "", *rows)

    def within(self, part: str) -> Node:
        """Reads a part of the text on its own, under what is left of the bounds."""
        inner = _AnswerReader(part.strip(), thousands=False, depth=self.depth + 1, nodes=self.nodes)
        tree = inner.sum()
        if not inner.done():
            raise self.unreadable("a cell")
        self.nodes = inner.nodes
        if self.nodes > MAX_NODES:
            raise TooComplexError(f"over {MAX_NODES} parts")
        return tree
