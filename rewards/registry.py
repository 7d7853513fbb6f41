"""The table of verifiers by name: settings in, a `Verifier` out, with what is needed to score the same row again.

A verifier is a factory with keyword-only settings. Its module registers it with `@verifier(NAME, version=N)`; the version
rises with every change that can change a verdict. Modules load on first use: `format` imports nothing that `math` needs.
"""

import dataclasses
import importlib
import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeGuard, TypeVar, runtime_checkable

from rewards.cache import CacheKey, VerdictCache, hash_gold, hash_text
from rewards.setting_types import call_checked
from rewards.verdict import Verdict
from schemas.errors import UserError
from schemas.ids import settings_hash

_BUILT_IN: Final[Mapping[str, str]] = {
    "choice": "rewards.choice",
    "code": "rewards.code.verifier",
    "exact": "rewards.matching",
    "format": "rewards.format",
    "instructions": "rewards.instructions.verifier",
    "judge": "rewards.judge.verifier",
    "json_schema": "rewards.json_schema",
    "length": "rewards.length",
    "math": "rewards.math.verifier",
    "mixing": "rewards.language",
    "puzzle": "rewards.puzzle.verifier",
    "readability": "rewards.readability",
    "regex": "rewards.matching",
    "repetition": "rewards.repetition",
    "reward_model": "rewards.reward_model",
    "translation": "rewards.translation",
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


@runtime_checkable
class KeyedCheck(Check, Protocol):
    """A check that reads a part of a completion only, so that completions that are equal there share a kept verdict."""

    def answer_keys(self, completions: Sequence[str], /) -> Sequence[str | None]:
        """Gives a text for each completion, the same only where the whole verdict, detail included, is the same for any gold.

        None for a completion whose verdict is not worth keeping.
        """


@runtime_checkable
class GoldCheck(Check, Protocol):
    """A check that can write what it must accept."""

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives a completion that must score 1.0 against this gold; None where none can be written, as for a bad gold."""


@runtime_checkable
class ClosableCheck(Check, Protocol):
    """A check that holds processes or connections."""

    def close(self) -> None:
        """Lets go of them; called once, in the process that made the check."""


@dataclasses.dataclass(frozen=True, slots=True)
class CheckWithGold:
    """A plain function as a check, with the function that writes what it must accept; see `GoldCheck`."""

    judge: Check
    write: Callable[[Any], str | None]

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Judges one completion."""
        return self.judge(completion, gold)

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives a completion that must be accepted."""
        return self.write(gold)


_Factory = TypeVar("_Factory", bound=Callable[..., Check])


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    factory: Callable[..., Check]
    version: int
    gold_key: str | None
    resources: frozenset[str]
    cached: bool


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
            language, `"tokens"` the generation's own number of tokens, `"dialogue"` the prompt's messages with what else a
            judge needs (see `rewards.dialogue`), None nothing.
        cacheable: its verdicts are worth keeping: they cost more than to look them up.
        cache: where they are kept; None for nowhere.
        refresh: what is kept is not looked up but replaced.
    """

    name: str
    version: int
    settings: Mapping[str, Any]
    settings_hash: str
    gold_key: str | None
    check: Check
    cacheable: bool = False
    cache: VerdictCache | None = None
    refresh: bool = False

    @property
    def knows_answer(self) -> bool:
        """Whether its gold tells what is right. Otherwise it judges form or language, and pays any text that has them."""
        return self.gold_key not in {None, "language", "tokens"}

    def cached(self, cache: VerdictCache, *, refresh: bool = False) -> "Verifier":
        """Gives this verifier with a cache, or as it is where its verdicts are not worth keeping.

        The verdicts are the same with or without it but for their time. What is not scored is never kept.

        Args:
            cache: where verdicts are looked up and kept.
            refresh: look nothing up and replace what is kept, for verdicts that are to be made again.
        """
        return dataclasses.replace(self, cache=cache, refresh=refresh) if self.cacheable else self

    def gold_completion(self, gold: Any) -> str | None:
        """Gives a completion that this verifier must accept for the gold; None where it cannot write one, or the gold breaks its reader."""
        try:
            return self.check.gold_completion(gold) if isinstance(self.check, GoldCheck) else None
        except Exception:  # noqa: BLE001 - its verdicts say `bad_gold` or `error`; here there is just nothing to be had
            return None

    def close(self) -> None:
        """Lets go of the processes and connections that the check holds, if any."""
        if isinstance(self.check, ClosableCheck):
            self.check.close()

    def __call__(self, completion: str, gold: Any = None) -> Verdict:
        """Judges one completion; never raises: a defect of ours is a verdict with status `error` and no score."""
        if self.cache is not None:
            return self.verify_batch([completion], [gold])[0]
        return self._judge_one(completion, gold)

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
        """Judges each completion against the gold at the same place, in order; equal work is done once where it can be.

        Raises:
            ValueError: when the two lists differ in length.
        """
        if len(completions) != len(golds):
            raise ValueError(f"{len(completions)} completions for {len(golds)} golds")
        golds = list(golds)  # an array makes its items anew, and what follows knows a gold by its identity
        if self.cache is not None and completions:
            return self._through_cache(self.cache, completions, golds)
        return self._judge(completions, golds)

    def _judge(self, completions: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
        if not completions or not _judges_batches(self.check):
            return [self._judge_one(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
        begun = time.perf_counter()
        try:
            verdicts = self.check.verify_batch(completions, golds)
        except Exception:  # noqa: BLE001 - one sample that breaks us must not take the group's other verdicts with it
            return [self._judge_one(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
        share = _milliseconds_since(begun) / len(completions)
        timed = {key: verdict.timed(share) for key, verdict in {id(verdict): verdict for verdict in verdicts}.items()}
        return [timed[id(verdict)] for verdict in verdicts]  # equal work gives one verdict many times

    def _judge_one(self, completion: str, gold: Any) -> Verdict:
        begun = time.perf_counter()
        verdict = _guarded(self.check, completion, gold)
        return verdict.timed(_milliseconds_since(begun))

    def _through_cache(self, cache: VerdictCache, completions: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
        """Looks the distinct keys up, judges one completion of each that is not known, and keeps what is scored."""
        begun = time.perf_counter()
        keys = self._keys(completions, golds)
        places: dict[CacheKey | int, int] = {}  # what is to be judged -> the first place where it stands
        for place, key in enumerate(keys):
            places.setdefault(place if key is None else key, place)
        asked = [key for key in places if isinstance(key, CacheKey)]
        found = {} if self.refresh else cache.get_many(asked)
        looked_up = _milliseconds_since(begun) / len(completions)
        left = {key: place for key, place in places.items() if key not in found}
        made = self._judge([completions[place] for place in left.values()], [golds[place] for place in left.values()])
        judged = dict(zip(left, made, strict=True))
        kept = {
            key: verdict for key, verdict in judged.items() if isinstance(key, CacheKey) and verdict.score is not None
        }
        if kept:
            cache.put_many(kept, replace=self.refresh)
        known: dict[CacheKey | int, Verdict] = {
            **{key: verdict.timed(looked_up) for key, verdict in found.items()},
            **{key: verdict.timed(looked_up + verdict.elapsed_ms) for key, verdict in judged.items()},
        }
        return [known[place if key is None else key] for place, key in enumerate(keys)]

    def _keys(self, completions: Sequence[str], golds: Sequence[Any]) -> list[CacheKey | None]:
        """Gives the key of each pair; None for what is judged every time."""
        try:
            texts = self.check.answer_keys(completions) if isinstance(self.check, KeyedCheck) else completions
        except Exception:  # noqa: BLE001 - the judging that follows says what is wrong, sample by sample
            texts = [None] * len(completions)
        hashes: dict[int, str | None] = {}  # a prompt's samples share its gold, which may be long
        keys: list[CacheKey | None] = []
        for text, gold in zip(texts, golds, strict=True):
            if id(gold) not in hashes:
                hashes[id(gold)] = hash_gold(gold)
            gold_hash = hashes[id(gold)]
            known = text is not None and gold_hash is not None
            answer_hash = hash_text(text) if text is not None else ""
            keys.append(
                CacheKey(self.name, self.version, self.settings_hash, gold_hash or "", answer_hash) if known else None
            )
        return keys


def _judges_batches(check: Check) -> TypeGuard[BatchCheck]:
    """What `isinstance` with the protocol says; before Python 3.12 that costs as much as judging a short answer does."""
    return callable(getattr(check, "verify_batch", None))


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
    name: str, *, version: int, gold_key: str | None = None, resources: Iterable[str] = (), cached: bool = False
) -> Callable[[_Factory], _Factory]:
    """Registers a factory of keyword-only settings under `name`.

    Args:
        name: what recipes and stored verdicts call it.
        version: rises with every change that can change a verdict.
        gold_key: what the caller passes as gold (see `Verifier.gold_key`).
        resources: parameters of the factory that are handed in by the caller and are no settings: they are not hashed.
        cached: its verdicts cost more than to look them up (see `Verifier.cached`). They must follow from completion, gold and
            settings alone.

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
        _ENTRIES[name] = _Entry(factory, version, gold_key, frozenset(resources), cached)
        return factory

    return register


def available() -> list[str]:
    """Gives the names that `get_verifier` knows, sorted."""
    return sorted(_BUILT_IN.keys() | _ENTRIES.keys())


def registered_version(name: str) -> int | None:
    """Gives the version of a verifier, None for a name that is not known."""
    return _entry(name).version if name in _ENTRIES or name in _BUILT_IN else None


def setting_names(name: str) -> frozenset[str]:
    """Gives the settings that a verifier has.

    Raises:
        UserError: for a name that is not known.
    """
    entry = _entry(name)
    return frozenset(inspect.signature(entry.factory).parameters.keys() - entry.resources)


def resources_of(name: str) -> frozenset[str]:
    """Gives the parameters of a verifier that are handed in and are no settings.

    Raises:
        UserError: for a name that is not known.
    """
    return _entry(name).resources


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """A verifier before it has settings: what a list of verifiers shows.

    Attributes:
        name: the name it is registered under.
        version: rises with every change that can change a verdict.
        gold_key: see `Verifier.gold_key`.
        settings: each setting with its default.
        summary: the first line of what its factory says of itself.
    """

    name: str
    version: int
    gold_key: str | None
    settings: Mapping[str, Any]
    summary: str


def describe(name: str) -> Description:
    """Describes the verifier of that name.

    Raises:
        UserError: for a name that is not known.
    """
    entry = _entry(name)
    parameters = inspect.signature(entry.factory).parameters
    settings = {key: parameter.default for key, parameter in parameters.items() if key not in entry.resources}
    summary = (inspect.getdoc(entry.factory) or "").partition("\n")[0]
    return Description(name, entry.version, entry.gold_key, settings, summary)


def get_verifier(name: str, **settings: Any) -> Verifier:
    """Gives the verifier of that name with its settings bound.

    Raises:
        UserError: for a name or a setting that is not known, or a value that the verifier refuses.
    """
    entry = _entry(name)
    resolved = resolve_settings(name, settings)
    try:
        check = call_checked(entry.factory, settings, entry.resources)
        hashed = settings_hash(resolved)
    except (TypeError, ValueError) as failure:
        raise UserError(f"verifier {name!r}: {failure}") from failure
    return Verifier(name, entry.version, resolved, hashed, entry.gold_key, check, entry.cached)


def resolve_settings(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Gives every setting of a verifier, defaults included, without making it; a stored verdict's settings hash is of these.

    Raises:
        UserError: for a name or a setting that is not known.
    """
    entry = _entry(name)
    parameters = inspect.signature(entry.factory).parameters
    unknown = sorted(settings.keys() - parameters.keys())
    if unknown:
        known = ", ".join(sorted(parameters.keys() - entry.resources)) or "none"
        raise UserError(f"verifier {name!r} has no setting {unknown[0]!r}; its settings: {known}")
    return {
        key: settings.get(key, parameter.default) for key, parameter in parameters.items() if key not in entry.resources
    }


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES and name in _BUILT_IN:
        importlib.import_module(_BUILT_IN[name])
    entry = _ENTRIES.get(name)
    if entry is None:
        raise UserError(f"no verifier is called {name!r}; there are: {', '.join(available())}")
    return entry
