"""Sizes, counts and speeds in human units with one decimal; knows no Qt."""

_STEPS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_COUNTS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def size(count: float) -> str:
    """Bytes as people count them: ``3.1 GB``, ``640 B``."""
    for step, unit in _STEPS:
        if count >= step * 0.9995:
            return f"{count / step:.1f} {unit}"
    return f"{count:.0f} B"


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
    return f"{shown} tok/s"


def rate(bytes_per_s: float) -> str:
    """``12.3 MB/s``."""
    return f"{size(bytes_per_s)}/s"


def duration(seconds: float) -> str:
    """How long something takes, in the one unit that fits: ``40 s``, ``2 min``, ``3 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"
