"""Judges that follow a rule of the test's own: endpoints without a network, so that verdicts have a known right answer."""

import json
import re

from rewards.endpoints import ChatReply, EndpointFailure


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


class ScriptedModel:
    """A reward model that speaks each of the APIs; the score of an answer is a function of its text."""

    def __init__(self, score=len, reply=None):
        self.score, self.reply, self.seen = score, reply, []

    def post(self, requests, /):
        self.seen += requests
        return [self.one(request) for request in requests]

    def one(self, request):
        reply = self.reply(request) if self.reply else self.right(request)
        return reply if isinstance(reply, EndpointFailure) else request.read(json.loads(json.dumps(reply)))

    def right(self, request):
        body = request.body
        texts = body.get("text_2") or body.get("input") or body.get("text") or [body["messages"][-1]["content"]]
        scores = [self.score(text) for text in texts]
        if request.path == "/v1/score":
            return {"data": [{"index": at, "score": score} for at, score in enumerate(scores)]}
        if request.path == "/pooling":
            return {"data": [{"index": at, "data": [[9.0], [score]]} for at, score in enumerate(scores)]}
        if "text" in body:
            return [{"embedding": [score], "meta_info": {}} for score in scores]
        return {"data": [{"index": at, "probs": [score], "num_classes": 1} for at, score in enumerate(scores)]}
