"""Golds from the rows of public benchmarks. Plain data in, plain data out; no row's code is run here, and nothing is ever unpickled.

| rows | gives |
| --- | --- |
| HumanEval, mxeval | the row's test code as one assertion |
| MBPP | one assertion a test |
| HumanEval+, MBPP+ | calls; what is expected has to be computed from the row's solution: `rewards.code.curation.with_expected` |
| APPS, TACO (`input_output`) | stdin and stdout, or calls where there is a `fn_name` |
| LiveCodeBench | its test cases; those that are pickled are refused |
"""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.code.gold_form import GoldError
from rewards.code.values import to_json

Row = Mapping[str, Any]
Gold = dict[str, Any]

COMPETITION_PRELUDE: Final = """\
from typing import *
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string, sys
from bisect import bisect_left, bisect_right, insort
from collections import Counter, OrderedDict, defaultdict, deque
from functools import cache, cmp_to_key, lru_cache, reduce
from heapq import heapify, heappop, heappush, heappushpop, heapreplace, nlargest, nsmallest
from itertools import accumulate, chain, combinations, combinations_with_replacement, count, cycle, groupby, permutations, product
from math import ceil, comb, factorial, floor, gcd, inf, isqrt, lcm, log, log2, sqrt
"""
"""What sites that ask for a class `Solution` have imported already. Names that hide a builtin (`math.pow`) are left out, and `typing` comes
first, because two of its names are only aliases of classes of `collections`."""

_PLUS_TOLERANCE: Final = {"abs_tol": 1e-6, "rel_tol": 1e-7}
"""EvalPlus compares floats by numpy's assert_allclose with these, where the row has no tolerance of its own."""

_FIND_ZERO: Final = """\
def check(input, output, expected):
    return abs(sum(factor * output**power for power, factor in enumerate(input[0]))) <= 1e-4
"""
"""Any zero of the polynomial is right (HumanEval/32)."""

_AS_SETS: Final = frozenset(
    {
        "similar_elements",
        "find_char_long",
        "common_in_nested_lists",
        "extract_singly",
        "larg_nnum",
        "intersection_array",
        "find_dissimilar",
        "Diff",
    }
)
"""MBPP+ problems whose answer has no order; EvalPlus compares sets."""

_NO_DATA: Final = frozenset({"check_str", "text_match_three", "text_starta_endb"})
"""MBPP+ problems whose solutions return a match object: the row's own assertions are the tests."""


def from_humaneval(row: Row) -> Gold:
    """Gives the gold of a row of HumanEval: `prompt`, `entry_point`, `test`, `canonical_solution`."""
    return from_mxeval({**row, "language": "python"})


def from_mxeval(row: Row) -> Gold:
    """Gives the gold of a row of mxeval's multilingual HumanEval, MBPP or MathQA; `language` is the row's."""
    language, prompt, solution = str(row["language"]), str(row["prompt"]), row.get("canonical_solution")
    gold: Gold = {
        "language": language,
        "tests": [{"assert": str(row["test"])}],
        "entry_point": str(row["entry_point"]),
        "prompt": prompt,
    }
    return gold | ({"solution": prompt + str(solution)} if solution else {})


def from_mbpp(row: Row) -> Gold:
    """Gives the gold of a row of MBPP: each assertion of `test_list` is a test, after `test_setup_code`."""
    setup = str(row.get("test_setup_code") or "").replace("\r\n", "\n").strip()
    tests = [f"{setup}\n{test}" if setup else str(test) for test in row["test_list"]]
    gold: Gold = {"language": "python", "tests": [{"assert": test} for test in tests]}
    solution = str(row.get("code") or "").replace("\r\n", "\n")
    entry_point = _tested(str(row["test_list"][0]), solution) if tests else None
    return gold | ({"entry_point": entry_point} if entry_point else {}) | ({"solution": solution} if solution else {})


