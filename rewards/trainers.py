"""Reward functions as trainers call them: TRL's `GRPOTrainer`, verl. Pure, but for what the verifiers themselves use.

A trainer takes a number for every sample, and has none for "we failed". TRL adds a None up as 0.0 and verl refuses it, so that a sandbox
that is away would punish the model. Here a sample without a score gets the mean of its prompt's other samples, whose advantage
is 0: nothing is learned from it, and a warning counts it.
"""

import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from rewards.registry import Verifier
from rewards.rubric import Rubric
from rewards.subject import GOLD_KINDS, Subject, as_gold
from rewards.verdict import Verdict

TrlReward = Callable[..., list[float | None]]
VerlReward = Callable[..., dict[str, float]]
VerlBatchReward = Callable[..., list[dict[str, float]]]

_QUESTIONS: Final = ("messages", "prompt", "question")
"""Where verl's `extra_info` may hold what was asked; the first that is there."""

_LOG: Final = logging.getLogger(__name__)


class Scored(NamedTuple):
    """A sample's reward, None where it cannot be known, and the verdicts that it was made of, by verifier."""

    reward: float | None
    verdicts: Mapping[str, Verdict]


class RubricScorer:
    """Verifiers with the rubric that makes one reward of their verdicts. For several threads, as the verifiers are.

    Args:
        verifiers: all that the rubric names; others are not run.
        rubric: by default the plain sum of all.

    Raises:
        ValueError: the rubric names a verifier that is not there.
    """

    def __init__(self, verifiers: Sequence[Verifier], rubric: Rubric | None = None) -> None:
        self.rubric = rubric or Rubric(dict.fromkeys((verifier.name for verifier in verifiers), 1.0))
        missing = sorted(set(self.rubric.names) - {verifier.name for verifier in verifiers})
        if missing:
            raise ValueError(f"the rubric weighs {missing[0]!r}, which is none of its verifiers")
        self.verifiers = [verifier for verifier in verifiers if verifier.name in self.rubric.names]

    def score(self, subjects: Sequence[Subject]) -> list[Scored]:
        """Gives the reward of each, in order; equal answers to one prompt are judged once."""
        found: dict[str, list[Verdict]] = {}
        for verifier in self.verifiers:
            golds = [subject.gold_for(verifier.gold_key) for subject in subjects]
            found[verifier.name] = verifier.verify_batch([subject.text for subject in subjects], golds)
        rows = [{name: verdicts[place] for name, verdicts in found.items()} for place in range(len(subjects))]
        return [Scored(self.rubric.score(row), row) for row in rows]

    def concerns(self, subject: Subject) -> bool:
        """Says whether a verifier has what it judges by; a sample of another task has not."""
        asking = [verifier for verifier in self.verifiers if verifier.knows_answer]
        return not asking or any(subject.gold_for(verifier.gold_key) is not None for verifier in asking)


