"""Found by every Python process that has this folder on its path: adds verifiers that break as native code and machines can."""

import contextlib

with contextlib.suppress(ImportError):  # processes that do not have the project on their path need no verifier
    from rewards import registry

    registry._BUILT_IN.update(poison="poison_verifier", moody="moody_verifier", pooled="pooled_verifier")
