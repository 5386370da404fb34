"""``rookery verify``: whether a file is, byte for byte, the one that was published."""

from argparse import Namespace
from pathlib import Path

from app.cli.hub_choice import chosen_hub
from app.cli.output import Progress, emit, note, print_json
from app.errors import BY_CODE, HubError, NotFound, WrongHash
from app.hub.catalogue.entries import Entry, bundled
from app.library.verification import Checked, candidates, checked, judged, telling
from app.messages.failures import one_line
from app.messages.translate import tr, tr_noop
from app.messages.units import size
from app.runtime.checkpoint.describe import describe, files_of

_SOURCES = {
    "given": tr_noop("given"),
    "catalogue": tr_noop("in the catalogue"),
    "hub": tr_noop("on the hub"),
    "note": tr_noop("in the note beside it"),
}


def run(options: Namespace) -> int:
    """Print the verdict. Raises WrongHash, NotFound, Unreadable, CheckpointError."""
    path = Path(options.file)
    found = _found(path, options.sha256)
    for one in found:
        if one.verdict == "bad":
            raise WrongHash(file=Path(one.path).name, wanted=one.wanted, found=one.sha256)
    weights = telling(found)
    is_good = all(one.verdict == "good" for one in weights)
    if not is_good or len(weights) < len(found):
        _look_into(path)  # also for an index: it agrees with the parts that are there
    source = str(weights[0].source) if is_good else ""
    sha256 = found[0].sha256 if len(found) == 1 else ""
    if options.json:
        facts = {
            "path": str(path),
            "bytes": sum(Path(one.path).stat().st_size for one in found),
            "sha256": sha256,
            "checked": "sha256" if is_good else "header",
            "source": source,
        }
        print_json(facts)
    elif is_good:
        told = tr("{name} is whole: the SHA-256 of all its weights is the one {source}.")
        if sha256:
            told = tr("{name} is whole: its SHA-256 is the one that is {source}.")
        emit(told.format(name=path.name, source=tr(_SOURCES[source])))
    else:
        told = tr("{} has a sound header; nobody tells which SHA-256 it must have.")
        emit(told.format(path.name))
        if sha256:
            emit(f"sha256  {sha256}")
    return 0


def _found(path: Path, given: str) -> list[Checked]:
    """The verdicts that the window shows for the same files, unless a hash was ``given``."""
    if not path.exists():
        raise NotFound(path=str(path))
    files = [path] if given else [Path(file) for file in files_of(path)]
    if path.is_dir() and files == [path]:
        _look_into(path)  # tells what is wrong with it
    line, entries = Progress(), () if given else bundled()

    def show(done: int, total: int) -> None:
        told = tr("{name}: {done} of {total}")
        line.show(told.format(name=path.name, done=size(done), total=size(total)))

    try:
        found = checked(files, entries, show, given=given) or ()
    finally:
        line.clear()
    return [one if given else _asked_for(one, entries) for one in found]


def _asked_for(one: Checked, entries: tuple[Entry, ...]) -> Checked:
    """``one``, or if the catalogue has no hash for it, the verdict with the hub's hash."""
    named = [] if one.verdict != "unknown" else candidates(Path(one.path), entries)
    if not named:
        return one
    try:
        hub = chosen_hub().hub
        told = [(entry, part, hub.facts(entry.repo, part.path).sha256) for entry, part in named]
    except HubError as failure:
        note(f"rookery: {one_line(failure)}")
        return one
    live = [
        Entry(repo=entry.repo, file=part.path, sha256=sha256, source="live")
        for entry, part, sha256 in told
    ]
    return judged(Path(one.path), one.sha256, [*entries, *live])


def _look_into(path: Path) -> None:
    """Raises the failure that opening the model would raise."""
    found = describe(path)
    if found.failure_code:
        raise BY_CODE[found.failure_code]("", **found.failure_facts)
