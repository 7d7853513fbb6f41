"""Hostile strings for the `math` verifier, for its tests and `benchmarks/bench_math.py`."""

from hypothesis import strategies as st

FRAGMENTS = [
    "\\frac", "\\sqrt", "\\boxed", "{", "}", "(", ")", "[", "]", "^", "_", "1", "2.5", "10^", "!", "%", "\\text", "x", "e", "i", ",", "=",
    "<", "\\le", "\\cup", "\\pm", "|", ":", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "$", "<answer>", "</answer>", "</think>",
    "####", "the answer is ", "√", "∞", "\x00", "\ud800", "\n", " ", "-", "/", "\\sin", "\\log_", "\\int", "答案是", "cm", "\\%", "\\circ",
    "\\gcd", "\\binom", "\\sum_{k=1}^", "{10^8}", "because ", '"answer": "', " is ", "p.m.", "\\mod",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join) | st.text(max_size=60)
GOLDS = ["5", "\\frac{1}{2}", "x^2+1", "(1,2]", "\\{1,2\\}", "x=5", "A", "\\text{Yes}", "10\\%", "1,2", "\\gcd(a,b)"]
