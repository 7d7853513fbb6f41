r"""Shapes of one and the same answer brought together: `x = 5` and `5`, `1 \pm 2` and its two values, `x > 3` and an interval.

Only trees are rearranged here; whether values agree is `rewards.math.compare`'s business.
"""

from collections.abc import Sequence
from typing import Final

from rewards.math.tree import Node, negate
from rewards.math.values import exact_value

_INFINITY: Final = Node("constant", "inf")
_EMPTY: Final = Node("constant", "emptyset")
_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_NUMBERS: Final = frozenset({"number", "negate", "divide", "root"})
_TURNED: Final = {">": "<", ">=": "<="}


def expand(node: Node) -> Node:
    """Replaces a node with plus-minus signs by the list of its two values; all signs turn together."""
    if node.kind in {"list", "set", "relation"} or not node.has("plus_minus"):
        if node.kind in {"list", "set"} and node.has("plus_minus"):
            members: list[Node] = []
            for child in node.children:
                expanded = expand(child)
                members.extend(expanded.children if expanded.kind == "list" and child.kind != "list" else (expanded,))
            return Node(node.kind, node.value, tuple(members))
        if node.kind == "relation" and node.value == "=" and node.children[-1].has("plus_minus"):
            return Node("relation", "=", (node.children[0], expand(node.children[-1])))
        return node
    return Node("list", "", (_with_sign(node, upper=True), _with_sign(node, upper=False)))


def _with_sign(node: Node, *, upper: bool) -> Node:
    children = tuple(_with_sign(child, upper=upper) for child in node.children)
    if node.kind != "plus_minus":
        return Node(node.kind, node.value, children)
    plus = (node.value == "+-") == upper
    last = children[-1] if plus else negate(children[-1])
    return last if len(children) == 1 else Node("add", "", (children[0], last))


def unwrap(node: Node, other: Node, *, member: bool = False) -> Node:  # noqa: PLR0911 - a table of cases
    r"""Takes a value out of what names it: `x = 5`, `x \in S`, `2 + 3 = 5`, `1/3 \approx 0.333`, if the other side names nothing.

    An equation proper (`3x - y = 0`) is never unwrapped: its last member is not its value. Of two named constants the names are
    dropped (`k = 5`, `x = 5`), unless they are members of lists.
    """
    if node.kind == "set" and not node.children:
        return _EMPTY
    if node.kind == "list" and other.kind in {"list", "set"}:
        members = [unwrap(child, Node("number", "0")) for child in node.children]
        names = [child.children[0] for child in node.children if child.kind == "relation"]
        bare = all(child.kind != "relation" for child in other.children)
        return Node("list", "", tuple(members)) if bare and (len(set(names)) <= 1) else node
    if len(node.children) == 1 and (
        (node.kind == "tuple" and node.value == "[]" and other.kind != "tuple")
        or (node.kind == "set" and other.kind in _NUMBERS)
    ):
        return node.children[0]
    if node.kind != "relation":
        return node
    operators = node.value.split()
    if "~" in operators:  # what stands before the sign is exact
        cut = operators.index("~")
        head = node.children[: cut + 1]
        if cut == 0:
            return node.children[1] if _is_name(head[0]) else head[0]
        operators = operators[:cut]
        node = Node("relation", " ".join(operators), head)
    if set(operators) == {"in"} and len(operators) == 1:
        return node.children[1]
    if set(operators) != {"="}:
        return node
    if other.kind == "relation":
        both_name = (
            len(operators) == 1 and other.value == "=" and _is_name(node.children[0]) and _is_name(other.children[0])
        )
        same_constant = both_name and not member and not node.children[1].symbols() and not other.children[1].symbols()
        return node.children[1] if same_constant else node
    return node.children[-1] if _is_name(node.children[0]) or _is_true(node) else node


def _is_true(node: Node) -> bool:
    """Whether an equation is one of numbers whose exact values do not differ. What is written as a decimal may be rounded."""
    if any(child.symbols() for child in node.children):
        return False
    values = {exact_value(child) for child in node.children if not any(_is_decimal(part) for part in child.walk())}
    return len(values - {None}) <= 1


def _is_decimal(node: Node) -> bool:
    return node.kind == "number" and not node.value.isdecimal()


def _is_name(node: Node) -> bool:
    """A symbol, a product of symbols (`AB`), or a function applied to symbols (`f(x)`): the left side of a definition."""
    if node.kind == "symbol":
        return True
    return node.kind in {"multiply", "tuple", "call"} and all(_is_name(child) for child in node.children)


