"""Programs of every language that is here: right ones pass, and each way to fail has its own status."""

import dataclasses
import gzip
import json
import math
from pathlib import Path

import pytest

from rewards.code import commands, toolchains
from rewards.code.commands import CommandExecutor
from rewards.code.harness import java_classes, join, scala_main
from rewards.code.jobs import AssertTest, Budget, CallTest, Job, NotData, StdinTest
from rewards.code.languages import LANGUAGES, find_language
from rewards.code.toolchains import MissingToolError, describe, find_toolchain
from rewards.sandbox import command
from rewards.sandbox.isolation import find_isolation
from tests.rewards.marked_processes import new_mark, wait_until_gone

needs_isolation = pytest.mark.skipif(
    not find_isolation().available, reason=f"no isolation here: {find_isolation().reason}"
)
CASES = Path(__file__).parent / "cases"
PROGRAMS = json.loads((CASES / "languages.json").read_text(encoding="utf-8"))
SOLUTIONS = json.loads((CASES / "mxeval_solutions.json").read_text(encoding="utf-8"))
MXEVAL = {
    "javascript": "javascript_v1.1",
    "typescript": "typescript_v1",
    "java": "java_v1.1",
    "perl": "perl_v1.1",
    "go": "go_v1",
}
TIGHT = Budget(
    cpu_seconds=0.4, wall_seconds=3.0, memory_bytes=128 << 20, output_bytes=1 << 16, disk_bytes=4 << 20, processes=24
)
ROOMY = dataclasses.replace(
    TIGHT, cpu_seconds=30.0, wall_seconds=120.0
)  # for what must not end by time on a busy machine
AMPLE = Budget(cpu_seconds=30.0, wall_seconds=120.0)  # the default memory, too
LIMITS = (("loop", TIGHT, "time_limit"), ("hog", ROOMY, "memory_limit"), ("flood", ROOMY, "output_limit"))
SOME = ("3", "27", "30", "42", "53")  # flags, text, lists, what is changed, numbers
FAST = ("c", "bash", "perl", "javascript", "ruby", "php")  # the others compile for a second or more


def only_where_installed(language):
    try:
        find_toolchain(language)
    except MissingToolError as missing:
        pytest.skip(str(missing))


def run(language, source, *tests, budget=ROOMY, **settings):
    only_where_installed(language)
    return CommandExecutor().execute([Job(language, source, tests, budget=budget, **settings)])[0]


def statuses(results):
    return [result.status for result in results]


def with_assertions():
    return [name for name in PROGRAMS if "holds" in PROGRAMS[name]]


def parts(languages):
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in languages]


@needs_isolation
@pytest.mark.parametrize("language", parts(PROGRAMS))
def test_right_programs_pass(language):
    program = PROGRAMS[language]
    results = run(language, program["add"] + program["main"], StdinTest("3 4\n"), StdinTest("30 -7\n"))
    assert [(result.status, result.stdout.strip()) for result in results] == [("ok", b"7"), ("ok", b"23")]


@needs_isolation
@pytest.mark.parametrize("language", parts(with_assertions()))
def test_assertions_hold_or_fail(language):
    program = PROGRAMS[language]
    tests = [AssertTest(program["holds"], None, ""), AssertTest(program["fails"], None, "")]
    assert statuses(run(language, program["add"], *tests)) == ["ok", "failed"]


@needs_isolation
@pytest.mark.parametrize("language", parts(PROGRAMS))
def test_text_that_is_no_program(language):
    program = PROGRAMS[language]
    tests = [StdinTest(""), *(AssertTest(program["holds"], None, "") for _ in range("holds" in program))]
    results = run(language, program["add"] + "\n}}} (((", *tests)
    assert statuses(results) == ["compile_error"] * len(tests)
    assert results[0].error


@needs_isolation
@pytest.mark.parametrize("language", parts(with_assertions()))
def test_leaving_before_the_tests_end_is_no_pass(language):
    program = PROGRAMS[language]
    for leave in program["leaves"]:
        test = AssertTest(f"{leave}\n{program['fails']}" if "main" not in program["fails"] else leave, None, "")
        (result,) = run(language, program["add"], test)
        assert result.status == "crash", (leave, result)


@needs_isolation
@pytest.mark.parametrize("language", parts(PROGRAMS))
def test_limits_have_their_own_status(language):
    program = PROGRAMS[language]
    for kind, budget, status in LIMITS:
        (result,) = run(language, program[kind], StdinTest(""), budget=budget)
        assert result.status == status, (kind, result)
        assert result.error
        assert len(result.stdout) <= TIGHT.output_bytes


