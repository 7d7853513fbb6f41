"""A real server that speaks S3's protocol, in a process of its own, with the variables that clients need to find it."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import boto3

from schemas import storage_backends

BUCKET = "corpus"


@contextlib.contextmanager
def s3_server(log):
    """Starts the server, at a port that it takes itself; gives the environment variables of its clients."""
    log = Path(log)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=output, stderr=output
        )
    storage_backends._CLIENTS.clear()  # of another test's server in this process
    try:
        port = _port_of(process, log)
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


def _port_of(process, log):
    """Waits until the server says where it listens."""
    deadline = time.monotonic() + 120
    while (found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.1)
    return int(found[1])


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
