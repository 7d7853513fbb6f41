"""S3 and what speaks its protocol, through boto3. Credentials, region and endpoint come from the usual AWS variables and files."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

from schemas.errors import UserError
from schemas.storage import ObjectInfo, PreconditionError, StorageError

#: A larger object is uploaded in parts of this size.
PART_BYTES = 64 << 20
#: Keys in one request to delete.
_DELETE_AT_ONCE = 1000
_ATTEMPTS = 8
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_BEYOND = frozenset({"416", "InvalidRange"})


class S3Store:
    """See `schemas.storage.ObjectStore`.

    Args:
        client: of boto3; safe for threads, not for a fork.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def connect(cls) -> "S3Store":
        """Makes a client from the environment.

        Raises:
            UserError: boto3 is not installed, or the environment names no usable profile or endpoint.
        """
        try:
            import boto3  # noqa: PLC0415 - optional
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError  # noqa: PLC0415
        except ImportError:
            raise UserError("s3:// needs boto3: pip install 'tamis[s3]'") from None
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
        )
        try:
            return cls(boto3.session.Session().client("s3", config=config))
        except (BotoCoreError, ValueError) as error:
            raise UserError(f"s3://: {error}") from None

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Tells about an object."""
        return _info(key, self._call("head_object", bucket, key))

    def read(self, bucket: str, key: str, start: int | None, length: int, etag: str) -> tuple[bytes, ObjectInfo]:
        """Reads a range, or the end of an object."""
        span = f"bytes=-{length}" if start is None else f"bytes={start}-{start + length - 1}"
        condition = {"IfMatch": etag} if etag else {}
        try:
            answer = self._call("get_object", bucket, key, Range=span, **condition)
            with answer["Body"] as body, self._told(bucket, key):
                return body.read(), _info(key, answer)
        except _BeyondError:  # of an empty object every range is beyond its end
            return b"", self.head(bucket, key)

    def put(self, bucket: str, key: str, content: bytes, *, absent: bool = False, etag: str = "") -> str:
        """Writes an object in one step."""
        condition = {"IfNoneMatch": "*"} if absent else {"IfMatch": etag} if etag else {}
        try:
            return str(self._call("put_object", bucket, key, Body=content, **condition)["ETag"])
        except FileNotFoundError:
            if etag:  # it should have been there as it was
                raise PreconditionError(f"s3://{bucket}/{key} is gone") from None
            raise

    def upload(self, bucket: str, key: str, handle: BinaryIO, size: int) -> None:
        """Writes an object from a file, in parts if it is large."""
        if size <= PART_BYTES:
            self._call("put_object", bucket, key, Body=handle, ContentLength=size)
            return
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415

        config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
        with self._told(bucket, key):
            self._client.upload_fileobj(handle, bucket, key, Config=config)

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Lists objects by key, a thousand a request."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with self._told(bucket, prefix):
            for page in pages:
                for item in page.get("Contents", ()):
                    yield ObjectInfo(item["Key"], item["Size"], item["ETag"])

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Deletes objects, a thousand a request."""
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            with self._told(bucket, keys[start]):
                answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for failed in answer.get("Errors", ()):
                raise StorageError(f"s3://{bucket}/{failed['Key']}: cannot be deleted: {failed['Code']}")

    def abort_uploads(self, bucket: str, prefix: str) -> int:
        """Drops unfinished uploads: a store keeps, and charges for, the parts of a killed writer until somebody does."""
        aborted = 0
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        with self._told(bucket, prefix):
            for page in pages:
                for item in page.get("Uploads", ()):
                    self._client.abort_multipart_upload(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
                    aborted += 1
        return aborted

    def _call(self, name: str, bucket: str, key: str, **arguments: Any) -> Any:
        call: Callable[..., Any] = getattr(self._client, name)
        with self._told(bucket, key):
            return call(Bucket=bucket, Key=key, **arguments)

    @contextlib.contextmanager
    def _told(self, bucket: str, key: str) -> Iterator[None]:
        """Turns boto3's errors into those of `schemas.storage`, in words without requests or credentials."""
        from boto3.exceptions import S3UploadFailedError  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

        where = f"s3://{bucket}/{key}"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise _error(where, code) from None
        except NoCredentialsError:
            raise StorageError(f"{where}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from None
        except (BotoCoreError, S3UploadFailedError) as error:
            raise StorageError(f"{where}: {type(error).__name__}: {error}") from None


class _BeyondError(StorageError):
    """A range that starts at or after the object's end."""


def _error(where: str, code: str) -> Exception:
    if code in _MISSING:
        return FileNotFoundError(f"{where}: no such {'bucket' if code == 'NoSuchBucket' else 'object'}")
    if code in _CHANGED:
        return PreconditionError(f"{where}: it is there already, or has changed meanwhile")
    if code in _BEYOND:
        return _BeyondError(f"{where}: the range is beyond its end")
    return StorageError(f"{where}: the store refuses: {code or 'unknown error'}")


def _info(key: str, answer: Any) -> ObjectInfo:
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    size = int(headers.get("content-range", "").rpartition("/")[2] or answer["ContentLength"])
    # Both times are the store's, so that a machine whose clock is off does not misjudge an age.
    now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
    written = answer.get("LastModified")
    age = None if written is None else max(0.0, (now - written).total_seconds())
    return ObjectInfo(key, size, answer.get("ETag", ""), age)