def split_unit(node: Node) -> tuple[Node, str]:
    """Gives the value and the unit of a scalar, an empty unit for none; the sign goes with the value."""
    if node.kind == "negate":
        value, unit = split_unit(node.children[0])
        return (negate(value), unit) if unit else (node, "")
    if node.kind == "quantity":
        inner, _ = split_unit(node.children[0])
        return inner, "percent" if node.value.lower() in {"percent", "percentage"} else node.value.strip().lower()
    if node.kind == "degree":
        return node.children[0], "degree"
    if node.kind == "percent":
        return node.children[0], "percent"
    return node, ""


def infinity_sign(node: Node) -> int:
    """Gives 1 or -1 for plus or minus infinity, 0 for what is finite."""
    if node == _INFINITY:
        return 1
    return -infinity_sign(node.children[0]) if node.kind == "negate" else 0


def brackets(node: Node) -> str:
    """Gives the brackets of a tuple or interval; at an infinite end the round one, whichever was written."""
    if node.kind != "tuple" or len(node.value) != 2 or len(node.children) != 2:
        return node.value
    opening, closing = node.value[0], node.value[1]
    if infinity_sign(node.children[0]):
        opening = "("
    if infinity_sign(node.children[1]):
        closing = ")"
    return opening + closing


def both_as_sets(gold: Node, answer: Node) -> tuple[Sequence[Node], Sequence[Node]] | None:
    """Gives both answers as lists of intervals when at least one is written as an inequality, union or set-builder."""
    kinds = {gold.kind, answer.kind}
    if not kinds & {"union", "builder", "relation"} and not {gold, answer} & {Node("symbol", "mathbbR")}:
        return None
    if kinds == {"relation"} and not (
        _one_variable(gold) and _one_variable(answer) and gold.symbols() == answer.symbols()
    ):
        return None
    left, right = intervals(gold), intervals(answer)
    return None if left is None or right is None else (left, right)


def _one_variable(node: Node) -> bool:
    return len(node.symbols()) == 1 and bool(set(node.value.split()) & _ORDER)


def intervals(node: Node) -> Sequence[Node] | None:  # noqa: PLR0911 - a table of cases
    """Gives the intervals and sets whose union a node is, None for what is no set of numbers."""
    match node.kind:
        case "tuple" if len(node.children) == 2:
            return [node]
        case "set":
            return [node]
        case "builder":
            return intervals(node.children[1])
        case "symbol" if node.value == "mathbbR":
            return [Node("tuple", "()", (negate(_INFINITY), _INFINITY))]
        case "union" | "list":
            parts: list[Node] = []
            for child in node.children:
                inner = intervals(child)
                if inner is None or (node.kind == "list" and child.kind != "relation"):
                    return None
                parts.extend(inner)
            return parts
        case "relation":
            return _inequality(node)
    return None


def _inequality(node: Node) -> Sequence[Node] | None:
    operators = node.value.split()
    members = list(node.children)
    if operators == ["in"]:
        return intervals(members[1])
    if not set(operators) <= _ORDER:
        return None
    if all(operator in _TURNED for operator in operators):
        operators = [_TURNED[operator] for operator in reversed(operators)]
        members.reverse()
    if any(operator in _TURNED for operator in operators):
        return None
    if len(members) == 2:
        if members[0].kind == "symbol":
            members, operators = [negate(_INFINITY), *members], ["<", *operators]
        elif members[1].kind == "symbol":
            members, operators = [*members, _INFINITY], [*operators, "<"]
    if len(members) != 3 or members[1].kind != "symbol" or members[0].symbols() or members[2].symbols():
        return None
    closed = ("[" if operators[0] == "<=" else "(") + ("]" if operators[1] == "<=" else ")")
    return [Node("tuple", closed, (members[0], members[2]))]


def standard_form(node: Node) -> tuple[str, Node] | None:
    """Gives an equation as `("=", left - right)` and an inequality as `("<", ...)`, None for chains and other relations."""
    if len(node.children) != 2 or any(
        child.kind in {"list", "tuple", "set", "union", "text"} for child in node.children
    ):
        return None
    left, right = node.children
    operator = node.value
    if operator in _TURNED:
        operator, left, right = _TURNED[operator], right, left
    if operator not in {"=", "!=", "<", "<="}:
        return None
    return operator, Node("add", "", (left, negate(right)))


def cells(node: Node) -> tuple[tuple[int, int] | None, Sequence[Node]] | None:
    """Gives the shape and the cells of a matrix, row by row; a tuple has cells and no shape."""
    if node.kind == "tuple":
        return None, node.children
    if node.kind != "matrix":
        return None
    rows = node.children
    return (len(rows), len(rows[0].children)), [cell for row in rows for cell in row.children]
