"""Calls of functions in languages other than Python: what goes in, what comes back, and what cannot pass for a value."""

import json
from pathlib import Path

import pytest

from rewards.code.call_programs import call_program
from rewards.code.calls import CallFault, CallValueError, call_request, read_answer
from rewards.code.commands import CommandExecutor
from rewards.code.compare import Rules, same_value
from rewards.code.jobs import Budget, CallTest, Job, NotData
from rewards.code.toolchains import MissingToolError, find_toolchain
from rewards.code.values import from_json
from rewards.sandbox.isolation import find_isolation

needs_isolation = pytest.mark.skipif(
    not find_isolation().available, reason=f"no isolation here: {find_isolation().reason}"
)
PROGRAMS = json.loads((Path(__file__).parent / "cases" / "calls.json").read_text(encoding="ascii"))
ROOMY = Budget(cpu_seconds=30.0, wall_seconds=120.0)
SLOW = ("cpp", "rust", "java")  # some seconds of compilation, or of starts
LEAVING = (CallTest("leaves", [1]), "crash", "")
FORGING = (CallTest("forges", [1]), "crash", "no readable value")
FAILING = (  # what is called, and what comes of it in a language with types
    LEAVING,
    (CallTest("fails", [[1]]), "crash", ""),
    (CallTest("add", [1, "x"]), "failed", "args[1]: a text"),
    (CallTest("add", [1, 2.5]), "failed", "args[1]: "),
    (CallTest("add", [1, 2**200]), "failed", "args[1]: "),
    (CallTest("doubled", [[[1], 2]]), "failed", "args[0]: "),
    (CallTest("add", [None, 1]), "failed", "args[0]: null"),
    (CallTest("add", [1]), "failed", "takes 2"),
    (CallTest("add", [1, 2], {"b": 3}), "unsupported", "kwargs"),
    (CallTest("add", [1, b"2"]), "unsupported", "args[1]: a bytes"),
    (CallTest("add); (", []), "unsupported", "not the name"),
)


def run(language, source, *tests):
    try:
        find_toolchain(language)
    except MissingToolError as missing:
        pytest.skip(str(missing))
    return CommandExecutor().execute([Job(language, source, tests, budget=ROOMY)])[0]


def other_than(value):
    """Gives a value of the same type that is not that one."""
    if isinstance(value, list):
        return [*value, 1]
    if isinstance(value, dict | set):
        return type(value)()
    if isinstance(value, bool) or value is None:
        return not value
    return f"{value}x" if isinstance(value, str) else 1 - value


@needs_isolation
@pytest.mark.parametrize(
    "language", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in PROGRAMS]
)
def test_values_come_back_as_data(language):
    calls = [
        (CallTest(name, from_json(args)), from_json(returns)) for name, args, returns in PROGRAMS[language]["calls"]
    ]
    failing = {"java": FAILING[::4], "perl": (LEAVING, FORGING), "bash": (LEAVING,), "cpp": (*FAILING, FORGING)}.get(
        language, FAILING
    )
    results = run(
        language, PROGRAMS[language]["program"], *(test for test, _ in calls), *(test for test, _, _ in failing)
    )
    for (test, returns), result in zip(calls, results, strict=False):
        assert result.status == "ok", (test, result)
        assert same_value(result.value, returns, Rules()), (test, result.value)
        assert not same_value(result.value, other_than(returns), Rules()), (test, result.value)
    for (test, status, error), result in zip(failing, results[len(calls) :], strict=True):
        assert (result.status, error in result.error) == (status, True), (test, result)
        assert result.value is None


@needs_isolation
def test_each_function_of_a_program_is_built_alone_where_one_is_missing():
    source = "package main\nfunc one() int { return 1 }\nfunc bad(f func() int) int { return f() }"
    results = run("go", source, CallTest("one", []), CallTest("nowhere", []), CallTest("bad", [1]))
    assert [result.status for result in results] == ["ok", "compile_error", "failed"]
    assert results[0].value == 1
    assert "nowhere" in results[1].error
    assert "is no data" in results[2].error


def test_answers_are_read_strictly():
    assert read_answer("go", b'TOK{"$map":[[[1,2],{"$set":[[3]]}]]}\n', "TOK") == {(1, 2): {(3,)}}
    assert read_answer("bash", b"TOK5", "TOK") == "5"
    assert isinstance(read_answer("java", b'TOK{"$other":"Own"}\n', "TOK"), NotData)
    assert read_answer("cpp", b'TOK"\xff"\n', "TOK") == "\ufffd"
    for answer in (
        b"",
        b"5\n",
        b"TOK",
        b"TOK5\nTOK6\n",
        b"TOK5\n6\n",
        b"1TOK5\n",
        b'TOK{"a":1}\n',
        b"TOK" + b"[" * 9999,
    ):
        with pytest.raises(ValueError, match=r"not|Expecting|Extra"):
            read_answer("go", answer, "TOK")
    with pytest.raises(CallFault, match="why"):
        read_answer("go", b'TOK{"$fault":"why"}\n', "TOK")


def test_what_cannot_be_asked_is_named():
    for language, test, words in (
        ("java", CallTest("f", [1, 2j]), r"args\[1\]: a complex"),
        ("javascript", CallTest("f", [], {"a": object()}), "kwargs.a: a object"),
        ("bash", CallTest("f", [[1]]), r"args\[0\]: a list"),
        ("bash", CallTest("f", ["a\0b"]), r"args\[0\]: a str"),
        ("rust", CallTest("a.b.c", []), "not the name"),
    ):
        with pytest.raises(CallValueError, match=words):
            call_request(language, "TOK", test)


def test_names_of_the_harness_are_drawn_for_each_job():
    for language in ("cpp", "rust", "go", "java", "bash"):
        sources = call_program(language, "", ["f"], "t0123")
        assert "PREFIX" not in "".join((sources.text, *sources.files.values()))
        assert "t0123" in "".join((sources.text, *sources.files, *sources.files.values()))
