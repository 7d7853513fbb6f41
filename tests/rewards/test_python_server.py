import collections
import contextlib
import datetime as dt
import decimal
import fractions
import gzip
import json
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards.code.inside.codec import Codec, CodecError
from rewards.code.jobs import AssertTest, Budget, CallTest, Job, NotData, StdinTest
from rewards.code.python_server import PythonServer
from rewards.sandbox.isolation import find_isolation

DATA = Path(os.environ.get("TAMIS_REFERENCE_DATA", "../shared/data"))


@pytest.fixture(scope="module")
def server() -> Iterator[PythonServer]:
    """The same code runs without a sandbox where there is none: what is tested here is what programs mean."""
    server = PythonServer(isolated=find_isolation().available)
    yield server
    server.close()


#: For what must not end by time, however busy the machine is.
ROOMY = Budget(cpu_seconds=20.0, wall_seconds=120.0)


def call(server, source, *args, function="f", **kwargs):
    (results,) = server.execute([Job("python", source, (CallTest(function, list(args), kwargs),), ROOMY)])
    return results[0]


def check(server, source, code, *, entry_point="f", prelude=""):
    (results,) = server.execute([Job("python", source, (AssertTest(code, entry_point, prelude),), ROOMY)])
    return results[0]


def script(server, source, stdin=""):
    (results,) = server.execute([Job("python", source, (StdinTest(stdin),), ROOMY)])
    return results[0]


# Values -----------------------------------------------------------------------------------------------------------------

VALUES = [
    None,
    True,
    0,
    -1,
    10**5000,
    -(1 << 70_000),
    0.1,
    -0.0,
    math.inf,
    "",
    "é\x00\u2028\U0001f600",
    "\ud800",
    "\ud83d\ude00",  # two lone halves, not one character
    b"\x00\xff",
    bytearray(b"x"),
    1 + 2j,
    [],
    [1, "a", [None, (1,)]],
    (),
    (1, (2, [3])),
    {1, 2, "a"},
    frozenset({(1, 2)}),
    {},
    {"a": 1, 2: [3], (4,): {5}, None: {}},
    range(1, 10, 3),
    collections.deque([1, (2,)], 5),
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    dt.date(2020, 2, 29),
    dt.datetime(2020, 2, 29, 1, 2, 3, 4, dt.UTC),
    dt.time(1, 2, fold=1),
    dt.timedelta(1, 2, 3),
]


@pytest.mark.parametrize("value", VALUES, ids=[str(place) for place in range(len(VALUES))])
def test_data_comes_back_as_it_went(server, value):
    returned = call(server, "def f(x): return x", value).value
    assert returned == value
    assert type(returned) is type(value)
    assert math.copysign(1, returned) == math.copysign(1, value) if type(value) is float else True


def test_nan_comes_back(server):
    assert math.isnan(call(server, "def f(): return float('nan')").value)


def test_subclasses_come_back_as_their_base(server):
    source = (
        "import collections, enum\nclass E(enum.IntEnum):\n    A = 3\nclass S(str): pass\nP = collections.namedtuple('P', 'a b')\n"
        "def f(): return [E.A, S('x'), P(1, 2), collections.Counter('aab'), collections.OrderedDict(a=1), collections.defaultdict(int, {1: 2})]"
    )
    value = call(server, source).value
    assert value == [3, "x", (1, 2), {"a": 2, "b": 1}, {"a": 1}, {1: 2}]
    assert [type(item) for item in value] == [int, str, tuple, dict, dict, dict]


def test_what_is_no_data_is_named(server):
    value = call(server, "class A: pass\ndef f(): return [A(), 1]").value
    assert isinstance(value[0], NotData)
    assert value[0].type_name == "A"
    assert value[0] != value[0].type_name
    assert value[1] == 1


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()) | st.binary() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers() | st.text() | st.tuples(st.integers()), inner)
    | st.frozensets(st.integers() | st.text()),
    max_leaves=20,
)  # fmt: skip


def refuse(*_):
    raise CodecError


@settings(max_examples=60, deadline=None)
@given(json_like)
def test_the_codec_keeps_values_and_types(value):
    codec = Codec(refuse, refuse)
    (back,) = codec.loads(codec.dumps(value))
    assert repr(back) == repr(value) or back == value
    assert type(back) is type(value)


