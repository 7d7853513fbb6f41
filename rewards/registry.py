"""The table of verifiers by name: settings in, a `Verifier` out, with what is needed to score the same row again.

A verifier is a factory with keyword-only settings. Its module registers it with `@verifier(NAME, version=N)`; the version
rises with every change that can change a verdict. Modules of this package load on first use, so that asking for `format`
does not import what `math` needs.
"""

import dataclasses
import importlib
import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from rewards.verdict import Verdict
from schemas.errors import UserError
from schemas.ids import settings_hash

_BUILT_IN: Final[Mapping[str, str]] = {
    "choice": "rewards.choice",
    "exact": "rewards.matching",
    "format": "rewards.format",
    "instructions": "rewards.instructions.verifier",
    "json_schema": "rewards.json_schema",
    "math": "rewards.math.verifier",
    "mixing": "rewards.language",
    "readability": "rewards.readability",
    "regex": "rewards.matching",
    "repetition": "rewards.repetition",
}
"""Where each verifier of this package lives; importing the module registers it."""


class Check(Protocol):
    """The work of a verifier, as a factory returns it: a pure function of completion and gold."""

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Judges one completion."""


@runtime_checkable
class BatchCheck(Check, Protocol):
    """A check that knows how to judge many at once, for one that groups equal work or keeps several processes busy."""

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each completion against the gold at the same place."""


_Factory = TypeVar("_Factory", bound=Callable[..., Check])


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    factory: Callable[..., Check]
    version: int
    gold_key: str | None
    resources: frozenset[str]


_ENTRIES: dict[str, _Entry] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Verifier:
    """A verifier with its settings bound; made by `get_verifier`.

    Attributes:
        name: the name it is registered under.
        version: rises with every change that can change a verdict.
        settings: every setting, defaults included, as a JSON object. Resources (a pool, an endpoint) are not settings.
        settings_hash: 16 hex digits of `settings`; (name, version, settings_hash) is the key of a stored verdict.
        gold_key: what the caller passes as gold: `"answer"` is the prompt's `gold["answer"]`, `"language"` the prompt's
            language, None nothing.
    """

    name: str
    version: int
    settings: Mapping[str, Any]
    settings_hash: str
    gold_key: str | None
    check: Check

    def __call__(self, completion: str, gold: Any = None) -> Verdict:
        """Judges one completion; never raises: a defect of ours is a verdict with status `error` and no score."""
        begun = time.perf_counter()
        verdict = _guarded(self.check, completion, gold)
        return verdict.timed(_milliseconds_since(begun))

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
        """Judges each completion against the gold at the same place, in order; equal work is done once where it can be.

        Raises:
            ValueError: when the two lists differ in length.
        """
        if len(completions) != len(golds):
            raise ValueError(f"{len(completions)} completions for {len(golds)} golds")
        if not completions or not isinstance(self.check, BatchCheck):
            return [self(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
        begun = time.perf_counter()
        try:
            verdicts = self.check.verify_batch(completions, golds)
        except Exception:  # noqa: BLE001 - one sample that breaks us must not take the group's other verdicts with it
            return [self(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
        share = _milliseconds_since(begun) / len(completions)
        return [verdict.timed(share) for verdict in verdicts]


def _guarded(check: Check, completion: str, gold: Any) -> Verdict:
    try:
        return check(completion, gold)
    except Exception as failure:  # noqa: BLE001 - whatever breaks inside a verifier is our failure, never the model's 0.0
        return Verdict(
            None, "error", {"reason": "verifier_failed", "error": f"{type(failure).__name__}: {failure}"[:300]}
        )


def _milliseconds_since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000.0


def verifier(
    name: str, *, version: int, gold_key: str | None = None, resources: Iterable[str] = ()
) -> Callable[[_Factory], _Factory]:
    """Registers a factory of keyword-only settings under `name`.

    Args:
        name: what recipes and stored verdicts call it.
        version: rises with every change that can change a verdict.
        gold_key: what the caller passes as gold (see `Verifier.gold_key`).
        resources: parameters of the factory that are handed in by the caller and are no settings: they are not hashed.

    Raises:
        ValueError: when the name is taken (both modules are named) or the factory takes positional parameters.
    """

    def register(factory: _Factory) -> _Factory:
        taken = _ENTRIES.get(name)
        if taken is not None:
            raise ValueError(
                f"verifier {name!r} of {factory.__module__} is already registered by {taken.factory.__module__}"
            )
        for parameter in inspect.signature(factory).parameters.values():
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.default is inspect.Parameter.empty:
                raise ValueError(f"verifier {name!r}: parameter {parameter.name!r} must be keyword-only with a default")
        _ENTRIES[name] = _Entry(factory, version, gold_key, frozenset(resources))
        return factory

    return register


def available() -> list[str]:
    """Gives the names that `get_verifier` knows, sorted."""
    return sorted(_BUILT_IN.keys() | _ENTRIES.keys())


def get_verifier(name: str, **settings: Any) -> Verifier:
    """Gives the verifier of that name with its settings bound.

    Raises:
        UserError: for a name or a setting that is not known, or a value that the verifier refuses.
    """
    if name not in _ENTRIES and name in _BUILT_IN:
        importlib.import_module(_BUILT_IN[name])
    entry = _ENTRIES.get(name)
    if entry is None:
        raise UserError(f"no verifier is called {name!r}; there are: {', '.join(available())}")
    parameters = inspect.signature(entry.factory).parameters
    unknown = sorted(settings.keys() - parameters.keys())
    if unknown:
        known = ", ".join(sorted(parameters.keys() - entry.resources)) or "none"
        raise UserError(f"verifier {name!r} has no setting {unknown[0]!r}; its settings: {known}")
    resolved = {
        key: settings.get(key, parameter.default) for key, parameter in parameters.items() if key not in entry.resources
    }
    try:
        check = entry.factory(**settings)
    except (TypeError, ValueError) as failure:
        raise UserError(f"verifier {name!r}: {failure}") from failure
    return Verifier(name, entry.version, resolved, settings_hash(resolved), entry.gold_key, check)
