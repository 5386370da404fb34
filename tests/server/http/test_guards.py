"""Who may ask: by key, by name; and what needs no model."""

import asyncio
import json
import socket
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ServerRefused
from app.library.local_library import LocalLibrary
from app.runtime.worker.phase import Phase
from app.server.api_description import BODIES
from app.server.http_app import Access, http_app
from app.server.local_server import LocalServer
from app.server.model_host import ModelHost
from app.server.server_services import Services


class Answer(NamedTuple):
    status: int
    body: dict
    headers: dict


class NoRunner:
    loaded, phase = None, Phase.EMPTY


def asked(access, *requests):
    """The answer to each request (path, headers)."""

    async def run():
        library = LocalLibrary()
        services = Services(ModelHost(NoRunner(), library))
        app = http_app(services, access)
        try:
            return [await one(app, *request) for request in requests]
        finally:
            library.close()

    return asyncio.run(run())


async def one(app, path, headers, body=None):
    sent = []
    coming = iter([{"type": "http.request", "body": body or b"", "more_body": False}])

    async def receive():
        message = next(coming, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    method = "GET" if body is None else "POST"
    scope = {"type": "http", "method": method, "path": path, "headers": pairs}
    scope |= {"query_string": b"", "scheme": "http", "root_path": ""}
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], json.loads(body), told)


def test_a_key_is_wanted_everywhere_but_for_health():
    access = Access(key="geheimnis-ü")
    right = {"authorization": "Bearer geheimnis-ü"}
    wrong = [{}, {"authorization": "Bearer geheimnis"}, {"authorization": "geheimnis-ü"}]
    answers = asked(
        access,
        ("/v1/models", right),
        *(("/v1/models", one) for one in wrong),
        ("/nowhere", {}),
        ("/health", {}),
    )
    assert [answer.status for answer in answers] == [200, 401, 401, 401, 401, 200]
    assert answers[1].body["error"]["code"] == "invalid_api_key"


def test_any_name_will_do_behind_a_key_on_other_addresses():
    name = {"host": "rookery.example"}
    assert asked(Access(), ("/v1/models", name))[0][0] == 403
    assert asked(Access(names=("rookery.example",)), ("/v1/models", name))[0][0] == 200
    assert asked(Access(names=None), ("/v1/models", name))[0][0] == 200


def test_a_name_that_a_web_page_may_have_made_is_refused():
    own = ("localhost:1", "[::1]:2", "127.0.0.5", "sub.localhost", "192.168.1.2", "LocalHost")
    foreign = ("evil.example", "evil.example:8790", "8.8.8.8", "localhost.evil.example", "", ":1")
    answers = asked(Access(), *(("/v1/models", {"host": name}) for name in (*own, *foreign)))
    assert [one.status for one in answers] == [200] * len(own) + [403] * len(foreign)


def test_pages_of_this_computer_may_read_answers_and_others_only_where_they_are_named():
    pages = ("http://localhost:3000", "https://evil.example", "http://localhost.evil.example")
    requests = [("/v1/models", {"origin": page}) for page in pages]
    header = "access-control-allow-origin"
    plain = [one.headers.get(header) for one in asked(Access(), *requests)]
    assert plain == ["http://localhost:3000", None, None]
    access = Access(origins=("https://evil.example",))
    assert [one.headers.get(header) for one in asked(access, *requests)] == [*pages[:2], None]


def test_other_computers_need_a_key_and_a_taken_port_is_told():
    with pytest.raises(ServerRefused) as refused:
        LocalServer(None, "0.0.0.0", 0, Access())
    assert refused.value.facts["why"] == "key-needed"
    first = LocalServer(None, "127.0.0.1", 0, Access())
    first.bind()
    port = int(first.address.rpartition(":")[2])
    second = LocalServer(None, "127.0.0.1", port, Access())
    try:
        first._socket.listen()
        with pytest.raises(ServerRefused) as refused:
            second.bind()
        assert refused.value.facts["why"] == "port-taken"
    finally:
        first.close()
        second.close()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def app():
    library = LocalLibrary()
    yield http_app(Services(ModelHost(NoRunner(), library)), Access())
    library.close()


@given(path=st.sampled_from(sorted(BODIES)), data=st.data())
def test_whatever_is_posted_is_answered_in_words_and_never_a_bug(app, path, data):
    names = sorted(BODIES[path].__struct_fields__)
    fields = st.dictionaries(st.sampled_from(names), ANY_JSON) | ANY_JSON
    body = json.dumps(data.draw(fields)).encode("utf-8", "surrogatepass")
    answer = asyncio.run(one(app, path, {"content-type": "application/json"}, body))
    assert answer.status in {400, 404}
    assert answer.body["error"]


def test_the_description_names_every_field_of_every_request():
    (answer,) = asked(Access(), ("/openapi.json", {}))
    assert set(BODIES) < set(answer.body["paths"])
    for kind in BODIES.values():
        schema = answer.body["components"]["schemas"][kind.__name__]
        assert set(schema["properties"]) == set(kind.__struct_fields__)


def test_small_pieces_are_not_held_back_by_the_system():
    server = LocalServer(None, "127.0.0.1", 0, Access())
    server.bind()
    try:
        assert server._socket.proto == socket.IPPROTO_TCP  # else asyncio leaves TCP_NODELAY off
    finally:
        server.close()
