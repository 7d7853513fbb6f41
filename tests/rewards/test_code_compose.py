"""What a prompt gives to a program."""

from rewards.code.compose import python_prelude, with_headers, with_prelude, without_main

PROMPT = 'from typing import List\n\ndef helper(x):\n    return x\n\ndef f(x: List[int]) -> int:\n    """Says it.\n    >>> f([1])\n    """\n'


def test_the_prelude_of_a_prompt_is_all_but_the_function() -> None:
    assert python_prelude(PROMPT, "f") == "from typing import List\ndef helper(x):\n    return x"
    assert python_prelude("Write a function f.", "f") == ""
    assert python_prelude('"""Doc."""\nassert f(1)\n', "f") == "assert f(1)"


def test_a_future_import_stays_first() -> None:
    program = "from __future__ import annotations\nx = 1\n"
    whole = with_prelude(program, "import math")
    compile(whole, "whole", "exec")
    assert whole.index("import annotations") < whole.index("import math")
    assert with_prelude(program, " \n") == program


def test_go_has_one_import_of_each_package() -> None:
    prompt = 'package main\n\nimport (\n\t"encoding/json"\n\t"reflect"\n)\n// Does it.\nfunc f(x int) int {\n'
    program = 'package main\n\nimport "fmt"\nimport (\n\tm "math"\n\t"reflect"\n)\n\nfunc f(x int) int { fmt.Println(m.Pi); return x }\n'
    whole = with_headers(program, prompt, "go", "b, _ := json.Marshal(a)")
    assert '"encoding/json"' not in with_headers(program, prompt, "go")  # nothing uses it, which Go calls an error
    assert whole.count("package main") == 1
    assert whole.count('"reflect"') == 1
    assert whole.startswith('package main\n\nimport (\n\t"encoding/json"\n\t"fmt"\n\tm "math"\n\t"reflect"\n)\n')
    assert with_headers("func f() {}", "", "go") == "package main\n\nfunc f() {}"


def test_headers_that_are_lacking_are_added() -> None:
    assert (
        with_headers("int f() {}", "#include <vector>\nusing namespace std;\nint f() {", "cpp")
        == "#include <vector>\nusing namespace std;\nint f() {}"
    )
    assert (
        with_headers("#include <vector>\nint f() {}", "#include <vector>\n", "cpp") == "#include <vector>\nint f() {}"
    )
    java = with_headers("package a;\nclass A {}", "import java.util.*;\nclass A {", "java")
    assert java == "package a;\nimport java.util.*;\nclass A {}"
    assert with_headers("function f() {}", "// f", "javascript") == "function f() {}"


def test_a_main_steps_aside_for_the_test_s() -> None:
    program = "func f() {}\nfunc main() { f() }\n"
    assert without_main(program, "go", "func main() { check() }") == "func f() {}\nfunc main_of_the_program() { f() }\n"
    assert without_main(program, "go", "") == program
    assert without_main("def main(): pass", "python", "main()") == "def main(): pass"
