"""Whether a model fits this machine's memory, in words with an icon; counts nothing."""

from dataclasses import dataclass

from app.hub.catalogue.disk_fit import Room
from app.hub.catalogue.memory_fit import Fit as Verdict
from app.hub.catalogue.memory_fit import Placement, verdict_of
from app.messages.fits import all_titles, disk_in_words, fit_in_words
from app.messages.translate import tr
from app.messages.units import size
from app.runtime.planning.machine import Limits, Machine

_NO_LIMITS = Limits()


@dataclass(frozen=True)
class Fit:
    """Icon and colour role, a short word and the memory for the row, a sentence for the details."""

    picture: str
    role: str
    word: str
    sentence: str
    need: str = ""

    @property
    def good(self) -> bool:
        """Whether it can be opened now."""
        return self.role == "good"


def said(
    verdict: Verdict, here: Machine, picked: Placement | None = None, limits: Limits = _NO_LIMITS
) -> Fit:
    """``verdict`` in words; ``picked`` is the way that the person chose instead of the usual."""
    found = verdict if picked is None else verdict_of(picked, here, limits)
    room = (found.available_bytes, found.most_bytes)
    if not found.total_bytes:
        room = (here.memory_available, here.memory_total)
    words = fit_in_words(found.kind, found.strategy, found.needed_bytes, *room)
    picture, role = _MARKS[found.kind]
    about = tr("needs {}") if verdict.exact else tr("about {}")
    need = about.format(size(found.needed_bytes))
    return Fit(picture, role, words.title, words.sentences.strip(), need)


def no_room(room: Room) -> Fit:
    """The disk that downloads go to is too full for it, whatever the memory."""
    words = disk_in_words(room.needed_bytes, room.free_bytes, room.folder)
    free = tr("{} free").format(size(room.free_bytes))
    return Fit("too-large", "bad", words.title, words.sentences, free)


def all_words() -> tuple[str, ...]:
    """Every word and need as long as they become, for who sets them in a column."""
    needs = (about.format(size(888.8e9)) for about in (tr("needs {}"), tr("about {}")))
    return (*all_titles(), *needs)


_MARKS: dict[str, tuple[str, str]] = {
    "gpu": ("fits", "good"),
    "cpu": ("fits", "good"),
    "int8": ("half", "good"),
    "tight": ("tight", "warn"),
    "over-limit": ("too-large", "bad"),
    "too-large": ("too-large", "bad"),
    "unknown": ("info", "text-dim"),
}
