"""What the curation engine's tests share: one parent for the worker processes of all their small jobs."""

from collections.abc import Iterator

import pytest

from curation.job.nursery import standing_nursery


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    """Imports Beam and the kernels' compiler once a session; each job still has worker processes of its own."""
    with standing_nursery():
        yield