@settings(max_examples=100, deadline=None)
@given(
    st.binary()
    | st.text().map(str.encode)
    | json_like.map(lambda value: json.dumps(value, default=str, skipkeys=True).encode())
)
def test_the_codec_reads_any_bytes_or_refuses(text):
    with contextlib.suppress(CodecError):
        Codec(refuse, refuse).loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"s":[[]]}', '{"d":[[1]]}', '{"d":1}', '{"t":1}', '{"b":"zz"}', '{"r":[1,2]}', '{"r":[1,2,0]}', '{"F":[1,0]}', '{"D":"x"}', '{"D":["1"]}',
        '{"c":["1","2"]}', '{"n":"xyz"}', '{"n":5}', '{"u":"ff"}', '{"T":["x",0]}', '{"L":[1e400,1,1]}', '{"a":1,"b":2}', "{}", "[" * 10**6, "1" * 10**6,
        '{"h":0}', '{"L":[99999999999,0,0]}', json.dumps({"s": [k * (2**61 - 1) for k in range(1, 5000)]}),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_the_codec_refuses_in_no_time(text):
    with pytest.raises(CodecError):
        Codec(refuse, refuse).loads(text.encode())


# Calls ------------------------------------------------------------------------------------------------------------------


def test_arguments_and_names(server):
    assert call(server, "def f(a, *b, c=0): return a, b, c", 1, 2, 3, c=4).value == (1, (2, 3), 4)


def test_a_method_is_called_on_a_fresh_object(server):
    source = "class Solution:\n    def __init__(self): self.n = 0\n    def add(self, x):\n        self.n += x\n        return self.n"
    assert call(server, source, 5, function="Solution.add").value == 5


@pytest.mark.parametrize(
    ("source", "status", "error"),
    [
        ("def f(): return 1 / 0", "crash", "ZeroDivisionError: division by zero"),
        ("def g(): pass", "crash", "'f' is not defined"),
        ("f = 5", "crash", "'f' is not defined"),
        ("def f(x): pass", "crash", "missing 1 required positional argument"),
        ("def f(): raise SystemExit(0)", "crash", "SystemExit"),
        ("import os\ndef f(): os._exit(0)", "crash", "ended before it answered"),
        ("import os\nos._exit(0)", "crash", "ended before it answered"),
        ("raise ValueError('at once')", "crash", "ValueError: at once"),
        ("def f() return", "compile_error", "SyntaxError"),
        ("def f(): return eval('(' * 10**5)", "crash", ""),
        ("import os, signal\ndef f(): os.kill(os.getpid(), 11); os.abort()", "crash", "ended before it answered"),
        ("def f(): raise ValueError('a\\n\\x00\\ud800b')", "crash", "ValueError: a \\0\\ud800b"),
        ("class E(Exception):\n    def __str__(self): raise TypeError\ndef f(): raise E", "crash", "E"),
    ],
)
def test_what_went_wrong_is_told(server, source, status, error):
    result = call(server, source)
    assert result.status == status, result
    assert error in result.error
    assert "\n" not in result.error


def test_a_program_that_does_not_compile_is_tried_once(server):
    tests = (CallTest("f", []), StdinTest(""), AssertTest("assert f() == 1", None, ""))
    (results,) = server.execute([Job("python", "def f(:", tests)])
    assert [result.status for result in results] == ["compile_error"] * 3
    (results,) = server.execute([Job("python", "def f(:", tests, stop_at_first_failure=True)])
    assert [result.status for result in results] == ["compile_error"]


def test_a_job_stops_at_its_first_failure(server):
    tests = tuple(CallTest("f", [n]) for n in range(4))
    (results,) = server.execute([Job("python", "def f(n): return 1 // (2 - n)", tests, stop_at_first_failure=True)])
    assert [result.status for result in results] == ["ok", "ok", "crash"]
    wanted = [0, 1]
    job = Job(
        "python",
        "def f(n): return n % 2",
        tests,
        stop_at_first_failure=True,
        passes=lambda _, result: result.value == wanted[0],
    )
    (results,) = server.execute([job])
    assert len(results) == 2


