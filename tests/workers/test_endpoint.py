import contextlib
import email.utils
import json
import logging
import pickle
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scripted_server import USAGE, Reply, chat

from schemas.errors import UserError
from workers.endpoint import Endpoint, EndpointError, SampleRequest, Sampling, sample, sample_many
from workers.openai_api import MalformedReplyError, few_shot_prompt, read_completion, request_body

KEY = "sk-very-secret-0123456789"
QUESTION = [{"role": "user", "content": "2 + 2 ="}]


def endpoint_of(server, **settings):
    return Endpoint(server.url, "tiny", **{"backoff_seconds": 0.005, "timeout_seconds": 60.0, **settings})


def test_a_chat_completion_is_asked_for_and_read(server):
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=7, stop=("\n",), extra={"top_k": 20})
    answer = sample(endpoint_of(server), QUESTION, sampling, 42)
    assert answer == ("4", "stop", 11, 3)
    [seen] = server.seen
    assert seen["path"] == "/v1/chat/completions"
    assert seen["body"] == {
        "model": "tiny",
        "messages": QUESTION,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["\n"],
        "seed": 42,
        "top_k": 20,
    }
    assert "Authorization" not in seen["headers"]


def test_an_unseeded_sampling_sends_no_seed(server):
    sample(endpoint_of(server), QUESTION, Sampling(seeded=False), 42)
    assert "seed" not in server.seen[0]["body"]


@pytest.mark.parametrize("echoed", ["<think>2 and 2.</think> 4", "2 and 2.</think> 4"])
def test_the_text_begins_with_the_prefill_whether_or_not_the_server_repeats_it(server, echoed):
    server.script = [Reply(chat(echoed))]
    answer = sample(endpoint_of(server), QUESTION, Sampling(prefill="<think>"), 1)
    assert answer.text == "<think>2 and 2.</think> 4"
    body = server.seen[0]["body"]
    assert body["messages"] == [*QUESTION, {"role": "assistant", "content": "<think>"}]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_server_that_is_known_not_to_repeat_the_prefill_shows_a_model_that_does(server):
    server.script = [Reply(chat("<think>again"))]
    answer = sample(endpoint_of(server, prefill_echo="no"), QUESTION, Sampling(prefill="<think>"), 1)
    assert answer.text == "<think><think>again"


def test_the_completions_api_sends_plain_few_shot_text(server):
    server.script = [Reply({"choices": [{"text": "2 and 2.</think> 4", "finish_reason": "stop"}], "usage": USAGE})]
    messages = [
        {"role": "system", "content": "Think."},
        {"role": "user", "content": "1 + 1 ="},
        {"role": "assistant", "content": "2"},
        *QUESTION,
    ]
    answer = sample(endpoint_of(server), messages, Sampling(api="completions", prefill="<think>"), 1)
    assert answer.text == "<think>2 and 2.</think> 4"
    assert server.seen[0]["path"] == "/v1/completions"
    assert server.seen[0]["body"]["prompt"] == (
        "Think.\n\nQuestion: 1 + 1 =\nAnswer: 2\n\nQuestion: 2 + 2 =\nAnswer: <think>"
    )


def test_the_completions_api_without_a_prefill_drops_the_space_after_the_colon():
    reply = {"choices": [{"text": " 4", "finish_reason": "stop"}]}
    assert read_completion(reply, Sampling(api="completions")) == ("4", "stop", None, None)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("prefill", ["", "<think>"])
def test_thinking_in_a_field_of_its_own_gets_its_tags_back(field, prefill):
    reply = chat("\n\n4", **{field: "2 and 2."})
    assert read_completion(reply, Sampling(prefill=prefill)).text == "<think>2 and 2.</think>\n\n4"


def test_thinking_that_was_cut_short_stays_open():
    reply = chat(None, "length", reasoning_content="2 and")
    assert read_completion(reply, Sampling()).text == "<think>2 and"


def test_what_json_can_spell_and_parquet_cannot_hold_is_replaced():
    reply = json.loads('{"choices": [{"finish_reason": null, "message": {"content": "a\\u0000b\\ud800c"}}]}')
    assert read_completion(reply, Sampling()) == ("a\ufffdb\ufffdc", None, None, None)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_refusal_is_tried_again(server, status):
    server.script = [Reply({"error": {"message": "later"}}, status), Reply(chat("4"))]
    assert sample(endpoint_of(server), QUESTION, Sampling(), 1).text == "4"
    assert len(server.seen) == 2
    assert server.seen[0] == server.seen[1]


def test_retry_after_is_honoured(server):
    server.script = [Reply({}, 429, {"Retry-After": "1"}), Reply(chat("4"))]
    sample(endpoint_of(server), QUESTION, Sampling(), 1)
    assert server.times[1] - server.times[0] >= 0.99  # a lower bound: the client must not come back earlier


def test_retry_after_as_a_date_is_honoured(server):
    def busy_until_then(_):
        server.answer = None
        return Reply({}, 503, {"Retry-After": email.utils.formatdate(time.time() + 2, usegmt=True)})

    server.answer = busy_until_then
    sample(endpoint_of(server), QUESTION, Sampling(), 1)
    assert server.times[1] - server.times[0] >= 0.5  # the date's resolution is a second


