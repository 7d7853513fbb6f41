"""The process of one program under test. It trusts nobody and nobody trusts it: whatever it says is data.

It reads one request from its channel, gives up its rights, and either runs the program as a script (`run_script`), or loads it and
then answers calls (`serve_calls`). Everything it was ever told is the program, the names asked for and the arguments of calls.
"""

import builtins
import contextlib
import json
import marshal
import os
import resource
import sys
import types
from collections.abc import Callable
from typing import Any, Final, NoReturn

from . import kernel
from .channel import Channel, TooLongError
from .codec import BUILTIN, CALLBACK, HANDLE, SHARED, Codec, CodecError, describe

MAX_REQUEST_BYTES: Final = 256 << 20
"""Requests come from our own side: a limit against accidents."""

RECURSION_LIMIT: Final = 1000
"""What the interpreter gives a program of its own."""

OPEN_FILES: Final = 256
"""What a program may have open at one time. A zygote keeps its own higher limit: the kernel counts the descriptors on their way through
sockets for all processes of a user together, and refuses those of a sender whose limit they exceed."""

PROGRAM_NAME: Final = "main.py"

Reply = tuple[Any, ...]


def main(channel: Channel, *, isolated: bool) -> NoReturn:
    """Serves one request. Never returns."""
    code = 1
    try:
        head, descriptors = channel.receive_with_descriptors()
        request = marshal.loads(head)  # noqa: S302 - from our own side
        _confine(request["limits"], isolated=isolated)
        if request["script"]:
            code = run_script(channel, request["source"], descriptors)
        else:
            serve_calls(channel, request["source"], request["names"])
            code = 0
    except (EOFError, OSError, TooLongError):
        pass
    finally:
        os._exit(code)


