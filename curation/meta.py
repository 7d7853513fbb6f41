"""The `meta` column: what a document carries beside the contract's fields, as canonical JSON with its locator in it. Pure."""

import json
import math
from typing import Any

from columnar.clean import clean_text

#: Bytes of JSON that one document's `meta` may take; what does not fit is named and left out.
META_BYTES = 8 << 10

_quoted = json.encoder.encode_basestring
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def meta_json(locator: str, values: dict[str, Any] | None = None) -> str:
    """Gives the `meta` column: the locator, then the values as far as `META_BYTES` goes, largest left out first.

    Names of what is left out stand under ``left_out``, at most 20 of them.
    """
    if not values:
        if (
            locator.isascii() and locator.isprintable()
        ):  # nearly every document: a general encoder takes ten times as long
            return f'{{"locator":{_quoted(locator)}}}'
        return _encode({"locator": locator})
    fitting = {name: value for name, value in values.items() if value is not None}
    whole = _encode({**fitting, "locator": locator})
    # A character takes up to four bytes: only what might be too large is looked at closely.
    if len(whole) * 4 <= META_BYTES or len(whole.encode()) <= META_BYTES:
        return whole
    sizes = {name: len(name.encode()) + len(_encode(value).encode()) for name, value in fitting.items()}
    total = sum(sizes.values())
    left_out: list[str] = []
    for name in sorted(sizes, key=lambda item: (-sizes[item], item)):
        if total <= META_BYTES:
            break
        total -= sizes[name]
        left_out.append(name[:64])
        del fitting[name]
    return _encode({**fitting, "locator": locator, "left_out": sorted(left_out)[:20]})


def add_to_meta(meta: str, values: dict[str, Any]) -> str:
    """Gives `meta` with values put in, in place of what stood under their names; the bound is kept."""
    known = json.loads(meta)
    locator = known.pop("locator", "")
    return meta_json(locator, {**known, **values})


def locator_of(meta: str) -> str:
    """Gives the locator that a document's `meta` names; empty if it names none."""
    return str(json.loads(meta).get("locator", ""))


def _encode(value: Any) -> str:
    """Gives canonical JSON that UTF-8 and SQL can hold."""
    try:
        text = _ENCODER.encode(value)
    except (ValueError, TypeError):  # NaN, or a key that is no text
        return _ENCODER.encode(_plain(value))
    if "\\u0000" in text or not _is_unicode(text):
        return _ENCODER.encode(_plain(value))
    return text


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """Makes a value one that JSON can hold: NaN and infinities null, NUL and lone surrogates U+FFFD, other types their text."""
    if isinstance(value, str):
        return clean_text(value)[0]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key))[0]: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int) else clean_text(str(value))[0]