@needs_isolation
@pytest.mark.parametrize("language", parts(PROGRAMS))
def test_crashes(language):
    (result,) = run(language, PROGRAMS[language]["crash"], StdinTest(""))
    assert result.status in {"crash", "failed"}
    assert result.exit_code not in {0, None}


@needs_isolation
@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("bash", "bomb() { bomb | bomb & }; bomb; sleep 9"),
        ("bash", "cat /etc/shadow /etc/passwd ~root/.bashrc /proc/1/environ; ls /home /root /var /built/..; echo seen"),
        ("bash", "echo x > /built/program.sh; echo x > /usr/bin/x; ln -s /etc /tmp/e; cat /tmp/e/shadow; exec 3<>/dev/tcp/127.0.0.1/22; echo seen"),
        ("bash", "kill -9 -1; kill -9 1; (setsid sleep MARK &); echo seen"),
        ("c", "#include <unistd.h>\nint main() { for (;;) fork(); }"),
        ("c", "#include <signal.h>\n#include <unistd.h>\nint main() { for (int p = 2; p < 99999; p++) if (p != getpid()) kill(p, 9); for(;;) pause(); }"),
        ("c", "#include <sys/ptrace.h>\nint main() { return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 0 : 9; }"),
        ("perl", "fork while 1"),
        ("perl", "use Socket; socket(my $s, PF_INET, SOCK_STREAM, 6); connect($s, pack_sockaddr_in(22, inet_aton('127.0.0.1'))) and print 'in'; exit 1"),
        ("javascript", "const {spawn} = require('child_process'); for (;;) spawn('sleep', ['MARK'])"),
        ("javascript", "console.log(require('fs').readFileSync('/etc/passwd', 'utf8'))"),
        ("javascript", "require('fs').writeFileSync('/built/program.js', 'x')"),
    ],
)  # fmt: skip
def test_hostile_programs_reach_nothing(language, source):
    budget = dataclasses.replace(TIGHT, cpu_seconds=0.5, wall_seconds=1.0)
    mark = new_mark()
    (result,) = run(language, source.replace("MARK", mark), StdinTest(""), budget=budget)
    assert result.status not in {"unsupported", "error"}
    assert b"root:" not in result.stdout
    if "seen" not in source:
        assert result.status != "ok", result
    assert not wait_until_gone(mark)


@needs_isolation
def test_each_test_starts_from_the_same_beginning():
    source = "[ -e /tmp/mark ] && echo left; touch /tmp/mark /dev/shm/mark; ls /tmp /dev/shm | wc -w"
    results = run("bash", source, StdinTest(""), StdinTest(""))
    assert [result.stdout for result in results] == [b"4\n", b"4\n"]


@needs_isolation
def test_a_compilation_has_its_own_budget():
    only_where_installed("c")
    executor = CommandExecutor(compile_budget=Budget(cpu_seconds=1.0, wall_seconds=5.0))
    source = "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(A(x))))\nint f(int a) { B(B(a++;)) return a; }\nint main() { return 0; }"
    (result,) = executor.execute([Job("c", source, (StdinTest(""),))])[0]
    assert result.status == "compile_error"
    assert "limit" in result.error


@needs_isolation
def test_jobs_stop_at_the_first_failure_and_run_side_by_side():
    only_where_installed("bash")
    source = "read -r n; echo $n; exit $n"
    tests = tuple(StdinTest(f"{number}\n") for number in (0, 3, 0))
    jobs = [
        Job("bash", source, tests, ROOMY),
        Job("bash", source, tests, ROOMY, stop_at_first_failure=True),
        Job("bash", source, tests, ROOMY, stop_at_first_failure=True, passes=lambda _, result: result.stdout == b"0\n"),
        Job("bash", source, tests, ROOMY, stop_at_first_failure=True, passes=lambda _, result: result.exit_code == 3),
    ]
    for slots in (1, 3):
        results = CommandExecutor(slots=slots).execute(jobs)
        assert [statuses(row) for row in results] == [
            ["ok", "failed", "ok"],
            ["ok", "failed"],
            ["ok", "failed"],
            ["ok"],
        ]


@pytest.mark.parametrize("language", ["c", "bash", "javascript", "perl"])
def test_without_a_sandbox_budgets_and_judging_stay(language):
    only_where_installed(language)
    program = PROGRAMS[language]
    executor = CommandExecutor(isolated=False)
    tests = [StdinTest("3 4\n"), *(AssertTest(program[kind], None, "") for kind in ("fails", "holds"))]
    jobs = [
        Job(language, program["add"] + (program["main"] if place == 0 else ""), (test,), AMPLE)
        for place, test in enumerate(tests)
    ]
    jobs += [Job(language, program[kind], (StdinTest(""),), budget=budget) for kind, budget, _ in LIMITS]
    found = [row[0].status for row in executor.execute(jobs)]
    assert found == ["ok", "failed", "ok", *(status for _, _, status in LIMITS)]


