"""What an attack is: an output that knows nothing of the answer. Data only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "empty",
    "constant",
    "option",
    "list",
    "template",
    "flood",
    "tag",
    "code",
    "key",
    "injection",
    "loop",
    "language",
    "echo",
    "control",
    "huge",
    "found",
]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
"""Every kind, in the order of the report; `found` are those of the search."""

OURS: Final = "Tamis"


@dataclass(frozen=True, slots=True)
class Attack:
    """An output, the same for every prompt or made of the prompt's own words.

    Attributes:
        name: unique in a bank.
        kind: see `KINDS`.
        text: the output, where it is the same for every prompt; empty where `make` writes it.
        source: where it was published, or `OURS`.
        make: from the prompt's last message to the output; None for the same everywhere.
    """

    name: str
    kind: Kind
    text: str
    source: str = OURS
    make: Callable[[str], str] | None = None

    def output(self, question: str) -> str:
        """Gives the output for a prompt."""
        return self.text if self.make is None else self.make(question)

    @property
    def is_constant(self) -> bool:
        """Whether the output is the same for every prompt."""
        return self.make is None
