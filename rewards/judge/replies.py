"""Reads the verdict out of a judge's reply, strictly: one JSON object of the asked form, or none. Pure.

What the judge only quotes from the answer does not count, nor do verdicts that disagree, a key that stands twice, or a value that is not
one of those asked for. An unreadable reply is a lost vote, never a verdict.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rewards.judge.prompts import Form
from rewards.thinking import cut

MAX_REPLY_CHARS: Final = 200_000
"""A longer reply is not read: no verdict needs it."""

MAX_OBJECTS: Final = 200
"""So many opening braces of a reply that is not JSON as a whole are tried."""


_UNFINISHED: Final = {"length": "reply_cut", "content_filter": "reply_filtered"}


class Reading(NamedTuple):
    """What a reply says: the verdict with the analysis before it, or a named reason why it is lost."""

    value: str | int | None
    analysis: str
    lost: str


def read_reply(text: str, finish_reason: str | None, form: Form, answers: Sequence[str]) -> Reading:
    """Reads a reply.

    Args:
        text: of the reply; thinking before `</think>` is passed over.
        finish_reason: the server's; what was cut or filtered is not read.
        form: what was asked for.
        answers: the judged texts; an object that stands in one of them is a quotation, or an order that was obeyed.
    """
    if finish_reason in _UNFINISHED:
        return _lost(_UNFINISHED[finish_reason])
    if len(text) > MAX_REPLY_CHARS:
        return _lost("reply_too_long")
    said = _after_thinking(text)
    if not said:
        return _lost("empty_reply")
    quotable = [value for answer in answers for value, _ in find_objects(answer)]
    found = [
        value
        for value, source in find_objects(said)
        if value not in quotable and not any(source in answer for answer in answers)
    ]
    readings = [_reading(value, form) for value in found]
    good = [reading for reading in readings if not reading.lost]
    if len({reading.value for reading in good}) > 1:
        return _lost("verdicts_disagree")
    return good[-1] if good else readings[0] if readings else _lost("no_json_object")


def find_objects(text: str) -> list[tuple[dict[str, Any], str]]:
    """Gives the JSON objects of a text with their source: the whole where it is one, else those that stand in it, outermost first."""
    text = text.strip()
    found = []
    at = text.find("{")
    for _ in range(MAX_OBJECTS):
        if at < 0:
            break
        decoded = _decode(text, at)
        if decoded is None:
            at = text.find("{", at + 1)
        else:
            found.append((decoded[0], text[at : decoded[1]]))
            at = text.find("{", decoded[1])
    return found


def _after_thinking(text: str) -> str:
    """Gives what the judge says at last; a reply that is one object may hold `</think>` in its analysis."""
    whole = text.strip()
    decoded = _decode(whole, 0)
    if decoded is not None and decoded[1] == len(whole):
        return whole
    return (cut(text)[1] or "").strip()


def _decode(text: str, at: int) -> tuple[Any, int] | None:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return (value, end) if isinstance(value, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):  # readers disagree on which of two counts
        raise ValueError("a key stands twice")
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _reading(value: dict[str, Any], form: Form) -> Reading:
    analysis, verdict = value.get("analysis"), value.get(form.field)
    if value.keys() != {"analysis", form.field} or not isinstance(analysis, str):
        return _lost("wrong_fields")
    if isinstance(verdict, bool) or verdict not in form.values:
        return _lost("wrong_value")
    return Reading(verdict, analysis, "")


def _lost(reason: str) -> Reading:
    return Reading(None, "", reason)
