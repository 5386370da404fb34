"""How a model fits this machine, in words."""

from .failures import Words
from .units import size


def fit_in_words(
    kind: str, strategy: str, needed_bytes: int, free_bytes: int, total_bytes: int
) -> Words:
    """How a model fits this machine, with a word for a list as title; see ``hub.fits.Fit``."""
    bits = {"int8": "8-bit", "int4": "4-bit", "fp32": "32-bit"}
    fewer = kind == "gpu" and strategy.rpartition(" ")[2] in ("int8", "int4")
    row = _FITS.get("gpu-fewer" if fewer else kind, _FITS["unknown"])
    facts = {
        "needed": size(needed_bytes),
        "free": size(free_bytes),
        "total": size(total_bytes),
        "bits": bits.get(strategy.rpartition(" ")[2], "16-bit"),
    }
    return Words(*(text.format(**facts) for text in (row.title, row.text, row.way_out)))


_FITS = {
    "gpu": Words("GPU", "Runs fast on the GPU: needs {needed} of the {free} free there.", ""),
    "gpu-fewer": Words(
        "GPU in {bits}",
        "Runs on the GPU in {bits}: needs {needed} of the {free} free there.",
        "",
    ),
    "cpu": Words("Fits", "Needs {needed} of the {free} that are free, in {bits}.", ""),
    "int8": Words("Fits in {bits}", "In {bits} it needs {needed} of the {free} that are free.", ""),
    "tight": Words(
        "Tight",
        "Needs {needed} in {bits}; only {free} of {total} are free.",
        "Close other programs first.",
    ),
    "too-large": Words(
        "Too large",
        "Needs {needed} even in {bits}; this machine has {total}.",
        "Choose a smaller model.",
    ),
    "unknown": Words("Not known", "How much memory it needs is not known.", ""),
}
