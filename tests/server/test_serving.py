"""The real server with a small real model, asked by openai-python and through plain sockets."""

import base64
import contextlib
import json
import os
import threading
from array import array

import openai
import pytest

from app.server.http.connections import most_connections
from tests.support.served_requests import (
    ENDLESS,
    HELLO,
    PICTURE,
    SCHEMA,
    SHORT,
    TOOL,
    kill_worker,
    post,
    told,
)


def test_the_open_model_comes_first_under_its_files_name(client, plain):
    names = [model.id for model in client.models.list()]
    assert names == ["tiny.pth", "other.pth"]
    assert client.models.retrieve("tiny.pth").object == "model"
    assert plain.get("/models").json() == plain.get("/v1/models").json()


def test_a_reply_is_the_same_streamed_and_whole_and_says_what_it_took(client):
    whole = client.chat.completions.create(model="tiny", messages=HELLO, **SHORT)
    (choice,) = whole.choices
    assert (choice.message.role, choice.finish_reason) in {
        ("assistant", "length"),
        ("assistant", "stop"),
    }
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert 0 < whole.usage.completion_tokens <= 12
    stream = client.chat.completions.create(
        model="tiny.pth",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
        **SHORT,
    )
    *chunks, last = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == choice.message.content
    assert chunks[-1].choices[0].finish_reason == choice.finish_reason
    assert len({chunk.id for chunk in chunks}) == 1
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert last.usage.prompt_tokens_details.cached_tokens > 0


def test_several_replies_have_seeds_of_their_own_and_each_repeats_alone(client):
    many = client.chat.completions.create(model="tiny", messages=HELLO, n=3, **SHORT)
    texts = [choice.message.content for choice in many.choices]
    assert [choice.index for choice in many.choices] == [0, 1, 2]
    assert len(set(texts)) == 3
    alone = client.chat.completions.create(
        model="tiny", messages=HELLO, **{**SHORT, "seed": SHORT["seed"] + 1}
    )
    assert alone.choices[0].message.content == texts[1]


def test_a_json_schema_is_kept_and_a_tool_that_must_be_called_is(client):
    answer = client.chat.completions.create(
        model="tiny",
        messages=HELLO,
        max_tokens=60,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
    )
    assert isinstance(json.loads(answer.choices[0].message.content)["ok"], bool)
    asked = {"model": "tiny", "messages": HELLO, "tools": [TOOL], "tool_choice": "required"}
    (choice,) = client.chat.completions.create(max_tokens=120, **asked).choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "pick"
    assert json.loads(call.function.arguments).keys() == {"ok"}
    deltas = [
        part
        for chunk in client.chat.completions.create(max_tokens=120, stream=True, **asked)
        for part in chunk.choices[0].delta.tool_calls or ()
    ]
    assert {part.index for part in deltas} == {0}
    assert deltas[0].id
    assert deltas[0].function.name == "pick"
    assert json.loads("".join(part.function.arguments for part in deltas)).keys() == {"ok"}
    talk = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": '{"ok": true}'},
    ]
    after = client.chat.completions.create(model="tiny", messages=talk, tools=[TOOL], max_tokens=4)
    assert after.usage.completion_tokens <= 4


def test_log_probabilities_tell_bytes_and_the_likeliest_others(client):
    answer = client.chat.completions.create(
        model="tiny", messages=HELLO, logprobs=True, top_logprobs=3, **SHORT
    )
    entries = answer.choices[0].logprobs.content
    assert len(entries) == answer.usage.completion_tokens
    for entry in entries:
        assert len(entry.bytes) == 1
        assert len(entry.top_logprobs) == 3
        assert entry.logprob <= entry.top_logprobs[0].logprob + 1e-6 <= 1e-6


