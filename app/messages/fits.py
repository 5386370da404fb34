"""How a model fits this machine, in words: the one table of verdicts for window and terminal."""

from app.runtime.planning.strategy import understood

from .fact_filling import Words
from .translate import tr, tr_noop
from .units import size


def fit_in_words(
    kind: str, strategy: str, needed_bytes: int, free_bytes: int, total_bytes: int
) -> Words:
    """The words for ``kind`` (see ``memory_fit.Fit``); their title is a word for a list.

    Of what is "over-limit" ``total_bytes`` is the limit.
    """
    way = understood(strategy)
    number_format = way.format if way is not None else ""
    fewer = number_format in _FEWER_BITS
    if kind == "gpu" and way is not None:
        kind = "gpu-split" if not way.whole else "gpu-fewer" if fewer else kind
    row = _FITS.get(kind, _FITS["unknown"])
    facts = {
        "needed": size(needed_bytes),
        "free": size(free_bytes),
        "total": size(total_bytes),
        "bits": tr(_BITS.get(number_format, _BITS["bf16"])),
    }
    return Words(*(tr(text).format(**facts) for text in (row.title, row.text, row.way_out)))


def disk_in_words(needed_bytes: int, free_bytes: int, folder: str) -> Words:
    """The words for a download that has no room on the disk of ``folder``."""
    text = tr(
        "There is no room for it on the disk: the download takes {needed}, and {free} are free in"
        " {folder}."
    )
    facts = {"needed": size(needed_bytes), "free": size(free_bytes), "folder": folder}
    return Words(tr(_DISK), text.format(**facts), tr(_OTHER_DISK))


def all_titles() -> frozenset[str]:
    """Every title that there is, for a column that has to be wide enough for each."""
    fits = (
        fit_in_words(kind, f"cpu {bits}", 0, 0, 0).title
        for kind in ("gpu", "cpu", "int8", "tight", "over-limit", "too-large", "unknown")
        for bits in _BITS
    )
    return frozenset((*fits, tr(_DISK)))


_BITS = {
    "int8": tr_noop("8-bit"),
    "int4": tr_noop("4-bit"),
    "fp32": tr_noop("32-bit"),
    "fp16": tr_noop("16-bit"),
    "bf16": tr_noop("16-bit"),
}
_FEWER_BITS = ("int8", "int4")
_LESS_EXACT = tr_noop("With fewer bits a number it is a little less exact.")
_ON_GPU = tr_noop(
    "Runs on the graphics card in {bits}: needs about {needed} of its memory; {free} are free."
)

_DISK = tr_noop("Disk too full")
_OTHER_DISK = tr_noop(
    "Free some space there, or choose another folder for downloads in the settings."
)

_FITS = {
    "gpu": Words(tr_noop("Runs fast"), _ON_GPU, ""),
    "gpu-fewer": Words(tr_noop("Fast in {bits}"), _ON_GPU, _LESS_EXACT),
    "gpu-split": Words(
        tr_noop("Runs in {bits}"),
        tr_noop(
            "Runs in {bits}, partly on the graphics card: needs about {needed} of its memory, of"
            " which {free} are free, and has its other layers beside it."
        ),
        "",
    ),
    "cpu": Words(
        tr_noop("Fits"), tr_noop("Needs about {needed} of memory in {bits}; {free} are free."), ""
    ),
    "int8": Words(
        tr_noop("Runs in {bits}"),
        tr_noop("Needs about {needed} of memory in {bits}; {free} are free."),
        _LESS_EXACT,
    ),
    "tight": Words(
        tr_noop("Tight"),
        tr_noop("Needs about {needed} of memory in {bits}; only {free} of {total} are free."),
        tr_noop("Close other programs first."),
    ),
    "over-limit": Words(
        tr_noop("Over your limit"),
        tr_noop("Needs about {needed} of memory in {bits}; your limit is {total}."),
        tr_noop("Raise the limit in Settings, Device and memory, or choose a smaller model."),
    ),
    "too-large": Words(
        tr_noop("Too large"),
        tr_noop("Needs about {needed} of memory even in {bits}; this machine has {total}."),
        tr_noop("Choose a smaller model."),
    ),
    "unknown": Words(tr_noop("Not known"), tr_noop("How much memory it needs is not known."), ""),
}
