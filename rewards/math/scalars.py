"""The scalar half of the grammar: numbers, symbols, fractions, roots, powers, functions. The other half is `rewards.math.reader`.

A recursive descent over one string with a position. Every nesting passes `deeper`, every node `node`, so both are bounded.
"""

import re
from typing import Final

from rewards.math.cursor import Cursor
from rewards.math.latex import matching_brace
from rewards.math.tree import Kind, Node, TooComplexError, UnreadableError
from rewards.math.units import is_unit

FUNCTIONS: Final = frozenset(
    ("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log", "lg", "exp", "abs",
     "floor", "ceil", "sqrt")
)  # fmt: skip
_INVERSE: Final = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_RENAMED: Final = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "tg": "tan", "arctg": "arctan", "ctg": "cot"}
_CONSTANTS: Final = {
    "pi": "pi", "infty": "inf", "infinity": "inf", "inf": "inf", "oo": "inf", "e": "e", "i": "i", "emptyset": "emptyset",
}  # fmt: skip
CONSTANT_WORDS: Final = frozenset(_CONSTANTS) | FUNCTIONS | frozenset(_RENAMED)
_GREEK: Final = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa", "lambda", "mu",
     "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
     "Phi", "Psi", "Omega", "ell", "hbar")
)  # fmt: skip
_ACCENTS: Final = frozenset(
    ("vec", "hat", "bar", "overline", "overrightarrow", "mathbb", "mathcal", "tilde", "dot", "widehat")
)  # fmt: skip

_COMMAND: Final = re.compile(r"\\([A-Za-z]+)")
_TEXT_NAME: Final = re.compile(r"\\text\s*\{\s*([A-Za-z]+)\s*\}")
_RUN: Final = re.compile(r"[A-Za-z]+")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?")
_SPACED: Final = re.compile(r"\d{1,3}(?: \d{3})+(?![\d, ]?\d)(?:\.\d+)?(?!\.\d)")
_REPEATING: Final = re.compile(r"(\d*)\.(\d*)\\overline\s*\{\s*(\d+)\s*\}")
_DOTTED: Final = re.compile(r"(\d*)\.(\d*)\\dot\s*\{?\s*(\d)\s*\}?(?:(\d*)\\dot\s*\{?\s*(\d)\s*\}?)?")
_PLAIN: Final = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,4}(?!\w))?")
_HUGE_EXPONENT: Final = re.compile(r"[eE][+-]?\d{5,}")
_MIXED: Final = re.compile(
    r"(\d+)(?:\s*\\frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))|\s+(\d+)\s*/\s*(\d+)(?!\d))"
)
_BASE: Final = re.compile(r"_\s*(?:\{\s*(\d+)\s*\}|(\d+))")
_SUBSCRIPT: Final = re.compile(r"_\s*(?:\{([^{}]*)\}|(\\[A-Za-z]+|\w))")
_EXPLICIT: Final = re.compile(r"\s*(\\cdot|\\times|\\div|\\ast|\*(?!\*)|/)(?![A-Za-z]*\{)\s*")
_DEGREE: Final = re.compile(r"\s*(?:\^\s*\{?\s*\\circ\s*\}?)")
_PERCENT: Final = re.compile(r"\s*\\?%")
_POWER: Final = re.compile(r"\s*(?:\^|\*\*)\s*")
_DIGITS: Final = re.compile(r"\d+(?:\.\d+)?")