def test_completions_take_texts_and_token_ids_in_lists_and_echo_with_log_probabilities(client):
    texts = client.completions.create(
        model="tiny", prompt=["ab", "cd"], max_tokens=5, temperature=0
    )
    ids = client.completions.create(
        model="tiny", prompt=[[97, 98], [99, 100]], max_tokens=5, temperature=0
    )
    assert [one.text for one in texts.choices] == [one.text for one in ids.choices]
    assert [one.index for one in texts.choices] == [0, 1]
    echoed = client.completions.create(
        model="tiny", prompt="abc", max_tokens=0, echo=True, logprobs=2
    )
    assert echoed.choices[0].text == "abc"
    assert echoed.choices[0].logprobs.tokens == ["a", "b", "c"]
    assert echoed.choices[0].logprobs.token_logprobs[0] is None
    assert echoed.choices[0].logprobs.token_logprobs[2] < 0


def test_embeddings_are_base64_by_default_and_the_same_as_floats(client, plain):
    made = client.embeddings.create(model="tiny", input=["one", "two"])
    floats = post(plain, "/v1/embeddings", model="tiny", input=["one", [116, 119, 111]]).json()
    assert "untrained" in floats["model"]
    for one, other in zip(made.data, floats["data"], strict=True):
        assert sum(value * value for value in one.embedding) == pytest.approx(1, abs=1e-5)
        assert one.embedding == pytest.approx(other["embedding"], abs=1e-6)
    raw = post(plain, "/embeddings", model="tiny", input="one", encoding_format="base64").json()
    vector = array("f", base64.b64decode(raw["data"][0]["embedding"]))
    assert vector.tolist() == pytest.approx(made.data[0].embedding)


def test_tokens_come_and_go(plain):
    ids = post(plain, "/tokenize", content="abc").json()["tokens"]
    assert ids == [97, 98, 99]
    assert post(plain, "/v1/detokenize", tokens=ids).json() == {"content": "abc"}


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("/v1/chat/completions", {"model": "no", "messages": HELLO}, 404, None),
        ("/v1/chat/completions", {"messages": []}, 400, None),
        ("/v1/chat/completions", {"messages": HELLO, "max_tokens": "x"}, 400, "max_tokens"),
        ("/v1/chat/completions", {"messages": HELLO, "top_p": -1}, 400, "top_p"),
        ("/v1/chat/completions", {"messages": HELLO, "n": 0}, 400, "n"),
        ("/v1/chat/completions", {"messages": HELLO, "state_id": "x"}, 404, None),
        ("/v1/completions", {"prompt": "a", "suffix": "b"}, 400, "suffix"),
        ("/v1/completions", {"prompt": [300]}, 400, None),
        ("/nowhere", {}, 404, None),
        ("/v1/models", {}, 405, None),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(plain, path, body, status, param):
    answer = plain.post(path, json=body)
    assert (answer.status_code, told(answer)["param"]) == (status, param)
    assert told(answer)["message"].endswith(".")


def test_the_library_maps_refusals_to_its_own_errors(client):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no", messages=HELLO)
    picture = [{"role": "user", "content": [PICTURE]}]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="tiny", messages=picture)


def test_unknown_fields_are_ignored(plain):
    answer = post(plain, "/chat/completions", messages=HELLO, max_tokens=1, bells=["a"])
    assert answer.status_code == 200


def test_only_json_that_is_called_so_is_taken(plain):
    body = json.dumps({"messages": HELLO, "max_tokens": 1})
    path = "/v1/chat/completions"
    text = plain.post(path, content=body, headers={"content-type": "text/plain"})
    assert text.status_code == 415
    broken = plain.post(path, content=body[:-1], headers={"content-type": "application/json"})
    assert broken.status_code == 400


def test_a_client_that_leaves_stops_its_text_at_once(server, plain):
    for stream in (True, False):
        body = json.dumps({"messages": HELLO, "stream": stream, **ENDLESS})
        head = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost"]
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
        with server.connect() as connection:
            connection.sendall("\r\n".join(head).encode())
            if stream:
                got = b""
                while got.count(b"data: ") < 3:
                    got += connection.recv(4096)
            else:
                while not plain.get("/health").json()["texts_running"]:
                    pass
        server.wait_for(event="request", path="/v1/chat/completions", client_left=True)
        while plain.get("/health").json()["texts_running"]:
            pass
        server.forget()