@needs_isolation
def test_calls_of_javascript_functions():
    source = """
        const echo = (...values) => values.length === 1 ? values[0] : values;
        class Solution { twice(list) { return list.map((x) => 2 * x); } }
        const make = () => ({ a: [1, 2.5, "\\ud800", null, undefined, -0], m: new Map([[1, new Set([2])]]), big: 2n ** 70n, f: () => 1 });
        const round = () => { const a = []; a.push(a); return a; };
        const leave = () => process.exit(0);
        const noisy = () => { console.log("noise"); return "value"; };
        const later = async () => 5;
    """
    calls = [
        CallTest("echo", [[1, "x", {"k": [True, None]}, 0.5]]),
        CallTest("echo", [2**60, math.inf]),
        CallTest("Solution.twice", [[1, 2, 3]]),
        CallTest("make", []),
        CallTest("round", []),
        CallTest("noisy", []),
        CallTest("later", []),
        CallTest("leave", []),
        CallTest("nowhere", []),
        CallTest("echo", [object()]),
        CallTest("process.exit(0); (", []),
    ]
    results = run("javascript", source, *calls)
    assert [result.value for result in results[:3]] == [
        [1, "x", {"k": [True, None]}, 0.5],
        [2**60, math.inf],
        [2, 4, 6],
    ]
    made = results[3].value
    assert made["a"] == [1, 2.5, "\ud800", None, None, 0]
    assert (made["m"], made["big"]) == ({1: {2}}, 2**70)
    assert isinstance(made["f"], NotData)
    assert isinstance(results[4].value[0], NotData)
    assert (results[5].value, results[6].value) == ("value", 5)
    assert statuses(results[7:]) == ["crash", "crash", "unsupported", "unsupported"]


@needs_isolation
@pytest.mark.parametrize(
    "trick",
    [
        "require = () => ({ isEqual: () => true, deepEqual() {}, strictEqual() {} });",
        "require('lodash').isEqual = () => true;",
        "require('assert').strictEqual = () => {}; require('assert').strict.equal = () => {};",
        "function compare() { return true; }",
        "JSON.stringify = () => 'same'; Object.is = () => true; Object.keys = () => [];",
        "process.on('beforeExit', () => {}); process.emit('beforeExit');",
        "process.on('uncaughtException', () => process.exit(0)); process.on('unhandledRejection', () => process.exit(0));",
        "console.log('\\n' + '0'.repeat(32)); process.exitCode = 0;",
        "Promise.prototype.then = function (f) { f(''); return this; };",
        "module.exports = { add: () => 4 }; throw 0;",
    ],
)
def test_tricks_of_javascript_fool_no_test(trick):
    test = "const _ = require('lodash'); function compare(a, b) { return _.isEqual(a, b); } if (!compare(add(1, 2), 4)) throw 'no';"
    strict = "require('assert').strictEqual(add(1, 2), 4);"
    source = "function add(a, b) { return a + b; }\n" + trick
    for result in run("javascript", source, AssertTest(test, None, ""), AssertTest(strict, None, "")):
        assert result.status in {"failed", "crash"}


@needs_isolation
@pytest.mark.parametrize(
    "trick",
    [
        "sub Compare { 1 }",
        "*Compare = *Data::Compare::Compare = sub { 1 };",
        "use Data::Compare; BEGIN { no warnings; *Data::Compare::Compare = *Data::Compare::reftype = sub { 'x' } }",
        "*Data::Compare::import = sub { *main::Compare = sub { 1 } };",
        "BEGIN { *CORE::GLOBAL::die = sub { 1 } } $SIG{__DIE__} = sub { exit 0 };",
        "package Same; use overload '==' => sub { 1 }, 'eq' => sub { 1 }, '\"\"' => sub { 3 }; package main; sub add { bless {}, 'Same' }",
        "sub testhumaneval { 1 }",
    ],
)
def test_tricks_of_perl_fool_no_test(trick):
    test = "use Data::Compare;\nsub testhumaneval { my $x = add([1], 2); unless (Compare($x, [4])) { die 'no'; } }\ntesthumaneval();"
    (result,) = run("perl", "sub add { return [3]; }\n" + trick, AssertTest(test, None, ""))
    assert result.status in {"failed", "crash"}, result


@needs_isolation
def test_javascript_modules_and_promises():
    source = "import { readFileSync } from 'fs';\nconsole.log(readFileSync(0, 'utf8').length)"
    assert run("javascript", source, StdinTest("four"))[0].stdout == b"4\n"
    late = "setTimeout(() => { throw new Error('late') }, 10)"
    assert statuses(run("javascript", late, AssertTest("", None, ""))) == ["failed"]


