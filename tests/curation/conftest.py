"""What the curation engine's tests share: one parent for the worker processes of all their small jobs."""

from collections.abc import Iterator

import pytest

from curation.job.local_workers import standing_nursery


@pytest.fixture(scope="session", autouse=True)
def _nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Imports Beam and the kernels' compiler once a session; each job still has worker processes of its own."""
    with standing_nursery(tmp_path_factory.mktemp("nursery")):
        yield
