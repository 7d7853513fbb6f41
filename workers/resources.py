"""Makes verifiers as recipes describe them: what a setting only describes, an endpoint, is opened and handed in.

Touches the environment variable that a recipe names for a key, to say at once that it is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rewards import get_verifier
from rewards.registry import Verifier, resources_of
from rewards.rubric import Rubric
from schemas.errors import UserError
from schemas.recipe import VerifyRecipe, load_recipe
from workers.endpoint import Endpoint
from workers.model_client import ModelClient
from workers.openai_api import Sampling
from workers.processors import program_slots
from workers.spending import Budget


class EndpointSettings(BaseModel):
    """The setting `endpoint` of a verifier that asks a served model: where, how patiently, and what it may cost.

    None of it is part of a verdict's key: the same model elsewhere gives the same verdicts. A URL alone stands for `url`.

    Attributes:
        url: up to and with the version, `https://host/v1`.
        api_key_env: name of the environment variable that holds the key; None sends none.
        concurrency: requests under way at a time, in each worker process.
        timeout_seconds: longest silence that one attempt endures.
        retries: attempts after the first (see `workers.endpoint.Endpoint`).
        backoff_seconds: pause before the first of them.
        request_seconds: a request's whole time, attempts and pauses together.
        budget: caps for a run (see `workers.run_budget`); `wall_seconds` for each worker process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    api_key_env: str | None = None
    concurrency: int = Field(default=8, ge=1)
    timeout_seconds: float = Field(default=120.0, gt=0)
    retries: int = Field(default=5, ge=0)
    backoff_seconds: float = Field(default=0.5, ge=0)
    request_seconds: float = Field(default=600.0, gt=0)
    budget: Budget = Budget()


def load_rubric(path: Path | str) -> tuple[list[Verifier], Rubric]:
    """Gives the verifiers of a recipe file, as `tamis verify` takes it, and how their verdicts make one reward.

    Raises:
        UserError: the recipe does not fit, a verifier of it cannot be made, or none has a weight.
    """
    return build_rubric(load_recipe(Path(path), VerifyRecipe))


def build_rubric(recipe: VerifyRecipe) -> tuple[list[Verifier], Rubric]:
    """Gives the verifiers of a recipe, and how their verdicts make one reward.

    Raises:
        UserError: a verifier of it cannot be made, or none has a weight.
    """
    try:
        rubric = Rubric.of(recipe)
    except ValueError as error:
        raise UserError(f"{error}: a reward needs a verifier with a weight above 0") from None
    return [build_verifier(item.name, item.settings) for item in recipe.verifiers], rubric


def build_verifier(name: str, settings: Mapping[str, Any]) -> Verifier:
    """Gives the verifier of a recipe, with a `ModelClient` where it takes an endpoint, and with `program_slots` where it takes slots.

    Args:
        name: of the verifier.
        settings: as the recipe has them; `endpoint` is a URL or an object of `EndpointSettings`, `slots` a number that replaces `program_slots`.

    Raises:
        UserError: for a name or a setting that is not known, a value that is refused, or a key that is not set.
    """
    resources = resources_of(name)
    if "slots" in resources:
        settings = {"slots": program_slots(), **settings}
    if "endpoint" not in resources:
        return get_verifier(name, **settings)
    described = settings.get("endpoint")
    if described is None:
        raise UserError(f"verifier {name!r}: settings need an endpoint, `endpoint: https://host/v1`")
    try:
        where = EndpointSettings.model_validate({"url": described} if isinstance(described, str) else described)
        if "extra" in settings:
            Sampling(extra=settings["extra"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(("endpoint", *map(str, first["loc"])))
        raise UserError(f"verifier {name!r}: {place}: {first['msg']}") from None
    client = open_model(where, str(settings.get("model") or ""))
    return get_verifier(name, **{**settings, "endpoint": client})


def open_model(where: EndpointSettings, model: str) -> ModelClient:
    """Gives a client of a served model.

    Raises:
        UserError: the URL is none, the model has no name, or the key's environment variable is not set.
    """
    endpoint = Endpoint(
        where.url,
        model,
        api_key_env=where.api_key_env,
        timeout_seconds=where.timeout_seconds,
        retries=where.retries,
        backoff_seconds=where.backoff_seconds,
        budget_seconds=where.request_seconds,
    )
    endpoint.api_key()
    return ModelClient(endpoint, concurrency=where.concurrency, budget=where.budget)
