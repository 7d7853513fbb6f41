"""Makes programs that call one function and give back its value as data, from a program and the names of its functions. Pure.

The files of `rewards/code/support/calls` do the work: they read arguments as the function's own signature has them and write its value to
descriptor 3, after a token. Nothing of what is expected is there: values are compared outside. Names of ours stand behind a prefix that
is drawn for each job, so that no program has them, by chance or by intent.

C has no calls: a pointer in its signature does not say how many values it leads to, nor who frees them.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rewards.code.harness import Sources, add_go_imports, blank_quoted, java_top_classes

_FOLDER: Final = Path(__file__).parent / "support" / "calls"
_JAVA_IMPORTS: Final = (
    "import java.math.*; import java.util.*; import java.util.function.*; import java.util.stream.*; "
)
_RUST_SELF: Final = r"\s*(?:<[^()]*>)?\s*\(\s*(?:&\s*(?:'\w+\s+)?)?(?:mut\s+)?self\b"


def call_program(language: str, source: str, functions: Sequence[str], prefix: str) -> Sources:
    """Gives the program that calls `functions` of `source`.

    Args:
        language: one that takes calls.
        source: the program.
        functions: names, `Class.method` for methods.
        prefix: an identifier in small letters that the program cannot know.
    """
    maker = _MAKERS.get(language)
    return Sources(source, joined=True) if maker is None else maker(source, functions, prefix)


@functools.cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="ascii")


def _support(name: str, prefix: str) -> str:
    return _text(name).replace("PREFIX", prefix)


def _is_in_solution(source: str, function: str, holder: str, top_level: str) -> bool:
    """Says whether a bare name is meant to be a method of `Solution`, as sites that ask for one have it."""
    return (
        "." not in function
        and re.search(holder, source) is not None
        and re.search(top_level.format(re.escape(function)), source, re.MULTILINE) is None
    )


def _call_cpp(source: str, functions: Sequence[str], prefix: str) -> Sources:
    bare = blank_quoted(source)
    namespace = "" if re.search(r"#\s*include\b|\bnamespace\s+std\b", source) else "using namespace std;\n"
    calls = []
    for function in functions:
        in_solution = _is_in_solution(
            bare, function, r"\b(?:class|struct)\s+Solution\b", r"^(?!class\b|struct\b)[\w:].*\b{}\s*\("
        )
        path = f"Solution::{function}" if in_solution else function.replace(".", "::")
        calls.append(f'  if ({prefix}_name == "{function}") return {prefix}_call({prefix}_args, &::{path});')
    # After the program, whose macros may make anything of any name, stand keywords and names of ours alone.
    return Sources(
        f"""{_support("calls.hpp", prefix)}
{namespace}#define main {prefix}_main
#line 1 "program.cpp"
{source}
#undef main
{prefix}_Text {prefix}_dispatch(const {prefix}_Text &{prefix}_name, const {prefix}_Args &{prefix}_args) {{
{chr(10).join(calls)}
  return {prefix}_Text();
}}
""",
        joined=True,
    )


def _call_rust(source: str, functions: Sequence[str], prefix: str) -> Sources:
    bare = blank_quoted(source)
    renamed = re.sub(r"\bfn\s+main\s*\(", f"fn {prefix}_main(", source)
    added = (
        ""
        if re.search(r"\b(?:struct|enum)\s+Solution\b", bare) or "impl Solution" not in bare
        else "struct Solution;\n"
    )
    arms, objects = [], set()
    for function in functions:
        in_solution = _is_in_solution(bare, function, r"\bimpl\s+Solution\b", r"^(?:pub(?:\([\w ]*\))?\s+)?fn\s+{}\b")
        holder, _, name = (f"Solution.{function}" if in_solution else function).rpartition(".")
        is_method = bool(holder) and re.search(rf"\bfn\s+{re.escape(name)}{_RUST_SELF}", bare) is not None
        call = "call_method" if is_method else "call"
        arms.append(f'        "{function}" => {prefix}::{call}({f"{holder}::" if holder else ""}{name}, args),')
        objects |= {holder} if is_method else set()
    made = "::new()" if re.search(r"\bfn\s+new\s*\(\s*\)", bare) else " {}"
    makers = "".join(
        f"impl {prefix}::Given for {holder} {{ fn read(_: &{prefix}::Data) -> {prefix}::Read<Self> {{ Ok({holder}{made}) }} }}\n"
        for holder in sorted(objects)
    )
    return Sources(
        f"""{renamed}
{added}mod {prefix};
{makers}fn {prefix}_choose(name: &str, args: &[{prefix}::Data]) -> {prefix}::Read<::std::string::String> {{
    match name {{
{chr(10).join(arms)}
        _ => ::std::unreachable!(),
    }}
}}
fn main() {{
    {prefix}::run({prefix}_choose);
}}
""",
        {f"{prefix}.rs": _support("calls.rs", prefix)},
        joined=True,
    )


def _call_go(source: str, functions: Sequence[str], prefix: str) -> Sources:
    source = re.sub(r"^func\s+main\s*\(\s*\)", f"func {prefix}_main()", source, flags=re.MULTILINE)
    source = re.sub(r"^package\s+\w+", "package main", source, count=1, flags=re.MULTILINE)
    named = ", ".join(
        f'"{function}": {f"new({holder}).{name}" if holder else name}'
        for function in functions
        for holder, _, name in [function.rpartition(".")]
    )
    run = f'package main\n\nimport {prefix} "./{prefix}"\n\nfunc main() {{ {prefix}.Run(map[string]interface{{}}{{{named}}}) }}\n'
    return Sources(
        "".join(add_go_imports(source, source)),
        {f"{prefix}/calls.go": _support("calls.go", prefix), f"{prefix}_run.go": run},
        extra=f"{prefix}_run.go",
        joined=True,
    )


def _call_java(source: str, functions: Sequence[str], prefix: str) -> Sources:
    del functions  # found by their names when they are called
    source = re.sub(r"^\s*package\s+[\w.]+\s*;", "", source)
    classes = sorted(java_top_classes(source), key=lambda name: name not in ("Solution", "Main"))
    named = ", ".join(f'"{name}"' for name in classes)
    has_imports = re.search(r"^\s*import\s", source, re.MULTILINE) is not None
    return Sources(
        source if has_imports else _JAVA_IMPORTS + source,
        {f"{prefix}/Calls.java": _support("Calls.java", prefix).replace("/* CLASSES */", named)},
        extra=f"{prefix}/Calls.java",
        main=f"{prefix}.Calls",
        joined=True,
    )


def _call_bash(source: str, functions: Sequence[str], prefix: str) -> Sources:
    del functions
    return Sources(source, {f"{prefix}.sh": _support("call.sh", prefix)}, main=f"{prefix}.sh", joined=True)


_MAKERS: Final[Mapping[str, Callable[[str, Sequence[str], str], Sources]]] = {
    "cpp": _call_cpp,
    "rust": _call_rust,
    "go": _call_go,
    "java": _call_java,
    "bash": _call_bash,
}
"""JavaScript, TypeScript and Perl find functions by their names themselves, in the starters of `rewards/code/support`."""
