"""How exact each number format is, in words, with what was measured of it (docs/performance.md).

The figures are those of random test models of 3 x 768 on the processor, against 32-bit numbers;
their files hold bf16, which fp16 keeps as it is.
"""

from typing import NamedTuple

from .translate import tr, tr_noop


class Rounding(NamedTuple):
    """KL divergence in nats, and in how many of 100 places the best token is the same."""

    divergence: float
    same_of_100: int


MEASURED = {
    "bf16": Rounding(1e-5, 100),
    "fp16": Rounding(5e-13, 100),
    "int8": Rounding(7e-5, 98),
    "int4": Rounding(8e-3, 78),
}


def quality_in_words(form: str, *, on_gpu: bool) -> str:
    """One sentence for a card of the Run dialog."""
    words = tr(_WORDS[form]) if form in _WORDS else ""
    known = MEASURED.get(form)
    if form == "fp32" or not words:
        return words
    if known is None:
        return f"{words} {tr(_NOT_MEASURED)}"
    if form == "fp16" and on_gpu:  # where activations have 16 bits as well
        return f"{words} {tr(_NOT_ON_CARDS)}"
    figures = tr(
        "KL {divergence} on a test model, the same first choice of token in {same} of 100 places."
    )
    if on_gpu:
        figures = tr(
            "KL {divergence} on a test model on the processor, the same first choice of token in "
            "{same} of 100 places."
        )
    told = figures.format(divergence=_plain(known.divergence), same=known.same_of_100)
    return f"{words} {told}"


def _plain(figure: float) -> str:
    """All its digits: ``0.00007``; so small a figure that it says nothing has a bound instead."""
    if figure < _LEAST:
        return tr("below {}").format(f"{_LEAST:.6f}")
    return f"{figure:.6f}".rstrip("0")


_LEAST = 1e-6
_NOT_MEASURED = tr_noop("Not measured.")
_NOT_ON_CARDS = tr_noop("Not measured on a card.")
_WORDS = {
    "fp32": tr_noop("Full precision: what all others are compared with."),
    "bf16": tr_noop("Practically as exact as 32-bit."),
    "fp16": tr_noop("Practically as exact as 32-bit."),
    "int8": tr_noop("Hardly differs from 16-bit."),
    "int4": tr_noop("A little less exact: words differ now and then."),
}
