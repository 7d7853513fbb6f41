"""A real server that speaks S3's protocol, in a process of its own, with the variables that clients need to find it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3

from schemas import storage_backends

BUCKET = "corpus"


@contextlib.contextmanager
def s3_server(log):
    """Starts the server; gives the environment variables of its clients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Path(log).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=output, stderr=output
        )
    storage_backends._CLIENTS.clear()  # of another test's server in this process
    try:
        _wait_for(port, process)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "not-to-be-seen-anywhere",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
    finally:
        storage_backends._CLIENTS.clear()
        process.kill()
        process.wait()


def _wait_for(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def client():
    """A client of the server that the environment names."""
    return boto3.session.Session().client("s3")


def upload_tree(folder, bucket, prefix):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client().put_object(
                Bucket=bucket, Key=f"{prefix}/{path.relative_to(folder).as_posix()}", Body=path.read_bytes()
            )


def keys_of(bucket, prefix=""):
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]
