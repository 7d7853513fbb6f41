r"""Answers that cost other graders seconds, hours or the process, for `bench_math` and its tests: each is short to write.

The first nine are on record against public graders; the others were made for this project: what each engine inside a grader could be
made to spend time on (exact powers, factorials, sums, products, primes, expansion, nesting, backtracking, lists, matrices).
"""

from typing import Final

BOMBS: Final[tuple[str, ...]] = (
    r"7^{10^8}",
    r"10^6!",
    r"\binom{10^7}{5\cdot 10^6}",
    r"\sum_{k=1}^{10^9} k",
    "(" * 3000 + "1" + ")" * 3000,
    ",".join(map(str, range(20_000))),
    r"\sqrt{" * 400 + "2" + "}" * 400,
    "9^{9^{9^{9}}}",
    r"\int_0^{10^9} x^x dx",
    # ours
    r"(10^{10^{5}})!",
    "1e999999999",
    "9999!" + "!" * 60,
    r"\prod_{k=1}^{10^7} (1+\frac{1}{k^2})",
    "(x+1)^{10000}",
    "(x+y+z+w+1)^{200}",
    r"\frac{1}{1+" * 60 + "x" + "}" * 60,
    r"\cos(" * 50 + "x" + ")" * 50,
    r"\begin{pmatrix}" + r"\\".join("&".join("2^{3^{4}}" for _ in range(30)) for _ in range(30)) + r"\end{pmatrix}",
    r"\{" + ",".join(f"x^{{{n}}}" for n in range(300)) + r"\}",
    r"\{" + ",".join(rf"\sqrt{{{n}}}" for n in range(64)) + r"\}",
    r"\pm 1" * 20,
    r"\lfloor 10^{10^{6}} \rfloor",
    r"\log_{2}(3^{10^{7}})",
    "1" * 3900,
    "0." + "1" * 3900,
    "+".join(rf"\frac{{1}}{{{10**9 + n}}}" for n in range(150)),
    "x^{x^{x^{x^{x^{x}}}}}",
    r"\lim_{n \to \infty} \left(1+\frac{1}{n}\right)^{n^{n}}",
    r"\int \frac{\sin(x^x)}{\ln(\ln(x))} dx",
    r"\gcd(2^{10^7}-1, 3^{10^7}-1)",
    r"2^{10^7} \bmod 1000000007",
    r"\sum_{i=1}^{n} \sum_{j=1}^{n} \sum_{k=1}^{n} \binom{n}{k} i^{j^{k}}",
)

GOLDS: Final[tuple[str, ...]] = (
    "5",
    r"\frac{1}{2}",
    r"\sqrt{2}",
    "x+1",
    r"\{1,2\}",
    r"\sum_{k=1}^{n} k",
    r"\gcd(a,b)",
    "(x+1)^{10001}",
)
"""What bombs are thrown at: a number, and golds that let an answer reach each engine."""
