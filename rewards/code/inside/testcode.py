"""Test code, compiled once for all the programs that it is run against. Trusted text; nothing of a program comes here."""

import ast
import builtins
import contextlib
import functools
import opcode
import sys
import types
from typing import Final

from .codec import describe
from .remote import Ending

MAX_KEPT: Final = 256
"""Compiled test codes that a judge keeps: those of the prompts whose samples it is given."""

SAFE_MODULES: Final = frozenset(
    [
        "bisect",
        "cmath",
        "collections",
        "copy",
        "datetime",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "numbers",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "time",
        "typing",
    ]
)
"""Standard modules that test code may use without leaving a trace in the judge (the state of `random` is reset)."""

_RISKY_NAMES: Final = frozenset(
    ["breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "input", "open", "setattr", "vars"]
)
_HARMLESS_DUNDERS: Final = frozenset({"__name__", "__module__", "__qualname__", "__doc__", "__annotations__"})
_STORE_NAME: Final = opcode.opmap["STORE_NAME"]
_LASTING: Final = frozenset(opcode.opmap[name] for name in ("STORE_ATTR", "DELETE_ATTR"))


class Code:
    """A prelude and the test code that follows it.

    Attributes:
        prelude: None if it is no Python at all.
        names: what prelude and test code may expect of the program: none that the language itself has, but for test code that uses one such
            name and nothing else (a task to write `sum`).
        modules: standard modules of which it uses attributes under their own name, and which it never calls: not the program's to replace.
        is_plain: running it can change nothing that a later test would see.
    """

    def __init__(self, test: types.CodeType, prelude: types.CodeType | None, modules: frozenset[str]) -> None:
        self.modules = modules
        self.test = test
        self.prelude = prelude
        own = set() if prelude is None else _stored(prelude)
        used = _names(test)
        if prelude is not None:
            used |= _names(prelude) - own
        used = {name for name in used if not name.startswith("__")}
        self.names = {name for name in used if not hasattr(builtins, name)}
        if not self.names - own and len(used) == 1:
            self.names = used
        codes = [*_nested(test), *(_nested(prelude) if prelude is not None else ())]
        self.is_plain = all(map(_is_plain, codes))

    @staticmethod
    @functools.lru_cache(maxsize=MAX_KEPT)
    def of(test: str, prelude: str) -> "Code":
        """Compiles, or gives what was compiled before. Raises Ending for test code that is no Python."""
        try:
            code = compile(test.encode(), "test.py", "exec", dont_inherit=True)
            modules = _modules(test) if SAFE_MODULES & _names(code) else frozenset()
        except Exception as failure:  # noqa: BLE001 - a parser raises many kinds
            raise Ending("error", f"the test code does not compile: {describe(failure)}") from None
        return Code(code, _compile_prelude(prelude), modules)


def _compile_prelude(prelude: str) -> types.CodeType | None:
    """Compiles a prompt: all of it, or with a body for the function that it leaves open."""
    for text in (prelude, prelude.rstrip() + "\n    pass\n"):
        with contextlib.suppress(Exception):
            return compile(text.encode(), "prelude.py", "exec", dont_inherit=True)
    return None


def _modules(test: str) -> frozenset[str]:
    tree = ast.parse(test.encode())
    names = {node.id: node for node in ast.walk(tree) if isinstance(node, ast.Name)}.keys() & SAFE_MODULES
    if not names:
        return frozenset()
    owners = [node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    used = {owner.id for owner in owners if isinstance(owner, ast.Name)}
    others = {id(owner) for owner in owners}
    bare = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in others}
    return frozenset((names & used) - bare)


def _nested(code: types.CodeType) -> list[types.CodeType]:
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _nested(constant)
    return found


def _names(code: types.CodeType) -> set[str]:
    return {name for part in _nested(code) for name in part.co_names}


def _stored(code: types.CodeType) -> set[str]:
    """Gives the names that a module's own code binds."""
    found: set[str] = set()
    high = 0
    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation == opcode.EXTENDED_ARG:
            high = (high | low) << 8
            continue
        if operation == _STORE_NAME:
            found.add(code.co_names[high | low])
        high = 0
    return found


def _is_plain(code: types.CodeType) -> bool:
    if not _LASTING.isdisjoint(code.co_code[::2]):
        return False
    for name in code.co_names:
        if name in _RISKY_NAMES or (name in sys.stdlib_module_names and name not in SAFE_MODULES):
            return False
        if name.startswith("__") and name not in _HARMLESS_DUNDERS:
            return False
    return True
