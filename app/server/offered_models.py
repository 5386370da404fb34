"""Which models and states the server offers, by name; what is asked for is never a path."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.errors import ServerRefused
from app.library.local_library import LocalLibrary
from app.runtime.checkpoint.describe import ModelFile
from app.runtime.checkpoint.file_names import is_usual, name_of, stem_of
from app.runtime.protocol.messages import Loaded

_LATEST = ":latest"  # which programs that know Ollama put behind a name
_PATIENCE_S = 5.0


class OfferedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model by the ``id`` that requests name; ``created`` is when its file was, in seconds."""

    id: str
    path: str
    created: int = 0
    bytes: int = 0
    parameters: int = 0
    generation: str = ""
    format: str = ""
    dtype: str = ""
    fingerprint: str = ""


class OfferedModels:
    """The models of a library, the open one first; two files of one name get their folder's too."""

    def __init__(self, library: LocalLibrary, opened: Callable[[], Loaded | None]) -> None:
        self._library, self._opened = library, opened

    async def listed(self) -> list[OfferedModel]:
        """All of them, looked for anew."""
        await asyncio.to_thread(self._library.scan, _PATIENCE_S)
        return self._known()

    async def find(self, name: str) -> OfferedModel:
        """The model of this name; for "" the open one, or the first.  Raises ServerRefused."""
        found = self._named(name) or self._among(name, await self.listed())
        if found is None:
            raise ServerRefused(why="unknown-model", name=name)
        return found

    async def state(self, name: str) -> Path:
        """The file of a state of this name.  Raises ServerRefused."""
        for looked in (False, True):
            if looked:
                await asyncio.to_thread(self._library.scan, _PATIENCE_S)
            states = [one for one in self._library.contents.models if one.kind == "state"]
            for one in states:
                path = Path(one.path)
                if name in (path.name, stem_of(path.name)):
                    return path
        names = ", ".join(Path(one.path).name for one in states)
        raise ServerRefused(why="state-unknown", name=name, **({"wanted": names} if names else {}))

    def id_of(self, loaded: Loaded) -> str:
        """The name under which the open model is listed."""
        return self._known()[0].id if self._opened() else _name(loaded.path)

    def _named(self, name: str) -> OfferedModel | None:
        return self._among(name, self._known())

    def _among(self, name: str, known: list[OfferedModel]) -> OfferedModel | None:
        if not name:
            return known[0] if known else None
        wanted = name.removesuffix(_LATEST).casefold()
        for told in (_exact, _stem):
            for one in known:
                if told(one).casefold() == wanted:
                    return one
        return None

    def _known(self) -> list[OfferedModel]:
        files = [one for one in self._library.contents.models if _is_offered(one)]
        loaded, found = self._opened(), [_offered(one) for one in files]
        if loaded is not None:
            place = os.path.realpath(loaded.path)
            here = [one for one in found if os.path.realpath(one.path) == place]
            found = [one for one in found if one not in here]
            found.insert(0, here[0] if here else _of_loaded(loaded))
        return _distinct(found)


def _is_offered(model: ModelFile) -> bool:
    return model.kind == "model" and not model.failure_code and model.spec is not None


def _name(path: str) -> str:
    """A file's name; of one with a usual name, or a folder, what the model is called."""
    file = Path(path)
    return name_of(file) if is_usual(stem_of(file.name)) or file.is_dir() else file.name


def _offered(model: ModelFile) -> OfferedModel:
    spec = model.spec
    return OfferedModel(
        id=_name(model.path),
        path=model.path,
        created=int(model.modified),
        bytes=model.bytes,
        parameters=spec.parameters if spec else 0,
        generation=spec.generation if spec else "",
        format=model.format,
        dtype=model.dtype,
        fingerprint=model.fingerprint,
    )


def _of_loaded(loaded: Loaded) -> OfferedModel:
    spec = loaded.spec
    return OfferedModel(
        id=_name(loaded.path),
        path=loaded.path,
        parameters=spec.parameters,
        generation=spec.generation,
        fingerprint=loaded.fingerprint,
    )


def _distinct(models: list[OfferedModel]) -> list[OfferedModel]:
    """The first of a name keeps it; others are called by their folders as well."""
    taken: set[str] = set()
    found = []
    for one in models:
        name, above = one.id, Path(one.path).absolute().parent
        while name.casefold() in taken and above.name:
            name, above = f"{above.name}/{name}", above.parent
        taken.add(name.casefold())
        found.append(msgspec.structs.replace(one, id=name))
    return found


def _exact(model: OfferedModel) -> str:
    return model.id


def _stem(model: OfferedModel) -> str:
    return stem_of(model.id)
