"""The phrases that C4's rules look for, found all at once by an automaton over bytes. Pure: no I/O.

Lower case is Python's for the letters of the phrases; so the Kelvin sign is a k.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)

# What the automaton finds.
LOREM, SCRIPT, POLICIES, CURLY = 1, 2, 4, 8
_PATTERNS: Mapping[str, int] = MappingProxyType(
    {
        "lorem ipsum": LOREM,
        "javascript": SCRIPT,
        "{": CURLY,
        **dict.fromkeys(POLICY_PHRASES, POLICIES),
    }
)
_KELVIN = "\u212a"


class Automaton(NamedTuple):
    """Finds all patterns at once, byte by byte, in any case of letters.

    Attributes:
        classes: uint8[256], the column of each byte.
        step: uint16[states, columns], the next state.
        found: uint8[states], what ends there.
    """

    classes: npt.NDArray[np.uint8]
    step: npt.NDArray[np.uint16]
    found: npt.NDArray[np.uint8]


@cache
def automaton() -> Automaton:
    """Builds the automaton of Aho and Corasick over the patterns, complete: every state has a next one for every byte."""
    patterns = {pattern.encode(): bit for pattern, bit in _PATTERNS.items()}
    patterns |= {pattern.replace("k", _KELVIN).encode(): bit for pattern, bit in _PATTERNS.items() if "k" in pattern}
    symbols = sorted({byte for pattern in patterns for byte in pattern})
    classes = np.zeros(256, np.uint8)
    for number, symbol in enumerate(symbols, 1):
        classes[symbol] = number
        if 97 <= symbol <= 122:
            classes[symbol - 32] = number
    children: list[dict[int, int]] = [{}]
    found = [0]
    for pattern, bit in patterns.items():
        state = 0
        for byte in pattern:
            number = int(classes[byte])
            if number not in children[state]:
                children[state][number] = len(children)
                children.append({})
                found.append(0)
            state = children[state][number]
        found[state] |= bit
    step = np.zeros((len(children), len(symbols) + 1), np.uint16)
    fall = [0] * len(children)
    queue = list(children[0].values())
    for number, child in children[0].items():
        step[0, number] = child
    for state in queue:
        found[state] |= found[fall[state]]
        step[state] = step[fall[state]]
        for number, child in children[state].items():
            fall[child] = int(step[fall[state], number])
            step[state, number] = child
            queue.append(child)
    return Automaton(classes, step, np.array(found, np.uint8))
