"""Caps on what may be spent at an endpoint, and the count of what was. Touches the clock, nothing else.

A cap is never passed: before a request the most that it can cost is set aside, and given back in so far as it cost less. So the last
few thousand tokens of a cap may stay unspent. The account that this is booked in is this process's own, or one that a run's
workers share (`workers.run_budget`).
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MILLION = 1_000_000


class Budget(BaseModel):
    """What may be spent at most; None does not limit.

    Attributes:
        requests: HTTP requests, repeated ones too.
        tokens: of prompts and replies together.
        money: in the currency of the prices.
        wall_seconds: from the first request on.
        prompt_price: for a million tokens of prompts.
        completion_price: for a million tokens of replies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    wall_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    prompt_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    completion_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _priced(self) -> "Budget":
        if self.money is not None and self.prompt_price is None and self.completion_price is None:
            raise ValueError("a cap on money needs prompt_price, completion_price or both")
        return self


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    def plus(self, requests: int, prompt_tokens: int, completion_tokens: int) -> "Spending":
        """Gives the sum."""
        return Spending(
            self.requests + requests,
            self.prompt_tokens + prompt_tokens,
            self.completion_tokens + completion_tokens,
        )

    def money(self, budget: Budget) -> float:
        """Gives the price of it, in the budget's currency; 0 without prices."""
        prompt = self.prompt_tokens * (budget.prompt_price or 0.0)
        return (prompt + self.completion_tokens * (budget.completion_price or 0.0)) / _MILLION


class BudgetSpentError(Exception):
    """A cap would be passed. The message names it."""


def check_caps(budget: Budget, total: Spending) -> None:
    """Says whether so much may be spent, what is set aside included.

    Raises:
        BudgetSpentError: a cap on requests, tokens or money would be passed; the message names it.
    """
    for name, cap, needed in (
        ("requests", budget.requests, total.requests),
        ("tokens", budget.tokens, total.tokens),
        ("money", budget.money, total.money(budget)),
    ):
        if cap is not None and needed > cap:
            raise BudgetSpentError(f"{name} {cap:g}")


class Account(Protocol):
    """Where spending is booked; several threads call it."""

    def reserve(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """Books one request and the tokens that it can take at most.

        Raises:
            BudgetSpentError: a cap would be passed; nothing is booked.
        """

    def settle(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """Gives back tokens that a request was booked with and did not take."""


class OwnAccount:
    """An account of this process alone."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._booked = Spending()

    def reserve(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """See `Account`."""
        with self._lock:
            booked = self._booked.plus(1, prompt_tokens, completion_tokens)
            check_caps(self._budget, booked)
            self._booked = booked

    def settle(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """See `Account`."""
        with self._lock:
            self._booked = self._booked.plus(0, -prompt_tokens, -completion_tokens)


class Ledger:
    """Counts what a budget has left; may be shared by threads."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._spent = Spending()
        self._account: Account = OwnAccount(budget)
        self._begun: float | None = None
        self._work: object = None

    @property
    def budget(self) -> Budget:
        """The caps."""
        return self._budget

    @property
    def is_capped(self) -> bool:
        """Whether requests, tokens or money are limited."""
        caps = (self._budget.requests, self._budget.tokens, self._budget.money)
        return any(cap is not None for cap in caps)

    def begin(self, work: object, account: Account | None = None) -> None:
        """Begins to count anew, in `account` or else in one of its own; the time too where `work` is another than it was."""
        with self._lock:
            self._spent, self._account = Spending(), account or OwnAccount(self._budget)
            if work != self._work:
                self._work, self._begun = work, None

    @property
    def spent(self) -> Spending:
        """What was spent here since the beginning, without what is set aside."""
        return self._spent

    def seconds_left(self) -> float | None:
        """Gives the seconds until the cap on time; None without one. Time begins with the first call."""
        if self._budget.wall_seconds is None:
            return None
        with self._lock:
            if self._begun is None:
                self._begun = time.monotonic()
        return max(0.0, self._begun + self._budget.wall_seconds - time.monotonic())

    def set_aside(self, prompt_tokens: int, completion_tokens: int) -> Account:
        """Sets aside one request and the tokens that it can take at most; gives the account, for `settle`.

        Raises:
            BudgetSpentError: a cap would be passed; nothing is set aside.
        """
        if self.seconds_left() == 0.0:
            raise BudgetSpentError(f"wall_seconds {self._budget.wall_seconds:g}")
        account = self._account
        account.reserve(prompt_tokens, completion_tokens)
        return account

    def settle(self, account: Account, aside: tuple[int, int], spent: tuple[int, int]) -> None:
        """Counts a request: gives back what it did not take of the (prompt, completion) tokens set aside."""
        with self._lock:
            self._spent = self._spent.plus(1, *spent)
        account.settle(aside[0] - spent[0], aside[1] - spent[1])


class RequestMeter:
    """Books one request's attempts in a ledger: a `workers.endpoint.Meter`."""

    def __init__(self, ledger: Ledger, prompt_tokens: int, completion_tokens: int) -> None:
        """Takes the most tokens that one attempt can take."""
        self._ledger = ledger
        self._aside = (prompt_tokens, completion_tokens)
        self._account: Account | None = None

    def begin(self) -> None:
        """Sets the attempt's tokens aside.

        Raises:
            BudgetSpentError: a cap would be passed.
        """
        self._account = self._ledger.set_aside(*self._aside)

    def end(self, reply: Any, *, billed: bool) -> None:
        """Books what the reply's `usage` says; all that was set aside where it says nothing and the attempt may have cost."""
        if self._account is None:
            raise AssertionError("an attempt ends that has not begun")
        self._ledger.settle(self._account, self._aside, _used(reply, self._aside) if billed else (0, 0))


def _used(reply: Any, most: tuple[int, int]) -> tuple[int, int]:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    if not isinstance(usage, dict):
        return most
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        prompt if isinstance(prompt, int) and prompt >= 0 else most[0],
        completion if isinstance(completion, int) and completion >= 0 else most[1],
    )
