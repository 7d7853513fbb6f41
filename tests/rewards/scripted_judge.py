"""Judges that follow a rule of the test's own: endpoints without a network, so that verdicts have a known right answer."""

import json
import re

from rewards.endpoints import ChatReply


def verdict(value, field="correctness", analysis="compared"):
    return ChatReply(json.dumps({"analysis": analysis, field: value}), "stop", 10, 5)


def shown(request, name="ANSWER"):
    """Gives the text that stands in a frame of the prompt."""
    found = re.search(rf"\[BEGIN {name} (\w+)\]\n(.*)\n\[END {name} \1\]", request.messages[-1]["content"], re.DOTALL)
    return found and found[2]


class ScriptedJudge:
    """Answers each request by a function of it; keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.seen, self.calls = answer, [], 0

    def chat(self, requests, /):
        self.calls += 1
        self.seen += requests
        return [self.answer(request) for request in requests]


class Votes:
    """Gives these replies in turn: values as verdicts, anything else as it is; then the last for ever."""

    def __init__(self, *replies, field="correctness"):
        self.left = [verdict(one, field) if isinstance(one, str | int) else one for one in replies]

    def __call__(self, _request):
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]