def _confine(limits: dict[str, int], *, isolated: bool) -> None:
    os.chdir(limits["folder"])
    kept = (
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, limits["address_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
    )
    kernel.limit(kept if isolated else kept[:-1])  # not isolated, it would count every process of this user
    if isolated:
        kernel.drop_rights()


def _new_main(source: str) -> tuple[types.ModuleType, types.CodeType]:
    """Compiles the program for a fresh `__main__`. Raises what `compile` raises."""
    code = compile(source.encode(), PROGRAM_NAME, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __file__=PROGRAM_NAME)
    sys.modules["__main__"] = module
    sys.argv[:] = [PROGRAM_NAME]
    return module, code


def _match_recursion_limit() -> int:
    """Lets the program nest as deep as it could in a process of its own, whose first frame it is; gives the limit."""
    depth = 0
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way
    while frame is not None:
        depth += 1
        frame = frame.f_back
    sys.setrecursionlimit(RECURSION_LIMIT + depth)
    return RECURSION_LIMIT + depth


def run_script(channel: Channel, source: str, descriptors: list[int]) -> int:
    """Runs the program with the two descriptors as stdin and stdout, tells how it ended, and gives its exit code."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    end: tuple[str, str] = ("ok", "")
    code = 0
    try:
        module, program = _new_main(source)
    except (Exception, RecursionError, MemoryError) as failure:  # noqa: BLE001 - a parser raises many kinds
        channel.send(json.dumps(["compile_error", describe(failure)]).encode())
        return 1
    try:
        _match_recursion_limit()
        exec(program, module.__dict__)  # noqa: S102 - the purpose of this process
    except SystemExit as leaving:
        code = _exit_code(leaving.code)
        end = ("ok" if code == 0 else "failed", "" if code == 0 else f"exit code {code}")
    except BaseException as failure:  # noqa: BLE001 - it may raise anything
        code, end = 1, _ending(failure)
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()  # noqa: SLF001 - waits as the interpreter does
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()  # noqa: SLF001
        sys.stdout.flush()
    except BaseException as failure:  # noqa: BLE001
        if end[0] == "ok":
            code, end = 120, _ending(failure)
    channel.send(json.dumps(end).encode())
    return code


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def _ending(failure: BaseException) -> tuple[str, str]:
    return ("memory_limit" if isinstance(failure, MemoryError) else "crash", describe(failure))


def serve_calls(channel: Channel, source: str, names: list[str]) -> None:
    """Loads the program and answers calls until the peer closes."""
    objects = OBJECTS
    objects.channel = channel
    try:
        module, program = _new_main(source)
    except (Exception, RecursionError, MemoryError) as failure:  # noqa: BLE001 - a parser raises many kinds
        channel.send(json.dumps([2, "compile_error", describe(failure)]).encode())
        return
    try:
        depth = _match_recursion_limit()
        exec(program, module.__dict__)  # noqa: S102 - the purpose of this process
    except BaseException as failure:  # noqa: BLE001 - it may raise anything
        channel.send(json.dumps([2, *_ending(failure)]).encode())
        return
    known = module.__dict__
    channel.send(objects.codec.dumps(0, {name: known[name] for name in names if name in known}))
    sys.setrecursionlimit(depth + 1)  # a test's own frames: the module's and check's, less the one of `answer`
    while True:
        objects.answer(channel.receive())


class Callback:
    """A function that stays with the judge, as the program sees it."""

    __slots__ = ("_number", "_objects")

    def __init__(self, objects: "Objects", number: int) -> None:
        self._objects, self._number = objects, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Asks the judge."""
        return self._objects.call_back(self._number, args, kwargs)


class Objects:
    """The objects of the program that the other side knows by number, and what it may do with them."""

    channel: Channel

    def __init__(self) -> None:
        self.codec = Codec(self._encode_other, self._decode_other)
        self._kept: list[Any] = []
        self._numbers: dict[int, int] = {}

    def clear(self) -> None:
        """Forgets all objects."""
        self._kept.clear()
        self._numbers.clear()

    def answer(self, message: bytes) -> None:
        """Does what one message asks and sends the reply."""
        head, _, text = message.partition(b"\n")
        operation, _, number = head.partition(b" ")
        args, kwargs = self.codec.loads(text)
        try:
            target = self._kept[int(number)]
            value = target(*args, **kwargs) if operation == b"call" else _OPERATIONS[operation](target, *args, **kwargs)
            if _FIXED.issuperset(map(type, args)) and _FIXED.issuperset(map(type, kwargs.values())):
                reply = self.codec.dumps(0, value)
            else:
                after = self.codec.dumps(args, kwargs)
                # The program may change what it was given: the caller's own objects follow.
                reply = self.codec.dumps(0, value) if after == text else self.codec.dumps(0, value, args, kwargs)
        except BaseException as failure:  # noqa: BLE001 - the program, its properties, data that holds itself
            reply = failure_reply(failure)
        self.channel.send(reply)

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function of the judge; answers what the judge asks meanwhile."""
        self.channel.send(self.codec.dumps(3, number, list(args), kwargs))
        while True:
            message = self.channel.receive()
            if message[:1] != b"=":
                self.answer(message)
                continue
            ok, value = self.codec.loads(message[1:])
            if ok:
                return value
            raise getattr(builtins, value[0], Exception)(value[1])

    def _encode_other(self, value: Any) -> Any:
        if isinstance(value, Callback):
            return {CALLBACK: value._number}  # noqa: SLF001 - its own maker
        name = getattr(value, "__name__", None)
        if type(name) is str and name in SHARED and SHARED[name] is value:
            return {BUILTIN: name}
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._kept)
            self._kept.append(value)
        return {HANDLE: [number, type(value).__name__[:100]]}

    def _decode_other(self, tag: str, body: Any) -> Any:
        if tag == HANDLE:
            return self._kept[body[0]]
        if tag == BUILTIN:
            return SHARED[body]
        if tag == CALLBACK:
            return Callback(self, body)
        raise CodecError(f"no such data: {tag}")


_FIXED: Final = frozenset({type(None), bool, int, float, str, bytes, complex, range})
"""What a program cannot change in place."""


def failure_reply(failure: BaseException) -> bytes:
    """Tells an exception by the names of its built-in types, the nearest first, and one line."""
    names = [kind.__name__ for kind in type(failure).__mro__ if getattr(builtins, kind.__name__, None) is kind]
    with contextlib.suppress(BaseException):
        if isinstance(failure, KeyError) and type(failure.args[0]) is str:
            return json.dumps([1, names, failure.args[0][:300], describe(failure)]).encode()
    text = ""
    with contextlib.suppress(BaseException):
        text = str(failure)[:10_000]
    return json.dumps([1, names, text, describe(failure)]).encode()


def _make_and_call(cls: Callable[[], Any], method: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(cls(), method)(*args, **kwargs)


_OPERATIONS: Final[dict[bytes, Callable[..., Any]]] = {
    b"method": _make_and_call,
    b"get": getattr,
    b"set": setattr,
    b"item": lambda target, key: target[key],
    b"put": lambda target, key, value: target.__setitem__(key, value),
    b"iter": iter,
    b"next": next,
    b"len": len,
    b"bool": bool,
    b"str": str,
    b"repr": repr,
    b"int": int,
    b"float": float,
    b"isinstance": lambda target, other: isinstance(other, target),
}

OBJECTS: Final = Objects()
"""Made before the fork, whose first use of everything costs it a page."""
