"""Joins a program with its test code, in languages where both run in one process, so that only a full run can pass. Pure.

A token, unknown before the run, is read from stdin when the process starts and written as the last line of stdout after the last test. So
an early exit with code 0, "all tests passed" on stdout or a swallowed exception is no pass. What this cannot guard: the program shares
its process with the test, so a value with a deceiving equality, a replaced library function, or code that was written against this
very harness and reads the token itself can pass. Tests of the kinds stdin and call have their results judged outside.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Final

MAIN: Final = "tamis_program_main"
REQUIRE_MARK: Final = "__TAMIS_REQUIRE__"

_GO_IMPORTS: Final = {
    "json": "encoding/json", "reflect": "reflect", "fmt": "fmt", "math": "math", "sort": "sort", "strings": "strings", "os": "os",
    "strconv": "strconv", "errors": "errors", "bytes": "bytes", "slices": "slices", "maps": "maps", "bufio": "bufio", "io": "io",
}  # fmt: skip
_QUOTED: Final = re.compile(
    r'//[^\n]*|/\*.*?\*/|"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL
)


class HarnessError(Exception):
    """The test code cannot be joined to a program of this language; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sources:
    """A program as its compiler or interpreter is given it.

    Attributes:
        text: the source file.
        files: further files by their paths beside it.
        extra: that one of them which a compiler must be told of.
        main: what is started, where that is not for the text to say: a class of Java, a script of bash.
        joined: there is code of ours in it.
    """

    text: str
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extra: str = ""
    main: str = ""
    joined: bool = False


def join(language: str, source: str, test: str) -> Sources:
    """Gives one program that runs `test` against `source` and ends with the token.

    Raises:
        HarnessError: if that language takes no assertion tests.
    """
    if language == "perl":
        return Sources(source, {"tests.pl": test}, joined=True)
    joiner = _JOINERS.get(language)
    if joiner is None:
        raise HarnessError(f"assertion tests are not supported in {language}")
    return Sources(joiner(source, test), main="TamisRun" if language == "java" else "", joined=True)


def java_classes(source: str) -> tuple[str, str]:
    """Finds the names that a Java file turns on.

    Returns:
        The public class of the top level, which names the file ("Main" if there is none), and the class whose `main` starts the program.
    """
    bare = blank_quoted(source)
    entry = re.search(r"\bstatic\s+(?:public\s+)?(?:final\s+)?void\s+main\s*\(|\bvoid\s+main\s*\(\s*String", bare)
    classes = list(_top_classes(bare))
    first = classes[0][1] if classes else ""
    public = next((name for _, name, is_public in classes if is_public), "")
    starter = "" if entry is None else next((name for at, name, _ in reversed(classes) if at < entry.start()), "")
    return public or "Main", starter or public or first or "Main"


def scala_main(source: str) -> str:
    """Gives what starts a Scala file: a function with `@main`, else an object that is an `App` or has `main`; "Main" if there is none."""
    bare = blank_quoted(source)
    annotated = re.search(r"@main\s+def\s+(\w+)", bare)
    if annotated:
        return annotated[1]
    application = re.search(r"\bobject\s+(\w+)\s+extends\s+(?:[\w.\[\]]+\s+with\s+)*App\b", bare)
    if application:
        return application[1]
    begins = re.findall(r"\bobject\s+(\w+)", bare.partition("def main(")[0])
    return begins[-1] if begins else "Main"


def java_top_classes(source: str) -> list[str]:
    """Gives the names of the classes of a Java file's top level, in order."""
    return [name for _, name, _ in _top_classes(blank_quoted(source))]


def _top_classes(bare: str) -> Iterator[tuple[int, str, bool]]:
    """Gives where each class of the top level begins, its name, and whether it is public."""
    depth = 0
    for found in re.finditer(
        r"[{}]|\b(public\s+)?((?:abstract|final|sealed|static|strictfp)\s+)*(?:class|interface|enum|record)\s+(\w+)",
        bare,
    ):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
        elif depth == 0:
            yield found.start(), found[3], bool(found[1])


def blank_quoted(source: str) -> str:
    """Empties comments and literals, so that braces and words in them do not count."""
    return _QUOTED.sub(" ", source)


def _join_c(source: str, test: str) -> str:
    has_main = re.search(r"\bmain\s*\(", blank_quoted(test))
    body = test if has_main else f"int main(void) {{\n{test}\nreturn 0;\n}}"
    return f"""{_first_include(source)}#include <assert.h>
#include <stdio.h>
#define main {MAIN}
{source}
#undef main
{body}
#ifdef __cplusplus
extern "C" {{
#endif
int __real_main(int, char **);
int __wrap_main(int count, char **words) {{
    char token[128];
    if (!fgets(token, sizeof token, stdin)) return 70;
    int code = __real_main(count, words);
    if (code) return code;
    printf("\\n%s", token);
    return fflush(stdout) ? 71 : 0;
}}
#ifdef __cplusplus
}}
#endif
"""


def _first_include(source: str) -> str:
    """Gives the include that a precompiled header stands for; it must come first to be used."""
    return "#include <bits/stdc++.h>\n" if "bits/stdc++.h" in source else ""


