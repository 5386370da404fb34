"""The file of a model that may get another name while it is open."""

from pathlib import Path

import msgspec

from app.runtime.checkpoint.file_names import name_of
from app.runtime.protocol.messages import Loaded


def same_file(path: str, other: str) -> bool:
    """Whether two paths name one place; links are not followed."""
    return Path(path).absolute() == Path(other).absolute()


def under(loaded: Loaded, path: str) -> Loaded:
    """The same model by another name."""
    return msgspec.structs.replace(loaded, path=path, name=name_of(Path(path)))
