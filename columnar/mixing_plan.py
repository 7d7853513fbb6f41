"""What there is to tell apart in a text: for each script, its one language or the languages that only words can tell. Pure: no I/O."""

from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from columnar import langid
from columnar.codepoints import SCRIPTS
from columnar.mixing_model import LANGUAGES
from columnar.mixing_target import base_code
from columnar.writing import FOLDED, LANGUAGE_OF, NO_LANGUAGE, UNKNOWN, scripts_of

MAX_LANGUAGES: Final = 64
"""So many languages of one script can be told apart at once."""

FAVOURITE: Final = "en"
"""What Latin words in a text of another script are in, if in doubt."""

_EAST_ASIAN = frozenset({"Hani", "Hira", "Kana", "Bopo"})
# Places in `Plan.of_script` that are no language.
BY_WORDS, BY_RUNS = -2, -1


class Group(NamedTuple):
    """Languages that share a script.

    Attributes:
        languages: their codes, the target first if it is one.
        names: int16[k], the place of each in `Plan.names`.
        target: the column of the target, or -1.
        favourite: the column of what is likelier than the others if the target is none, or -1.
    """

    languages: tuple[str, ...]
    names: npt.NDArray[np.int16]
    target: int
    favourite: int


class Plan(NamedTuple):
    """How to read texts that should be in one language.

    Attributes:
        names: the languages that can be found, the target first if there is one; `und` and `zxx` last.
        target: the place of the target in `names`, or -1.
        home: bool[256], by script number: what the target is written in; without a target, what any candidate is.
        of_script: int16[256], by script number: place in `names`, `BY_RUNS`, or `BY_WORDS - i` for group i.
        hidden: int16[scripts]: place in `names` of what a word of homoglyphs with letters of it is said to be in.
        groups: see there.
        han: the place in `names` of what Han is in without kana.
        chinese, japanese: the places in `names` of `zh` and `ja`.
    """

    names: tuple[str, ...]
    target: int
    home: npt.NDArray[np.bool_]
    of_script: npt.NDArray[np.int16]
    hidden: npt.NDArray[np.int16]
    groups: tuple[Group, ...]
    han: int
    chinese: int
    japanese: int

    @property
    def unknown(self) -> int:
        """The place of `und`."""
        return len(self.names) - 2

    @property
    def none(self) -> int:
        """The place of `zxx`."""
        return len(self.names) - 1


def plan_for(target: str | None, candidates: Collection[str] | None) -> Plan:
    """Gives the plan for a target and candidates, `LANGUAGES` by default.

    Raises:
        ValueError: one is no ISO 639 code, or there are too many candidates.
    """
    folded = None if candidates is None else tuple(dict.fromkeys(_folded(code) for code in candidates))
    return _plan(None if target is None else _folded(target), folded)


def _folded(code: str) -> str:
    base = base_code(code)
    return FOLDED.get(base, base)


@lru_cache(maxsize=64)
def _plan(target: str | None, candidates: tuple[str, ...] | None) -> Plan:
    languages = tuple(
        dict.fromkeys([*([target] if target else []), *(LANGUAGES if candidates is None else candidates)])
    )
    # `und` stays where it is the target, as it is of a text without any language.
    languages = tuple(
        language for language in languages if language != NO_LANGUAGE and (language != UNKNOWN or target == UNKNOWN)
    )
    names = tuple(dict.fromkeys([*languages, *LANGUAGE_OF.values()]))
    names = (*names, UNKNOWN, NO_LANGUAGE)
    at = {name: i for i, name in enumerate(names)}
    of_script = np.full(256, len(names) - 2, np.int16)
    home = np.zeros(256, np.bool_)
    groups: dict[tuple[str, ...], int] = {}
    for number, script in enumerate(SCRIPTS):
        users = tuple(language for language in languages if script in scripts_of(language))
        home[number] = script in scripts_of(target) if target else bool(users)
        if script in _EAST_ASIAN:
            of_script[number] = BY_RUNS
            continue
        known = tuple(language for language in users if language in langid.classes())
        if target in users and target not in known:
            known = (target,)  # the model could only speak for the others
        if len(known) > MAX_LANGUAGES:
            raise ValueError(f"at most {MAX_LANGUAGES} candidates of one script, not {len(known)}")
        if len(known) > 1:
            of_script[number] = BY_WORDS - groups.setdefault(known, len(groups))
        elif users:
            of_script[number] = at[(known or users)[0]]
        else:
            of_script[number] = at[LANGUAGE_OF.get(script, UNKNOWN)]
    han = next((language for language in languages if "Hani" in scripts_of(language) and language != "ja"), None)
    if han is None:
        han = "ja" if "ja" in languages else "zh"
    elif target == "ja":
        han = "ja"
    return Plan(
        names,
        -1 if target is None else 0,
        home,
        of_script,
        np.array([at[LANGUAGE_OF.get(script, UNKNOWN)] for script in SCRIPTS], np.int16),
        tuple(_group(known, at, target) for known in groups),
        at[han],
        at["zh"],
        at["ja"],
    )


def _group(languages: tuple[str, ...], at: dict[str, int], target: str | None) -> Group:
    column = languages.index(target) if target in languages else -1
    favourite = languages.index(FAVOURITE) if target and column < 0 and FAVOURITE in languages else -1
    return Group(languages, np.array([at[name] for name in languages], np.int16), column, favourite)