@pytest.mark.parametrize("header", ["soon", "-3", "Mon, 99 Foo", ""])
def test_an_unreadable_retry_after_is_ignored(server, header):
    server.script = [Reply({}, 429, {"Retry-After": header}), Reply(chat("4"))]
    assert sample(endpoint_of(server), QUESTION, Sampling(), 1).text == "4"


def test_a_pause_that_the_budget_cannot_hold_is_not_begun(server):
    server.script = [Reply({"error": {"message": "quota used up"}}, 429, {"Retry-After": "3600"})]
    with pytest.raises(EndpointError, match="quota used up") as caught:
        sample(endpoint_of(server), QUESTION, Sampling(), 1)
    assert (caught.value.kind, caught.value.status, caught.value.attempts) == ("http_status", 429, 1)


@pytest.mark.parametrize(
    "body", [{"error": {"message": "went wrong"}}, {"error": "went wrong"}, {"detail": "went wrong"}, b"went wrong"]
)
def test_retries_end_and_the_servers_words_are_kept(server, body):
    server.script = [Reply(body, 500)]
    with pytest.raises(EndpointError) as caught:
        sample(endpoint_of(server, retries=2), QUESTION, Sampling(), 1)
    assert len(server.seen) == 3
    assert str(caught.value) == f"{server.url}/chat/completions: http_status 500 after 3 attempts: went wrong"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_a_lasting_refusal_is_not_tried_again(server, status):
    server.script = [Reply({"message": "no"}, status)]
    with pytest.raises(EndpointError) as caught:
        sample(endpoint_of(server), QUESTION, Sampling(), 1)
    assert (caught.value.kind, caught.value.status) == ("http_status", status)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(chat("4"), cut=True),
        Reply(b'{"choices": [{"mess'),
        Reply(b"<html>busy</html>"),
        Reply(b"[" * 100_000),
        Reply([]),
        Reply({"choices": []}),
        Reply({"choices": [{"message": {"content": 4}}]}),
        Reply({"choices": [7]}),
        Reply({"error": {"message": "overloaded"}}),
    ],
    ids=["cut", "truncated", "html", "deep", "list", "empty", "number", "no object", "error with 200"],
)
def test_an_answer_that_is_none_is_malformed_and_tried_again(server, reply):
    server.script = [reply]
    with pytest.raises(EndpointError) as caught:
        sample(endpoint_of(server, retries=1), QUESTION, Sampling(), 1)
    assert caught.value.kind == "malformed"
    assert len(server.seen) == 2
    server.script = [reply, Reply(chat("4"))]
    assert sample(endpoint_of(server), QUESTION, Sampling(), 1).text == "4"


def test_silence_is_a_timeout_and_tried_again(server):
    server.script = [Reply(chat("late"), wait=60.0), Reply(chat("4"))]
    assert sample(endpoint_of(server, timeout_seconds=1.0), QUESTION, Sampling(), 1).text == "4"
    server.script = [Reply(chat("late"), wait=60.0)]
    with pytest.raises(EndpointError) as caught:
        sample(endpoint_of(server, timeout_seconds=0.2, retries=0), QUESTION, Sampling(), 1)
    assert caught.value.kind == "timeout"


def test_a_server_that_keeps_dripping_ends_with_the_budget(server):
    server.script = [Reply(chat("4"), drip=1000)]
    with pytest.raises(EndpointError) as caught:
        sample(endpoint_of(server, budget_seconds=0.3), QUESTION, Sampling(), 1)
    assert caught.value.kind == "timeout"


def test_blank_lines_before_the_answer_are_no_harm(server):
    server.script = [Reply(chat("4"), drip=3)]  # some hosts send them to keep the connection
    assert sample(endpoint_of(server), QUESTION, Sampling(), 1).text == "4"


def test_nobody_listening_is_refused():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "tiny", retries=1, backoff_seconds=0.005)
    with pytest.raises(EndpointError) as caught:
        sample(endpoint, QUESTION, Sampling(), 1)
    assert (caught.value.kind, caught.value.attempts) == ("refused", 2)


def test_the_key_is_sent_and_shown_nowhere(server, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TINY_KEY", KEY)
    server.script = [
        Reply({"error": {"message": f"busy, {KEY}"}}, 503),
        Reply({"error": {"message": f"bad key {KEY}"}}, 401),
    ]
    endpoint = endpoint_of(server, api_key_env="TINY_KEY")
    with pytest.raises(EndpointError, match=r"bad key \*\*\*") as caught:
        sample(endpoint, QUESTION, Sampling(), 1)
    assert server.seen[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    shown = [repr(endpoint), str(caught.value), repr(caught.value), repr(caught.value.__dict__), caplog.text]
    shown += [str(pickle.dumps(endpoint)), str(pickle.dumps(caught.value))]
    assert not any(KEY in text for text in shown)
    assert "endpoint_retry kind=http_status status=503" in caplog.text


def test_a_missing_key_is_refused_before_any_request(server, monkeypatch):
    monkeypatch.delenv("TINY_KEY", raising=False)
    endpoint = endpoint_of(server, api_key_env="TINY_KEY")
    with pytest.raises(UserError, match="TINY_KEY"):
        sample(endpoint, QUESTION, Sampling(), 1)
    with pytest.raises(UserError, match="TINY_KEY"):
        next(sample_many(endpoint, [SampleRequest(QUESTION, Sampling(), 1)], 1))
    assert not server.seen


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host/v1",
        "https://host/v1?key=hunter2",
        "ftp://host",
        "host/v1",
        "",
        "http://",
        "http://host:hunter2/",
    ],
)
def test_a_base_url_that_is_none_or_holds_secrets_is_refused_without_showing_them(url):
    with pytest.raises(UserError) as caught:
        Endpoint(url, "tiny")
    assert "hunter2" not in str(caught.value)