# Test code --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def f(x): x.sort()", "x = [3, [2], 1][::2]\nf(x)\nassert x == [1, 3]"),
        ("def f(x): x[0][0].append(1); x[1]['k'] = 2", "inner = []\nd = {}\nf([[inner], d])\nassert inner == [1] and d == {'k': 2}"),
        ("def f(*x, **k): k['a'].clear(); k['b'].add(3)", "a, b = {1: 2}, {1}\nf(a=a, b=b)\nassert (a, b) == ({}, {1, 3})"),
        ("def f(t): t[0].extend([2, 3])", "a = [1]\nf((a, 5))\nassert a == [1, 2, 3]"),
        ("def f(x): del x[1:]", "x = [1, 2, 3]\nf(x)\nassert x == [1]"),
        ("def f(n):\n    for i in range(n): yield i * i", "assert list(f(4)) == [0, 1, 4, 9]\nassert sum(f(3)) == 5\nassert f(2) != [0, 1]"),
        ("def f(x): raise ValueError('no ' + x)", "try:\n    f('a')\nexcept ValueError as e:\n    assert str(e) == 'no a'\nelse:\n    assert False"),
        ("class E(KeyError): pass\ndef f(): raise E('k')", "try:\n    f()\nexcept LookupError as e:\n    assert e.args == ('k',)\nelse:\n    assert False"),
        ("def f(): return b'\\xff'.decode()", "try:\n    f()\nexcept ValueError:\n    pass\nelse:\n    assert False"),
        ("def f(g, x): return [g(y) + 1 for y in x]", "seen = []\nassert f(lambda y: seen.append(y) or y * y, [1, 2]) == [2, 5]\nassert seen == [1, 2]"),
        ("def f(g): return g('5') + 1", "assert f(int) == 6"),
        ("def f(g):\n    try: g()\n    except KeyError as e: return str(e)", "def g(): raise KeyError('x')\nassert 'x' in f(g)"),
        ("def f(n): return lambda x: x + n", "assert f(1)(2) == 3\nassert f(f)(0) if False else True"),
        (
            "class P:\n    def __init__(self, a): self.a = a\n    def up(self): self.a += 1; return self\ndef f(ps): return sum(p.a for p in ps)",
            "p = P(1)\nassert p.up().up().a == 3\np.a = 7\nassert f([p, P(2)]) == 9\nassert isinstance(p, P) and not isinstance(3, P)\nassert p.up() is p.up()",
        ),
        ("class C:\n    def __len__(self): return 3\n    def __getitem__(self, i): return i * 2\n    def __str__(self): return 'C!'\ndef f(): return C()",
         "c = f()\nassert len(c) == 3 and c[4] == 8 and str(c) == 'C!' and c"),
        ("import math\nN = 5\ndef f(): pass", "assert N == 5\nassert math.sqrt(4) == 2"),
        ("def f(): return {'b': 1, 'a': 2}", "assert list(f()) == ['b', 'a']"),
        ("def f(x): return x is None", "assert f(None) and not f(0)"),
        ("import sys\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)", "assert f(990) == 990"),
        ("def f(n): return 0 if n == 0 else 1 + f(n - 1)", "try:\n    f(1100)\nexcept RecursionError:\n    pass\nelse:\n    assert False"),
        ("def f():\n    r = []\n    for _ in range(200): r = [r]\n    return r", "x = f()\nfor _ in range(200): x = x[0]\nassert x == []"),
        ("if __name__ == '__main__':\n    M = 1\ndef f(): return M", "assert f() == 1"),
        ("from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int\ndef f(): return D(4)", "assert f().a == 4"),
        ("import pickle\nclass A: pass\ndef f(): return type(pickle.loads(pickle.dumps(A()))) is A", "assert f() is True"),
        ("print('x' * 10)\ndef f():\n    print(input.__name__)\n    return 1", "print('from the test')\nassert f() == 1"),
        ("def f():\n    try: return input()\n    except EOFError: return 'end'", "assert f() == 'end'"),
        ("import threading\ndef f():\n    r = []\n    t = threading.Thread(target=r.append, args=(1,))\n    t.start(); t.join()\n    return r", "assert f() == [1]"),
        ("import random\ndef f(): return random.random()", "assert f() != f()"),
        ("def f(): return exit", "f"),
        ("import subprocess, sys\ndef f(): return subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True).stdout", "assert f() == b'5\\n'"),
    ],
)  # fmt: skip
def test_test_code_sees_what_it_would_see_in_one_process(server, source, code):
    result = check(server, source, code, entry_point=None)
    assert result.status == "ok", result
    assert (
        check(server, source, code + "\nassert False, 'reached'", entry_point=None).error == "AssertionError: reached"
    )


def test_names_of_the_test_come_before_the_preludes_and_those_before_the_programs(server):
    source = "def helper(): return 'program'\ndef other(): return 'program'\ndef f(): return 1\nsum = len\n"
    prelude = "def helper(): return 'prelude'\ndef other(): return 'prelude'\ndef f():\n    '''To be written.'''\n"
    code = "def helper(): return 'test'\ndef check(c):\n    assert (helper(), other(), c(), f(), sum([2])) == ('test', 'prelude', 1, 1, 2)\n"
    assert check(server, source, code, prelude=prelude).status == "ok"


