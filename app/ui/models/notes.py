"""Sentences about one very file: what it belongs to, its copies, what a check found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.library.verification import Checked, telling
from app.messages.translate import tr
from app.messages.units import whole
from app.ui.state.models.entry import Entry

if TYPE_CHECKING:
    from app.ui.state.models.model_library import Library


def notes_of(entry: Entry, library: "Library") -> list[str]:
    """What asks for attention, from what is known already."""
    return [*_owners(entry, library), *_copies(entry, library)]


def checked_words(checks: Sequence[Checked]) -> str:
    """What a check of all its files found."""
    found = telling(checks)
    bad = [Path(one.path).name for one in found if one.verdict == "bad"]
    if bad:
        words = tr("Not the file that was published: {}. Download it again.")
        return words.format(", ".join(bad))
    if all(one.verdict == "good" for one in found):
        if any(one.source == "note" for one in found):
            return tr("Every byte is as the note beside it says. Nobody has published a hash.")
        return tr("Every byte is as it was published.")
    digests = [one.sha256 for one in found if one.verdict == "unknown"]
    words = tr("It was read to its end; nobody has published a hash for it. SHA-256: {}")
    return words.format(_grouped(digests[0]) if len(digests) == 1 else whole(len(digests)))


def withdrawal(entry: Entry) -> str:
    """That the hub has it no more, and what is newer; "" for everything else."""
    if not entry.withdrawn:
        return ""
    said = tr(
        "The hub does not list this file any more. A download looks for another copy of it, and"
        " takes only the bytes that were published."
    )
    if entry.newest is None:
        return said
    return f"{said} " + tr("The newest of its size is {}.").format(entry.newest.title)


def _owners(entry: Entry, library: "Library") -> list[str]:
    file = entry.file
    if file is None or file.made_for is None:
        return []
    owners = [one.name for one in library.owners_of(file)]
    if owners:
        return [tr("Belongs to {}.").format(", ".join(owners[:3]))]
    made = file.made_for
    generations = ", ".join(f"RWKV-{one}" for one in made.generations)
    shape = tr("{} layers").format(made.layers) if made.layers else ""
    width = tr("width {}").format(whole(made.width)) if made.width else ""
    wanted = ", ".join(filter(None, (generations, shape, width)))
    return [tr("Its model is not here. It belongs to one of this shape: {}.").format(wanted)]


def _copies(entry: Entry, library: "Library") -> list[str]:
    others = library.copies_of(entry.path) if entry.path else ()
    if not others:
        return []
    return [tr("The same bytes lie here as well: {}").format(", ".join(map(str, others)))]


def _grouped(digest: str) -> str:
    """In groups that can wrap."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))
