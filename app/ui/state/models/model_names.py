"""Plain words for a model from its file name and strategy; opens nothing."""

import re

from PySide6.QtCore import QDate, QLocale, Qt

from app.messages.run_plans import BITS
from app.messages.translate import tr, tr_noop
from app.messages.units import short_count
from app.runtime.families.name_patterns import date_in, series_of, sizes_in, spaced
from app.runtime.planning.strategy import understood

_OFFICIAL = re.compile(r"rwkv[-_]?(x0[4-8]0|v?[4-8]|\d)", re.IGNORECASE)
_PURPOSES = {
    "reasoning": tr_noop("reasoning"),
    "instructions": tr_noop("instructions"),
    "fiction": tr_noop("fiction"),
    "raw text": tr_noop("raw text"),
    "music": tr_noop("music"),
}
_UNSAID = ("chat", "tuned state")


def plain_name(stem: str, parameters: int) -> str:
    """``G1a 0.4B, reasoning, Sep 2025`` for an official name; any other name stays as it is.

    Where nobody has counted ``parameters`` (0), the size is what the name states.
    """
    lower = stem.casefold()
    series = series_of(lower)
    if series is None or not _OFFICIAL.search(lower):
        return spaced(stem)
    counted = short_count(parameters) if parameters else ""
    parts = [f"{series.called(lower)} {_stated(lower, parameters) or counted}".strip()]
    parts += (
        [tr(_PURPOSES.get(series.purpose, series.purpose))] if series.purpose not in _UNSAID else []
    )
    return ", ".join([*parts, *_month(lower)])


def plain_numbers(form: str) -> str:
    """A number format in the window's words: ``16-bit`` for bf16."""
    return {
        "bf16": tr("16-bit"),
        "fp16": tr("16-bit (fp16)"),
        "fp32": tr("32-bit"),
        "int8": tr("8-bit"),
        "int4": tr("4-bit"),
    }.get(form, form)


def plain_way(strategy: str, *, place: bool = True) -> str:
    """A strategy in the window's words: ``16-bit on CPU`` for "cpu bf16"; "" for none.

    Without ``place`` the numbers alone.  A split model has those of all its layers, and all their
    devices: ``16/8-bit on GPU + CPU``.  What is no strategy stays as it is.
    """
    way = understood(strategy)
    if way is None:
        return strategy
    if not way.whole:
        bits = dict.fromkeys(str(BITS[one.format]) for one in way.segments)
        said = tr("{}-bit").format("/".join(bits))
        devices = dict.fromkeys(_plain_device(one.device) for one in way.segments)
        return tr("{} on {}").format(said, " + ".join(devices)) if place else said
    form = way.format
    if not place:
        return plain_numbers(form)
    if not way.on_gpu:
        return tr("{} on {}").format(plain_numbers(form), _plain_device("cpu"))
    named = {"fp16": tr("16-bit"), "bf16": tr("16-bit (bf16)")}.get(form, plain_numbers(form))
    return tr("{} on {}").format(named, _plain_device(way.device))


def _plain_device(device: str) -> str:
    return "CPU" if device == "cpu" else f"GPU {device.partition(':')[2]}".strip()


def _stated(lower: str, parameters: int) -> str:
    """The size in the name, ``0.4B`` or ``169M``, if it is near the true one or that is unknown."""
    near = 0.25 * parameters
    for size in sizes_in(lower):
        if not parameters or abs(size.parameters - parameters) <= near:
            return size.text
    return ""


def _month(lower: str) -> list[str]:
    day = QDate.fromString(date_in(lower), Qt.DateFormat.ISODate)
    return [QLocale().toString(day, "MMM yyyy")] if day.isValid() else []
