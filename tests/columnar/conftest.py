"""Settings of this room's property tests."""

from hypothesis import settings

# The first example compiles the kernels.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")