class ScalarReader(Cursor):
    """The rules that read a scalar from the cursor."""

    _bars = 0

    def bracketed(self) -> Node | None:
        """Brackets and what stands in them, if one opens here; the other half of the grammar knows them."""
        raise NotImplementedError

    # The rules, from loose to tight.

    def sum(self) -> Node:
        """Terms joined by signs: the loosest scalar."""
        signs = 0
        with self.deeper():
            left = self._signed()
            while True:
                self.spaces()
                sign = self._sign()
                if not sign:
                    return left
                right = self._product()
                if sign == "-":
                    right = self.node("negate", "", right)
                if sign in {"+", "-"}:
                    terms = left.children if left.kind == "add" else (left,)
                    left = self.node("add", "", *terms, right)
                else:
                    signs = self.link(signs)
                    left = self.node("plus_minus", sign, left, right)

    def _sign(self) -> str:
        for text, sign in (("+", "+"), ("-", "-"), (r"\pm", "+-"), (r"\mp", "-+")):
            if self.source.startswith(text, self.at):
                self.at += len(text)
                return sign
        return ""

    def _signed(self) -> Node:
        self.spaces()
        sign = self._sign()
        if not sign:
            return self._product()
        with self.deeper():
            operand = self._signed() if self.ahead("-") or self.ahead("+") else self._product()
        if sign == "+":
            return operand
        return self.node("negate", "", operand) if sign == "-" else self.node("plus_minus", sign, operand)

    def _product(self) -> Node:
        left = self._power()
        factors = 0
        while True:
            factors = self.link(factors)
            operator = _EXPLICIT.match(self.source, self.at)
            if operator:
                self.at = operator.end()
                right = self._signed_factor()
                kind: Kind = "divide" if operator[1] in {"/", r"\div"} else "multiply"
                left = self.node(kind, "", left, right)
            elif self._factor_follows(left):
                before = self.at
                try:
                    right = self._power()
                except UnreadableError:
                    if not self.source.startswith("|", before):
                        raise
                    self.at = before  # the bar of {x | ...}, not of an absolute value
                    return left
                left = self.node("multiply", "", left, right)
            else:
                return left

    def _signed_factor(self) -> Node:
        if self.ahead("-"):
            self.at += 1
            return self.node("negate", "", self._power())
        return self._power()

    def _factor_follows(self, left: Node) -> bool:  # noqa: PLR0911 - a table of cases
        """Says whether a factor follows without an operator. Words that may be units or prose end a product."""
        spaced = self.source[self.at : self.at + 1].isspace()
        self.spaces()
        if self.at >= len(self.source):
            return False
        char = self.source[self.at]
        if char == "|":
            return self._bars == 0
        if char in "({":
            return True
        text = _TEXT_NAME.match(self.source, self.at)
        if text:
            return text[1] in FUNCTIONS or (len(text[1]) == 1 and not is_unit(text[1]))
        command = _COMMAND.match(self.source, self.at)
        if command:
            return _knows_command(command[1])
        run = _RUN.match(self.source, self.at)
        if run is None:
            return False
        word = run[0]
        if len(word) == 1 and spaced and word in "mgs" and left.kind == "number" and run.end() == len(self.source):
            return False  # 10 m: metres, not a variable
        return self._is_factor_word(word)

    def _is_factor_word(self, word: str) -> bool:
        if len(word) == 1 or word.lower() in CONSTANT_WORDS or (self.at and self.source[self.at - 1].isalpha()):
            return True
        return len(word) <= 3 and not is_unit(word) and word.lower() not in {"and", "or", "per"} and word != "U"

    def _power(self) -> Node:
        base = self._postfix(self._primary())
        power = _POWER.match(self.source, self.at)
        if power is None:
            return base
        self.at = power.end()
        with self.deeper():
            exponent = self._exponent()
        return self._postfix(self.node("power", "", base, exponent))

    def _exponent(self) -> Node:
        if self.ahead("-"):
            self.at += 1
            return self.node("negate", "", self._exponent())
        digits = _DIGITS.match(self.source, self.at)
        if digits:  # 2^10 means ten: nobody writes 2^1 times 0
            self.at = digits.end()
            base: Node = self.node("number", digits[0])
        else:
            base = self._primary()
        power = _POWER.match(self.source, self.at)
        if power is None:
            return base
        self.at = power.end()
        with self.deeper():
            return self.node("power", "", base, self._exponent())

    def _postfix(self, operand: Node) -> Node:
        marks = 0
        while True:
            marks = self.link(marks)
            degree, percent = _DEGREE.match(self.source, self.at), _PERCENT.match(self.source, self.at)
            if degree:
                self.at = degree.end()
                operand = self.node("degree", "", operand)
            elif percent:
                self.at = percent.end()
                operand = self.node("percent", "", operand)
            elif self.source.startswith("!", self.at) and not self.source.startswith(("!!", "!="), self.at):
                self.at += 1
                operand = self.node("factorial", "", operand)
            else:
                return operand

    def _primary(self) -> Node:  # noqa: PLR0911 - a table of cases
        self.spaces()
        if self.at >= len(self.source):
            raise self.unreadable("the end where a number or symbol was expected")
        char = self.source[self.at]
        if char.isdigit() or char == ".":
            return self._number()
        if char == "|":
            return self._between("|", "|", "abs")
        group = self.bracketed()
        if group is not None:
            return group
        if char == "{":
            return self._braces()
        text = _TEXT_NAME.match(self.source, self.at)
        if text and (len(text[1]) == 1 or text[1] in FUNCTIONS):
            self.at = text.end()
            return self._call(text[1]) if text[1] in FUNCTIONS else self._symbol(text[1])
        command = _COMMAND.match(self.source, self.at)
        if command and _knows_command(command[1]):
            self.at = command.end()
            return self._command(command[1])
        run = _RUN.match(self.source, self.at)
        if run is None or not self._is_factor_word(run[0]):
            raise self.unreadable("no number or symbol")
        return self._word(run[0])

    def _word(self, word: str) -> Node:
        inside = self.at > 0 and self.source[self.at - 1].isalpha()
        name = _RENAMED.get(word.lower(), word.lower())
        if not inside and len(word) > 1 and (name in FUNCTIONS or name in _CONSTANTS):
            self.at += len(word)
            return self._call(name) if name in FUNCTIONS else self.node("constant", _CONSTANTS[name])
        self.at += 1
        return self._symbol(word[0])

    def _symbol(self, name: str) -> Node:
        subscript = _SUBSCRIPT.match(self.source, self.at)
        if subscript:
            self.at = subscript.end()
            name += "_" + re.sub(r"\\text|[\s{}]", "", subscript[1] or subscript[2] or "")
        while self.source.startswith("'", self.at):
            self.at += 1
            name += "'"
        if name in {"e", "i"}:
            return self.node("constant", name)
        return self.node("symbol", name)

    def _number(self) -> Node:
        repeating = _REPEATING.match(self.source, self.at)
        if repeating:
            self.at = repeating.end()
            return self._repeating(*repeating.groups())
        dotted = _DOTTED.match(self.source, self.at)
        if dotted:  # a dot on the first and on the last digit of the period
            self.at = dotted.end()
            whole, fixed, *period = dotted.groups("")
            return self._repeating(whole, fixed, "".join(period))
        mixed = _MIXED.match(self.source, self.at)
        if mixed:
            whole, *parts = mixed.groups()
            numerator, denominator = [part for part in parts if part is not None]
            if int(numerator) < int(denominator):
                self.at = mixed.end()
                fraction = self.node("divide", "", self.node("number", numerator), self.node("number", denominator))
                return self.node("add", "mixed", self.node("number", whole), fraction)
        patterns = [_SPACED, _PLAIN] if self.brackets or not self.thousands else [_THOUSANDS, _SPACED, _PLAIN]
        literal = next((found for pattern in patterns if (found := pattern.match(self.source, self.at))), None)
        if literal is None:
            raise self.unreadable("no number")
        self.at = literal.end()
        if _HUGE_EXPONENT.match(self.source, self.at):
            raise TooComplexError("a decimal exponent of over four digits")
        value = self.node("number", literal[0].replace(",", "").replace(" ", ""))
        base = _BASE.match(self.source, self.at)
        if base:
            self.at = base.end()
            return self.node("quantity", f"base {base[1] or base[2]}", value)
        return value

    def _repeating(self, whole: str, fixed: str, period: str) -> Node:
        scale = 10 ** len(fixed)
        nines = (10 ** len(period) - 1) * scale
        value = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
        return self.node("divide", "", self.node("number", str(value)), self.node("number", str(nines)))

    def _braces(self) -> Node:
        closing = matching_brace(self.source, self.at)
        if closing < 0:
            raise self.unreadable("a brace that is not closed")
        return self._between("{", "}", "")

    def _between(self, opening: str, closing: str, function: str) -> Node:
        self.at += len(opening)
        bars = self._bars
        self._bars = 1 if closing == "|" else 0
        try:
            with self.deeper():
                inner = self.sum()
        finally:
            self._bars = bars
        if not self.ahead(closing):
            raise self.unreadable(f"no {closing}")
        self.at += len(closing)
        return self.node("call", function, inner) if function else inner

    def _argument(self) -> Node:
        r"""The argument of \frac and the like: a group, or one digit, letter or command."""
        self.spaces()
        if self.source.startswith("{", self.at):
            return self._braces()
        if self.source[self.at : self.at + 1].isdigit():
            self.at += 1
            return self.node("number", self.source[self.at - 1])
        with self.deeper():
            return self._primary()

    def _command(self, name: str) -> Node:  # noqa: PLR0911 - a table of cases
        if name == "frac":
            return self.node("divide", "", self._argument(), self._argument())
        if name == "binom":
            return self.node("binomial", "", self._argument(), self._argument())
        if name == "sqrt":
            return self._root()
        if name == "lfloor":
            return self._between("", r"\rfloor", "floor")
        if name == "lceil":
            return self._between("", r"\rceil", "ceil")
        if name in _CONSTANTS:
            return self.node("constant", _CONSTANTS[name])
        if name in FUNCTIONS:
            return self._call(name)
        if name in _ACCENTS:
            closing = matching_brace(self.source, self.at) if self.ahead("{") else self.at
            inner = self.source[self.at : closing + 1]
            self.at = closing + 1
            return self._symbol(name + re.sub(r"[\s{}]", "", inner))
        return self._symbol(name)

    def _root(self) -> Node:
        self.spaces()
        degree = self.node("number", "2")
        if self.source.startswith("[", self.at):
            closing = self.source.find("]", self.at)
            if not self.source[self.at + 1 : closing].strip().isdecimal():
                raise self.unreadable("the degree of a root")
            degree = self.node("number", self.source[self.at + 1 : closing].strip())
            self.at = closing + 1
            self.spaces()
        digits = _DIGITS.match(self.source, self.at)
        if digits:  # √13 of plain text; nobody means the root of one times three
            self.at = digits.end()
            return self.node("root", "", self.node("number", digits[0]), degree)
        return self.node("root", "", self._argument(), degree)

    def _call(self, name: str) -> Node:
        base: Node | None = None
        if name == "log" and self.ahead("_"):
            self.at += 1
            base = self._argument()
        exponent: Node | None = None
        power = _POWER.match(self.source, self.at)
        if power:
            self.at = power.end()
            with self.deeper():
                exponent = self._exponent()
        self.spaces()
        with self.deeper():
            enclosed = self.source[self.at : self.at + 1] in {"(", "{", "|"}
            operand = self._primary() if enclosed else self._bare_operand()
        if name == "sqrt":
            return self.node("root", "", operand, self.node("number", "2"))
        if exponent == Node("negate", "", (Node("number", "1"),)) and name in _INVERSE:
            name, exponent = _INVERSE[name], None
        call = self.node("call", name, operand) if base is None else self.node("call", "log", operand, base)
        return call if exponent is None else self.node("power", "", call, exponent)

    def _bare_operand(self) -> Node:
        """The operand of a function without brackets: factors up to the next sign, operator or function."""
        operand = self._power()
        factors = 0
        while self._factor_follows(operand):
            factors = self.link(factors)
            command = _COMMAND.match(self.source, self.at)
            if self.source[self.at] in "(|" or (command and command[1] in FUNCTIONS):
                break
            operand = self.node("multiply", "", operand, self._power())
        return operand


def _knows_command(name: str) -> bool:
    return (
        name in FUNCTIONS
        or name in _CONSTANTS
        or name in _GREEK
        or name in _ACCENTS
        or name in {"frac", "binom", "lfloor", "lceil"}
    )
