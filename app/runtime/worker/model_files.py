"""What model is asked for, and that its file may get another name while it is open."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from app.runtime.checkpoint.file_names import name_of
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.messages import Loaded


class AskedModel(NamedTuple):
    """What is to be opened, and how; a ``firm`` strategy is taken or fails."""

    path: str = ""
    strategy: str = ""
    adapters: tuple[MergedAdapter, ...] = ()
    firm: bool = False


def same_file(path: str, other: str) -> bool:
    """Whether two paths name one place; links are not followed."""
    return Path(path).absolute() == Path(other).absolute()


def under(loaded: Loaded, path: str) -> Loaded:
    """The same model by another name."""
    return msgspec.structs.replace(loaded, path=path, name=name_of(Path(path)))
