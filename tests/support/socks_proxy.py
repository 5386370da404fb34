"""A real SOCKS proxy on loopback (versions 4, 4a and 5) that passes everything on."""

import contextlib
import socket
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self


class Handler(StreamRequestHandler):
    """One connection: the few bytes of the protocol, then both ways until an end."""

    server: "SocksProxy"

    def handle(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            version = self._read(1)
            place = self._five() if version == b"\x05" else self._four()
            if place is not None:
                self._pass_on(place)

    def _read(self, count: int) -> bytes:
        data = self.rfile.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _send(self, data: bytes) -> None:
        """One byte at a time, as a slow network brings them."""
        for byte in data:
            self.connection.sendall(bytes([byte]))

    def _four(self) -> tuple[str, int] | None:
        _, port = self._read(1), int.from_bytes(self._read(2), "big")
        address, user = self._read(4), self._until_zero()
        host = socket.inet_ntoa(address)
        if address[:3] == b"\0\0\0" and address[3]:
            host = self._until_zero().decode()
        self.server.asked.append(("4", host, port, user.decode(), ""))
        granted = not self.server.refuses
        self._send(bytes([0, 0x5A if granted else 0x5B]) + b"\0" * 6)
        return (host, port) if granted else None

    def _until_zero(self) -> bytes:
        data = b""
        while (byte := self._read(1)) != b"\0":
            data += byte
        return data

    def _five(self) -> tuple[str, int] | None:
        offered = self._read(self._read(1)[0])
        login = self._log_in(offered)
        if login is None:
            return None
        kind = self._read(4)[3]
        host = self._host(kind)
        port = int.from_bytes(self._read(2), "big")
        self.server.asked.append(("5", host, port, *login))
        self._send(bytes([5, self.server.refuses, 0, 3, 4]) + b"here" + b"\0\0")
        return None if self.server.refuses else (host, port)

    def _host(self, kind: int) -> str:
        if kind == 3:
            return self._read(self._read(1)[0]).decode()
        family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        return socket.inet_ntop(family, self._read(length))

    def _log_in(self, offered: bytes) -> tuple[str, str] | None:
        if self.server.login is None:
            self._send(b"\x05\0")
            return "", ""
        if 2 not in offered:
            self._send(b"\x05\xff")
            return None
        self._send(b"\x05\x02")
        self._read(1)
        user, password = (self._read(self._read(1)[0]).decode() for _ in range(2))
        good = (user, password) == self.server.login
        self._send(b"\x01" + (b"\0" if good else b"\x01"))
        return (user, password) if good else None

    def _pass_on(self, place: tuple[str, int]) -> None:
        host, port = self.server.names.get(place[0], place[0]), place[1]
        with socket.create_connection((host, port)) as there:
            back = threading.Thread(target=_pump, args=(there, self.connection))
            back.start()
            _pump(self.connection, there)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class SocksProxy(ThreadingTCPServer):
    """A context manager; ``asked`` are (version, host, port, user, password) as they came.

    ``names`` are hosts that it alone knows; ``login`` a name and a password that it wants;
    ``refuses`` the code with which it refuses every connection.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, int, str, str]] = []
        self.names: dict[str, str] = {}
        self.login: tuple[str, str] | None = None
        self.refuses = 0
        self.place = f"127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
