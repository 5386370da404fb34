"""How exact each number format is, in words, with what was measured of it (docs/performance.md).

The figures are those of random test models of 3 x 768 on the processor, against 32-bit numbers.
"""

from typing import NamedTuple


class Rounding(NamedTuple):
    """KL divergence in nats, and in how many of 100 places the best token is the same."""

    divergence: float
    same_of_100: int


MEASURED = {
    "bf16": Rounding(1e-5, 100),
    "int8": Rounding(7e-5, 98),
    "int4": Rounding(8e-3, 78),
}


def quality_in_words(form: str, *, on_gpu: bool) -> str:
    """One sentence for a card of the Run dialog."""
    words = _WORDS.get(form, "")
    known = MEASURED.get(form)
    if on_gpu:
        return f"{words} Not measured on a graphics card." if words else ""
    if form == "fp32":
        return words
    if known is None:
        return f"{words} Not measured." if words else ""
    figures = (
        f"KL {_plain(known.divergence)} on a test model, the same first choice of token in "
        f"{known.same_of_100} of 100 places."
    )
    return f"{words} {figures}"


def _plain(figure: float) -> str:
    """All its digits: ``0.00007``."""
    return f"{figure:.6f}".rstrip("0")


_WORDS = {
    "fp32": "Full precision: what all others are compared with.",
    "bf16": "Practically as exact as 32-bit.",
    "fp16": "Practically as exact as 32-bit.",
    "int8": "Hardly differs from 16-bit.",
    "int4": "A little less exact: words differ now and then.",
}
