"""Hubs are asked, and files come, through a real SOCKS proxy; its refusals are told in words."""

import socket
import threading

import pytest

from app.errors import HubUnreachable
from app.hub.catalogue.entries import Entry
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.rate_limit import RateLimit
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import HubServer, online, repository
from tests.support.socks_proxy import SocksProxy

REPO, FILE, DATA = "a/rwkv7-small", "rwkv7-small-0.1b.pth", b"weights" * 1000


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in ("all_proxy", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with HubServer([repository(REPO, {FILE: DATA})]) as one, online():
        yield one


@pytest.fixture
def proxy():
    with SocksProxy() as one:
        yield one


@pytest.mark.parametrize(
    ("scheme", "version"),
    [("socks", "5"), ("socks5", "5"), ("socks5h", "5"), ("socks4", "4"), ("socks4a", "4")],
)
def test_a_model_comes_through_a_socks_proxy(server, proxy, tmp_path, scheme, version):
    hub = Hub(endpoint_at(server.url), "", f"{scheme}://{proxy.place}/", cache_dir=tmp_path / "c")
    (entry,) = hub.entries(REPO)
    path = Bundle(hub, entry, tmp_path, rate_limit=RateLimit()).run()
    assert path.read_bytes() == DATA
    assert {one[:2] for one in proxy.asked} == {(version, "127.0.0.1")}
    assert len(server.log) > 2


@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_the_environments_proxy_is_used_but_for_what_goes_past_it(
    server, proxy, tmp_path, monkeypatch, variable
):
    monkeypatch.setenv(variable, f"socks://{proxy.place}/")
    hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
    assert hub.facts(REPO, FILE).bytes == len(DATA)
    assert proxy.asked
    proxy.asked.clear()
    monkeypatch.setenv("NO_PROXY", "[::odd, ,http://[, 127.0.0.0/8")
    assert hub.facts(REPO, FILE).bytes == len(DATA)
    assert not proxy.asked


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a"])
def test_names_that_only_the_proxy_knows_are_found(server, proxy, tmp_path, scheme):
    proxy.names["hub.invalid"] = "127.0.0.1"
    port = server.url.rpartition(":")[2]
    there = endpoint_at(f"http://hub.invalid:{port}")
    hub = Hub(there, "", f"{scheme}://{proxy.place}", cache_dir=tmp_path)
    assert [one.file for one in hub.entries(REPO)] == [FILE]
    assert proxy.asked[0][1] == "hub.invalid"


def test_a_proxy_gets_the_name_and_the_password_of_its_address(server, proxy, tmp_path):
    proxy.login = ("me", "p@ss:w")
    where = endpoint_at(server.url)
    right = Hub(where, "", f"socks5://me:p%40ss%3Aw@{proxy.place}", cache_dir=tmp_path)
    assert right.facts(REPO, FILE).bytes == len(DATA)
    for login, words in (("me:wrong@", "refuses the name and the password"), ("", "wants a name")):
        hub = Hub(where, "", f"socks5://{login}{proxy.place}", cache_dir=tmp_path)
        with pytest.raises(HubUnreachable) as caught:
            hub.facts(REPO, FILE)
        assert words in one_line(caught.value)


@pytest.mark.parametrize(
    ("scheme", "code", "words"),
    [
        ("socks5", 2, "the proxy does not allow it"),
        ("socks5", 5, "it refuses the connection of the proxy"),
        ("socks5", 1, "the proxy cannot connect"),
        ("socks4", 1, "the proxy refuses to connect"),
    ],
)
def test_a_proxys_refusal_is_told(server, proxy, tmp_path, scheme, code, words):
    proxy.refuses = code
    hub = Hub(endpoint_at(server.url), "", f"{scheme}://{proxy.place}", cache_dir=tmp_path)
    with pytest.raises(HubUnreachable) as caught:
        hub.facts(REPO, FILE)
    assert words in one_line(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\x77\xff\xff" * 9]
)
def test_what_is_no_socks_proxy_is_told(tmp_path, scheme, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener, online():

        def speak():
            one, _ = listener.accept()
            with one:
                one.recv(100)
                one.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        proxy = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        hub = Hub(endpoint_at("http://127.0.0.1:9"), "", proxy, cache_dir=tmp_path)
        with pytest.raises(HubUnreachable) as caught:
            hub.facts(REPO, FILE)
        thread.join()
    assert "proxy" in one_line(caught.value)


def test_a_proxy_that_is_not_there_is_told_with_its_place(server, tmp_path):
    hub = Hub(endpoint_at(server.url), "", "socks5://me:secret@127.0.0.1:9", cache_dir=tmp_path)
    with pytest.raises(HubUnreachable) as caught:
        hub.facts(REPO, FILE)
    assert "the proxy at 127.0.0.1:9 does not answer" in one_line(caught.value)
    how = FetchOptions(tries=1)
    entry = Entry(repo=REPO, file=FILE)
    with pytest.raises(HubUnreachable):
        Bundle(hub, entry, tmp_path / "to", how=how, rate_limit=RateLimit()).run()