def trl_reward(
    verifiers: Sequence[Verifier], rubric: Rubric | None = None, *, gold: str = "gold", name: str = "tamis_reward"
) -> TrlReward:
    """Gives a function for `reward_funcs` of TRL's `GRPOTrainer` and `RLOOTrainer`.

    Called as `reward(prompts=..., completions=..., completion_ids=..., COLUMN=..., ...)`, a list each; prompts and completions are
    texts or conversations. Gives None, which TRL skips, for samples that have no gold of these verifiers: several such functions
    share a dataset of mixed tasks.

    Args:
        verifiers: see `RubricScorer`.
        rubric: see `RubricScorer`.
        gold: the column of the golds, see `read_gold`. A column `language` is the prompt's language.
        name: what TRL's logs call the reward.

    Raises:
        ValueError: see `RubricScorer`. The function raises it where the dataset has no column of golds and a verifier needs one.
    """
    scorer = RubricScorer(verifiers, rubric)
    needed = any(verifier.knows_answer for verifier in scorer.verifiers)

    def reward(*, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        if needed and gold not in columns:
            have = ", ".join(sorted(key for key, column in columns.items() if isinstance(column, list)))
            raise ValueError(f"the dataset has no column {gold!r} with golds; it has: {have or 'none'}")
        count = len(completions)
        ids = columns.get("completion_ids", columns.get("completions_ids")) or [None] * count
        subjects = [
            Subject("", completion_text(completion), read_gold(answer), language, _messages(prompt), tokens)
            for completion, prompt, answer, language, tokens in zip(
                completions,
                prompts,
                columns.get(gold) or [None] * count,
                columns.get("language") or [None] * count,
                [None if one is None else len(one) for one in ids],
                strict=True,
            )
        ]
        places = [place for place, subject in enumerate(subjects) if scorer.concerns(subject)]
        asked = [subjects[place] for place in places]
        scored = scorer.score(asked)
        _warn(scored)
        known = fill_unscored([one.reward for one in scored], [subject.messages for subject in asked])
        rewards: list[float | None] = [None] * count
        for place, number in zip(places, known, strict=True):
            rewards[place] = number
        return rewards

    reward.__name__ = reward.__qualname__ = name
    return reward


def verl_reward(verifiers: Sequence[Verifier], rubric: Rubric | None = None) -> VerlReward:
    """Gives a `compute_score` for verl's managers that score sample by sample (`naive`, `dapo`, the reward loop).

    Called as `compute_score(data_source, solution_str, ground_truth, extra_info)`, from several threads perhaps. `ground_truth` is the
    gold, see `read_gold`; `extra_info` may hold `language`, and `question` or `messages` for judges. Gives `score` and
    `unscored`, 1.0 where there is none: the score is then 0.0, as the group is not known here. Prefer `verl_batch_reward`.
    """
    score = verl_batch_reward(verifiers, rubric)

    def compute_score(
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        **_more: Any,
    ) -> dict[str, float]:
        return score([data_source], [solution_str], [ground_truth], [extra_info])[0]

    return compute_score


def verl_batch_reward(verifiers: Sequence[Verifier], rubric: Rubric | None = None) -> VerlBatchReward:
    """Gives a `compute_score` for verl's manager `batch`, which scores all samples together: equal answers are judged once.

    Called as `compute_score(data_sources, solution_strs, ground_truths, extra_infos)`; see `verl_reward`. The samples of a prompt are
    those with the same source and `index` in `extra_info`, or the same question and gold.
    """
    scorer = RubricScorer(verifiers, rubric)

    def compute_score(
        data_sources: Sequence[str],
        solution_strs: Sequence[str],
        ground_truths: Sequence[Any],
        extra_infos: Sequence[Mapping[str, Any] | None] | None = None,
        **_more: Any,
    ) -> list[dict[str, float]]:
        infos = [info or {} for info in ([None] * len(solution_strs) if extra_infos is None else extra_infos)]
        subjects = [
            Subject("", text, read_gold(truth), info.get("language"), _messages(_question(info)))
            for text, truth, info in zip(solution_strs, ground_truths, infos, strict=True)
        ]
        scored = scorer.score(subjects)
        _warn(scored)
        groups = [
            _text([source, info.get("index", [subject.messages, subject.gold])])
            for source, info, subject in zip(data_sources, infos, subjects, strict=True)
        ]
        known = fill_unscored([one.reward for one in scored], groups)
        return [
            {"score": number, "unscored": float(one.reward is None)} for number, one in zip(known, scored, strict=True)
        ]

    return compute_score


def fill_unscored(rewards: Sequence[float | None], groups: Sequence[Hashable]) -> list[float]:
    """Gives each sample without a reward the mean of its group; of all where its group has none, and 0.0 where nothing has."""
    known: dict[Hashable, list[float]] = {}
    for reward, group in zip(rewards, groups, strict=True):
        if reward is not None:
            known.setdefault(group, []).append(reward)
    overall = _mean([reward for reward in rewards if reward is not None])
    means = {group: _mean(found) for group, found in known.items()}
    return [
        means.get(group, overall) if reward is None else reward for reward, group in zip(rewards, groups, strict=True)
    ]


def read_gold(value: Any) -> dict[str, Any] | None:
    """Reads the gold of a dataset's column: an object with a key for each kind of gold, its JSON text, or the plain answer.

    Arrays of NumPy, as rows of Parquet have them, are lists.
    """
    value = _plain(value)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict) and GOLD_KINDS & read.keys():
            return read
    return as_gold(value)


def completion_text(completion: Any) -> str:
    """Gives the text of a completion: itself, or what the assistant says last, its thinking in tags before it.

    Empty where a conversation ends in a call of a tool or its result: the model has not answered.
    """
    if isinstance(completion, str):
        return completion
    last = completion[-1] if completion else {}
    if last.get("role", "assistant") != "assistant":
        return ""
    content = last.get("content") or ""
    if not isinstance(content, str):
        content = "".join(str(part.get("text") or "") for part in content)
    thinking = last.get("reasoning_content")  # of a server or template that has taken it out of its tags
    return f"<think>{thinking}</think>{content}" if thinking else content


def _question(info: Mapping[str, Any]) -> Any:
    return next((info[key] for key in _QUESTIONS if info.get(key) is not None), None)


def _messages(prompt: Any) -> str | None:
    """Gives a prompt, a text or messages, as JSON text of messages."""
    if prompt is None:
        return None
    return _text([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt)


def _text(value: Any) -> str:
    """Gives JSON text, the same for equal values; a picture in a conversation is named, not shown."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Gives a value with NumPy's arrays and numbers as Python's own."""
    if callable(getattr(value, "tolist", None)):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers) if numbers else 0.0


def _warn(scored: Iterable[Scored]) -> None:
    """Says how many samples have no reward, and why."""
    lost = [one for one in scored if one.reward is None]
    if lost:
        reasons = Counter(
            f"{name}: {verdict.status} ({verdict.detail.get('reason', 'no reason')})"
            for one in lost
            for name, verdict in one.verdicts.items()
            if verdict.score is None
        )
        told = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common(5))
        _LOG.warning("%d samples have no score and teach nothing: %s", len(lost), told)
