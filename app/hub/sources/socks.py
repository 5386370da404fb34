"""The handshakes of SOCKS 4, 4a and 5, after which a connection is as a direct one.

The proxy looks names up, as machines that need a proxy often cannot.
"""

import ipaddress
import socket

import httpcore2
from socksio import ProtocolError, SOCKSError, socks4, socks5

from .network_settings import Proxy

_REPLIES = {
    socks5.SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET: "proxy-disallows",
    socks5.SOCKS5ReplyCode.NETWORK_UNREACHABLE: "proxy-without-network",
    socks5.SOCKS5ReplyCode.HOST_UNREACHABLE: "proxy-does-not-reach",
    socks5.SOCKS5ReplyCode.CONNECTION_REFUSED: "refused-to-proxy",
}
_FOREIGN = "proxy-no-socks"
_ASKS = "proxy-password-wanted"
_SILENCE_S = 15.0
_LENGTHS = {b"\x01": 4, b"\x04": 16}


class ProxyRefusal(httpcore2.ProxyError):
    """The proxy refused; its text is the reason as a code of ``HubError``."""


def connect_through(stream: httpcore2.NetworkStream, proxy: Proxy, host: str, port: int) -> None:
    """Ask the proxy at the other end of ``stream`` for a connection.  Raises ProxyRefusal."""
    try:
        if proxy.scheme.startswith("socks4"):
            _connect_4(stream, proxy, host, port)
        else:
            _log_in(stream, proxy)
            _connect_5(stream, host, port)
    except (ProtocolError, SOCKSError, ValueError) as error:
        raise ProxyRefusal(_FOREIGN) from error


def _connect_4(stream: httpcore2.NetworkStream, proxy: Proxy, host: str, port: int) -> None:
    if ":" in host:
        raise ProxyRefusal("proxy-no-ipv6")
    user, address = proxy.user.encode(), _address_4(proxy, host)
    kind = socks4.SOCKS4Request if address else socks4.SOCKS4ARequest
    wanted = (address or host, port)
    stream.write(kind.from_address(socks4.SOCKS4Command.CONNECT, wanted, user_id=user).dumps())
    reply = socks4.SOCKS4Reply.loads(_exactly(stream, 8))
    if reply.reply_code != socks4.SOCKS4ReplyCode.REQUEST_GRANTED:
        raise ProxyRefusal("proxy-refused")


def _address_4(proxy: Proxy, host: str) -> str:
    """The IPv4 address for SOCKS 4; "" if the proxy is to look the name up (4a)."""
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass  # a name
    try:
        return socket.gethostbyname(host) if proxy.scheme == "socks4" else ""
    except OSError:
        return ""


def _log_in(stream: httpcore2.NetworkStream, proxy: Proxy) -> None:
    method = socks5.SOCKS5AuthMethod
    offered = [method.NO_AUTH_REQUIRED, *([method.USERNAME_PASSWORD] if proxy.user else [])]
    stream.write(socks5.SOCKS5AuthMethodsRequest(offered).dumps())
    answer = _exactly(stream, 2)
    if answer[:1] != b"\x05":
        raise ProxyRefusal(_FOREIGN)
    chosen = socks5.SOCKS5AuthReply.loads(answer).method
    if chosen not in offered:
        raise ProxyRefusal("proxy-password-other" if proxy.user else _ASKS)
    if chosen == method.USERNAME_PASSWORD:
        told = proxy.user.encode(), proxy.password.encode()
        stream.write(socks5.SOCKS5UsernamePasswordRequest(*told).dumps())
        if not socks5.SOCKS5UsernamePasswordReply.loads(_exactly(stream, 2)).success:
            raise ProxyRefusal("proxy-password-refused")


def _connect_5(stream: httpcore2.NetworkStream, host: str, port: int) -> None:
    connect = socks5.SOCKS5Command.CONNECT
    wanted = socks5.SOCKS5CommandRequest.from_address(connect, (host, port))
    stream.write(wanted.dumps())
    head = _exactly(stream, 4)
    kind = head[3:4]
    if kind == b"\x03":
        length = _exactly(stream, 1)
        rest = length + _exactly(stream, length[0] + 2)
    else:
        rest = _exactly(stream, _LENGTHS.get(kind, 4) + 2)
    code = socks5.SOCKS5Reply.loads(head + rest).reply_code
    if code != socks5.SOCKS5ReplyCode.SUCCEEDED:
        raise ProxyRefusal(_REPLIES.get(code, "proxy-cannot-connect"))


def _exactly(stream: httpcore2.NetworkStream, count: int) -> bytes:
    """Read exactly ``count`` bytes, in as many pieces as they come."""
    data = b""
    while len(data) < count:
        piece = stream.read(count - len(data), timeout=_SILENCE_S)
        if not piece:
            raise ProxyRefusal("proxy-ends")
        data += piece
    return data
