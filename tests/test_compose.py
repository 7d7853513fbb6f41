"""docker-compose.yml keeps the Compose schema, and each service's command starts here with its environment."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def compose_schema():
    try:
        files = importlib.metadata.files("docker-compose") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the Compose schema is not here: `make test` installs it")
    path = next(file for file in files if file.name == "compose_spec.json")
    return json.loads(path.read_text())


def without_extensions(value):
    return {key: item for key, item in value.items() if not key.startswith("x-")}


def test_keeps_the_compose_schema():
    jsonschema.validate(without_extensions(COMPOSE), compose_schema())


def test_the_schema_does_refuse():
    broken = without_extensions(COMPOSE) | {"services": {"worker": {"comand": ["tamis"]}}}
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.validate(broken, compose_schema())


def test_who_waits_for_whom():
    services = COMPOSE["services"]
    assert services["store"]["depends_on"]["postgresql"]["condition"] == "service_healthy"
    assert services["worker"]["depends_on"]["store"]["condition"] == "service_completed_successfully"
    for name in ("postgresql", "valkey", "worker"):
        assert "healthcheck" in services[name], name
    assert "--appendonly" in services["valkey"]["command"]


def environment_of(service, postgresql_url, valkey_url, out):
    """The service's environment with the names of the other services turned into addresses that answer here."""
    values = {}
    for key, value in COMPOSE["services"][service]["environment"].items():
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        filled = re.sub(r"postgresql://.*@postgresql:5432/\w+", lambda _: postgresql_url, filled)
        values[key] = filled.replace("redis://valkey:6379/0", valkey_url).replace("/data", str(out))
    return {**os.environ, **values, "PYTHONPATH": str(ROOT)}


def tamis(arguments, environment, **options):
    command = [sys.executable, "-m", "service.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False, **options)


def test_every_service_of_ours_starts(postgresql_url, valkey_url, tmp_path):
    services = COMPOSE["services"]
    upgraded = tamis(services["store"]["command"][1:], environment_of("store", postgresql_url, valkey_url, tmp_path))
    assert upgraded.returncode == 0, upgraded.stderr
    environment = environment_of("worker", postgresql_url, valkey_url, tmp_path)
    worker = subprocess.Popen(
        [sys.executable, "-m", "service.cli", *services["worker"]["command"][1:]],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        health = services["worker"]["healthcheck"]["test"]
        assert health[:2] == ["CMD", "tamis"]
        deadline = time.monotonic() + 300
        while (pinged := tamis(health[2:], environment)).returncode != 0 and time.monotonic() < deadline:
            assert worker.poll() is None, "the worker has ended"
        assert pinged.returncode == 0, pinged.stderr
        shown = tamis(services["tamis"]["command"], environment_of("tamis", postgresql_url, valkey_url, tmp_path))
        assert shown.returncode == 0, shown.stderr
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=300)
    assert tamis(services["worker"]["healthcheck"]["test"][2:], environment).returncode != 0