@pytest.mark.parametrize(
    "prelude", ["def f(x):", "def f(x):\n    ", "import math\n\ndef f(x):\n    # to do\n", "no python at all ("]
)
def test_a_prelude_may_be_left_open(server, prelude):
    assert check(server, "def f(x): return x", "def check(c):\n    assert c(2) == 2\n", prelude=prelude).status == "ok"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def check(c):\n    assert c(1) == 2", "failed"),
        ("assert f(1)[0]", "failed"),
        ("assert undefined(1)", "failed"),
        ("def check(c:", "error"),
        ("import sys\nsys.exit(0)", "ok"),
        ("import sys\nsys.exit(1)", "failed"),
        ("while True: pass", "time_limit"),
        ("class A: pass\nf(A())", "error"),
    ],
)
def test_the_test_code_is_told_from_the_program(server, code, status):
    job = Job("python", "def f(x): return x", (AssertTest(code, "f", ""),), Budget(cpu_seconds=0.5, wall_seconds=120))
    assert server.execute([job])[0][0].status == status


def test_a_program_that_ends_is_no_exception_that_a_test_may_expect(server):
    code = "try:\n    f()\nexcept BaseException:\n    pass\n"
    assert check(server, "import os\ndef f(): os._exit(0)", code, entry_point=None).status == "crash"
    assert check(server, "def f(): raise OSError", code, entry_point=None).status == "ok"


def test_one_test_code_leaves_nothing_to_the_next(server):
    dirty = "import math, builtins, sys, random\nmath.pi = 3\nbuiltins.abs = None\nsys.setrecursionlimit(60)\nrandom.seed(5)\nkept = 1\n"
    clean = "import math, random\nassert math.pi > 3 and abs(-1) == 1\nassert 'kept' not in dir()\nfirst = random.random()\nassert first == %s"
    first = check(server, "", "import random\nassert False, random.random()", entry_point=None).error.split()[-1]
    for _ in range(2):
        assert check(server, "", dirty, entry_point=None).status == "ok"
        assert check(server, "", clean % first, entry_point=None).status == "ok"


# Whole programs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "stdin", "stdout", "status", "code"),
    [
        ("print(sum(map(int, input().split())))", "1 2 3", b"6\n", "ok", 0),
        ("import sys\nfor line in sys.stdin: print(line.strip()[::-1])", "ab\ncd\n", b"ba\ndc\n", "ok", 0),
        ("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())", "é\x00\r\n", "é\x00\r\n".encode(), "ok", 0),
        ("import os\nos.write(1, os.read(0, 99))", "x", b"x", "ok", 0),
        ("print(open(0).read())", "x", b"x\n", "ok", 0),
        ("print(1)\nraise SystemExit", "", b"1\n", "ok", 0),
        ("print(1)\nexit(3)", "", b"1\n", "failed", 3),
        ("import sys\nsys.exit('message')", "", b"", "failed", 1),
        ("print(1)\nprint(1 / 0)", "", b"1\n", "crash", 1),
        ("print(1)\nimport os\nos._exit(0)", "", b"", "ok", 0),
        ("import os, signal\nos.abort()", "", b"", "crash", None),
        ("print(1", "", b"", "compile_error", 1),
        ("input()", "", b"", "crash", 1),
        ("def main():\n    print(__name__, __file__)\nif __name__ == '__main__':\n    main()", "", b"__main__ main.py\n", "ok", 0),
        ("import threading, time\ndef g():\n    time.sleep(0.05)\n    print('late')\nthreading.Thread(target=g).start()", "", b"late\n", "ok", 0),
        ("import atexit\natexit.register(print, 'bye')\nprint('hi')", "", b"hi\nbye\n", "ok", 0),
        ("import sys\nsys.setrecursionlimit(10**5)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(20000))", "", b"20000\n", "ok", 0),
        ("import sys\nprint('out')\nprint('err', file=sys.stderr)", "", b"out\n", "ok", 0),
        ("# -*- coding: latin-1 -*-\nprint('é')".encode("latin-1").decode("latin-1"), "", "Ã©\n".encode(), "ok", 0),
        ("print('a')\r\nprint('b')\r\n", "", b"a\nb\n", "ok", 0),
        ("\ufeffprint('bom')", "", b"bom\n", "ok", 0),
        ("open('x.txt', 'w').write('5')\nprint(open('x.txt').read())", "", b"5\n", "ok", 0),
        ("import numpy", "", b"", "crash", 1),
        ("import hashlib, zlib, sqlite3, unittest, asyncio\nprint(asyncio.run(asyncio.sleep(0, 7)))", "", b"7\n", "ok", 0),
    ],
)  # fmt: skip
def test_a_program_runs_as_by_itself(server, source, stdin, stdout, status, code):
    result = script(server, source, stdin)
    assert (result.status, result.stdout) == (status, stdout), result
    assert code is None or result.exit_code == code


