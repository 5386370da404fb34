"""How far a download is, in words and as a share; draws nothing."""

from typing import TYPE_CHECKING

from app.messages.translate import tr
from app.messages.units import duration, rate, size

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_LONGEST_S = 100 * 3600


def share(item: "Item") -> float:
    """What part of it is here, 0 to 1."""
    return item.done_bytes / item.total_bytes if item.total_bytes else 0.0


def progress_words(item: "Item") -> str:
    """Speed and time left while it runs, else why it does not."""
    match item.state:
        case "queued":
            return tr("Waiting for its turn")
        case "paused":
            return tr("Paused")
        case "waiting":
            return _joined(tr("Waiting for the network"), _where(item))
        case "checking":
            return _joined(tr("Checking every byte"), _where(item))
        case "done":
            return tr("Complete")
        case "failed":
            return tr("Stopped")
    speed_and_time = (
        (rate(item.bytes_per_s), time_left(item.seconds_left)) if item.bytes_per_s else ()
    )
    if item.elsewhere:
        return _joined(tr("Running in another window"), *speed_and_time)
    return _joined(*speed_and_time) or tr("Starting")


def amount_words(item: "Item") -> str:
    """``1.2 of 3.1 GB``; "" while nothing is here and nobody has told how much it is."""
    if not item.total_bytes:
        return size(item.done_bytes) if item.done_bytes else ""
    if item.state == "done":
        return size(item.total_bytes)
    return tr("{} of {}").format(size(item.done_bytes), size(item.total_bytes))


def time_left(seconds: float) -> str:
    """``2 min left``; "" where nobody can tell, which is said as -1."""
    if not 0 <= seconds < _LONGEST_S:
        return ""
    return tr("{} left").format(duration(seconds))


def _where(item: "Item") -> str:
    return tr("in another window") if item.elsewhere else ""


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))
