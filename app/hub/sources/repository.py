"""A repository as its hub describes it, and the entries that its files make."""

import re
from collections.abc import Iterable

import msgspec

from app.hub.catalogue.entries import KNOWN_ACCOUNTS, Entry, Part
from app.hub.catalogue.published_names import FORMATS, named, unfamiliar
from app.hub.safe_paths import is_safe
from app.runtime.checkpoint.file_names import (
    INDEX_ENDING,
    MIDI_TOKENIZERS,
    NEOX_TOKENIZERS,
    SHARD,
    whole_of,
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OTHERS = (".rwkvq", ".prefab", ".rmpack")
_TORCH = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin", re.ASCII)
_LONGEST_WORD = 120
_LARGEST = 1 << 50  # bytes: no file is
_WORDS = (*NEOX_TOKENIZERS, *MIDI_TOKENIZERS.values())
_WITH_WORDS = ("pile", "raven", "midi")


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing tells; ``stamp`` changes whenever the repository does."""

    id: str
    stamp: str = ""
    licence: str = ""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A repository with its files; ``dtype`` is that of its safetensors, if the hub tells it.

    ``older`` are files that it had at an earlier request, each with a commit that has it.
    """

    repository: Repository
    files: tuple[Part, ...] = ()
    dtype: str = ""
    older: dict[str, str] = {}

    def after(self, before: "Contents") -> "Contents":
        """The same contents, with the files that are gone since ``before`` added to ``older``."""
        stamp = before.repository.stamp
        had = {part.path: stamp for part in before.files} if _COMMIT.fullmatch(stamp) else {}
        now = {part.path for part in self.files}
        gone = {path: commit for path, commit in (before.older | had).items() if path not in now}
        return msgspec.structs.replace(self, older=gone)


_COMMIT = re.compile(r"[0-9a-f]{40}")


def part_of(path: object, size: object, sha256: object = "") -> Part | None:
    """A file as the hub describes it; None if its name is unsafe or its facts make no sense."""
    if not isinstance(path, str) or not is_safe(path):
        return None
    is_count = isinstance(size, int) and not isinstance(size, bool)
    whole = size if isinstance(size, int) and is_count and 0 < size < _LARGEST else 0
    digest = sha256.lower() if isinstance(sha256, str) else ""
    return Part(path=path, bytes=whole, sha256=digest if _SHA256.fullmatch(digest) else "")


def word(told: object) -> str:
    """A short text from a hub, without characters that cannot be shown or stored."""
    plain = (letter if letter.isprintable() else " " for letter in str(told)[:_LONGEST_WORD])
    return "".join(plain).strip()


SPACES = "spaces/"
"""What the name of a program's repository begins with; its files are had as those of models."""


def is_repository(name: object) -> bool:
    """Whether this is a valid name of a repository."""
    return isinstance(name, str) and _REPOSITORY.fullmatch(name) is not None


_REPOSITORY = re.compile(r"[\w][\w.\-]{0,95}/[\w][\w.\-]{0,95}", re.ASCII)


def is_rwkv(name: str) -> bool:
    """Whether a repository's name or owner says that it holds an RWKV."""
    return "rwkv" in name.casefold() or name.startswith(("BlinkDL/", "TimeMobius/"))


def entries_of(contents: Contents) -> tuple[Entry, ...]:
    """The models, states and LoRAs in a repository; a model in several files is one entry."""
    files = {part.path: part for part in contents.files}
    models = list(_models(files))
    alone = sum(ending(parts[0].path) == ".safetensors" for parts in models) == 1
    dtype = contents.dtype if alone else ""
    return tuple(_entry(contents.repository, parts, files, dtype) for parts in models)


def _models(files: dict[str, Part]) -> Iterable[tuple[Part, ...]]:
    """The files of each model, the one that opens it first."""
    indexes = {path.removesuffix(INDEX_ENDING) for path in files if path.endswith(INDEX_ENDING)}
    sets: dict[str, list[Part]] = {}
    for path, part in files.items():
        if path.endswith(INDEX_ENDING) or not _is_listed(path):
            continue
        sets.setdefault(whole_of(path), []).append(part)
    safe = {_folder(path) for path in sets if path.endswith(".safetensors")}
    for path, parts in sets.items():
        if path.endswith(".bin") and _folder(path) in safe:
            continue  # the same model in an older format
        several = SHARD.fullmatch(parts[0].path) is not None
        lead = [files[path + INDEX_ENDING]] if several and path in indexes else []
        yield (*lead, *sorted(parts, key=lambda part: part.path))


def _is_listed(path: str) -> bool:
    kind = ending(path)
    return kind in FORMATS or kind in _OTHERS or bool(_TORCH.fullmatch(path.rsplit("/", 1)[-1]))


def ending(path: str) -> str:
    """The ending of the name with its dot, in lower case."""
    name = path.rsplit("/", 1)[-1].casefold()
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _entry(
    repository: Repository, parts: tuple[Part, ...], files: dict[str, Part], dtype: str
) -> Entry:
    lead = parts[0].path
    size = sum(part.bytes for part in parts) if all(part.bytes for part in parts) else 0
    name = named(repository.id, lead, size)
    unknown = repository.id.split("/")[0] not in KNOWN_ACCOUNTS
    facts = (unfamiliar(name, repository.id, lead) if unknown else name).facts
    facts["dtype"] = (dtype if ending(lead) != ".gguf" else "") or facts["dtype"]
    if name.family in _WITH_WORDS:
        folder = _folder(lead)
        beside = (f"{folder}/{name}" if folder else name for name in _WORDS)
        parts = (*parts, *(files[path] for path in beside if path in files))
    return Entry(
        repo=repository.id,
        file=lead,
        parts=parts,
        bytes=sum(part.bytes for part in parts) if size else 0,
        sha256=parts[0].sha256 if len(parts) == 1 else "",
        licence=repository.licence,
        source="live",
        unknown=unknown,
        **facts,
    )
