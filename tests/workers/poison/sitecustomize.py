"""Found by every Python process that has this folder on its path: adds a verifier that dies of a sample, as native code can."""

import contextlib

with contextlib.suppress(ImportError):  # processes that do not have the project on their path need no verifier
    from rewards import registry

    registry._BUILT_IN["poison"] = "poison_verifier"
