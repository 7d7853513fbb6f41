"""The `reward_model` verifier: the scalar that a served reward model gives an answer.

The endpoint is a resource, handed in by whoever makes the verifier; without one every answer is an `error`. Nothing else is touched.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from rewards.dialogue import BadDialogueError, Dialogue, read_dialogue
from rewards.endpoints import EndpointFailure, JsonEndpoint, JsonRequest
from rewards.judge.guard import take_answer
from rewards.judge.prompts import break_template_marks
from rewards.registry import Check, verifier
from rewards.score_api import ScoreApi, ScoreForm, compile_template
from rewards.setting_types import check_choice
from rewards.verdict import Verdict

Scale = Literal["sigmoid", "raw"]

MAX_BATCH: Final = 1024

_ONE_IS_TO_BLAME: Final = frozenset({400, 413, 422, 500})
"""What servers answer to a batch in which one text is too long or odd."""

_SHOWN_CHARS: Final = 300

_Pair = tuple[Dialogue, str]
_Outcome = Sequence[float] | EndpointFailure | ValueError
"""The scores of a batch, why the endpoint gave none, or why the template took it not."""


class RewardModelCheck:
    """Scores many answers at once: equal ones once, as many a request as the API takes.

    Attributes:
        endpoint: where the model is served.
    """

    def __init__(
        self, endpoint: JsonEndpoint | None, form: ScoreForm, *, scale: Scale, threshold: float | None, max_chars: int
    ) -> None:
        self.endpoint = endpoint
        self._form = form
        self._scale = scale
        self._threshold = threshold
        self._max_chars = max_chars

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Scores one completion."""
        return self.verify_batch([completion], [gold])[0]

    def answer_keys(self, completions: Sequence[str], /) -> list[str | None]:
        """Gives the answer after the thinking, which alone is scored; None where there is none."""
        return [answer or None for answer, _ in map(take_answer, completions)]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Scores each completion as the answer to the dialogue at the same place."""
        dialogues: dict[int, Dialogue | Verdict] = {}
        found: list[Verdict | _Pair] = []
        for completion, gold in zip(completions, golds, strict=True):
            if id(gold) not in dialogues:
                dialogues[id(gold)] = _read(gold)
            found.append(self._prepare(completion, dialogues[id(gold)]))
        pairs = list(dict.fromkeys(one for one in found if not isinstance(one, Verdict)))
        scored = dict(zip(pairs, self._score(pairs), strict=True)) if pairs else {}
        return [one if isinstance(one, Verdict) else scored[one] for one in found]

    def _prepare(self, completion: str, dialogue: Dialogue | Verdict) -> Verdict | _Pair:
        if isinstance(dialogue, Verdict):
            return dialogue
        answer, missing = take_answer(completion)
        answer = break_template_marks(answer)  # an answer opens no turn of its own, for a model to score in its place
        if self._scale == "raw":  # 0.0 means nothing there: the model says what an empty or cut answer is worth
            return dialogue, answer[: self._max_chars]
        if missing:
            return Verdict(0.0, "unparseable", {"reason": missing})
        if len(answer) > self._max_chars:
            return Verdict(0.0, "too_complex", {"reason": "answer_too_long", "characters": len(answer)})
        return dialogue, answer

    def _score(self, pairs: Sequence[_Pair]) -> list[Verdict]:
        if self.endpoint is None:
            return [Verdict(None, "error", {"reason": "no_endpoint"})] * len(pairs)
        size = self._form.per_request
        batches = [pairs[at : at + size] for at in range(0, len(pairs), size)]
        outcomes = self._ask(self.endpoint, batches)
        alone = [
            [pair]
            for batch, outcome in zip(batches, outcomes, strict=True)
            if len(batch) > 1 and _blames_one(outcome)
            for pair in batch
        ]
        single = iter(self._ask(self.endpoint, alone))
        verdicts = []
        for batch, outcome in zip(batches, outcomes, strict=True):
            apart = len(batch) > 1 and _blames_one(outcome)
            verdicts += [
                self._verdict(next(single), 0) if apart else self._verdict(outcome, place)
                for place in range(len(batch))
            ]
        return verdicts

    def _ask(self, endpoint: JsonEndpoint, batches: Sequence[Sequence[_Pair]]) -> list[_Outcome]:
        """Gives the scores of each batch, or why there are none."""
        requests: list[JsonRequest | ValueError] = []
        for batch in batches:
            try:
                requests.append(self._form.request(batch))
            except ValueError as error:
                requests.append(error)
        sent = [request for request in requests if isinstance(request, JsonRequest)]
        replies = iter(endpoint.post(sent) if sent else [])
        return [next(replies) if isinstance(request, JsonRequest) else request for request in requests]

    def _verdict(self, outcome: _Outcome, place: int) -> Verdict:
        if isinstance(outcome, ValueError):
            return Verdict(None, "bad_gold", {"reason": "template_refuses", "error": str(outcome)[:_SHOWN_CHARS]})
        if isinstance(outcome, EndpointFailure):
            reason = "budget_spent" if outcome.kind == "budget_spent" else "endpoint_failed"
            status = {} if outcome.status is None else {"http_status": outcome.status}
            return Verdict(None, "error", {"reason": reason, "error": outcome.detail[:_SHOWN_CHARS], **status})
        raw = outcome[place]
        score = raw if self._scale == "raw" else _sigmoid(raw)
        if self._threshold is None:
            return Verdict(score, "partial", {"raw": raw})
        return Verdict(score, "correct" if score >= self._threshold else "incorrect", {"raw": raw})


def _read(gold: Any) -> Dialogue | Verdict:
    try:
        return read_dialogue(gold)
    except BadDialogueError as failure:
        return Verdict(None, "bad_gold", {"reason": str(failure)})


def _blames_one(outcome: _Outcome) -> bool:
    if isinstance(outcome, EndpointFailure):
        return outcome.kind == "http_status" and outcome.status in _ONE_IS_TO_BLAME
    return isinstance(outcome, ValueError)


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    return math.exp(value) / (1.0 + math.exp(value))


@verifier("reward_model", version=2, gold_key="dialogue", resources=("endpoint",), cached=True)
def reward_model(
    *,
    model: str = "",
    api: ScoreApi = "score",
    scale: Scale = "sigmoid",
    threshold: float | None = None,
    chat_template: str | None = None,
    template_tokens: Mapping[str, str] | None = None,
    label: int = -1,
    batch: int = 32,
    max_answer_chars: int = 100_000,
    path: str | None = None,
    extra: Mapping[str, Any] | None = None,
    endpoint: JsonEndpoint | None = None,
) -> Check:
    """Asks a reward model for the score of a completion's answer, the thinking left out.

    Args:
        model: its name at its server.
        api: see `rewards.score_api`.
        scale: `sigmoid` maps what the server gives to 0..1; `raw` takes it as it is, also where the server has normalised it. As 0.0
            is no low score there, an empty answer is scored by the model too, and a long one is cut.
        threshold: least score, on that scale, for the status `correct`, below it `incorrect`; without one every status is `partial`.
        chat_template: Jinja, as tokenizers have it, to make texts here, many a request; `sglang` needs one.
        template_tokens: what the template names beside the messages: `bos_token`, `eos_token`.
        label: the place of the score among the model's outputs; -1 is the last.
        batch: conversations a request, where the API takes several.
        max_answer_chars: a longer answer is `too_complex`, 0.0; with `raw` it is cut.
        path: under the server's root, in place of the API's own.
        extra: further fields of a request's body.
        endpoint: where the model is served.
    """
    check_choice("api", api, ScoreApi)
    check_choice("scale", scale, Scale)
    if not model or not isinstance(model, str):
        raise ValueError("model must be the name of the reward model, as its server knows it")
    if api == "sglang" and chat_template is None:
        raise ValueError("api sglang takes texts: it needs the model's chat_template")
    if not 1 <= batch <= MAX_BATCH:
        raise ValueError(f"batch must be 1 to {MAX_BATCH}, not {batch}")
    if max_answer_chars < 1:
        raise ValueError(f"max_answer_chars must be at least 1, not {max_answer_chars}")
    if path is not None and not path.startswith("/"):
        raise ValueError(f"path must begin with a slash, not {path!r}")
    if endpoint is not None and not isinstance(endpoint, JsonEndpoint):
        raise ValueError("endpoint must be an object with a `post` method; `workers.resources` makes one from a URL")
    if chat_template is not None:
        compile_template(chat_template)
    form = ScoreForm(model, api, chat_template, template_tokens or {}, label, batch, path, extra or {})
    return RewardModelCheck(endpoint, form, scale=scale, threshold=threshold, max_chars=max_answer_chars)
