"""Which client serves which kind of URL. One client a process: a forked worker makes its own."""

import os
from collections.abc import Callable

from schemas.storage import ObjectStore


def _s3() -> ObjectStore:
    from schemas.storage_s3 import S3Store  # noqa: PLC0415 - an optional library, and dear to import

    return S3Store.connect()


def _gs() -> ObjectStore:
    from schemas.storage_fsspec import FsspecStore  # noqa: PLC0415

    return FsspecStore.connect("gs", "gcs")


#: scheme -> how to make its client.
SCHEMES: dict[str, Callable[[], ObjectStore]] = {"s3": _s3, "gs": _gs}

_CLIENTS: dict[tuple[int, str], ObjectStore] = {}


def store_of(scheme: str) -> ObjectStore:
    """Gives this process's client for a scheme of `SCHEMES`.

    Raises:
        UserError: its library is not installed.
    """
    key = (os.getpid(), scheme)
    if key not in _CLIENTS:
        _CLIENTS[key] = SCHEMES[scheme]()
    return _CLIENTS[key]
