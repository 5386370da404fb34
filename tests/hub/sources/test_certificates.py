"""Certificates of a real TLS server: trusted by a file, of another time, and what clocks say."""

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import ClockWrong, HubUnreachable
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import online
from tests.support.socks_proxy import SocksProxy
from tests.support.tls_server import TlsServer

TOKEN = "hf_secret"
PROXIES = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")
NAMES = (*PROXIES, "ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle")


@pytest.fixture(autouse=True)
def connected(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with online():
        yield


def refusal(server, folder, proxy=""):
    hub = Hub(endpoint_at(server.url), TOKEN, proxy, cache_dir=folder)
    with pytest.raises(HubUnreachable) as caught:
        hub.entries("a/rwkv")
    return caught.value


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_hub_is_trusted_by_the_file_that_the_environment_names(tmp_path, monkeypatch, variable):
    with TlsServer(tmp_path, -1, 1) as server, SocksProxy() as proxy:
        monkeypatch.setenv(variable, str(server.file))
        for at, way in enumerate(("", f"socks5://{proxy.place}")):
            hub = Hub(endpoint_at(server.url), TOKEN, way, cache_dir=tmp_path / str(at))
            assert hub.readme("a/rwkv") == "[]"
        assert len(server.seen) == 2
        assert proxy.asked


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path):
    with TlsServer(tmp_path, -1, 1) as server:
        failure = refusal(server, tmp_path)
        assert "not trusted" in one_line(failure)
        assert server.seen == []


@pytest.mark.parametrize(("begins", "ends"), [(400, 800), (-800, -400)])
@pytest.mark.parametrize("by_proxy", [False, True])
def test_a_clock_that_is_wrong_is_told_by_the_hubs_own(
    tmp_path, monkeypatch, begins, ends, by_proxy
):
    with TlsServer(tmp_path, begins, ends) as server, SocksProxy() as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.file))
        server.clock = datetime.now(UTC) + timedelta(days=(begins + ends) / 2)
        failure = refusal(server, tmp_path, f"socks5://{proxy.place}" if by_proxy else "")
        assert isinstance(failure, ClockWrong)
        assert server.clock.strftime("%Y-%m-%d") in one_line(failure)
        assert datetime.now().strftime("%Y-%m-%d") in one_line(failure)
        assert TOKEN not in str(server.seen)


def test_a_certificate_that_has_expired_is_no_matter_of_the_clock(tmp_path, monkeypatch):
    with TlsServer(tmp_path, -800, -400) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.file))
        failure = refusal(server, tmp_path)
        assert not isinstance(failure, ClockWrong)
        assert "its certificate has expired" in one_line(failure)


@pytest.mark.parametrize(("begins", "ends"), [(400, 800), (-800, -400)])
def test_where_the_hub_tells_no_time_the_certificate_has_to_do(tmp_path, monkeypatch, begins, ends):
    with TlsServer(tmp_path, begins, ends) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.file))
        server.clock = None
        failure = refusal(server, tmp_path)
        assert isinstance(failure, ClockWrong) == (begins > 0)
        assert datetime.now().strftime("%Y-%m-%d") in one_line(failure)
