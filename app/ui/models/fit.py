"""Whether a model fits this machine's memory, in words with an icon; reads no file."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.ui.amounts import size

_ROOM_FOR_WORK = 300_000_000


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


def fit_of(needed_bytes: int, free_bytes: int, total_bytes: int, form: str = "") -> Fit:
    """Fits now, fits when other programs are closed, or never fits on this machine.

    ``form`` is the number format in which so many bytes are needed.
    """
    wanted = needed_bytes + _ROOM_FOR_WORK
    facts = size(needed_bytes), size(free_bytes)
    need = _tr("needs {}").format(facts[0])
    if wanted <= free_bytes:
        said = _tr("Needs about {} of memory; {} are free.").format(*facts)
        fewer = {"int8": _tr("Fits in 8-bit"), "int4": _tr("Fits in 4-bit")}.get(form)
        if fewer:
            return Fit("half", "good", fewer, f"{said} {_tr('With fewer bits a number.')}", need)
        return Fit("fits", "good", _tr("Fits"), said, need)
    if wanted <= total_bytes:
        said = _tr("Needs about {} of memory; only {} are free. Close other programs first.")
        return Fit("tight", "warn", _tr("Tight"), said.format(*facts), need)
    said = _tr("Needs about {} of memory; this machine has {}.")
    words = said.format(facts[0], size(total_bytes))
    return Fit("too-large", "bad", _tr("Too large"), words, need)


def _tr(text: str) -> str:
    return QCoreApplication.translate("fit", text)