def _join_rust(source: str, test: str) -> str:
    renamed = re.sub(r"\bfn\s+main\s*\(", f"fn {MAIN}(", source)
    body = test if re.search(r"\bfn\s+main\s*\(", test) else f"fn main() {{\n{test}\n}}"
    body = re.sub(r"\bfn\s+main\s*\(", "fn tamis_test_main(", body)
    return f"""{renamed}
{body}
fn main() {{
    let mut token = ::std::string::String::new();
    ::std::io::stdin().read_line(&mut token).unwrap();
    tamis_test_main();
    ::std::print!("\\n{{}}", token);
}}
"""


def _join_go(source: str, test: str) -> str:
    main = re.compile(r"^func\s+main\s*\(\s*\)", re.MULTILINE)
    renamed = main.sub(f"func {MAIN}()", source)
    body = main.sub("func tamisTestMain()", test if main.search(test) else f"func main() {{\n{test}\n}}")
    body = re.sub(r"^package\s+\w+", "", body, flags=re.MULTILINE)
    head, rest = add_go_imports(renamed, body)
    ours = 'import tamisBufio "bufio"\nimport tamisOs "os"\n'
    return f"""{head}{ours}{rest}
{body}

func main() {{
	token, _ := tamisBufio.NewReader(tamisOs.Stdin).ReadString('\\n')
	tamisTestMain()
	tamisOs.Stdout.WriteString("\\n" + token)
}}
"""


def add_go_imports(source: str, user: str) -> tuple[str, str]:
    """Gives the begin of a Go file, down to imports that `user` (code of that file) needs and the file lacks, and the rest of the file."""
    declared = re.findall(r"^import\s*(?:\((?:.|\n)*?^\)|[^\n]*)", source, re.MULTILINE)
    have = set(re.findall(r'"([\w/]+)"', "\n".join(declared)))
    bare = blank_quoted(user)
    missing = [path for name, path in _GO_IMPORTS.items() if path not in have and re.search(rf"\b{name}\.[A-Z]", bare)]
    imports = "".join(f'import "{path}"\n' for path in missing)
    package = re.search(r"^package\s+\w+[^\n]*\n", source, re.MULTILINE)
    if package is None:
        return f"package main\n{imports}", source
    return source[: package.end()] + imports, source[package.end() :]


def _join_java(source: str, test: str) -> str:
    source = re.sub(r"^\s*package\s+[\w.]+\s*;", "", source)
    if re.search(r"\bclass\s+Main\b", blank_quoted(source)) and re.search(r"\bclass\s+Main\b", blank_quoted(test)):
        source = re.sub(r"\bMain\b", "TamisProgramMain", source)
    if re.search(r"\bvoid\s+main\s*\(", blank_quoted(test)):
        _, starter = java_classes(test)
        body = re.sub(r"\bpublic\s+(?=(?:final\s+)?class\b)", "", test)
    else:
        starter = "TamisTest"
        body = f"class TamisTest {{ public static void main(String[] words) throws Throwable {{\n{test}\n}} }}"
    imports = "".join(re.findall(r"^\s*import\s[^;]+;\n?", body, re.MULTILINE))
    body = re.sub(r"^\s*import\s[^;]+;", "", body, flags=re.MULTILINE)
    return f"""{imports}{source}
{body}
class TamisRun {{
    public static void main(String[] words) throws Throwable {{
        String token = new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).readLine();
        java.io.FileOutputStream out = new java.io.FileOutputStream(java.io.FileDescriptor.out);
        try {{
            {starter}.class.getDeclaredMethod("main", String[].class).invoke(null, (Object) new String[0]);
        }} catch (java.lang.reflect.InvocationTargetException failure) {{
            throw failure.getCause();
        }}
        System.out.flush();
        out.write(("\\n" + token + "\\n").getBytes("US-ASCII"));
        Runtime.getRuntime().halt(0);
    }}
}}
"""


def _join_bash(source: str, test: str) -> str:
    return f"""{source}
set -e
{test}
IFS= read -r TAMIS_TOKEN
printf '\\n%s\\n' "$TAMIS_TOKEN"
"""


def _join_javascript(source: str, test: str) -> str:
    """Gives the tests a block of their own, in which `require` is what it was: run.js puts an unknown name in the place of the mark."""
    return f"{source}\n;{{ const require = {REQUIRE_MARK};\n{test}\n}}\n"


def _append(source: str, test: str) -> str:
    return f"{source}\n{test}\n"


def _join_ruby(source: str, test: str) -> str:
    return f'{source}\n{test}\n$stdout.print("\\n" + $stdin.gets.to_s)\n'


def _join_php(source: str, test: str) -> str:
    opened = source if "<?php" in source else f"<?php\n{source}"
    closed = re.sub(r"^\s*<\?php", "", test)
    return f'{opened}\n{closed}\nfwrite(STDOUT, "\\n" . fgets(STDIN));\n'


_JOINERS: Final = {
    "c": _join_c,
    "cpp": _join_c,
    "rust": _join_rust,
    "go": _join_go,
    "java": _join_java,
    "bash": _join_bash,
    "javascript": _join_javascript,
    "typescript": _append,
    "ruby": _join_ruby,
    "php": _join_php,
}
"""JavaScript and TypeScript have a starter in `rewards/code/support` that reads and writes the token."""
