"""Whether a model fits this machine's memory, in words with an icon; counts nothing."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.hub.catalogue.disk_fit import Room
from app.hub.catalogue.memory_fit import Fit as Verdict
from app.hub.catalogue.memory_fit import Machine, Plan, fits_now
from app.messages.units import size
from app.runtime.planning.footprint import QUANTISED


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


def said(verdict: Verdict, here: Machine, picked: Plan | None = None) -> Fit:
    """``verdict`` in words; ``picked`` is the way that the person chose instead of the usual."""
    if picked is None:
        kind: str = verdict.kind
        needed, strategy = verdict.needed_bytes, verdict.strategy
    else:
        kind = _kind_of(picked, here)
        needed, strategy = picked.needed_bytes, picked.strategy
    picture, role, word = _marks(kind, strategy)
    sentence = _sentence(kind, needed, _room(kind, verdict, here, picked))
    if kind in ("gpu", "int8") and strategy.endswith(QUANTISED):
        sentence = f"{sentence} {_tr('With fewer bits a number it is a little less exact.')}"
    about = _tr("needs {}") if verdict.exact else _tr("about {}")
    return Fit(picture, role, word, sentence, about.format(size(needed)))


def no_room(room: Room) -> Fit:
    """The disk that downloads go to is too full for it, whatever the memory."""
    words = _tr(
        "There is no room for it on the disk: the download takes {}, and {} are free in {}."
        " Free some space there, or choose another folder for downloads in the settings."
    )
    sentence = words.format(size(room.needed_bytes), size(room.free_bytes), room.folder)
    free = _tr("{} free").format(size(room.free_bytes))
    return Fit("too-large", "bad", _tr("Disk too full"), sentence, free)


def all_words() -> tuple[str, ...]:
    """Every word and need as long as they become, for who sets them in a column."""
    kinds = ("gpu", "cpu", "int8", "tight", "too-large", "")
    words = {_marks(kind, f"cpu {bits}")[2] for kind in kinds for bits in QUANTISED}
    words.add(_tr("Disk too full"))
    return (*words, *(about.format(size(888.8e9)) for about in (_tr("needs {}"), _tr("about {}"))))


def _room(kind: str, verdict: Verdict, here: Machine, picked: Plan | None) -> tuple[int, int]:
    """Bytes that are free, and all, where it is to run."""
    if picked is not None and picked.gpu is not None:
        return picked.gpu.free_bytes, picked.gpu.total_bytes
    if picked is None and kind == "gpu":
        return verdict.available_bytes, verdict.total_bytes
    return here.available_bytes, here.total_bytes


def _sentence(kind: str, needed: int, room: tuple[int, int]) -> str:
    free, total = map(size, room)
    if kind == "gpu":
        words = _tr("Runs on the graphics card: needs about {} of its memory; {} are free.")
        return words.format(size(needed), free)
    if kind == "tight":
        words = _tr("Needs about {} of memory; only {} are free. Close other programs first.")
        return words.format(size(needed), free)
    if kind == "too-large":
        return _tr("Needs about {} of memory; this machine has {}.").format(size(needed), total)
    return _tr("Needs about {} of memory; {} are free.").format(size(needed), free)


def _kind_of(way: Plan, here: Machine) -> str:
    if way.gpu is not None and fits_now(way, here):
        return "gpu"
    free, total = here.available_bytes, here.total_bytes
    if way.gpu is not None:
        free, total = way.gpu.free_bytes, way.gpu.total_bytes
    elif way.needed_bytes <= free:
        return "cpu"
    return "tight" if way.needed_bytes <= total else "too-large"


def _marks(kind: str, strategy: str) -> tuple[str, str, str]:
    fewer = _tr("Fits in 4-bit") if strategy.endswith("int4") else _tr("Fits in 8-bit")
    fast = {"int8": _tr("Fast in 8-bit"), "int4": _tr("Fast in 4-bit")}
    return {
        "gpu": ("fits", "good", fast.get(strategy.rpartition(" ")[2], _tr("Runs fast"))),
        "cpu": ("fits", "good", _tr("Fits")),
        "int8": ("half", "good", fewer),
        "tight": ("tight", "warn", _tr("Tight")),
        "too-large": ("too-large", "bad", _tr("Too large")),
    }.get(kind, ("info", "text-dim", _tr("Not known")))


def _tr(text: str) -> str:
    return QCoreApplication.translate("fit", text)
