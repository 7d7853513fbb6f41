"""Checks the values of a verifier's settings against the types that its factory declares. Pure.

A recipe writes `prefilled: "false"` and means false; as a true text it would switch the setting on, in silence.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar, get_args, get_type_hints

_SHOWN_CHARS: Final = 60

_Made = TypeVar("_Made")


def check_choice(name: str, value: object, choices: Any) -> None:
    """Refuses a setting that is none of a `Literal`'s values.

    Raises:
        ValueError: names the setting, the values that there are, and this one.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, not {value!r:.{_SHOWN_CHARS}}")


def call_checked(factory: Callable[..., _Made], settings: Mapping[str, Any], resources: Collection[str] = ()) -> _Made:
    """Gives `factory(**settings)`, if every value is of the type that the factory declares.

    The factory's own words come first: they say more.

    Raises:
        TypeError, ValueError: what the factory or `check_setting_types` raises.
    """
    try:
        made = factory(**settings)
    except AttributeError:  # it took a value for one that it is not
        check_setting_types(factory, settings, resources)
        raise
    check_setting_types(factory, settings, resources)
    return made


def check_setting_types(
    factory: Callable[..., Any], settings: Mapping[str, Any], resources: Collection[str] = ()
) -> None:
    """Refuses a value of another type than the factory's annotation says; whole numbers may stand for floats.

    Raises:
        TypeError: names the setting, what it must be, and the value.
    """
    given = {name: value for name, value in settings.items() if name not in resources}
    if not given:
        return
    from pydantic import ValidationError  # noqa: PLC0415 - a quarter of a second, for who changes a setting

    for name, value in given.items():
        adapter = _adapter(factory, name)
        try:
            if adapter is not None:
                adapter.validate_python(value)
        except ValidationError as failure:
            first = failure.errors(include_url=False, include_input=False, include_context=False)[0]
            raise TypeError(
                f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}, not {value!r:.{_SHOWN_CHARS}}"
            ) from None


@functools.lru_cache(maxsize=1024)
def _adapter(factory: Callable[..., Any], name: str) -> Any:
    """Gives what checks a parameter; None for one whose annotation is missing or cannot be read."""
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415

    try:
        hint = get_type_hints(factory).get(name)
    except (NameError, TypeError):
        return None
    strict = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
    return None if hint is None else TypeAdapter(hint, config=strict)
