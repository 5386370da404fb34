"""The real server with a small real model, asked by openai-python and through plain sockets."""

import base64
import json
import threading
from array import array

import openai
import pytest

from tests.server.requests_of_tests import HELLO, SCHEMA, SHORT, TOOL, post


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
