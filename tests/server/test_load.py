"""The server under load and faults for longer than the ordinary run has time for."""

import json
import threading
import time

import httpx2
import pytest

from tests.runtime.small_models import small_file
from tests.support.served import served
from tests.support.served_requests import HELLO, kill_worker, post

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]
SECONDS, KILLS, STREAMS = 10, 10, 8


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    model = small_file(home, name="tiny")
    with served("--model", str(model), "--strategy", "cpu fp32", home=home) as one:
        assert one.address  # it answers
        yield one


def stream(server, ends, until):
    """Ask again and again; how each request ended: "done", or the type of its error."""
    asked = {"messages": HELLO, "stream": True, "max_tokens": 200}
    with server.client() as one:
        while not until():
            with one.stream("POST", "/v1/chat/completions", json=asked) as answer:
                if answer.status_code != 200:
                    ends.append(json.loads(answer.read())["error"]["type"])
                    continue
                lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
            whole = lines[-1] == "data: [DONE]"
            ends.append("done" if whole else json.loads(lines[-1][6:])["error"]["type"])


def run_streams(server, until):
    ends = []
    threads = [threading.Thread(target=stream, args=(server, ends, until)) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    return ends, threads


def test_eight_streams_go_on_for_a_while_and_none_fails(server):
    stop = time.monotonic() + SECONDS
    ends, threads = run_streams(server, lambda: time.monotonic() > stop)
    for thread in threads:
        thread.join()
    assert set(ends) == {"done"}
    assert len(ends) >= STREAMS


def test_each_of_ten_kills_under_load_costs_only_what_is_being_written(server):
    done = threading.Event()
    ends, threads = run_streams(server, done.is_set)
    try:
        with server.client() as one:
            for _ in range(KILLS):
                answer = post(one, "/v1/completions", prompt="a", max_tokens=1)
                assert answer.status_code == 200
                kill_worker(server)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(ends) <= {"done", "server_error"}
    with server.client() as one:
        assert post(one, "/v1/completions", prompt="a", max_tokens=1).status_code == 200


def test_a_head_that_never_ends_is_cut_off_and_thousands_of_connections_are_survived(server):
    with server.connect() as slow:
        slow.sendall(b"POST /v1/completions HTTP/1.1\r\n")
        many = []
        try:
            many += (server.connect() for _ in range(1500))
            with server.client() as one:
                while one_is_refused(one):
                    many.pop().close()
            assert len(many) > 500
        finally:
            for one in many:
                one.close()
        assert slow.recv(10) == b""  # closed by the server, in its own time
    with server.client() as one:
        assert post(one, "/v1/chat/completions", messages=HELLO, max_tokens=2).status_code == 200


def one_is_refused(client):
    try:
        return client.get("/health").status_code != 200
    except httpx2.TransportError:
        return True
