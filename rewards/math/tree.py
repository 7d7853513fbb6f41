"""The tree that an answer is read into, and the bounds on it. Plain data; nothing here computes."""

import dataclasses
from collections.abc import Iterator
from typing import Final, Literal

Kind = Literal[
    # scalars; `value` is the literal, the name of a symbol or constant, or the function's name
    "number", "symbol", "constant", "negate", "add", "multiply", "divide", "power", "root", "call", "factorial", "binomial",
    "percent", "degree", "plus_minus",
    # what holds scalars; `value` is the brackets of a tuple, "()" "[]" "(]" "[)", or the operators of a relation, by spaces
    "list", "tuple", "set", "union", "intersection", "matrix", "row", "ratio", "relation", "builder", "quantity", "text",
]  # fmt: skip

MAX_ANSWER_CHARS: Final = 2000
"""A longer answer is not read as mathematics. The longest gold of the public sets has under 600 characters."""

MAX_DEPTH: Final = 60
"""How deep brackets, roots and fractions may nest. 400 nested roots cost other graders five seconds and more."""

MAX_BRACKETS: Final = 24
"""How deep brackets and braces may nest as written: seen before anything is read, which would cost the square of the depth."""

MAX_CHAIN: Final = 120
"""How many factors, signs or unions may follow each other: each deepens the tree by one."""

MAX_NODES: Final = 1500
"""How many nodes one answer may have, so that every pass over it is short."""


class UnreadableError(Exception):
    """The text is not in the grammar of `rewards.math.reader`; another engine may still know it."""


class TooComplexError(Exception):
    """A bound was met. The message names it."""


class GoldTooComplexError(TooComplexError):
    """It was the gold that met a bound while the two were compared."""


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One node of an answer.

    Attributes:
        kind: what it is.
        value: its literal, name or brackets; empty where `kind` says all.
        children: its parts, in order.
    """

    kind: Kind
    value: str = ""
    children: tuple["Node", ...] = ()

    def walk(self) -> Iterator["Node"]:
        """Gives this node and all below it, parents first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def symbols(self) -> frozenset[str]:
        """Gives the names of the free symbols."""
        return frozenset(node.value for node in self.walk() if node.kind == "symbol")

    def has(self, *kinds: Kind) -> bool:
        """Says whether a node of one of these kinds is in it."""
        return any(node.kind in kinds for node in self.walk())


def number(literal: str) -> Node:
    """Gives a number node for a literal of digits, point and exponent."""
    return Node("number", literal)


def negate(node: Node) -> Node:
    """Gives the node with its sign turned."""
    return node.children[0] if node.kind == "negate" else Node("negate", "", (node,))
