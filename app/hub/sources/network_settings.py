"""Which proxy and which certificates are used for an address, by settings and environment.

Invalid settings raise NetworkSettingRefused before any request is made.
"""

import ipaddress
import os
import re
import ssl
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import msgspec

from app.errors import NetworkSettingRefused

from .proxies import shown

_PORTS = {
    "http": 80,
    "https": 443,
    "socks": 1080,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}
_HOST = re.compile(r"[a-z0-9._\-]+|[0-9a-f:.]+(%[a-z0-9]+)?", re.IGNORECASE | re.ASCII)
_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Proxy(msgspec.Struct, frozen=True):
    """One proxy; ``scheme`` is "http", "https", or begins with "socks"."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def place(self) -> str:
        """Host and port, for sentences."""
        return f"{self.host}:{self.port}"


def proxy_at(address: str, variable: str = "") -> Proxy:
    """The proxy at an address; without a scheme it is an HTTP proxy.

    Raises NetworkSettingRefused, which names ``variable``, if the address is invalid.
    """
    text = address.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError as error:
        raise _refused(address, variable, "no-proxy-address") from error
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _refused(address, variable, "proxy-scheme")
    if not _HOST.fullmatch(host) or port == 0:
        raise _refused(address, variable, "no-proxy-address")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if max(len(user.encode()), len(password.encode())) > 255:
        raise _refused(address, variable, "proxy-password-too-long")
    return Proxy(scheme, host, port or _PORTS[scheme], user, password)


def proxy_to(url: httpx2.URL, typed: str = "") -> Proxy | None:
    """The proxy for an address: the one in the settings, else that of environment or system.

    Raises NetworkSettingRefused also for a variable that this address does not need, as a redirect
    may need it.
    """
    if typed.strip():
        return proxy_at(typed)
    told = getproxies()
    chosen = {one: told[one] for one in ("http", "https", "all") if told.get(one, "").strip()}
    if not chosen or _is_bypassed(url, told.get("no", "")):
        return None
    proxies = {one: proxy_at(value, _variable(one, value)) for one, value in chosen.items()}
    return proxies.get(url.scheme) or proxies.get("all")


def tls_context() -> ssl.SSLContext:
    """The trusted certificates: the system's, or those that the environment names instead.

    Raises NetworkSettingRefused.
    """
    for variable in _FILES:
        if given := os.environ.get(variable, ""):
            return _trusting(variable, given)
    return httpx2.create_ssl_context()


def _trusting(variable: str, given: str) -> ssl.SSLContext:
    is_list = variable == "SSL_CERT_DIR" and any(map(os.path.isdir, given.split(os.pathsep)))
    folder = given if is_list or os.path.isdir(given) else None
    if folder is None and (variable == "SSL_CERT_DIR" or not os.path.exists(given)):
        raise _refused(given, variable, "nothing-there")
    if folder and variable == "SSL_CERT_FILE":
        raise _refused(given, variable, "folder-not-file")
    try:
        return ssl.create_default_context(cafile=None if folder else given, capath=folder)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise _refused(given, variable, "certificates-unreadable") from error


def _variable(scheme: str, value: str) -> str:
    """The environment variable that holds ``value``.

    Words for the system's setting if none does.
    """
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    exact = next((name for name in names if os.environ.get(name) == value), "")
    others = (one for one, held in os.environ.items() if one.lower() == names[0] and held == value)
    return exact or next(others, "system-proxy")


def _refused(given: str, variable: str, why: str) -> NetworkSettingRefused:
    told = shown(given) if "_proxy" in variable.lower() or not variable else given
    return NetworkSettingRefused(variable=variable, given=told, why=why)


def _is_bypassed(url: httpx2.URL, told: str) -> bool:
    """Whether ``NO_PROXY``, or the system, says to use no proxy; senseless entries are ignored."""
    host = url.host.lower()
    port = url.port or _PORTS.get(url.scheme, 0)
    entries = [entry.strip().lower() for entry in told.split(",")]
    if any(_names(entry, host, port) for entry in entries if entry):
        return True
    own = any(name.lower().endswith("_proxy") and os.environ[name] for name in os.environ)
    return not own and bool(proxy_bypass(host))


def _names(entry: str, host: str, port: int) -> bool:
    entry = entry.rpartition("://")[2]
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # a name, on one side at least
    name, colon, only = entry.rpartition(":")
    if colon and only.isdigit():
        if int(only) != port:
            return False
        entry = name
    entry = entry.strip("[]").lstrip("*").lstrip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))
