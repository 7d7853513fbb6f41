"""The source that is run: the program of a completion with what its prompt gave it. Pure; hostile programs are only searched, not parsed.

A prompt's imports and helper functions belong to the program whether the model wrote them again or not, as every benchmark has it. Rules
by language: Python gets the prompt without the function that is asked for, before its own text; in Go, C, C++, Java, C#, Rust, PHP and the like
the header lines that it lacks; a `main` of its own steps aside where the test brings one.
"""

import ast
import re
from functools import lru_cache
from typing import Final

_FUTURE: Final = re.compile(r"^from[ \t]+__future__[ \t]+import[ \t]+[\w, \t]+$", re.MULTILINE)
_HEADERS: Final = {
    "c": re.compile(r"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE),
    "cpp": re.compile(r"^(?:[ \t]*#[ \t]*include\b.*|using[ \t].*;)$", re.MULTILINE),
    "java": re.compile(r"^import[ \t].*;$", re.MULTILINE),
    "kotlin": re.compile(r"^import[ \t].*$", re.MULTILINE),
    "scala": re.compile(r"^import[ \t].*$", re.MULTILINE),
    "csharp": re.compile(r"^using[ \t].*;$", re.MULTILINE),
    "rust": re.compile(r"^use[ \t].*;$", re.MULTILINE),
    "swift": re.compile(r"^import[ \t].*$", re.MULTILINE),
    "php": re.compile(r"^<\?php$", re.MULTILINE),
    "perl": re.compile(r"^use[ \t].*;$", re.MULTILINE),
    "ruby": re.compile(r"^require.*$", re.MULTILINE),
}
_MAINS: Final = {
    "c": re.compile(r"\bmain(?=[ \t]*\()"),
    "cpp": re.compile(r"\bmain(?=[ \t]*\()"),
    "go": re.compile(r"(?<=^func )main(?=[ \t]*\()", re.MULTILINE),
    "rust": re.compile(r"(?<=^fn )main(?=[ \t]*\()", re.MULTILINE),
}
_GO_PACKAGE: Final = re.compile(r"^package[ \t]+\w+[ \t]*;?[ \t]*$", re.MULTILINE)
_GO_IMPORT: Final = re.compile(
    r"^import[ \t]*(?:\(([^()]*)\)|((?:[\w.]+[ \t]+)?\"[^\"\n]*\")[ \t]*;?[ \t]*$)", re.MULTILINE
)
_GO_USE: Final = re.compile(r"\b(\w+)\.[A-Z]")
_GO_ENTRY: Final = re.compile(r"(?:[\w.]+[ \t]+)?\"[^\"\n]*\"")


def with_prelude(program: str, prelude: str) -> str:
    """Gives a Python program after its prelude; its imports from `__future__`, which must come first, go before both."""
    if not prelude.strip():
        return program
    if "__future__" not in program:
        return f"{prelude}\n\n{program}"
    head = "\n".join(_FUTURE.findall(program))
    return f"{head}\n{prelude}\n\n{_FUTURE.sub('', program)}"


@lru_cache(maxsize=512)
def python_prelude(prompt: str, entry_point: str | None) -> str:
    """Gives a prompt (trusted code) without the function that is asked for and without its own tests: imports, helpers, constants.

    Empty where the prompt is no Python, as when it is prose.
    """
    try:
        tree = ast.parse(prompt)
    except (SyntaxError, ValueError):
        return ""
    kept = [
        node
        for node in tree.body
        if not isinstance(node, ast.Expr)
        and not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == entry_point)
    ]
    return "\n".join(ast.unparse(node) for node in kept)


def with_headers(program: str, prompt: str, language: str, test_code: str = "") -> str:
    """Gives a program of another language with the header lines of its prompt that it lacks.

    In Go, where an import that nothing uses is an error, only those that the program or the test code uses.
    """
    if language == "go":
        return _with_go_imports(program, prompt, test_code)
    pattern = _HEADERS.get(language)
    if pattern is None or not prompt:
        return program
    have = {line.strip() for line in program.split("\n")}
    lacking = [line for line in pattern.findall(prompt) if line.strip() not in have]
    if not lacking:
        return program
    package = re.match(r"\s*package[ \t]+[\w.]+[ \t]*;?[ \t]*\n", program)
    place = package.end() if package else 0
    return program[:place] + "\n".join(lacking) + "\n" + program[place:]


def _with_go_imports(program: str, prompt: str, test_code: str) -> str:
    """One `package` and one `import` for all: Go takes imports only before all else, and none of them twice."""
    body = _GO_IMPORT.sub("", _GO_PACKAGE.sub("", program, count=1))
    used = set(_GO_USE.findall(body)) | set(_GO_USE.findall(test_code))
    given = [entry for entry in _go_imports(prompt) if _go_name(entry) in used]
    entries = dict.fromkeys([*given, *_go_imports(program)])
    imports = "import (\n" + "".join(f"\t{entry}\n" for entry in entries) + ")\n" if entries else ""
    return f"package main\n\n{imports}{body}"


def _go_imports(text: str) -> list[str]:
    return [
        " ".join(entry.split())
        for group, single in _GO_IMPORT.findall(text)
        for entry in _GO_ENTRY.findall(group or single)
    ]


def _go_name(entry: str) -> str:
    alias, _, path = entry.rpartition(" ")
    return alias or path.strip('"').rpartition("/")[2]


def without_main(program: str, language: str, test_code: str) -> str:
    """Renames the program's `main` where the test has its own, so that both can stand in one file."""
    pattern = _MAINS.get(language)
    if pattern is None or not pattern.search(test_code):
        return program
    return pattern.sub("main_of_the_program", program)