def test_a_trailing_slash_makes_no_difference(server):
    assert sample(Endpoint(server.url + "/", "tiny"), QUESTION, Sampling(), 1).text == "4"
    assert server.seen[0]["path"] == "/v1/chat/completions"


@pytest.mark.parametrize("name", ["api_key", "Authorization", "api-key", "seed", "messages", "n"])
def test_extra_fields_hold_no_secret_and_nothing_that_is_set_elsewhere(name):
    with pytest.raises(ValidationError, match=name):
        Sampling(extra={name: "x"})


def test_a_record_names_what_is_used_and_nothing_else():
    assert Sampling().record() == {"api": "chat", "temperature": 0.6, "top_p": 0.95, "max_tokens": 4096}
    used = Sampling(stop=("\n",), prefill="<think>", seeded=False, extra={"top_k": 1}).record()
    assert used["stop"] == ["\n"]
    assert (used["prefill"], used["seeded"], used["extra"]) == ("<think>", False, {"top_k": 1})


@given(
    st.builds(
        Sampling,
        temperature=st.floats(0, 2),
        top_p=st.floats(0.01, 1),
        max_tokens=st.integers(1, 10**6),
        stop=st.lists(st.text()).map(tuple),
        prefill=st.text(),
        seeded=st.booleans(),
        extra=st.dictionaries(st.sampled_from(["top_k", "min_p", "x"]), st.integers()),
    )
)
def test_a_record_gives_its_sampling_back(sampling):
    assert Sampling.model_validate(json.loads(json.dumps(sampling.record()))) == sampling


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["choices", "message", "content", "text", "finish_reason", "usage", "reasoning"]), inner
            )
        ),
    )
)
def test_any_json_is_a_completion_or_malformed(reply):
    for sampling in (Sampling(prefill="<think>"), Sampling(api="completions")):
        with contextlib.suppress(MalformedReplyError):
            assert isinstance(read_completion(reply, sampling).text, str)


def test_messages_that_do_not_fit_plain_text_are_refused():
    with pytest.raises(UserError, match="tool"):
        few_shot_prompt([{"role": "tool", "content": "x"}])
    with pytest.raises(UserError, match="list"):
        request_body("tiny", [{"role": "user", "content": [{"type": "text"}]}], Sampling(api="completions"), 1)


def test_many_give_each_its_own_answer_or_error(server):
    def answer(body):
        number = int(body["messages"][0]["content"])
        return (
            Reply({"message": "no"}, 400)
            if number % 5 == 3
            else Reply(chat(f"{number}:{body['seed']}"), wait=0.01, beside=2)
        )

    server.answer = answer
    requests = [SampleRequest([{"role": "user", "content": str(n)}], Sampling(), 100 + n) for n in range(23)]
    answers = dict(sample_many(endpoint_of(server), requests, 4))
    assert sorted(answers) == list(range(23))
    for number, got in answers.items():
        if number % 5 == 3:
            assert isinstance(got, EndpointError)
            assert got.status == 400
        else:
            assert got.text == f"{number}:{100 + number}"
    assert 1 < server.most_under_way <= 4


def test_many_of_none_asks_nothing(server):
    assert list(sample_many(endpoint_of(server), [], 4)) == []
    with pytest.raises(ValueError, match="concurrency"):
        next(sample_many(endpoint_of(server), [], 0))


def test_closing_the_iterator_begins_nothing_more(server):
    server.answer = lambda _: Reply(chat("4"), wait=0.05)
    answers = sample_many(endpoint_of(server), [SampleRequest(QUESTION, Sampling(), 1)] * 100, 2)
    next(answers)
    answers.close()
    asked = len(server.seen)
    time.sleep(0.2)
    assert len(server.seen) <= asked + 2  # one more may have been on its way in each thread


def test_an_error_of_the_callers_is_raised_not_given(server):
    bad = SampleRequest([{"role": "tool", "content": "x"}], Sampling(api="completions"), 1)
    with pytest.raises(UserError, match="tool"):
        list(sample_many(endpoint_of(server), [bad], 1))


def test_an_error_survives_pickling():
    error = EndpointError("http_status", "http://host/v1/completions", "busy", status=503, attempts=6)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.kind, again.status, again.attempts) == ("http_status", 503, 6)
