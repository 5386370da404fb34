"""Whether a model fits this machine's memory, in words with an icon; reads no file."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.ui.amounts import size

_ROOM_FOR_WORK = 300_000_000


@dataclass(frozen=True)
class Fit:
    """Icon and colour role, a short word for the row, and the sentence for the details."""

    picture: str
    role: str
    word: str
    sentence: str

    @property
    def good(self) -> bool:
        """Whether it can be opened now."""
        return self.role == "good"


def fit_of(needed_bytes: int, free_bytes: int, total_bytes: int) -> Fit:
    """Fits now, fits when other programs are closed, or never fits on this machine."""
    wanted = needed_bytes + _ROOM_FOR_WORK
    facts = size(needed_bytes), size(free_bytes)
    if wanted <= free_bytes:
        said = _tr("Needs about {} of memory; {} are free.").format(*facts)
        return Fit("fits", "good", _tr("Fits"), said)
    if wanted <= total_bytes:
        said = _tr("Needs about {} of memory; only {} are free. Close other programs first.")
        return Fit("tight", "warn", _tr("Tight"), said.format(*facts))
    said = _tr("Needs about {} of memory; this machine has {}.")
    return Fit("too-large", "bad", _tr("Too large"), said.format(facts[0], size(total_bytes)))


def _tr(text: str) -> str:
    return QCoreApplication.translate("fit", text)
