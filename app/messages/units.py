"""Sizes, counts and speeds in human units with one decimal; knows no Qt."""

from .translate import tr, tr_n, tr_noop

_STEPS = (
    (1e12, tr_noop("{} TB")),
    (1e9, tr_noop("{} GB")),
    (1e6, tr_noop("{} MB")),
    (1e3, tr_noop("{} kB")),
)
_COUNTS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def size(count: float) -> str:
    """Bytes as people count them: ``3.1 GB``, ``640 B``."""
    for step, unit in _STEPS:
        if count >= step * 0.9995:
            return tr(unit).format(f"{count / step:.1f}")
    return tr("{} B").format(f"{count:.0f}")


def short_count(count: float) -> str:
    """A number of parameters: ``1.5B``, ``0.4B``, ``430K``."""
    if 9.5e7 <= count < 1e9:
        return f"{count / 1e9:.1f}B"
    for step, unit in _COUNTS:
        if count >= step * 0.9995:
            return f"{count / step:.1f}{unit}"
    return f"{count:.0f}"


def whole(count: int) -> str:
    """An exact number in groups of three: ``65,536``."""
    return f"{count:,}"


def speed(tokens_per_s: float) -> str:
    """``58 tok/s``, with one decimal below ten."""
    shown = f"{tokens_per_s:.0f}" if tokens_per_s >= 10 else f"{tokens_per_s:.1f}"
    return tr("{} tok/s").format(shown)


def rate(bytes_per_s: float) -> str:
    """``12.3 MB/s``."""
    return tr("{}/s").format(size(bytes_per_s))


def duration(seconds: float) -> str:
    """How long something takes, in the one unit that fits: ``40 s``, ``2 min``, ``3 h``."""
    if seconds < 90:
        return tr("{} s").format(max(1, round(seconds)))
    if seconds < 90 * 60:
        return tr("{} min").format(round(seconds / 60))
    if seconds < 48 * 3600:
        return tr("{} h").format(round(seconds / 3600))
    days = round(seconds / 86400)
    return tr_n("{} day", "{} days", days).format(days)