def test_a_full_queue_is_refused_and_what_waits_is_answered(server, plain):
    results, news = [], threading.Condition()

    def ask():
        with server.client() as one:
            answer = post(one, "/v1/chat/completions", messages=HELLO, max_tokens=2, n=4)
        with news:
            results.append((answer.status_code, answer.headers.get("retry-after")))
            news.notify()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    asked = {"messages": HELLO, "stream": True, "n": 4, **ENDLESS}  # takes all places
    with plain.stream("POST", "/v1/chat/completions", json=asked) as endless:
        lines = endless.iter_lines()
        next(lines)  # the stream stays open as long as these do
        for thread in threads:
            thread.start()
        with news:
            news.wait_for(lambda: len(results) == 6, 60)  # 40 texts of the others wait
        refused = list(results)
    for thread in threads:
        thread.join()
    assert {status for status, _ in refused} == {429}
    assert all(int(wait) >= 1 for _, wait in refused)
    assert [status for status, _ in results[6:]] == [200] * 10
    assert "rookery_requests_total" in plain.get("/metrics").text


def test_the_next_turn_reads_only_what_is_new(client):
    first = [{"role": "user", "content": "Tell me a long story. " * 40}]
    asked = {"model": "tiny", "max_tokens": 40, "temperature": 0.8, "session_id": "a"}
    created = client.chat.completions.create
    body = {name: asked.pop(name) for name in ("session_id",)}
    reply = created(messages=first, **asked, extra_body=body)
    said = reply.choices[0].message.content
    talk = [*first, {"role": "assistant", "content": said}, {"role": "user", "content": "Go on."}]
    after = created(messages=talk, **asked, extra_body=body)
    new = after.usage.prompt_tokens - after.usage.prompt_tokens_details.cached_tokens
    assert reply.usage.prompt_tokens > 800
    assert 0 < new < 60  # the end of the reply, the next message and the openings around it
    anew = created(messages=talk, **asked, extra_body={"cache_prompt": False})
    assert anew.usage.prompt_tokens_details.cached_tokens == 0


def test_a_seed_gives_the_same_text_alone_and_beside_others_that_come_and_go(server, plain):
    asked = {"messages": HELLO, "max_tokens": 30, "temperature": 1.0, "seed": 5}
    alone = post(plain, "/v1/chat/completions", **asked).json()["choices"][0]["message"]
    texts = []

    def ask(place):
        with server.client() as one:
            others = {"messages": HELLO, "max_tokens": 3 * place + 1, "temperature": 1.5}
            post(one, "/v1/chat/completions", **others)
            answer = post(one, "/v1/chat/completions", **asked).json()
            texts.append(answer["choices"][0]["message"])

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [alone] * 8


def test_programs_that_know_ollama_get_their_lines(plain):
    assert plain.get("/").text == "Ollama is running"
    assert plain.get("/api/tags").json()["models"][0]["name"] == "tiny.pth"
    assert plain.get("/api/ps").json()["models"][0]["details"]["family"] == "rwkv"
    assert "general.architecture" in post(plain, "/api/show", model="tiny").json()["model_info"]
    options = {"num_predict": 9, "temperature": 0.9, "seed": 3}
    asked = {"model": "tiny:latest", "messages": HELLO, "options": options}
    lines = [json.loads(line) for line in post(plain, "/api/chat", **asked).text.splitlines()]
    *pieces, last = lines
    whole = post(plain, "/api/chat", stream=False, **asked).json()
    assert "".join(one["message"]["content"] for one in lines) == whole["message"]["content"]
    assert not any(one["done"] for one in pieces)
    assert (last["done"], last["eval_count"]) == (True, whole["eval_count"])
    assert {"total_duration", "prompt_eval_count", "eval_duration"} <= last.keys()
    generated = post(
        plain, "/api/generate", model="tiny", prompt="ab", raw=True, stream=False, options=options
    ).json()
    assert generated["response"]
    form = {"model": "tiny", "prompt": "x", "format": SCHEMA, "stream": False}
    assert "ok" in json.loads(post(plain, "/api/generate", **form).json()["response"])
    vectors = post(plain, "/api/embed", model="tiny", input=["a", "b"]).json()["embeddings"]
    assert [len(one) for one in vectors] == [64, 64]
    assert post(plain, "/api/pull", model="x").status_code == 501
    wrong = post(plain, "/api/chat", model="no", messages=HELLO)
    assert (wrong.status_code, list(wrong.json())) == (404, ["error"])


