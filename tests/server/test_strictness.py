"""What a server refuses, and what clients that leave, wait or mean harm cost it."""

import contextlib
import json
import threading

import openai
import pytest

from tests.server.requests_of_tests import ENDLESS, HELLO, PICTURE, SHORT, kill_worker, post, told


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


def test_only_json_by_its_own_name_from_this_computer_is_taken(plain):
    body = json.dumps({"messages": HELLO, "max_tokens": 1})
    path = "/v1/chat/completions"
    text = plain.post(path, content=body, headers={"content-type": "text/plain"})
    assert text.status_code == 415
    broken = plain.post(path, content=body[:-1], headers={"content-type": "application/json"})
    assert broken.status_code == 400
    for host, status in (
        ("evil.example", 403),
        ("evil.example:8790", 403),
        ("8.8.8.8", 403),
        ("localhost:1", 200),
        ("[::1]:2", 200),
        ("sub.localhost", 200),
    ):
        assert plain.get("/v1/models", headers={"host": host}).status_code == status, host


def test_pages_of_this_computer_may_read_answers_and_no_others(plain):
    def shown(origin):
        answer = plain.get("/v1/models", headers={"origin": origin})
        return answer.headers.get("access-control-allow-origin")

    assert shown("http://localhost:3000") == "http://localhost:3000"
    assert shown("https://evil.example") is None
    assert shown("http://localhost.evil.example") is None


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
    results = []
    lock = threading.Lock()

    def ask():
        with server.client() as one:
            answer = post(one, "/v1/chat/completions", messages=HELLO, max_tokens=12, n=4)
        with lock:
            results.append((answer.status_code, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = {status for status, _ in results}
    assert statuses == {200, 429}
    assert all(int(wait) >= 1 for status, wait in results if status == 429)
    assert "rookery_requests_total" in plain.get("/metrics").text


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
        for _ in range(500):
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
