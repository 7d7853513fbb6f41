"""The process that runs one piece of test code. It holds the expectations and never runs a line of the program under test.

The program is in another process, in other namespaces; the test code reaches it through `remote.Remote` objects, and gets plain
data back. Comparisons, assertions and names are this process's own: no `__eq__`, no frame, no exit, no patched builtin of the program
has a hand in them.
"""

import contextlib
import json
import marshal
import os
import resource
import socket
import struct
import sys
import time
import types
from typing import Any, Final, NoReturn

from . import kernel
from .channel import Channel
from .codec import CodecError, describe
from .remote import Ending, Remote, Session
from .testcode import Code

USED: Final = struct.Struct("=dd")
"""Before each reply: processor seconds of the request, writing the reply included, and of the process since it began."""

_SEED: Final = 1
"""Of every test: its random inputs are the same each time."""


def main(channel: Channel, *, isolated: bool) -> NoReturn:
    """Serves requests of the host, each of which brings the program's socket, until the host has enough. Never returns."""
    confined = False
    random: Any = sys.modules["random"]  # of the zygote, who keeps it from drawing a new seed in each fork
    try:
        while True:
            body, descriptors = channel.receive_with_descriptors()
            began = time.process_time()
            request = marshal.loads(body)  # noqa: S302 - the host's own
            if not confined:
                _confine(request["limits"], isolated=isolated)
                confined = True
            os.chdir(request["limits"]["folder"])
            random.seed(_SEED)
            with socket.socket(fileno=descriptors[0]) as peer:
                session = Session(Channel(peer, request["reply_bytes"]))
                status, error, value, keep = _judge(request, session)
                try:
                    reply = session.codec.dumps(status, error, keep, value)
                except (MemoryError, RecursionError) as failure:
                    reply = json.dumps(["output_limit", describe(failure), False, None]).encode()
            now = time.process_time()
            channel.send(USED.pack(now - began, now) + reply)
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _confine(limits: dict[str, int], *, isolated: bool) -> None:
    kernel.limit(((resource.RLIMIT_FSIZE, limits["file_bytes"]), (resource.RLIMIT_AS, limits["address_bytes"])))
    if isolated:
        kernel.drop_rights()


def _judge(request: dict[str, Any], session: Session) -> tuple[str, str, Any, bool]:
    """Gives status, one line, the value of a call, and whether this process is as it was before."""
    status, error, value, keep = "ok", "", None, True
    try:
        if request["kind"] == "call":
            value = _call(request, session)
        else:
            code = Code.of(request["code"], request["prelude"])
            keep = code.is_plain
            _assert(request, code, session)
    except SystemExit as leaving:
        keep = False
        if leaving.code or session.left:
            status, error = _blame(session, leaving)
    except BaseException as failure:  # noqa: BLE001 - test code may raise anything
        status, error = _blame(session, failure)
    if session.lost is not None:  # whatever the test code made of it
        status, error = session.lost.status, session.lost.error
    return status, error, value if status == "ok" else None, keep


def _blame(session: Session, failure: BaseException) -> tuple[str, str]:
    """Tells an exception of the program from one of the test code."""
    if isinstance(failure, Ending):
        return failure.status, failure.error
    if session.raised is failure:
        return "memory_limit" if isinstance(failure, MemoryError) else "crash", session.raised_text
    return "failed", describe(failure)


def _call(request: dict[str, Any], session: Session) -> Any:
    name, _, method = request["function"].partition(".")
    args, kwargs = session.codec.loads(request["arguments"].encode())
    target = _load_program(request, session, [name]).get(name)
    if not isinstance(target, Remote):
        raise Ending("crash", f"NameError: {name!r} is not defined as a function or class")
    if method:
        return session.ask("method", target, (method, *args), kwargs)
    return session.ask("call", target, tuple(args), kwargs)


def _assert(request: dict[str, Any], code: "Code", session: Session) -> None:
    entry_point = request["entry_point"]
    found = _load_program(request, session, sorted(code.names | ({entry_point} if entry_point else set())))
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    names = module.__dict__
    for name, value in found.items():
        if name in code.modules or (isinstance(value, Remote) and value.type_name_ == "module"):
            with contextlib.suppress(ImportError):
                if name in sys.stdlib_module_names:
                    names[name] = __import__(name)
        else:
            names[name] = value
    if code.prelude is not None:
        try:
            exec(code.prelude, names)  # noqa: S102 - trusted code, in a process of its own
        except Exception as failure:  # noqa: BLE001 - whatever it raises
            raise Ending("error", f"the prelude fails: {describe(failure)}") from None
    if entry_point:
        if entry_point not in found:
            raise Ending("crash", f"NameError: name {entry_point!r} is not defined")
        names[entry_point] = found[entry_point]
        names["candidate"] = found[entry_point]
    exec(code.test, names)  # noqa: S102 - trusted code, in a process of its own
    check = names.get("check")
    if entry_point and isinstance(check, types.FunctionType):
        check(found[entry_point])


def _load_program(request: dict[str, Any], session: Session, names: list[str]) -> dict[str, Any]:
    told = {"script": False, "source": request["source"], "names": names, "limits": request["program_limits"]}
    session.channel.send(marshal.dumps(told))
    try:
        reply = session.codec.loads(session.receive())
        if reply[0] == 0 and type(reply[1]) is dict:
            return {name: reply[1][name] for name in names if name in reply[1]}  # nothing that was not asked for
        if reply[0] == 2 and reply[1] in {"compile_error", "crash", "memory_limit"}:
            raise Ending(reply[1], str(reply[2]))
    except (CodecError, LookupError, TypeError):
        pass
    raise Ending("crash", "the program does not keep to the protocol")
