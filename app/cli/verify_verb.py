"""``rookery verify``: whether a file on the disk is the one that was promised."""

from argparse import Namespace
from pathlib import Path

from app.errors import BY_CODE, HubError, NotFound, WrongHash
from app.hub.catalogue.entries import Entry, Part, bundled
from app.hub.downloads.destination import tells_nothing
from app.hub.downloads.placing import parts_of
from app.messages.failures import one_line
from app.messages.units import size
from app.runtime.checkpoint.describe import describe
from app.runtime.origin import origin_of
from app.system.digest import digest

from .hub_choice import chosen_hub
from .output import Progress, emit, note, print_json


def run(options: Namespace) -> int:
    """Print what was found.  Raises WrongHash, NotFound, Unreadable, CheckpointError."""
    path = Path(options.file)
    wanted, source = ([options.sha256], "given") if options.sha256 else _promised(path)
    wanted = [one.lower() for one in wanted]
    found = "" if path.is_dir() else _digest(path)
    if not wanted:
        _look_into(path)
    elif found not in wanted:
        raise WrongHash(file=path.name, wanted=wanted[0], found=found)
    if options.json:
        facts = {
            "path": str(path),
            "bytes": path.stat().st_size,
            "sha256": found,
            "checked": "sha256" if wanted else "header",
            "source": source,
        }
        print_json(facts)
    elif wanted:
        emit(f"{path.name} is whole: its SHA-256 is the one that is {_SOURCES[source]}.")
    else:
        emit(f"{path.name} has a sound header; nobody tells which SHA-256 it must have.")
        if found:
            emit(f"sha256  {found}")
    return 0


_SOURCES = {"given": "given", "catalogue": "in the catalogue", "hub": "on the hub"}


def _promised(path: Path) -> tuple[list[str], str]:
    """The hashes that this file may have, and who says so."""
    named = [
        (entry, part)
        for entry in bundled()
        for part in parts_of(entry)
        if _may_be(path, entry, part)
    ]
    known = [part.sha256 for _, part in named if part.sha256]
    if known or not named or not path.is_file():
        return known, "catalogue" if known else ""
    try:
        hub = chosen_hub().hub
        told = [hub.facts(entry.repo, part.path).sha256 for entry, part in named]
    except HubError as failure:
        note(f"rookery: {one_line(failure)}")
        return [], ""
    known = list(filter(None, told))
    return known, "hub" if known else ""


def _may_be(path: Path, entry: Entry, part: Part) -> bool:
    """By the note beside it, else by its name, or its folder's where half of all have its name."""
    origin = origin_of(path)
    if origin is not None:
        return (origin.repo, origin.file) == (entry.repo, part.path)
    if part.path.rsplit("/", 1)[-1] != path.name:
        return False
    return not tells_nothing(path.name) or entry.repo.rsplit("/", 1)[-1] == path.parent.name


def _digest(path: Path) -> str:
    line = Progress()

    def show(done: int, total: int) -> None:
        line.show(f"{path.name}: {size(done)} of {size(total)}")

    try:
        return digest(path, show)
    finally:
        line.clear()


def _look_into(path: Path) -> None:
    """Raises what opening it would."""
    if not path.exists():
        raise NotFound(path=str(path))
    found = describe(path)
    if found.failure_code:
        raise BY_CODE[found.failure_code]("", **found.failure_facts)