def _tested(test: str, solution: str) -> str | None:
    """Gives the function of a trusted solution that its test calls. It may have the name of a builtin: MBPP/126 asks for `sum`."""
    try:
        defined = {node.name for node in ast.parse(solution).body if isinstance(node, ast.FunctionDef)}
        calls = [node.func for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    except SyntaxError:
        return None
    return next((call.id for call in calls if isinstance(call, ast.Name) and call.id in defined), None)


def from_humaneval_plus(row: Row) -> Gold:
    """Gives the gold of a row of HumanEval+: a call for each of `base_input` and `plus_input`, nothing expected yet.

    `rewards.code.curation.with_expected` computes that from the row's solution, in the sandbox.
    """
    gold = _plus_gold(row, str(row["prompt"]) + str(row["canonical_solution"]))
    gold["prompt"] = str(row["prompt"])
    gold["tests"] = [{"args": args} for args in _inputs(row)]
    if row["entry_point"] == "find_zero":
        gold["checker"] = _FIND_ZERO
    return gold


def from_mbpp_plus(row: Row) -> Gold:
    """Gives the gold of a row of MBPP+, as `from_humaneval_plus` does.

    JSON has made lists of the tuples and sets among its inputs; the arguments in the row's own assertions say what they were.
    """
    gold = _plus_gold(row, str(row["canonical_solution"]))
    if row["entry_point"] in _NO_DATA:
        gold["tests"] = [{"assert": line} for line in str(row["assertion"]).strip().split("\n")]
        return gold
    example = _called_with(str(row["assertion"]), str(row["entry_point"]))
    gold["tests"] = [{"args": to_json(_shaped(args, example))} for args in _inputs(row)]
    if row["entry_point"] in _AS_SETS:
        gold["compare"]["as_set"] = True
    return gold


def _plus_gold(row: Row, solution: str) -> Gold:
    tolerance = dict(_PLUS_TOLERANCE)
    if row.get("atol"):
        tolerance["abs_tol"] = float(row["atol"])
    return {"language": "python", "entry_point": str(row["entry_point"]), "compare": tolerance, "solution": solution}


def _inputs(row: Row) -> list[list[Any]]:
    plus = row.get("plus_input") or []
    return [*row["base_input"], *(plus if isinstance(plus, list) else [])]


def _called_with(assertions: str, function: str) -> list[Any]:
    """Gives the literal arguments of the first call of a function in trusted test code; empty where there is none."""
    for node in ast.walk(ast.parse(assertions)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            try:
                return [ast.literal_eval(argument) for argument in node.args]
            except ValueError:
                continue
    return []


def _number(text: str) -> Any:
    """Gives the number that a text stands for, or the text: JSON has no complex numbers, so rows with them hold arguments as text."""
    try:
        number = complex(text)
    except ValueError:
        return text
    return number if number.imag else number.real


def _shaped(data: Any, example: Any) -> Any:
    """Gives JSON data the types of an example, container by container; what does not fit stays as it is."""
    if isinstance(example, int | float | complex) and isinstance(data, str):
        number = _number(data)
        return complex(number) if isinstance(example, complex) and number is not data else number
    if isinstance(example, dict) and isinstance(data, dict):
        model = next(iter(example.values()), None)
        return {key: _shaped(value, model) for key, value in data.items()}
    if not isinstance(example, list | tuple | set | frozenset) or not isinstance(data, list):
        return data
    models = list(example)
    items = [_shaped(item, models[min(place, len(models) - 1)] if models else None) for place, item in enumerate(data)]
    try:
        return type(example)(items)
    except TypeError:  # a set of lists
        return items


def from_input_output(input_output: Any, *, language: str = "python", solution: str | None = None) -> Gold:
    """Gives the gold of APPS' and TACO's `input_output`: JSON text or object with `inputs`, `outputs` and perhaps `fn_name`.

    Inputs and outputs may be lists of lines. An output that is a list of one value may be that value: APPS has it both ways.

    Raises:
        GoldError: there are no tests, or not as many outputs as inputs.
    """
    data = _parsed(input_output, "input_output")
    inputs, outputs = data.get("inputs"), data.get("outputs")
    if not isinstance(inputs, Sequence) or not isinstance(outputs, Sequence) or not inputs:
        raise GoldError("input_output has no inputs and outputs")
    if len(inputs) != len(outputs):
        raise GoldError(f"input_output has {len(inputs)} inputs and {len(outputs)} outputs")
    pairs = zip(inputs, outputs, strict=True)
    gold: Gold = {"language": language}
    if data.get("fn_name"):
        gold |= {"entry_point": str(data["fn_name"]), "prelude": COMPETITION_PRELUDE}
        gold["tests"] = [_call(args, output) for args, output in pairs]
    else:
        gold["tests"] = [{"stdin": _lines(given), "stdout": _lines(output)} for given, output in pairs]
        gold["compare"] = {"output": "tokens", "numbers": True, "abs_tol": 1e-8, "rel_tol": 1e-5}
    return gold | ({"solution": solution} if solution else {})


def _call(args: Any, output: Any) -> Gold:
    if not isinstance(args, list):
        raise GoldError(f"an input of a function is a list of arguments, not {type(args).__name__}")
    if isinstance(output, list) and len(output) == 1:
        return {"args": args, "accepts": [output, output[0]]}
    return {"args": args, "returns": output}


def _lines(value: Any) -> str:
    return "\n".join(str(line) for line in value) if isinstance(value, list) else str(value)


def from_livecodebench(row: Row) -> Gold:
    """Gives the gold of a row of LiveCodeBench: `public_test_cases`, `private_test_cases`, `metadata`, `starter_code`.

    Raises:
        GoldError: the private test cases are pickled, as the published files have them. A pickle is a program that runs when it is read:
            decode them where you trust their origin, and give them as JSON like the public ones.
    """
    cases = list(_parsed_cases(row.get("public_test_cases"), "public_test_cases"))
    private = row.get("private_test_cases")
    if isinstance(private, str) and private.strip() and not private.lstrip().startswith("["):
        raise GoldError("private_test_cases are pickled, and a pickle is code: give them as JSON, or leave them out")
    cases += _parsed_cases(private, "private_test_cases")
    if not cases:
        raise GoldError("the row has no test cases")
    metadata = _parsed(row.get("metadata") or "{}", "metadata")
    function = metadata.get("func_name")
    if not function:
        tests = [{"stdin": str(case["input"]), "stdout": str(case["output"])} for case in cases]
        return {"language": "python", "tests": tests, "compare": {"output": "lines", "numbers": True}}
    return {
        "language": "python",
        "entry_point": str(function),
        "prelude": COMPETITION_PRELUDE,
        "tests": [
            {
                "args": [json.loads(line) for line in str(case["input"]).split("\n")],
                "returns": json.loads(case["output"]),
            }
            for case in cases
        ],
    }


def _parsed_cases(value: Any, name: str) -> list[Row]:
    if value is None or value == "":
        return []
    cases = json.loads(value) if isinstance(value, str) else value
    if not isinstance(cases, list) or not all(
        isinstance(case, Mapping) and {"input", "output"} <= case.keys() for case in cases
    ):
        raise GoldError(f"{name} is a list of objects with input and output")
    return cases


def _parsed(value: Any, name: str) -> Row:
    try:
        data = json.loads(value) if isinstance(value, str) else value
    except ValueError as failure:
        raise GoldError(f"{name} is no JSON: {failure}"[:300]) from failure
    if not isinstance(data, Mapping):
        raise GoldError(f"{name} is an object, not {type(data).__name__}")
    return data
