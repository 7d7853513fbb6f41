"""`tamis rewards compare`: a judge says of each pair of completions which is better; what it said is kept, and never asked again.

Reads files and the store, asks the judge's endpoint; writes the cache of verdicts, then files under ``<out>/comparisons/<name>/`` and,
in one transaction, the rows of the run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from columnar.clean import clean_text
from rewards.cache import CacheKey
from rewards.judge.comparison import Comparison, Judged, compare, outcome_of
from rewards.judge.guard import take_answer
from rewards.judge.pairs import Pair, PairLabel, label_pair, prepare_pair
from rewards.judge.pairwise import BEST
from rewards.registry import Verifier
from rewards.verdict import Verdict
from schemas.arrow import COMPARED_PAIRS
from schemas.errors import ResumableError, UserError
from schemas.files import Part, write_json_durably, write_part
from schemas.ids import canonical_json
from schemas.tables import Artifact
from schemas.version import code_version
from workers import runs
from workers.compare_sides import PairText
from workers.resources import build_verifier
from workers.run_budget import begin_stage
from workers.verdict_cache import StoreCache

FOLDER: Final = "comparisons"
SUMMARY: Final = "comparison.json"

_PAGE_PAIRS: Final = 64
"""Pairs that are judged in one call: what they come to is kept before the next."""

_ROWS_A_BATCH: Final = 1024

_WINNERS: Final = {1.0: "a", 0.5: "tie", 0.0: "b"}

OnCompared = Callable[[int, int], None]
"""Called with the pairs that are done and all of them."""


@dataclass(frozen=True)
class CompareRequest:
    """What is compared, and by whom.

    Attributes:
        name: of the folder.
        names: what A and B are called.
        settings: of the verifier `judge`, `endpoint` among them; `mode` is `pairwise`, whatever it says.
        margin: a mean preference that is not above it is a tie; 0 to below 2.
    """

    name: str
    names: tuple[str, str]
    settings: Mapping[str, Any]
    margin: float = 0.0

    def verifier(self) -> Verifier:
        """Gives the judge.

        Raises:
            UserError: a setting is refused.
        """
        if not 0 <= self.margin < BEST:
            raise UserError(f"margin must be at least 0 and below {BEST}, not {self.margin:g}")
        return build_verifier("judge", {**self.settings, "mode": "pairwise"})


@dataclass(frozen=True)
class CompareResult:
    """What a comparison came to.

    Attributes:
        run_id: the run in the store.
        folder: where its files are.
        comparison: the numbers.
        spent: requests and tokens of this call, and money where there are prices.
        cached: pairs that an earlier call had judged.
        part: the file of the pairs.
    """

    run_id: str
    folder: Path
    comparison: Comparison
    spent: Mapping[str, float]
    cached: int
    part: Part

    @property
    def exit_code(self) -> int:
        """3 where pairs were not judged, else 0."""
        return 3 if self.comparison.unjudged else 0

    def to_json(self) -> dict[str, Any]:
        """Gives the fields as a JSON object."""
        return {
            "run": self.run_id,
            **asdict(self.comparison),
            "spent": dict(self.spent),
            "cached": self.cached,
            "file": str(self.folder / self.part.name),
        }


class _CountingCache(StoreCache):
    """The store's cache, which also says how many verdicts came out of it."""

    hits = 0

    def get_many(self, keys: Sequence[CacheKey], /) -> Mapping[CacheKey, Verdict]:
        found = super().get_many(keys)
        self.hits += len(found)
        return found


def compare_pairs(
    engine: sa.Engine,
    out: Path,
    pairs: Sequence[PairText],
    request: CompareRequest,
    *,
    on_compared: OnCompared | None = None,
) -> CompareResult:
    """Has each pair judged in both orders and lands what comes of it; goes on where an earlier call stopped.

    An answer without content loses to one with content, and equal answers tie, without a judge. Caps of the endpoint's budget are
    those of the comparison (its name, its sides, the judge's settings but the endpoint), whatever number of calls it takes.

    Args:
        engine: the store.
        out: the folder of the command.
        pairs: what to compare.
        request: how.
        on_compared: called after each page.

    Raises:
        UserError: a setting is refused, before any work.
        ResumableError: the judge gives no reply at all. What was judged before is kept.
    """
    verifier = request.verifier()
    try:
        run_id = _open_run(engine, out, request)
        stage_id = runs.open_stage(engine, run_id, name="compare", kind="compare")
        with runs.marked_failed_on_error(engine, run_id):
            client = begin_stage(engine, stage_id, verifier)
            cache = _CountingCache(engine)
            labels = _label(verifier.cached(cache), cache, pairs, request.margin, on_compared)
            judged = [_judged(pair, label) for pair, label in zip(pairs, labels, strict=True)]
            spent: dict[str, float] = {} if client is None else {**asdict(client.spent)}
            if client is not None and (money := client.spent.money(client.budget)):
                spent["money"] = money
            folder = out / FOLDER / request.name
            part = _write(folder, pairs, judged)
            result = CompareResult(run_id, folder, compare(judged), spent, cache.hits, part)
            _land(engine, result, request, stage_id)
    finally:
        verifier.close()
    return result


