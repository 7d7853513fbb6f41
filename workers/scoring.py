"""The work of stage kind "verify": scores the generations of one shard. Reads the store and landed files, writes nothing."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from rewards.registry import Verifier
from rewards.subject import Subject
from rewards.verdict import Verdict
from schemas.arrow import VERDICTS
from schemas.ids import canonical_json
from schemas.store import reading
from schemas.tables import Artifact, Generation, Prompt, Run
from workers.held_verifiers import HeldVerifiers
from workers.landing import Cargo, Outcome, contract_table
from workers.lookup import Pointer, fetch
from workers.queue import Claim
from workers.resources import build_verifier
from workers.rows import artifact_file, batched
from workers.run_budget import begin_shard, shard_counts
from workers.verdict_cache import StoreCache
from workers.verdict_plan import VerdictKey

_IDS_A_QUERY = 5000


class WorkerMismatchError(Exception):
    """This worker's code has another version or setting of a verifier than the command that planned the shard."""


def with_detail(verdict: Verdict) -> tuple[Verdict, str]:
    """Gives a verdict and its detail as JSON that a file can hold; one whose detail is no JSON becomes a failure of ours."""
    try:
        detail = canonical_json(dict(verdict.detail))
    except (TypeError, ValueError) as error:
        reason = {"reason": "detail_not_json", "error": str(error)}
        verdict = Verdict(None, "error", reason, verdict.elapsed_ms)
        detail = canonical_json(reason)
    return verdict, detail.encode("utf-8", "replace").decode()


class _Rows:
    """Verdict rows on their way to a table."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in VERDICTS.names}

    def add(self, generation_id: str, key: VerdictKey, verdict: Verdict) -> None:
        verdict, detail = with_detail(verdict)
        row = {
            "generation_id": generation_id,
            "verifier": key.name,
            "version": key.version,
            "settings_hash": key.settings_hash,
            "score": verdict.score,
            "status": verdict.status,
            "detail": detail,
            "elapsed_ms": verdict.elapsed_ms,
        }
        for name, value in row.items():
            self._columns[name].append(value)

    def outcome(self, claim: Claim, counts: Mapping[str, int], error: str | None = None) -> Outcome:
        table = contract_table("verdicts", self._columns)
        return Outcome(
            cargo=[Cargo("verdicts", table)] if table.num_rows else [],
            counts={"verdicts": table.num_rows, **counts},
            replace=bool(claim.payload["replace"]),
            status="done" if error is None else "quarantined",
            error=error,
        )


def perform(engine: sa.Engine, claim: Claim) -> Outcome:
    """Scores the shard: each of its verifiers over all its generations, so that a prompt's equal answers are judged once.

    Raises:
        WorkerMismatchError: when the verdicts would not be those that were planned.
        ContractError: when a landed file is missing or damaged.
    """
    settings = {item["name"]: item["settings"] for item in claim.recipe["verifiers"]}
    keys = [VerdictKey(*planned) for planned in claim.payload["verifiers"]]
    verifiers = [_VERIFIERS.get(key.name, canonical_json(settings[key.name])) for key in keys]
    questions = any(verifier.gold_key == "dialogue" for verifier in verifiers)
    subjects = list(load_subjects(engine, Path(claim.out), claim.payload["items"], with_messages=questions))
    rows, spent = _Rows(), {}
    for key, verifier in zip(keys, verifiers, strict=True):
        if VerdictKey.of(verifier) != key:
            raise WorkerMismatchError(
                f"this worker has {key.name} version {verifier.version}, the plan wants version {key.version}: "
                "run the same Tamis everywhere"
            )
        golds = [subject.gold_for(verifier.gold_key) for subject in subjects]
        client = begin_shard(engine, claim, verifier)
        # What is scored again must not be answered from what was scored before.
        keeping = verifier.cached(StoreCache(engine), refresh=bool(claim.payload["replace"]))
        verdicts = keeping.verify_batch([subject.text for subject in subjects], golds)
        for subject, verdict in zip(subjects, verdicts, strict=True):
            rows.add(subject.generation_id, key, verdict)
        spent.update(shard_counts(key.name, client))
    return rows.outcome(claim, {"generations": len(subjects), **spent})


def give_up(_engine: sa.Engine, claim: Claim) -> Outcome:
    """Gives null verdicts with status `error` for the one generation that lost all its attempts."""
    rows = _Rows()
    error = claim.error or "no attempt ended"
    verdict = Verdict(None, "error", {"reason": "gave_up", "attempts": claim.attempt, "error": error})
    for planned in claim.payload["verifiers"]:
        rows.add(claim.payload["items"][0], VerdictKey(*planned), verdict)
    return rows.outcome(claim, {"generations": 1}, error)


def _make(name: str, settings: str) -> Verifier:
    return build_verifier(name, json.loads(settings))


_VERIFIERS = HeldVerifiers(_make)


@functools.cache
def _subjects() -> Any:
    generation_file, prompt_file = aliased(Artifact), aliased(Artifact)
    generation_run, prompt_run = aliased(Run), aliased(Run)
    return (
        sa.select(
            Generation.id,
            Generation.row,
            Generation.tokens,
            generation_file.path,
            generation_run.out,
            Prompt.id.label("prompt"),
            Prompt.row.label("prompt_row"),
            prompt_file.path.label("prompt_path"),
            prompt_run.out.label("prompt_out"),
            Prompt.language,
        )
        .join(Prompt, Prompt.id == Generation.prompt_id)
        .join(generation_file, generation_file.id == Generation.artifact_id)
        .join(generation_run, generation_run.id == generation_file.run_id)
        .join(prompt_file, prompt_file.id == Prompt.artifact_id)
        .join(prompt_run, prompt_run.id == prompt_file.run_id)
    )


def load_subjects(engine: sa.Engine, out: Path, ids: Sequence[str], *, with_messages: bool) -> Iterator[Subject]:
    """Gives the generations in the order of `ids`, without those that the store no longer has.

    Messages are read for prompts without a language, and `with_messages` for all.
    """
    query = _subjects()
    file_of = functools.cache(functools.partial(artifact_file, out))  # rows of a shard share a file or two
    found: dict[str, Any] = {}
    with reading(engine) as connection:
        for chunk in batched(ids, _IDS_A_QUERY):
            found.update((row.id, row) for row in connection.execute(query.where(Generation.id.in_(chunk))))
    texts = fetch({key: Pointer(file_of(row.out, row.path), row.row) for key, row in found.items()}, ["text"])
    prompts = {row.prompt: Pointer(file_of(row.prompt_out, row.prompt_path), row.prompt_row) for row in found.values()}
    # Read once a prompt: a gold may hold megabytes of tests.
    golds = {key: row["gold"] and json.loads(row["gold"]) for key, row in fetch(prompts, ["gold"]).items()}
    asked = {row.prompt: prompts[row.prompt] for row in found.values() if with_messages or not row.language}
    messages = {key: row["messages"] for key, row in fetch(asked, ["messages"]).items()}
    for key in ids:
        if key in found:
            row = found[key]
            gold = golds[row.prompt]
            yield Subject(key, texts[key]["text"], gold, row.language, messages.get(row.prompt), row.tokens)
