"""Plain words for a model from its file name and strategy; opens nothing."""

import re

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from app.messages.units import short_count

_FAMILIES = (
    (re.compile(r"(?:^|[-_])(g1[a-z]?\d?)(?:[-_.]|$)"), "", "reasoning"),
    (re.compile(r"world"), "World", ""),
    (re.compile(r"raven"), "Raven", "instructions"),
    (re.compile(r"pile"), "Pile", "raw text"),
    (re.compile(r"midi"), "MIDI", "music"),
    (re.compile(r"(?:^|[-_])abc(?:[-_.]|$)"), "ABC", "music"),
    (re.compile(r"novel"), "Novel", "fiction"),
)
_OFFICIAL = re.compile(r"rwkv[-_]?(x0[4-8]0|v?[4-8]|\d)", re.IGNORECASE)
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)b(\d)|(\d+(?:\.\d+)?)([bm]))(?![a-z0-9])")
_BETWEEN = re.compile(r"[-_]+(?<!q\d_)(?<!q\d_k_)", re.IGNORECASE)  # q4_0, q4_k_m stay whole
_DAY = re.compile(r"(?<!\d)(20[2-3]\d)([01]\d)([0-3]\d)(?!\d)")


def plain_name(stem: str, parameters: int) -> str:
    """``G1a 0.4B, reasoning, Sep 2025`` for an official name; any other name stays as it is.

    Where nobody has counted ``parameters`` (0), the size is what the name states.
    """
    lower = stem.casefold()
    if not _OFFICIAL.search(lower):
        return _spaced(stem)
    for pattern, name, purpose in _FAMILIES:
        if found := pattern.search(lower):
            family = name or found[1].capitalize()
            counted = short_count(parameters) if parameters else ""
            parts = [f"{family} {_stated(lower, parameters) or counted}".strip()]
            parts += [_tr(purpose)] if purpose else []
            parts += [month] if (month := _month(stem)) else []
            return ", ".join(parts)
    return _spaced(stem)


def plain_numbers(form: str) -> str:
    """A number format in the window's words: ``16-bit`` for bf16."""
    return {
        "bf16": _tr("16-bit"),
        "fp16": _tr("16-bit (fp16)"),
        "fp32": _tr("32-bit"),
        "int8": _tr("8-bit"),
        "int4": _tr("4-bit"),
    }.get(form, form)


def plain_way(strategy: str) -> str:
    """A strategy in the window's words: ``16-bit on CPU`` for "cpu bf16"; "" for none."""
    device, _, form = strategy.partition(" ")
    if device == "cpu":
        return _tr("{} on {}").format(plain_numbers(form), "CPU")
    number = device.partition(":")[2]
    named = {"fp16": _tr("16-bit"), "bf16": _tr("16-bit (bf16)")}.get(form, plain_numbers(form))
    return _tr("{} on {}").format(named, f"GPU {number}".strip()) if form else strategy


def _stated(lower: str, parameters: int) -> str:
    """The size in the name, ``0.4B`` or ``169M``, if it is near the true one or that is unknown."""
    for found in _SIZE.finditer(lower):
        whole, tenths, unit = found[1] or found[3], found[2], found[4] or "b"
        count = float(f"{whole}.{tenths}" if tenths else whole)
        stated = count * (1e9 if unit == "b" else 1e6)
        if not parameters or abs(stated - parameters) <= 0.25 * parameters:
            return f"{count:g}{unit.upper()}"
    return ""


def _month(stem: str) -> str:
    found = _DAY.search(stem)
    if not found:
        return ""
    day = QDate(int(found[1]), int(found[2]), int(found[3]))
    return QLocale().toString(day, "MMM yyyy") if day.isValid() else ""


def _spaced(stem: str) -> str:
    words = _BETWEEN.sub(" ", stem).strip() or stem
    return words[0].upper() + words[1:]


def _tr(text: str) -> str:
    return QCoreApplication.translate("naming", text)