def _label(
    verifier: Verifier, cache: _CountingCache, pairs: Sequence[PairText], margin: float, on_compared: OnCompared | None
) -> list[PairLabel]:
    labels: list[PairLabel] = []
    for start in range(0, len(pairs), _PAGE_PAIRS):
        page = pairs[start : start + _PAGE_PAIRS]
        settled = [prepare_pair(Pair(pair.dialogue, pair.first, pair.second)) for pair in page]
        asked = [(pair, one[1][1]) for pair, one in zip(page, settled, strict=True) if not isinstance(one, PairLabel)]
        known = cache.hits
        verdicts = verifier.verify_batch(
            [pair.first for pair, _ in asked], [{**pair.dialogue, "baseline": baseline} for pair, baseline in asked]
        )
        _check_alive(verdicts, cache.hits - known)
        said = iter(verdicts)
        labels += [one if isinstance(one, PairLabel) else _label_of(next(said), margin) for one in settled]
        if on_compared is not None:
            on_compared(len(labels), len(pairs))
    return labels


def _check_alive(verdicts: Sequence[Verdict], cached: int) -> None:
    """Raises a ResumableError where a judge was asked and gave no reply to anything."""
    failed = [verdict for verdict in verdicts if verdict.detail.get("reason") == "endpoint_failed"]
    if failed and len(failed) + cached >= len(verdicts):
        said = failed[0].detail.get("error") or "no reply"
        raise ResumableError(f"the judge does not answer: {said}; what it has judged is kept: run this again to go on")


def _label_of(verdict: Verdict, margin: float) -> PairLabel:
    if verdict.score is not None and "preference" in verdict.detail:
        return label_pair(float(verdict.detail["preference"]), margin, verdict.detail, {})
    return PairLabel("bad_gold" if verdict.status == "bad_gold" else "error", None, None, verdict.detail)


def _judged(pair: PairText, label: PairLabel) -> Judged:
    return Judged(pair.prompt_id, label, (len(take_answer(pair.first)[0]), len(take_answer(pair.second)[0])))


def _open_run(engine: sa.Engine, out: Path, request: CompareRequest) -> str:
    # Another endpoint, or another cap of its budget, goes on with the same comparison.
    identity = {key: value for key, value in request.settings.items() if key != "endpoint"}
    recipe = {"judge": {**request.settings, "mode": "pairwise"}, "margin": request.margin}
    inputs = [{"a": request.names[0]}, {"b": request.names[1]}]
    return runs.open_run(
        engine, kind="compare", name=request.name, out=out, recipe=recipe, inputs=inputs, identity=identity
    )


def _write(folder: Path, pairs: Sequence[PairText], judged: Sequence[Judged]) -> Part:
    rows = [_row(pair, one) for pair, one in zip(pairs, judged, strict=True)]
    batches = (
        pa.RecordBatch.from_pylist(rows[start : start + _ROWS_A_BATCH], schema=COMPARED_PAIRS)
        for start in range(0, len(rows), _ROWS_A_BATCH)
    )
    return write_part(folder, "pairs", batches, COMPARED_PAIRS)


def _row(pair: PairText, one: Judged) -> dict[str, Any]:
    label, detail = one.label, one.label.detail
    outcome = outcome_of(label)
    return {
        "prompt_id": pair.prompt_id,
        "pair": pair.number,
        "winner": None if outcome is None else _WINNERS[outcome],
        "preference": label.preference,
        "status": label.status,
        "rule": detail.get("rule"),
        "reason": None if outcome is not None else str(detail.get("reason", label.status)),
        "rounds": detail.get("rounds"),
        "conflicts": detail.get("conflicts"),
        "analysis": _writable(detail.get("analysis")),
        "chars_a": one.chars[0],
        "chars_b": one.chars[1],
        "messages": _writable(canonical_json(pair.dialogue["messages"])),
        "text_a": _writable(pair.first),
        "text_b": _writable(pair.second),
    }


def _writable(text: str | None) -> str | None:
    return None if text is None else clean_text(text)[0]


def _land(engine: sa.Engine, result: CompareResult, request: CompareRequest, stage_id: int) -> None:
    """Makes the comparison true: its summary, then its rows in one transaction; the same one again becomes the latest of its name."""
    facts = {**result.to_json(), "a": request.names[0], "b": request.names[1], "margin": request.margin}
    write_json_durably(result.folder / SUMMARY, {**facts, "code_version": code_version()})
    artifact = {
        "run_id": result.run_id,
        "kind": "compared_pairs",
        "path": f"{FOLDER}/{request.name}/{result.part.name}",
        "sha256": result.part.sha256,
        "num_rows": result.part.rows,
        "num_bytes": result.part.bytes,
    }
    with engine.begin() as connection:
        connection.execute(sa.delete(Artifact).where(Artifact.run_id == result.run_id))
        connection.execute(sa.insert(Artifact).values(artifact))
    for old in result.folder.glob("pairs-*.parquet"):
        if old.name != result.part.name:
            old.unlink()
    counts = {name: facts[name] for name in ("pairs", "wins", "ties", "losses", "unjudged", "spent")}
    runs.close_stage(engine, stage_id, counts)
    runs.close_run(engine, result.run_id, status="done", counts=counts)