def test_a_megabyte_goes_through(server):
    text = "0123456789abcde\n" * (1 << 16)
    assert script(server, "import sys\nsys.stdout.write(sys.stdin.read())", text).stdout == text.encode()


def test_what_was_used_is_told(server):
    result = script(server, "x = bytearray(50 << 20)\nfor i in range(3 * 10**6): pass")
    assert result.status == "ok"
    assert 0.01 < result.cpu_seconds < ROOMY.cpu_seconds
    # What the zygote holds is taken off; a fork that has not touched all of its pages seems to use a few MiB less.
    assert 40 << 20 < result.peak_bytes < 80 << 20
    assert result.wall_seconds > 0


# The server -------------------------------------------------------------------------------------------------------------


def test_packages_are_given_by_name():
    server = PythonServer(packages=["numpy"], isolated=find_isolation().available)
    try:
        result = call(server, "import numpy\ndef f(x): return float(numpy.mean(x))", [1, 2, 6])
        assert (result.status, result.value) == ("ok", 3.0), result
    finally:
        server.close()
    with pytest.raises(ValueError, match="not installed"):
        PythonServer(packages=["no_such_package"])


def test_several_slots_and_threads_share_a_server():
    server = PythonServer(size=2, isolated=find_isolation().available)
    wrong = []

    def work(base):
        jobs = [Job("python", f"def f(x): return x + {n}", (CallTest("f", [n]),)) for n in range(base, base + 10)]
        wrong.extend(
            n
            for n, (result,) in zip(range(base, base + 10), server.execute(jobs), strict=True)
            if result.value != 2 * n
        )

    threads = [threading.Thread(target=work, args=(100 * base,)) for base in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= len(server.slot_pids()) <= 2
    server.close()
    assert server.slot_pids() == []


def test_a_fork_of_this_process_has_slots_of_its_own(server):
    mine = call(server, "def f(): return 1"), server.slot_pids()

    def child(queue):
        queue.put((call(server, "def f(): return 2").value, server.slot_pids()))
        server.close()

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    value, pids = queue.get(timeout=60)
    process.join()
    assert value == 2
    assert set(pids).isdisjoint(mine[1])
    assert call(server, "def f(): return 3").value == 3
    assert server.slot_pids() == mine[1]


def test_what_a_slot_holds_is_not_inherited_by_other_programs():
    def inherited():
        found = set()
        for path in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.get_inheritable(int(path.name)):
                    found.add(int(path.name))
        return found

    server = PythonServer(isolated=find_isolation().available)
    before = inherited()
    assert check(server, "def f(): return 1", "assert f() == 1").status == "ok"
    assert inherited() <= before
    server.close()


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="at least one slot"):
        PythonServer(size=0)


# Reference data ---------------------------------------------------------------------------------------------------------

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="reference data is not here (TAMIS_REFERENCE_DATA)")


def rows(name):
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@needs_data
def test_canonical_solutions_of_humaneval_pass(server):
    jobs = [
        Job(
            "python",
            row["prompt"] + row["canonical_solution"],
            (AssertTest(row["test"], row["entry_point"], row["prompt"]),),
            ROOMY,
        )
        for row in rows("humaneval/HumanEval.jsonl.gz")
    ]
    results = server.execute(jobs)
    assert [result[0] for result in results if result[0].status != "ok"] == []


@needs_data
def test_canonical_solutions_of_mbpp_pass(server):
    jobs = [
        Job("python", row["code"], (AssertTest("\n".join(row["test_list"]), None, row["test_setup_code"]),), ROOMY)
        for row in rows("mbpp/mbpp.jsonl.gz")[::4]
    ]
    results = server.execute(jobs)
    assert [
        (job.source, result[0]) for job, result in zip(jobs, results, strict=True) if result[0].status != "ok"
    ] == []


def test_a_random_program_does_the_same_in_each_process(server):
    program = "import random\nprint(random.random(), random.sample(range(100), 5))"
    first, second = (server.execute([Job("python", program, (StdinTest(""),))])[0][0].stdout for _ in range(2))
    assert first == second != b""
