"""What one question to a hub may cost, asked of hubs that want more; and who sees a token."""

import json
import socket
import threading
import tracemalloc

import pytest

from app.errors import HubError, HubGarbled, HubUnreachable
from app.hub.sources.endpoints import Endpoint, endpoint_at
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import online
from tests.support.strange_hub import StrangeHub

TOKEN = "hf_secret"


@pytest.fixture(autouse=True)
def connected(monkeypatch):
    for name in ("all_proxy", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with online():
        yield


@pytest.fixture
def strange():
    with StrangeHub() as one:
        yield one


def test_a_list_whose_pages_never_end_is_given_up(strange, tmp_path):
    strange.body = b"[]"
    strange.headers = {"Link": f'<{strange.url}/api/models?cursor=1>; rel="next"'}
    failure = Hub(endpoint_at(strange.url), cache_dir=tmp_path).listing(["BlinkDL"]).failure
    assert isinstance(failure, HubGarbled)
    assert "its list has no end" in one_line(failure)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
@pytest.mark.parametrize("kind", ["mirror", "modelscope"])
def test_a_hub_that_drips_holds_nobody(monkeypatch, tmp_path, head, kind):
    monkeypatch.setattr("app.hub.sources.request_budget.SECONDS", 0.5)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            one, _ = listener.accept()
            with one:
                one.sendall(head)
                while not ended.wait(0.02):
                    try:
                        one.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        where = Endpoint(kind, f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(HubError):
            Hub(where, cache_dir=tmp_path).entries("a/rwkv")
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"id": "a/rwkv", "siblings": [{"rfilename": f"{n}"} for n in range(400_000)]}),
        "{" + ",".join(f'"{n}":0' for n in range(1_200_000)) + "}",
        '{"id": "a/rwkv", "tags": [' + "[],[]," * 1_000_000 + "0]}",
    ],
    ids=["files", "keys", "lists"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["mirror", "modelscope"])
def test_absurdly_many_things_are_refused_before_they_are_made(strange, tmp_path, body, kind):
    strange.body = body.encode()
    assert len(strange.body) < 16 << 20
    hub = Hub(Endpoint(kind, strange.url), cache_dir=tmp_path)
    with pytest.raises(HubGarbled):
        hub.entries("a/warm")  # what is loaded once does not count
    tracemalloc.start()
    try:
        with pytest.raises(HubGarbled) as caught:
            hub.entries("a/rwkv")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(strange.body)
    finally:
        tracemalloc.stop()
    assert "absurdly many" in one_line(caught.value)


def test_the_pages_of_one_list_share_its_limits(strange, tmp_path, monkeypatch):
    monkeypatch.setattr("app.hub.sources.request_budget.BYTES", 5000)
    strange.body = b"[" + b" " * 2000 + b"]"
    strange.headers = {"Link": f'<{strange.url}/api/models?cursor=1>; rel="next"'}
    failure = Hub(endpoint_at(strange.url), cache_dir=tmp_path).listing(["BlinkDL"]).failure
    assert "absurdly long" in one_line(failure)


@pytest.mark.parametrize("kind", ["mirror", "modelscope"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_token_does_not_follow_a_redirect_to_another_host(strange, tmp_path, kind, status):
    with StrangeHub() as other:
        strange.status, strange.headers = status, {"Location": f"{other.url}/api/models/a/rwkv"}
        hub = Hub(Endpoint(kind, strange.url), TOKEN, cache_dir=tmp_path)
        with pytest.raises(HubError):
            hub.entries("a/rwkv")
        assert TOKEN in str(strange.seen)
        assert other.seen
        assert TOKEN not in str(other.seen)


def test_a_token_does_not_follow_the_next_page_to_another_host(strange, tmp_path):
    with StrangeHub() as other:
        other.body = strange.body = b"[]"
        strange.headers = {"Link": f'<{other.url}/api/models?cursor=1>; rel="next"'}
        hub = Hub(endpoint_at(strange.url), TOKEN, cache_dir=tmp_path)
        hub.listing(["BlinkDL"])
        assert TOKEN in str(strange.seen)
        assert other.seen
        assert TOKEN not in str(other.seen)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_hubs_own_words_are_told(strange, tmp_path, status):
    strange.status = status
    strange.headers = {"X-Error-Message": "Ask the owner, a.b@c.org, for access."}
    hub = Hub(endpoint_at(strange.url), cache_dir=tmp_path)
    for ask in (lambda: hub.entries("a/rwkv"), lambda: hub.facts("a/rwkv", "b.pth")):
        with pytest.raises(HubError) as caught:
            ask()
        assert "It says: Ask the owner, a.b@c.org, for access. " in one_line(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", "its terms must be accepted first"),
        (403, "DisabledRepo", "it was switched off there"),
        (404, "RevisionNotFound", "that version of it is not there"),
        (418, "Unheard-Of", "error 418"),
    ],
)
def test_a_hubs_codes_are_told_in_words(strange, tmp_path, status, code, words):
    strange.status, strange.headers = status, {"X-Error-Code": code}
    with pytest.raises(HubError) as caught:
        Hub(endpoint_at(strange.url), cache_dir=tmp_path).facts("a/rwkv", "b.pth")
    assert words in one_line(caught.value)


def test_a_silent_hub_is_unreachable(monkeypatch, tmp_path):
    monkeypatch.setattr("app.hub.sources.request_budget.SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = endpoint_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(HubUnreachable):
            Hub(where, cache_dir=tmp_path).entries("a/rwkv")
