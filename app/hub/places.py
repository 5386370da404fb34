"""Where the files of a download go: inside the folder chosen, under names that are safe."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from app.errors import UnsafeName

_LONGEST = 200  # bytes of a name: file systems take 255, and endings are added while it grows
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³]) *(\.|$)", re.IGNORECASE | re.ASCII
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_GATHERED = "."


def safe(file: str) -> PurePosixPath:
    """``file``, a path in a repository, as a relative path that every system takes.

    Raises UnsafeName for one that climbs, is absolute, hidden, reserved, too long or unprintable.
    """
    pieces = file.split("/")
    if not all(_is_safe(piece) for piece in pieces):
        raise UnsafeName(file=file)
    return PurePosixPath(*pieces)


def _is_safe(piece: str) -> bool:
    return bool(
        piece
        and piece[0] not in ". ~-"
        and piece[-1] not in ". "
        and piece.isprintable()
        and not _FORBIDDEN.search(piece)
        and not _RESERVED.match(piece)
        and len(piece.encode("utf-8", "replace")) <= _LONGEST
        and not piece.lower().endswith(".part")
    )


class Places:
    """Where the ``files`` of one model of ``repo`` go below ``folder``.

    One file goes into the folder itself.  Several go into a folder named after the repository;
    until they are whole it is hidden, so that nothing lists a model that is not there yet.
    Raises UnsafeName.
    """

    def __init__(self, folder: Path, repo: str, files: Sequence[str]) -> None:
        names = [safe(file) for file in files]
        self.alone = len(names) == 1
        if self.alone:
            self.final = folder / names[0].name
            self.gathered = folder
            self.paths = [self.final]
            return
        name = str(safe(repo.rsplit("/", 1)[-1]))
        self.final = folder / name
        self.gathered = folder / f"{_GATHERED}{name}.part"
        self.paths = [self.gathered.joinpath(*name.parts) for name in _below(names)]

    def opened(self, index: int = 0) -> Path:
        """The final path of one of the files."""
        return (
            self.final if self.alone else self.final / self.paths[index].relative_to(self.gathered)
        )


def _below(names: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The paths from the deepest folder that all have in common."""
    depth = 0
    while all(len(name.parts) > depth + 1 for name in names) and (
        len({name.parts[depth] for name in names}) == 1
    ):
        depth += 1
    return [PurePosixPath(*name.parts[depth:]) for name in names]
