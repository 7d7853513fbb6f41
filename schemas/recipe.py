"""What a user asks for: the recipes of curate, verify and select as validated models, read from YAML.

Reads one YAML file and nothing else. A recipe that does not validate gives one line that names file, line and field.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from schemas.errors import RecipeError
from schemas.steps import Name, Share, StepRecipe, Strict
from schemas.stored_steps import DEDUP_KINDS

Format = Literal["auto", "warc", "html", "jsonl", "parquet", "source"]

MEBIBYTE = 1 << 20


class InputRecipe(Strict):
    """One source of documents."""

    source: Name = Field(description="Name of the source; part of every document's id.")
    path: str = Field(description="File, folder or glob; relative to the recipe's folder.")
    format: Format = Field(
        "auto", description="`auto` goes by file name; `source` reads a folder as code, a document a file."
    )
    dump: str = Field(
        "", description="Name of the crawl or release. Earlier dumps (by name) win over later ones in dedup."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="For JSONL and Parquet: our field -> their column, for example {text: content}.",
    )
    include: list[str] = Field(default_factory=list, description="Globs on the relative path; none means all.")
    exclude: list[str] = Field(default_factory=list, description="Globs on the relative path that are left out.")
    repo_depth: int = Field(
        0, ge=0, description="For `source`: how many leading folders of the path name the repository."
    )


class OutputRecipe(Strict):
    """How shards are cut. None of it changes ids or decisions."""

    input_shard_bytes: int = Field(32 * MEBIBYTE, ge=1, description="Input bytes (as stored) a map shard takes.")
    output_shard_bytes: int = Field(256 * MEBIBYTE, ge=1, description="About how much text an output file holds.")
    batch_rows: int = Field(2048, ge=1, le=65536)
    batch_bytes: int = Field(16 * MEBIBYTE, ge=1)
    max_line_bytes: int = Field(64 * MEBIBYTE, ge=1024, description="A longer JSONL line is quarantined.")
    max_document_bytes: int = Field(64 * MEBIBYTE, ge=1024, description="A larger page or file is quarantined.")


class CurateRecipe(Strict):
    """`tamis curate`: sources, steps in order, output."""

    name: Name
    inputs: list[InputRecipe] = Field(min_length=1)
    steps: list[StepRecipe] = Field(min_length=1)
    output: OutputRecipe = Field(default_factory=lambda: OutputRecipe.model_validate({}))

    @model_validator(mode="after")
    def _steps_fit(self) -> "CurateRecipe":
        sources = {item.source for item in self.inputs}
        titles: set[str] = set()
        for step in self.steps:
            unknown = [source for source in step.sources if source not in sources]
            if unknown:
                raise ValueError(
                    f"step {step.title!r} names source {unknown[0]!r}, which no input has{_hint(unknown[0], sources)}"
                )
            if step.title in titles:
                raise ValueError(f"two steps are called {step.title!r}: give one a `name`")
            titles.add(step.title)
        _check_order(self.steps)
        return self


def _check_order(steps: list[StepRecipe]) -> None:
    """Raises ValueError unless deduplication comes last and in the order in which the job does it."""
    last: StepRecipe | None = None
    for step in steps:
        if last is not None:
            if step.kind not in DEDUP_KINDS:
                raise ValueError(f"step {step.title!r} comes after {last.title!r}; dedup steps come last")
            if DEDUP_KINDS.index(step.kind) < DEDUP_KINDS.index(last.kind):
                raise ValueError(f"step {step.title!r} comes after {last.title!r}: dedup goes {', '.join(DEDUP_KINDS)}")
        if step.kind in DEDUP_KINDS:
            last = step
    for kind in ("near_dedup", "semantic_dedup", "span_dedup"):
        if sum(step.kind == kind for step in steps) > 1:
            raise ValueError(f"one {kind} step is what a job takes")
    keys = [step.exact_dedup.by for step in steps if step.exact_dedup]
    if len(set(keys)) < len(keys):
        raise ValueError(f"two exact_dedup steps go by {keys[-1]}")


class VerifierRecipe(Strict):
    """One verifier of a rubric."""

    name: Name
    settings: dict[str, Any] = Field(default_factory=dict)
    weight: float = Field(
        1.0, description="Share in the reward; 0 makes it a metric, which is recorded and never summed."
    )
    gate: bool | Share = Field(
        False, description="The least score, `true` for 1; when its score is below, the whole reward is 0."
    )

    @property
    def least_score(self) -> float | None:
        """The least score that lets a reward be; None where this verifier is no gate."""
        return None if self.gate is False else float(self.gate)


class VerifyRecipe(Strict):
    """`tamis verify`: the rubric, and how the work is cut."""

    name: Name = "r1"
    verifiers: list[VerifierRecipe] = Field(min_length=1)
    shard_generations: int = Field(
        256, ge=1, description="About this many generations a shard; a prompt's group stays whole."
    )

    @model_validator(mode="after")
    def _distinct(self) -> "VerifyRecipe":
        names = [item.name for item in self.verifiers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"verifier {twice[0]!r} is listed twice")
        return self


class Requirement(Strict):
    """What a verifier must have said of a generation."""

    min_score: Share = 1.0
    correct: bool = Field(
        False,
        description="Its status must be `correct` too: what the verifier's own settings ask for beside the score.",
    )
    settings: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{4,16}$",
        description="Settings hash (or its start) of the verdicts that count; by default the latest verify run's.",
    )


class PassRate(Strict):
    """Which prompts a policy can learn from: those whose share of right samples lies strictly between two bounds.

    The share is taken over all scored generations in the scope of `models` and `sources`; right is status `correct`. A prompt with
    fewer scored samples than `min_samples` is left out too.
    """

    verifier: Name = Field(description="Which verifier says what is right.")
    too_hard: Share = Field(0.0, description="A prompt with at most this pass rate is left out.")
    too_easy: Share = Field(1.0, description="A prompt with at least this pass rate is left out.")
    min_samples: int = Field(2, ge=1, description="Least scored samples of a prompt.")

    @model_validator(mode="after")
    def _apart(self) -> "PassRate":
        _check_apart(self.too_hard, self.too_easy)
        return self


class OrderKey(Strict):
    """One key of the ranking within a prompt: a verifier's score, or `tokens`."""

    by: str
    order: Literal["asc", "desc"] = "desc"


