"""One connection to the hub of the tests: the API, the files' addresses, the files themselves."""

import json
import os
import re
import select
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from . import modelscope_answers
from .hub_content import Content, OnDisk, Repository
from .hub_faults import Fault, Request

if TYPE_CHECKING:
    from .hub_server import Server

_MAY_END = re.compile(r"bytes=(\d+)-(\d*)$")
_RESOLVE = re.compile(r"(?:/models)?/((?:spaces/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_MODEL = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"
    wbufsize = 0
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        address = urlsplit(self.path)
        path, self.query = unquote(address.path), parse_qs(address.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub = self.server.hub
        where = self.server.host
        if where == "hub" and path.startswith("/api/"):
            where = "api"
        self.sent = 0
        self.fault = self.hub.fault(where, self.command, path)
        if self.fault.delay:
            self.hub.closing.wait(self.fault.delay)
        if self.fault.status:
            self.refuse(self.fault.status, self.fault.code)
        else:
            {"api": self._api, "hub": self._resolve, "cdn": self._large}[where](path)

    def _note(self, status: int) -> None:
        self.hub.note(
            Request(self.server.host, self.command, self.path, dict(self.headers), status)
        )

    # the API

    def _api(self, path: str) -> None:
        if path.startswith("/api/v1/"):
            modelscope_answers.answer(self, path)
        elif path == "/api/models":
            self._list()
        elif path == "/api/whoami-v2":
            known = self._token() in self.hub.tokens
            self.reply_json({"name": "person", "type": "user"}) if known else self.refuse(401)
        elif (found := _MODEL.fullmatch(path)) and (one := self._repository(found[1])):
            self._model(one, found[2] or "", found[3] or "main", found[4] or "")
        elif found is None:
            self.refuse(404)

    def _list(self) -> None:
        def asked(name: str) -> str:
            return self.query.get(name, [""])[0]

        found = [
            one.info()
            for one in self.hub.repositories.values()
            if self._may_see(one)
            and asked("search").lower() in one.id.lower()
            and asked("author") in ("", one.id.partition("/")[0])
        ]
        limit, start = int(asked("limit") or 1000), int(asked("cursor") or 0)
        headers = {}
        if start + limit < len(found):
            rest = "&".join(
                f"{name}={quote(values[0])}"
                for name, values in self.query.items()
                if name != "cursor"
            )
            after = f"{self.hub.url}/api/models?{rest}&cursor={start + limit}"
            headers["Link"] = f'<{after}>; rel="next"'
        self.reply_json(found[start : start + limit], headers)

    def _model(self, one: Repository, what: str, revision: str, under: str) -> None:
        if revision not in ("main", one.commit):
            self.refuse(404, "RevisionNotFound")
        elif what == "tree":
            recursive = self.query.get("recursive", ["false"])[0].lower() == "true"
            if under and not any(name.startswith(f"{under}/") for name in one.files):
                self.refuse(404, "EntryNotFound")
            else:
                self.reply_json(one.tree(under, recursive=recursive))
        elif what == "paths-info":
            wanted = parse_qs(self.body.decode()).get("paths", [])
            self.reply_json([one.entry(name) for name in wanted if name in one.files])
        else:
            self.reply_json(one.info(blobs="blobs" in self.query))

    # files

    def _resolve(self, path: str) -> None:
        found = _RESOLVE.fullmatch(path)
        if not found:
            self.refuse(404)
            return
        one, name = self._repository(found[1]), found[3]
        if not one:
            return
        version = one.at(found[2])
        if version is None:
            self.refuse(404, "RevisionNotFound")
            return
        one = version
        if name not in one.files:
            self.refuse(404, "EntryNotFound", {"X-Repo-Commit": one.commit})
        elif one.is_large(name):
            self._redirect(one, name)
        else:
            self._send_file(one.files[name], one.etag(name), {"X-Repo-Commit": one.commit})

    def _redirect(self, one: Repository, name: str) -> None:
        until = time.time() + self.hub.signature_s
        place = f"{self.hub.cdn_url}/{quote(one.id)}/{quote(name)}?Expires={until}"
        headers = {
            "Location": place,
            "X-Repo-Commit": one.commit,
            "X-Linked-Size": str(one.files[name].size),
            "X-Linked-Etag": f'"{self.fault.etag or one.etag(name)}"',
            "Accept-Ranges": "bytes",
        }
        self._head(302, headers, 0)

    def _large(self, path: str) -> None:
        owner, model, name = path.lstrip("/").split("/", 2)
        newest = self.hub.repositories.get(f"{owner}/{model}")
        one = newest.holder(name) if newest else None
        expires = float(self.query.get("Expires", ["0"])[0])
        if self.fault.expired or expires < time.time():
            self.refuse(403)
        elif one is None:
            self.refuse(404)
        else:
            self._send_file(one.files[name], one.etag(name), {})

    def _send_file(self, one: Content, etag: str, headers: dict[str, str]) -> None:
        etag = f'"{self.fault.etag or etag}"'
        headers = {"ETag": etag, "Content-Type": "application/octet-stream", **headers}
        ranges = self.hub.ranges and not self.fault.no_ranges
        if ranges:
            headers["Accept-Ranges"] = "bytes"
        start, end, status = 0, one.size, 200
        asked = _MAY_END.match(self.headers.get("Range", "")) if ranges else None
        if asked and self.headers.get("If-Range", etag) == etag:
            start, end = int(asked[1]), min(int(asked[2] or one.size - 1) + 1, one.size)
            if start >= one.size:
                self._head(416, {"Content-Range": f"bytes */{one.size}"}, 0)
                return
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{one.size}"
        self._head(status, headers, end - start + self.fault.longer)
        if self.command != "HEAD":
            self._send(one, start, end)
            self.close_connection = bool(self.fault.longer) or self.close_connection

    # sending

    def _send(self, one: Content, start: int, end: int) -> None:
        if isinstance(one, OnDisk) and self.fault == Fault():
            with one.path.open("rb") as file:
                while start < end and (
                    sent := os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)
                ):
                    start += sent
            return
        place = start
        for piece in one.pieces(start, end):
            if not self._send_piece(self._flipped(piece, place)):
                self.close_connection = True
                return
            place += len(piece)

    def _send_piece(self, piece: bytes | memoryview) -> bool:
        """False where the answer has ended here."""
        fault = self.fault
        for stop in (fault.cut_after, fault.stall_after):
            if 0 <= stop <= self.sent + len(piece):
                self._drip(piece[: max(0, stop - self.sent)])
                if stop == fault.stall_after:
                    self._until_left()
                return False
        self._drip(piece)
        self.sent += len(piece)
        return True

    def _flipped(self, piece: bytes | memoryview, place: int) -> bytes | memoryview:
        at = self.fault.wrong_at - place
        if not 0 <= at < len(piece):
            return piece
        changed = bytearray(piece)
        changed[at] ^= 1
        return bytes(changed)

    def _drip(self, piece: bytes | memoryview) -> None:
        step = max(1, self.fault.drip // 50) if self.fault.drip else len(piece)
        for at in range(0, len(piece), step or 1):
            self.connection.sendall(piece[at : at + step])
            if self.fault.drip and self.hub.closing.wait(0.02):
                return

    def _until_left(self) -> None:
        """Say nothing until the client leaves or the server ends."""
        while not self.hub.closing.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                return

    def reply_json(self, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._head(200, {"Content-Type": "application/json", **(headers or {})}, len(data))
        if self.command != "HEAD":
            self.connection.sendall(data)

    def refuse(self, status: int, code: str = "", headers: dict[str, str] | None = None) -> None:
        extra = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        if self.fault.retry_after:
            extra["Retry-After"] = self.fault.retry_after
        self._head(status, {**extra, **(headers or {})}, 0)

    def _head(self, status: int, headers: dict[str, str], length: int) -> None:
        self._note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    # who may see what

    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _may_see(self, one: Repository) -> bool:
        return not one.private or self._token() in self.hub.tokens

    def _repository(self, id: str) -> Repository | None:  # noqa: A002
        one = self.hub.repositories.get(id)
        if one is None or not self._may_see(one):
            self.refuse(404 if self._token() else 401, "RepoNotFound")
            return None
        closed = one.facts.get("gated") and self._token() not in self.hub.tokens
        if closed and "/resolve/" in self.path:
            self.refuse(403, "GatedRepo")
            return None
        return one
