"""Who may ask: by key, by name; and what needs no model."""

import asyncio
import json

import pytest

from app.errors import ServerRefused
from app.library.local_library import LocalLibrary
from app.server.http_app import Access, http_app
from app.server.local_server import LocalServer
from app.server.model_host import ModelHost
from app.server.offered_models import OfferedModels
from app.server.server_services import Services


class NoRunner:
    loaded = None


def asked(access, *requests):
    """The status and body of each request (path, headers), and what was recorded."""

    async def run():
        library = LocalLibrary()
        services = Services(ModelHost(NoRunner(), OfferedModels(library, lambda: None)))
        app = http_app(services, access)
        try:
            return [await one(app, *request) for request in requests]
        finally:
            library.close()

    return asyncio.run(run())


async def one(app, path, headers):
    sent = []
    coming = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        message = next(coming, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": pairs}
    scope |= {"query_string": b"", "scheme": "http", "root_path": ""}
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], json.loads(body)


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
    assert [status for status, _ in answers] == [200, 401, 401, 401, 401, 200]
    assert answers[1][1]["error"]["code"] == "invalid_api_key"


def test_any_name_will_do_behind_a_key_on_other_addresses():
    name = {"host": "rookery.example"}
    assert asked(Access(), ("/v1/models", name))[0][0] == 403
    assert asked(Access(names=("rookery.example",)), ("/v1/models", name))[0][0] == 200
    assert asked(Access(names=None), ("/v1/models", name))[0][0] == 200


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