def test_responses_come_as_items_and_as_events(client):
    asked = {"model": "tiny", "input": "Hello", "max_output_tokens": 9, "extra_body": {"seed": 4}}
    whole = client.responses.create(instructions="Be brief.", **asked)
    assert whole.status in {"completed", "incomplete"}
    assert whole.usage.output_tokens <= 9
    events = list(client.responses.create(instructions="Be brief.", stream=True, **asked))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type.endswith("output_text.delta"))
    assert text == whole.output_text == events[-1].response.output_text
    schema = {"type": "json_schema", "name": "x", "schema": SCHEMA}
    form = client.responses.create(
        model="tiny", input="Hello", text={"format": schema}, max_output_tokens=60
    )
    assert "ok" in json.loads(form.output_text)
    tool = {"type": "function", **TOOL["function"]}
    made = client.responses.create(
        model="tiny", input="Hello", tools=[tool], tool_choice="required", max_output_tokens=120
    )
    (call,) = made.output
    assert (call.type, call.name) == ("function_call", "pick")
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model="tiny", input="x", previous_response_id="resp_1")


def test_hostile_bodies_and_idle_connections_cost_nobody_else_anything(server, plain):
    deep = b"[" * 100_000
    path, kind = "/v1/chat/completions", {"content-type": "application/json"}
    assert plain.post(path, content=deep, headers=kind).status_code == 400
    assert plain.post(path, content=b'{"messages": "\xff"}', headers=kind).status_code == 400
    surrogate = b'{"max_tokens": 1, "messages": [{"role": "user", "content": "\\ud800"}]}'
    assert plain.post(path, content=surrogate, headers=kind).status_code in {200, 400}
    long = json.dumps({"prompt": "a" * (5 << 20)}).encode()
    assert plain.post("/v1/completions", content=long, headers=kind).status_code == 400
    with contextlib.ExitStack() as open_ones:
        for _ in range(min(500, most_connections() // 2)):
            open_ones.enter_context(server.connect())
        half = open_ones.enter_context(server.connect())
        half.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        large = open_ones.enter_context(server.connect())
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
        large.sendall(f"{head}\r\nContent-Length: 104857600\r\n\r\n".encode())
        assert b" 413 " in large.recv(4096)
        answer = post(plain, "/v1/completions", prompt="a", max_tokens=1)
        assert answer.status_code == 200


def test_a_killed_worker_ends_texts_with_an_error_and_another_model_opens_after_it(
    server, client, plain
):
    asked = {"messages": HELLO, "stream": True, **ENDLESS}
    with plain.stream("POST", "/v1/chat/completions", json=asked) as answer:
        lines = answer.iter_lines()
        while not next(lines).startswith("data: "):
            pass
        kill_worker(server)
        last = [line for line in lines if line.startswith("data: ")][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "server_error"
    other = client.chat.completions.create(model="other", messages=HELLO, **SHORT)
    assert other.model == "other.pth"
    assert next(iter(client.models.list())).id == "other.pth"


@pytest.mark.skipif(os.name == "nt", reason="a process there is ended without a signal")
def test_a_signal_ends_it_and_what_is_written_then_ends_with_an_error(server):
    asked = {"messages": HELLO, "stream": True, **ENDLESS}
    with (
        server.client() as one,
        one.stream("POST", "/v1/chat/completions", json=asked) as answer,
    ):
        lines = answer.iter_lines()
        while not next(lines).startswith("data: "):
            pass
        server.process.terminate()
        last = [line for line in lines if line.startswith("data: ")][-1]
    assert "ended" in json.loads(last.removeprefix("data: "))["error"]["message"]
    assert server.process.wait(30) == 0
