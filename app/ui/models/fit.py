"""Whether a model fits this machine's memory, in words with an icon; counts nothing."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.hub.fits import Fit as Verdict
from app.hub.fits import Machine
from app.ui.amounts import size


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


def said(verdict: Verdict, here: Machine, picked_bytes: int = 0) -> Fit:
    """``verdict`` in words; ``picked_bytes`` are needed where the person chose another way."""
    needed = picked_bytes or verdict.needed_bytes
    kind: str = _kind_of(picked_bytes, here) if picked_bytes else verdict.kind
    picture, role, word = _marks(kind, verdict.strategy)
    free, total = size(here.available_bytes), size(here.total_bytes)
    if kind == "tight":
        words = _tr("Needs about {} of memory; only {} are free. Close other programs first.")
        sentence = words.format(size(needed), free)
    elif kind == "too-large":
        words = _tr("Needs about {} of memory; this machine has {}.")
        sentence = words.format(size(needed), total)
    else:
        sentence = _tr("Needs about {} of memory; {} are free.").format(size(needed), free)
    if kind == "int8":
        sentence = f"{sentence} {_tr('With fewer bits a number it is a little less exact.')}"
    about = _tr("needs {}") if verdict.exact else _tr("about {}")
    return Fit(picture, role, word, sentence, about.format(size(needed)))


def _kind_of(needed_bytes: int, here: Machine) -> str:
    if needed_bytes <= here.available_bytes:
        return "cpu"
    return "tight" if needed_bytes <= here.total_bytes else "too-large"


def _marks(kind: str, strategy: str) -> tuple[str, str, str]:
    fewer = _tr("Fits in 4-bit") if strategy.endswith("int4") else _tr("Fits in 8-bit")
    return {
        "gpu": ("fits", "good", _tr("Runs fast")),
        "cpu": ("fits", "good", _tr("Fits")),
        "int8": ("half", "good", fewer),
        "tight": ("tight", "warn", _tr("Tight")),
        "too-large": ("too-large", "bad", _tr("Too large")),
    }.get(kind, ("info", "text-dim", _tr("Not known")))


def _tr(text: str) -> str:
    return QCoreApplication.translate("fit", text)