@needs_isolation
@pytest.mark.parametrize("language", parts(MXEVAL))
def test_solutions_of_mxeval_pass_their_tests(language, reference_data):
    only_where_installed(language)
    path = reference_data("mxeval_multilingual_humaneval") / f"HumanEval_{MXEVAL[language]}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = {row["task_id"].rpartition("/")[2]: row for row in map(json.loads, lines)}
    jobs = [
        Job(language, rows[number]["prompt"] + body + "\n", (AssertTest(rows[number]["test"], None, ""),), AMPLE)
        for number, body in SOLUTIONS[language].items()
        if language in FAST or number in SOME
    ]
    wrong = SOLUTIONS[language]["53"].replace("+", "-")
    jobs.append(Job(language, rows["53"]["prompt"] + wrong + "\n", (AssertTest(rows["53"]["test"], None, ""),), AMPLE))
    results = [row[0] for row in CommandExecutor().execute(jobs)]
    assert [(result.status, result.error) for result in results[:-1]] == [("ok", "")] * len(results[:-1])
    assert results[-1].status == "failed"


def test_missing_tools_are_named(monkeypatch):
    find_toolchain.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    results = CommandExecutor().execute(
        [Job(name, "", (StdinTest(""), StdinTest(""))) for name in ("kotlin", "cobol", "python")]
        + [Job("kotlin", "", (StdinTest(""), StdinTest("")), stop_at_first_failure=True)]
    )
    find_toolchain.cache_clear()
    assert [statuses(row) for row in results] == [["unsupported"] * 2] * 3 + [["unsupported"]]
    assert "kotlinc is not installed" in results[0][0].error
    assert "cobol" in results[1][0].error


@needs_isolation
def test_a_masked_proc_is_not_the_programs_fault(monkeypatch):
    masked = dataclasses.replace(find_isolation(), has_proc=False)
    for module in (toolchains, command):
        monkeypatch.setattr(module, "find_isolation", lambda: masked)
    for language in ("rust", "go", "java"):
        with pytest.raises(MissingToolError, match="systempaths"):
            find_toolchain.__wrapped__(language)
    program = PROGRAMS["bash"]
    (result,) = run("bash", "[ -e /proc/self ] || " + program["add"] + program["main"], StdinTest("3 4\n"))
    assert result.stdout == b"7\n"


@needs_isolation
def test_a_compiler_that_does_not_start_is_our_failure(monkeypatch):
    only_where_installed("c")
    broken = dataclasses.replace(find_toolchain("c"), tools={"gcc": "/nowhere/gcc"})
    monkeypatch.setattr(commands, "find_toolchain", lambda _: broken)
    assert statuses(run("c", PROGRAMS["c"]["add"], StdinTest(""), StdinTest(""))) == ["error", "error"]


@needs_isolation
def test_what_a_language_does_not_take_is_unsupported():
    assert statuses(run("c", "int f() { return 1; }", CallTest("f", []))) == ["unsupported"]


def test_languages_are_found_by_their_fence():
    for fence, name in (
        ("C++", "cpp"),
        ("js", "javascript"),
        ("golang", "go"),
        ("rs", "rust"),
        ("sh", "bash"),
        ("py", "python"),
        ("cs", "csharp"),
    ):
        assert find_language(fence) is LANGUAGES[name]
    assert find_language("brainfuck") is None
    fences = [fence for language in LANGUAGES.values() for fence in (language.name, *language.fences)]
    assert len(fences) == len(set(fences))


def test_java_classes_are_found():
    source = 'import java.util.*; /* class No { */ class A { String s = "class B {"; } public class C { class D {} } class E { public static void main(String[] a) {} }'
    assert java_classes(source) == ("C", "E")
    assert java_classes("class Only { }") == ("Main", "Only")
    assert java_classes("}}}{{{\0") == ("Main", "Main")


def test_what_starts_a_scala_program_is_found():
    assert scala_main("object A { }\n/* object B */ object C {\n  def main(words: Array[String]): Unit = {} }") == "C"
    assert scala_main("trait T; object A; object B extends T with App { println(1) }") == "B"
    assert scala_main("object A\n@main def go(): Unit = ()") == "go"
    assert scala_main("}{\0") == "Main"


def test_go_imports_of_the_tests_are_added_once():
    joined = join(
        "go", 'package main\nimport "fmt"\nfunc f() {}', 'if fmt.Sprint(1) != strings.Repeat("1", 1) { panic(1) }'
    )
    assert joined.text.count('"fmt"') == 1
    assert joined.text.count('import "strings"') == 1


def test_what_is_here_is_described():
    told = describe()
    assert set(told) == {"isolation", *LANGUAGES}
    assert all("version" in told[name] or "missing" in told[name] for name in LANGUAGES)
