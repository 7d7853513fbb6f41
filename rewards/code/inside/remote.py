"""The program's objects, as the test code sees them: each use is a question to the program's process, each answer is data.

A program can only say values. So what would put the judgement into its hands is not passed on: `==` and hashing are by identity,
`in` compares on this side, and there is no arithmetic and no order, whose operands would tell it what is expected.
"""

import builtins
import types
from collections.abc import Iterator
from typing import Any, Final

from .channel import Channel, TooLongError
from .codec import BUILTIN, CALLBACK, HANDLE, SHARED, Codec, CodecError, one_line


class Remote:
    """An object of the program that is no data: a function, a class, a generator, an instance of its own class."""

    __slots__ = ("number_", "session_", "type_name_")

    def __init__(self, session: "Session", number: int, type_name: str) -> None:
        object.__setattr__(self, "session_", session)
        object.__setattr__(self, "number_", number)
        object.__setattr__(self, "type_name_", type_name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it."""
        return self.session_.ask("call", self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Gives an attribute; those with two underscores belong to the language, not to the test."""
        if name.startswith("__") and name not in {"__name__", "__doc__", "__dict__"}:
            raise AttributeError(name)
        return self.session_.ask("get", self, (name,))

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute."""
        self.session_.ask("set", self, (name, value))

    def __getitem__(self, key: Any) -> Any:
        """Gives an item."""
        return self.session_.ask("item", self, (key,))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Sets an item."""
        self.session_.ask("put", self, (key, value))

    def __iter__(self) -> Iterator[Any]:
        """Iterates, a question an item."""
        iterator = self.session_.ask("iter", self)
        return iterator if isinstance(iterator, Remote) else iter(iterator)

    def __next__(self) -> Any:
        """Gives the next item."""
        return self.session_.ask("next", self)

    def __len__(self) -> int:
        """Gives its length."""
        return int(self.session_.ask("len", self))

    def __bool__(self) -> bool:
        """Gives its truth."""
        return self.session_.ask("bool", self) is True

    def __str__(self) -> str:
        """Gives its text."""
        return str(self.session_.ask("str", self))

    def __repr__(self) -> str:
        """Gives its representation."""
        return str(self.session_.ask("repr", self))

    def __int__(self) -> int:
        """Gives its whole number."""
        return int(self.session_.ask("int", self))

    def __float__(self) -> float:
        """Gives its number."""
        return float(self.session_.ask("float", self))

    def __instancecheck__(self, other: Any) -> bool:
        """Says whether another object of the program is an instance of this class of the program."""
        return isinstance(other, Remote) and self.session_.ask("isinstance", self, (other,)) is True


class ProgramError(Exception):
    """An exception of a type of the program's own."""


class Ending(BaseException):
    """The test is over with this status and line of text."""

    def __init__(self, status: str, error: str = "") -> None:
        super().__init__(error)
        self.status, self.error = status, error


class Session:
    """One test's talk with the program.

    Attributes:
        lost: set when the program is gone; then no test can have passed, even if its code went on.
        raised: the exception of the program that was raised here last.
        raised_text: one line about it.
        left: the program has raised a SystemExit, which then is no word of the test code's own.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.codec = Codec(self._encode_other, self._decode_other)
        self.lost: Ending | None = None
        self.raised: BaseException | None = None
        self.raised_text = ""
        self.left = False
        self._remotes: dict[int, Remote] = {}
        self._callbacks: list[Any] = []

    def ask(
        self, operation: str, target: Remote, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Asks the program and gives its answer, or raises its exception as the same built-in type."""
        given, named = list(args), kwargs or {}
        self._send(b"%b %d\n%b" % (operation.encode(), target.number_, self.codec.dumps(given, named)))
        reply = self._reply()
        while reply[0] == 3:
            self._call_back(*reply[1:])
            reply = self._reply()
        if reply[0] == 0:
            if len(reply) == 4:
                _follow(given, reply[2])
                _follow(named, reply[3])
            return reply[1]
        raise self._exception(*reply[1:])

    def receive(self) -> bytes:
        """Receives the program's next message, or ends the test."""
        try:
            return self.channel.receive()
        except TooLongError as failure:
            self.lost = Ending("output_limit", f"a value of {failure} bytes")
        except (EOFError, OSError):
            self.lost = Ending("crash", "the program ended before it answered")
        raise self.lost

    def _send(self, message: bytes) -> None:
        try:
            self.channel.send(message)
        except OSError:
            self.lost = Ending("crash", "the program ended before it was asked")
            raise self.lost from None

    def _reply(self) -> list[Any]:
        try:
            reply: list[Any] = self.codec.loads(self.receive())
        except CodecError as failure:
            raise self._exception(
                ["RuntimeError"], f"unreadable: {failure}", f"an unreadable value: {failure}"
            ) from None
        if len(reply) == _REPLY_LENGTHS.get(reply[0] if type(reply[0]) is int else -1) or (
            len(reply) == 2 and reply[0] == 0
        ):
            return reply
        raise self._exception(["RuntimeError"], "protocol", "the program does not keep to the protocol")

    def _exception(self, names: list[str], text: str, line: str) -> BaseException:
        kind: Any = ProgramError
        for name in names if type(names) is list else []:
            found = getattr(builtins, name, None) if type(name) is str else None
            if isinstance(found, type) and issubclass(found, BaseException):
                kind = ProgramError if found is Exception else found
                break
        try:
            self.raised = kind(text)
        except TypeError:  # such as UnicodeDecodeError, which wants five arguments
            self.raised = next(base for base in kind.__mro__ if base in _PLAIN_ERRORS)(text)
        self.raised_text = one_line(str(line))
        self.left = self.left or isinstance(self.raised, SystemExit)
        return self.raised

    def _call_back(self, number: Any, args: Any, kwargs: Any) -> None:
        try:
            answer = self.codec.dumps(True, self._callbacks[number](*args, **kwargs))
        except Exception as failure:  # noqa: BLE001 - goes to the program, which called
            answer = self.codec.dumps(False, [type(failure).__name__, str(failure)])
        except Ending as failure:  # the program chose what the function was given
            if self.lost is not None:
                raise
            answer = self.codec.dumps(False, ["TypeError", failure.error])
        self._send(b"=" + answer)

    def _encode_other(self, value: Any) -> Any:
        if type(value) is Remote:
            return {HANDLE: [value.number_, value.type_name_]}
        name = getattr(value, "__name__", None)
        if type(name) is str and name in SHARED and SHARED[name] is value:
            return {BUILTIN: name}
        if isinstance(value, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
            self._callbacks.append(value)
            return {CALLBACK: len(self._callbacks) - 1}
        raise Ending("error", f"a test cannot give the program an object of type {type(value).__name__}")

    def _decode_other(self, tag: str, body: Any) -> Any:
        if tag == HANDLE:
            number, type_name = body
            if type(number) is int and type(type_name) is str:
                return self._remotes.setdefault(number, Remote(self, number, type_name))
        elif tag == BUILTIN and type(body) is str and body in SHARED:
            return SHARED[body]
        elif tag == CALLBACK and type(body) is int:
            return self._callbacks[body]
        raise CodecError("no such data")


_REPLY_LENGTHS: Final = {0: 4, 1: 4, 3: 4}
_PLAIN_ERRORS: Final = (ValueError, Exception, BaseException)


def _follow(own: Any, after: Any) -> None:
    """Makes the caller's mutable objects what the program made of its copies, keeping their identity."""
    if type(own) is not type(after):
        return
    if type(own) is list:
        for place, (item, new) in enumerate(zip(own, after, strict=False)):
            if item is not new:
                own[place] = _merged(item, new)
        own[len(after) :] = after[len(own) :]
    elif type(own) is tuple:
        for item, new in zip(own, after, strict=False):
            _follow(item, new)
    elif type(own) is dict:
        merged = {key: _merged(own[key], new) if key in own else new for key, new in after.items()}
        own.clear()
        own.update(merged)
    elif type(own) is set:
        own.clear()
        own.update(after)
    elif type(own) is bytearray:
        own[:] = after


def _merged(item: Any, new: Any) -> Any:
    if type(item) is type(new) and type(item) in {list, tuple, dict, set, bytearray}:
        _follow(item, new)
        return item
    return new
