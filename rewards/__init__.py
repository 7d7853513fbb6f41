"""Verifiers and detectors: (completion, gold) -> Verdict. Pure: a pool, a sandbox or an endpoint is handed in."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewards.registry import Verifier


def get_verifier(name: str, **settings: Any) -> "Verifier":
    """Gives a verifier by name; see `rewards.registry.get_verifier`. Loads nothing before it is called."""
    from rewards.registry import get_verifier as load  # noqa: PLC0415 - `import rewards` must stay free

    return load(name, **settings)
