"""Proxies and variables that mean nothing are one sentence that names them, wherever met."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from app.errors import NetworkSettingRefused
from app.hub.catalogue.entries import Entry, bundled
from app.hub.downloads.download_queue import DownloadQueue
from app.hub.sources.endpoints import HUGGINGFACE, Endpoint, endpoint_at, endpoint_of
from app.hub.sources.network_settings import Proxy, proxy_at, proxy_to, tls_context
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.hub.downloads.test_transfer import until
from tests.support.hub_server import online

ROOT = Path(__file__).parents[3]
BAD = {
    "ALL_PROXY": "gopher://127.0.0.1:70",
    "https_proxy": "http://[::1",
    "http_proxy": "http://a b:1",
    "SSL_CERT_FILE": "/gone/cacert.pem",
    "SSL_CERT_DIR": "/gone",
    "REQUESTS_CA_BUNDLE": os.devnull,
    "HF_HUB_ETAG_TIMEOUT": "",
    "HF_HUB_DOWNLOAD_TIMEOUT": "ten",
    "HF_ENDPOINT": "ftp://x",
    "HF_TOKEN": "schlüssel",
    "HF_TOKEN_PATH": str(ROOT),
    "HF_HUB_USER_AGENT_ORIGIN": "ü",
}
AT_START = (
    "HF_HUB_ETAG_TIMEOUT",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_USER_AGENT_ORIGIN",
    "HF_TOKEN_PATH",
)
"""What the library reads when it is loaded, and never again."""

NAMES = {name.upper() for name in BAD} | {"NO_PROXY", "HF_TOKEN", "CURL_CA_BUNDLE"}


def plain():
    return {name: value for name, value in os.environ.items() if name.upper() not in NAMES}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in os.environ:
        if name.upper() in NAMES:
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("socks://127.0.0.1:7891/", Proxy("socks", "127.0.0.1", 7891)),
        ("socks5h://me:p%40ss@host", Proxy("socks5h", "host", 1080, "me", "p@ss")),
        ("host:3128", Proxy("http", "host", 3128)),
        ("https://[::1]", Proxy("https", "::1", 443)),
        (" HTTP://Host:1 ", Proxy("http", "host", 1)),
    ],
)
def test_what_people_write_is_understood(address, proxy):
    assert proxy_at(address) == proxy


@pytest.mark.parametrize(
    "address",
    ["http://", "gopher://x", "no proxy", "http://h:99999", "http://[::1", "socks5://:1080",
     "http://h:x", "http://h:0", "://", "http://ho\0st", "http://" + "x" * 99 + "." * 2],
)  # fmt: skip
def test_what_can_be_no_proxy_is_refused(address):
    with pytest.raises(NetworkSettingRefused) as caught:
        proxy_at(address)
    assert "setting of the proxy is" in one_line(caught.value)


def test_a_password_is_not_told(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://me:geheim@x")
    with pytest.raises(NetworkSettingRefused) as caught:
        proxy_to(httpx2.URL("https://huggingface.co"))
    assert "geheim" not in one_line(caught.value)
    assert "ALL_PROXY" in one_line(caught.value)


@pytest.mark.parametrize(
    ("told", "url", "past"),
    [
        ("*", "https://huggingface.co", True),
        ("huggingface.co", "https://cdn.huggingface.co", True),
        (".huggingface.co, x", "https://huggingface.co", True),
        ("*.huggingface.co", "https://cdn.huggingface.co", True),
        ("huggingface.co:80", "https://huggingface.co", False),
        ("gingface.co", "https://huggingface.co", False),
        ("10.0.0.0/8,::1", "http://10.2.3.4:80", True),
        ("::1", "http://[::1]:80", True),
        ("http://[, [::odd, /, :,  ", "https://huggingface.co", False),
    ],
)  # fmt: skip
def test_no_proxy_is_read_as_curl_reads_it(monkeypatch, told, url, past):
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", told)
    assert (proxy_to(httpx2.URL(url)) is None) == past


def test_an_empty_variable_is_none(monkeypatch):
    for name in ("ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "")
    assert proxy_to(httpx2.URL("https://huggingface.co")) is None
    assert tls_context().verify_mode
    assert endpoint_of(environment=os.environ).host == "huggingface.co"


@pytest.mark.parametrize("variable", sorted(set(BAD) - {"HF_ENDPOINT"} - set(AT_START)))
def test_a_list_names_the_variable_and_is_there(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, BAD[variable])
    with online():
        listing = Hub(Endpoint("huggingface", HUGGINGFACE), cache_dir=tmp_path).listing(["x"])
    assert isinstance(listing.failure, NetworkSettingRefused)
    assert f"The setting {variable} is" in one_line(listing.failure)
    assert len(listing.entries) == len(bundled())


@pytest.mark.parametrize("variable", ["ALL_PROXY", "HF_ENDPOINT", *AT_START])
def test_the_command_line_names_the_variable_and_shows_its_list(tmp_path, variable):
    environment = plain() | {variable: BAD[variable], "ROOKERY_HOME": str(tmp_path)}
    environment["HF_HUB_OFFLINE"] = "0"
    command = [sys.executable, "-m", "app", "search", "raven", "14b"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert "RWKV-4-Raven-14B" in done.stdout
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if f"The setting {variable} is" in line]


@pytest.mark.parametrize("variable", ["https_proxy", "SSL_CERT_DIR", *AT_START[1:3]])
def test_a_download_fails_with_the_sentence(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, BAD[variable])
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub = Hub(endpoint_at("http://127.0.0.1:9"), cache_dir=tmp_path / "cache")
    downloads = DownloadQueue(tmp_path / "models", tmp_path / "journal.json", hub)
    try:
        downloads.add(Entry(repo="a/b", file="rwkv7-c-0.1b.pth"))
        until(lambda: downloads.items[0].state == "failed", 60)
        assert f"The setting {variable} is" in one_line(downloads.items[0].failure)
    finally:
        downloads.close()
