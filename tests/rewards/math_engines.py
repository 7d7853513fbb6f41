"""Engines that fail each in its way, for the tests of how the math verifier names it."""

import os
import signal
import time


def spin_on_answer(_request, note):
    note("answer")
    while True:
        pass


def spin_on_gold(_request, note):
    note("gold")
    while True:
        pass


def eat_on_answer(_request, note):
    note("answer")
    return len(bytearray(4 << 30))


def recurse_on_answer(request, note):
    note("answer")
    return recurse_on_answer(request, lambda _: None)


def fault_on_answer(_request, note):
    note("answer")
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep(_request, _note):
    time.sleep(60)


def die(_request, _note):
    os.kill(os.getpid(), signal.SIGKILL)
