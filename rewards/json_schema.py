"""The `json_schema` verifier: is the response one JSON value, and does it fit the gold's schema? The work is done in killable processes."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import regex

from rewards.matching import Part, take_part
from rewards.registry import Check, verifier
from rewards.rule_pool import apply_rules
from rewards.setting_types import check_choice
from rewards.verdict import Verdict

MAX_CHARS: Final = 1_000_000
"""A longer response is not read, and no longer schema."""

CPU_SECONDS: Final = 3.0
"""Processor time for one response; more is `time_limit`."""

_FENCED: Final = regex.compile(r"\A\s*+```(?:json|JSON)?[ \t]*+\n(.*)\n[ \t]*+```\s*+\Z", regex.DOTALL)


@verifier("json_schema", version=2, gold_key="schema")
def json_schema(*, part: Part = "response", fence: bool = True) -> Check:
    """Scores 1.0 where the part is one JSON value that the schema accepts, else 0.0, with every violation by its path.

    NaN, Infinity, numbers that no float holds and a key twice in one object are refused.

    Args:
        part: `response` (all after the thinking), `answer` or `whole`, see `rewards.matching`.
        fence: the value may stand in one fenced block, and nothing beside it.

    The gold is a JSON Schema (draft 2020-12) as an object or its text; references go inside it only.
    """
    check_choice("part", part, Part)
    return _JsonSchema(part, fence)


class _JsonSchema(NamedTuple):
    """The check, with its settings as of `json_schema`."""

    part: Part
    fence: bool

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each; equal responses to equal schemas once."""
        found = [self._prepare(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
        asked = list(dict.fromkeys(one for one in found if not isinstance(one, Verdict)))
        replies = apply_rules([{"schema": schema, "text": text} for schema, text in asked], CPU_SECONDS)
        judged = {pair: _judge(reply) for pair, reply in zip(asked, replies, strict=True)}
        return [one if isinstance(one, Verdict) else judged[one] for one in found]

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives the value that the schema names, if it names one."""
        value = _example(gold)
        return None if value is None else f"<answer>{value}</answer>" if self.part == "answer" else value

    def _prepare(self, completion: str, gold: Any) -> Verdict | tuple[str, str]:
        """Gives schema and text, or the verdict where one of them is missing."""
        try:
            schema = gold if isinstance(gold, str) else json.dumps(gold)
        except (ValueError, TypeError, RecursionError) as failure:
            return Verdict(None, "bad_gold", {"reason": "bad_gold", "error": str(failure)[:300]})
        if len(schema) > MAX_CHARS:
            return Verdict(None, "bad_gold", {"reason": "schema_too_long", "chars": len(schema)})
        given, missing = take_part(completion, self.part)
        if len(given) > MAX_CHARS:
            return Verdict(0.0, "too_complex", {"reason": "too_long", "chars": len(given)})
        fenced = _FENCED.match(given) if self.fence else None
        # A bad schema is one for an empty response, too: nothing is no JSON.
        return schema, "" if missing else fenced[1] if fenced else given


def _judge(reply: Verdict | dict[str, Any]) -> Verdict:
    if isinstance(reply, Verdict):
        return reply
    if "not_json" in reply:
        return Verdict(0.0, "unparseable", {"reason": "not_json", "error": reply["not_json"]})
    if "too_deep" in reply:
        return Verdict(0.0, "too_complex", {"reason": "nested_too_deep"})
    return Verdict(0.0, "incorrect", reply) if reply["num_violations"] else Verdict(1.0, "correct")


def _example(gold: Any) -> str | None:
    """Gives a value that the schema itself names, as JSON text: its `const`, or the first of its `examples` or its `enum`."""
    try:
        schema = json.loads(gold) if isinstance(gold, str) else gold
        if not isinstance(schema, dict):
            return None
        named = [[schema["const"]] if "const" in schema else [], schema.get("examples"), schema.get("enum")]
        first = next((values for values in named if isinstance(values, list) and values), None)
        return None if first is None else json.dumps(first[0])
    except (ValueError, TypeError, RecursionError):
        return None
