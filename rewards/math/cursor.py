"""A position in one answer, and the bounds that hold for whoever reads from there. Knows no grammar."""

import contextlib
import re
from collections.abc import Iterator
from typing import Final

from rewards.math.tree import MAX_CHAIN, MAX_DEPTH, MAX_NODES, Kind, Node, TooComplexError, UnreadableError

_COMMAND: Final = re.compile(r"\\([A-Za-z]+)")


class Cursor:
    """Moves over a source text, makes nodes and counts them.

    Args:
        source: the answer in the one spelling of `rewards.math.latex`.
        thousands: whether `1,234` outside brackets is one number.
        depth: how deep the reader already is.
        nodes: how many nodes it has already made.
    """

    def __init__(self, source: str, *, thousands: bool, depth: int = 0, nodes: int = 0) -> None:
        self.source = source
        self.at = 0
        self.depth = depth
        self.nodes = nodes
        self.thousands = thousands
        self.brackets = 0

    def node(self, kind: Kind, value: str = "", *children: Node) -> Node:
        """Makes a node, and refuses one more than the bound."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TooComplexError(f"over {MAX_NODES} parts")
        return Node(kind, value, children)

    @contextlib.contextmanager
    def deeper(self, *, brackets: bool = False) -> Iterator[None]:
        """Goes one nesting down for a while; inside brackets `1,234` is two numbers."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplexError(f"nested over {MAX_DEPTH} deep")
        self.brackets += brackets
        try:
            yield
        finally:  # a reader may go back and try another rule
            self.brackets -= brackets
            self.depth -= 1

    def link(self, count: int) -> int:
        """Counts one more link of a chain, and refuses one over the bound."""
        if count >= MAX_CHAIN:
            raise TooComplexError(f"a chain of over {MAX_CHAIN} operations")
        return count + 1

    def unreadable(self, what: str) -> UnreadableError:
        """Makes the error that says what is not in the grammar, and where."""
        return UnreadableError(f"{what}, at character {self.at}: {self.source[self.at : self.at + 20]!r}")

    def spaces(self) -> None:
        """Passes over white space."""
        while self.at < len(self.source) and self.source[self.at].isspace():
            self.at += 1

    def done(self) -> bool:
        """Says whether only white space is left."""
        self.spaces()
        return self.at >= len(self.source)

    def ahead(self, text: str) -> bool:
        """Says whether this text comes next."""
        self.spaces()
        return self.source.startswith(text, self.at)

    def command_ahead(self, *names: str) -> str:
        """Gives the name of the LaTeX command that comes next if it is one of these, else an empty string."""
        self.spaces()
        command = _COMMAND.match(self.source, self.at)
        return command[1] if command and command[1] in names else ""
