"""What a hub of the tests holds: repositories of files, real or made up on the fly at any size."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20
_STAMP = 16
_LFS = (".pth", ".safetensors", ".gguf", ".bin", ".pt", ".st", ".zip")


class Content:
    """The bytes of one file, read piece by piece."""

    size: int

    @cached_property
    def sha256(self) -> str:
        """The digest of all bytes, as hexadecimal digits; computed once."""
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()

    def pieces(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The bytes from ``start`` up to ``end``."""
        raise NotImplementedError


class Bytes(Content):
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def pieces(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        view = memoryview(self.data)[:end]
        for at in range(start, end, _BLOCK):
            yield view[at : at + _BLOCK]


class OnDisk(Content):
    """A file, read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size

    def pieces(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        with self.path.open("rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(_BLOCK, end - start))):
                start += len(piece)
                yield piece


class Virtual(Content):
    """Bytes of any size that take no room; each MiB begins with its number, so none can be swapped.

    Where ``sha256`` is wanted for something huge, hand it in, or wait for it to be computed.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size, self.seed = size, seed
        self._block = memoryview(random.Random(seed).randbytes(_BLOCK))

    def pieces(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        while start < end:
            number, within = divmod(start, _BLOCK)
            until = min(_BLOCK, within + end - start)
            if within < _STAMP:
                stamp = f"{number:0{_STAMP}d}".encode()
                yield stamp[within : min(_STAMP, until)]
            if until > _STAMP:
                yield self._block[max(_STAMP, within) : until]
            start += until - within


def content(given: "bytes | Path | Content") -> Content:
    """``given`` as Content."""
    if isinstance(given, Content):
        return given
    return OnDisk(given) if isinstance(given, Path) else Bytes(given)


@dataclass
class Repository:
    """One model repository; large files (by their ending) are kept by digest on the other host.

    ``facts`` are fields of the model's JSON, such as likes, downloads, tags, lastModified, gated.
    ``private``: only with a token the server knows.  ``past`` are earlier versions by commit, which
    a hub goes on serving.
    """

    id: str
    files: dict[str, Content]
    private: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    past: dict[str, "Repository"] = field(default_factory=dict)

    def at(self, revision: str) -> "Repository | None":
        """The version that a branch or commit names."""
        here = revision in ("main", "master", self.commit)
        return self if here else self.past.get(revision)

    def holder(self, name: str) -> "Repository | None":
        """The newest version that has a file of this name."""
        versions = (self, *reversed(self.past.values()))
        return next((one for one in versions if name in one.files), None)

    @property
    def commit(self) -> str:
        """Names exactly these names and sizes, so it changes when files come or go."""
        listing = "".join(f"{name}\0{one.size}\0{id(one)}\n" for name, one in self.files.items())
        return hashlib.sha1(listing.encode()).hexdigest()

    def is_large(self, name: str) -> bool:
        """Whether the file is served by the other host."""
        return name.lower().endswith(_LFS)

    def oid(self, name: str) -> str:
        """The git object's name, which is the ETag of a small file."""
        one = self.files[name]
        data = one.data if isinstance(one, Bytes) else f"{name}{one.size}".encode()
        return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()

    def etag(self, name: str) -> str:
        """Without quotes: the digest of a large file, the git object of a small one."""
        return self.files[name].sha256 if self.is_large(name) else self.oid(name)

    def info(self, *, blobs: bool = False) -> dict[str, Any]:
        """The model's JSON."""
        base = {
            "_id": hashlib.sha1(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": self.commit,
            "private": self.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "createdAt": "2026-01-01T00:00:00.000Z",
            "lastModified": "2026-01-01T00:00:00.000Z",
        }
        siblings = [self._sibling(name, blobs=blobs) for name in self.files]
        return base | {"siblings": siblings} | self.facts

    def _sibling(self, name: str, *, blobs: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"rfilename": name}
        if blobs:
            found |= {"size": self.files[name].size, "blobId": self.oid(name)}
            if self.is_large(name):
                found["lfs"] = self._lfs(name)
        return found

    def _lfs(self, name: str) -> dict[str, Any]:
        one = self.files[name]
        return {"sha256": one.sha256, "oid": one.sha256, "size": one.size, "pointerSize": 134}

    def tree(self, under: str = "", *, recursive: bool = True) -> list[dict[str, Any]]:
        """The entries of a folder, or of all below it."""
        prefix = f"{under}/" if under else ""
        names = [name for name in self.files if name.startswith(prefix)]
        found: dict[str, dict[str, Any]] = {}
        for name in names:
            folders = name[len(prefix) :].split("/")[:-1]
            for depth in range(len(folders) if recursive else min(1, len(folders))):
                path = prefix + "/".join(folders[: depth + 1])
                oid = hashlib.sha1(path.encode()).hexdigest()
                found[path] = {"type": "directory", "oid": oid, "size": 0, "path": path}
            if recursive or not folders:
                found[name] = self.entry(name)
        return list(found.values())

    def entry(self, name: str) -> dict[str, Any]:
        """One file as the tree shows it."""
        one: dict[str, Any] = {
            "type": "file",
            "oid": self.oid(name),
            "size": self.files[name].size,
            "path": name,
        }
        return one | ({"lfs": self._lfs(name)} if self.is_large(name) else {})


def repository(
    id: str,  # noqa: A002
    files: "Mapping[str, bytes | Path | Content]",
    *,
    private: bool = False,
    **facts: Any,
) -> Repository:
    """A repository of these files."""
    return Repository(id, {name: content(one) for name, one in files.items()}, private, facts)
