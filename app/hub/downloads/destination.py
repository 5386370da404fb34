"""Chooses safe paths below the chosen folder for the files of a download."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from app.hub.safe_paths import safe
from app.runtime.checkpoint.file_names import is_usual, name_of

_GATHERED = "."
_LONGEST_FOLDER = 40  # letters, of up to 4 bytes each
# What trainers call every model, beside the names that ``is_usual`` knows.
_TELLS_NOTHING = re.compile(
    r"(rwkv|checkpoint|ckpt|epoch|step|final|last|best|latest|out|output|state|lora)?"
    r"([-_.]?(\d+|final|last|best|latest|init))?\.\w+",
    re.IGNORECASE | re.ASCII,
)


class Destination:
    """Where the ``files`` of one model of ``repo`` go below ``folder``: into its folder ``into``.

    Where ``into`` is "", a single file goes into ``folder`` itself; None is the usual choice, the
    first of ``homes``.  Several files gather in a hidden folder until they are whole, so that
    nothing lists a model that is not there yet.  Raises UnsafeName.
    """

    def __init__(
        self, folder: Path, repo: str, files: Sequence[str], into: str | None = None
    ) -> None:
        names = [safe(file) for file in files]
        self.alone = len(names) == 1
        self.into = next(homes(repo, files)) if into is None else into
        home = folder if self.alone and not self.into else folder / str(safe(self.into))
        if self.alone:
            self.gathered, self.final = home, home / names[0].name
            self.paths = [self.final]
            return
        self.final = home
        self.gathered = folder / f"{_GATHERED}{home.name}.part"
        self.paths = [self.gathered.joinpath(*name.parts) for name in _below(names)]

    def opened(self, index: int = 0) -> Path:
        """The final path of one of the files."""
        return (
            self.final if self.alone else self.final / self.paths[index].relative_to(self.gathered)
        )

    def growing(self, index: int = 0) -> Path:
        """The path of that file until all files are complete."""
        return self.paths[index]


def homes(repo: str, files: Sequence[str]) -> Iterator[str]:
    """Names of folders that the files may go into, the best first; "" is no folder of their own.

    A file whose name identifies its model needs no folder.  One with a generic name, such as
    model.safetensors, goes into a folder named after its repository, and after the folder that it
    lies in there.
    """
    owner, _, name = repo.rpartition("/")
    deep = files[0].rsplit("/", 1)[0] if "/" in files[0] else ""
    tells = not tells_nothing(files[0].rsplit("/", 1)[-1])
    if tells and len(files) == 1:
        yield ""
    if deep and not tells:
        name = _together(name, deep.replace("/", "-"))
    yield name
    if tells and len(files) > 1:
        yield _together(name, name_of(Path("/", files[0].rsplit("/", 1)[-1])))
    owned = _together(owner.replace("/", "-"), name)
    yield owned
    yield from (f"{owned}-{number}" for number in range(2, 10))


def tells_nothing(name: str) -> bool:
    """Whether a file's name is generic, such as model.safetensors, and identifies no model."""
    return is_usual(name) or _TELLS_NOTHING.fullmatch(name) is not None


def _together(one: str, other: str) -> str:
    """``one`` and ``other`` joined by a hyphen, or ``other`` alone if it says everything."""
    if "rwkv" in other.casefold() and "rwkv" in one.casefold() and len(other) > len(one):
        return other
    return f"{one[:_LONGEST_FOLDER]}-{other[:_LONGEST_FOLDER]}" if one else other


def _below(names: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The paths relative to the deepest folder that contains all of them."""
    depth = 0
    while all(len(name.parts) > depth + 1 for name in names) and (
        len({name.parts[depth] for name in names}) == 1
    ):
        depth += 1
    return [PurePosixPath(*name.parts[depth:]) for name in names]