class SelectRecipe(Strict):
    """`tamis select`: which generations make the set."""

    name: Name
    role: Literal["sft"] = "sft"
    require: dict[str, Requirement] = Field(min_length=1, description="Verifier -> what it must have said.")
    pass_rate: PassRate | None = Field(
        None, description="Only prompts that are neither too hard nor too easy; none means all."
    )
    per_prompt: int = Field(1, ge=1, description="Best of n: how many a prompt at most.")
    order_by: list[OrderKey] = Field(default_factory=lambda: [OrderKey(by="tokens", order="asc")])
    models: list[str] = Field(default_factory=list, description="Only these models; none means all.")
    sources: list[str] = Field(default_factory=list, description="Only prompts of these sources; none means all.")
    limit: int | None = Field(None, ge=1)


class EstimateRecipe(Strict):
    """`tamis estimate`: what is estimated from stored verdicts."""

    name: Name | None = Field(None, description="Of the folder under `estimates/`; left out, the verifier's.")
    rubric: VerifyRecipe | None = Field(
        None, description="Whose verdicts make the reward, by weights and gates; left out, the latest verify run's."
    )
    verifier: Name | None = Field(
        None, description="Which verifier says whether a sample is right; left out, the rubric's first."
    )
    min_score: Share | None = Field(
        None, description="A sample is right from this score on; left out, where its status is `correct`."
    )
    k: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="For pass@k and cons@k; none means 1, 4, 16, ... and all samples."
    )
    advantage: Literal["grpo", "dr_grpo", "rloo"] = "grpo"
    too_hard: Share = Field(0.0, description="A prompt with at most this pass rate is too hard.")
    too_easy: Share = Field(1.0, description="A prompt with at least this pass rate is too easy.")
    models: list[str] = Field(default_factory=list, description="Only these models; none means all.")
    sources: list[str] = Field(default_factory=list, description="Only prompts of these sources; none means all.")

    @model_validator(mode="after")
    def _fits(self) -> "EstimateRecipe":
        _check_apart(self.too_hard, self.too_easy)
        return self


def _check_apart(too_hard: float, too_easy: float) -> None:
    if too_hard >= too_easy:
        raise ValueError(f"too_hard ({too_hard:g}) must be below too_easy ({too_easy:g})")


Recipe = TypeVar("Recipe", bound=BaseModel)


def load_recipe(path: Path, model: type[Recipe]) -> Recipe:
    """Reads a YAML recipe.

    Raises:
        RecipeError: if the file is missing or not YAML, or a field is unknown, missing or out of range; the message is
            one line, ``file:line: field: what is wrong``, for the first thing that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RecipeError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(value, dict):
        raise RecipeError(
            f"{path}:1: a recipe is a mapping, this is {'empty' if value is None else type(value).__name__}"
        )
    return _validated(value, model, node, str(path))


def parse_recipe(value: dict[str, Any], model: type[Recipe], where: str) -> Recipe:
    """Validates a recipe that is in memory already; errors name `where` in place of a file and line."""
    return _validated(value, model, None, where)


def _validated(value: dict[str, Any], model: type[Recipe], node: yaml.Node | None, where: str) -> Recipe:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        # A misspelt key comes before the "field required" that it causes.
        first = min(found, key=lambda item: item["type"] != "extra_forbidden")
        location = tuple(first["loc"])
        line = f":{_line_of(node, location)}" if node is not None else ""
        field = ".".join(str(part) for part in location) or model.__name__
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "unknown field" + _hint(str(location[-1]), _fields_at(model, location[:-1]))
        raise RecipeError(f"{where}{line}: {field}: {message}") from None


def _line_of(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    """Finds the line (from 1) of the deepest part of `location` that the YAML has."""
    line = node.start_mark.line if node is not None else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = next(((key, item) for key, item in node.value if key.value == str(part)), None)
            if match is None:
                break
            line, node = match[0].start_mark.line, match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return line + 1


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> set[str]:
    """Gives the field names that are known at a place of the recipe, for a hint; empty where the place is free-form."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return set()
        current = _model_in(field.annotation)
        if current is None:
            return set()
    return set(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _hint(word: str, known: set[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
