"""Where a model's numbers live and in what type; knows no file and no array.

The text follows the language of the ``rwkv`` package: a device and a type, ``cpu bf16``.
"""

import re

import msgspec

from app.errors import StrategyError

from .footprint import QUANTISED, Footprint, footprint, state_bytes
from .probe import multiplies_bf16
from .spec import Spec

__all__ = ["KNOWN", "Footprint", "Strategy", "choose", "footprint", "parse", "state_bytes"]

KNOWN = ("cpu bf16", "cpu int8", "cpu int4", "cpu fp32", "cpu fp16")

# The package names the type of the activations as well; here they always have 32 bits.
_SPELLING = re.compile(r"(?:fp32|bf16|fp16)i(8|4)")
_SMALL_BYTES = 64 << 20


class Strategy(msgspec.Struct, frozen=True):
    """A device and the format of the weights; the state and the norms are always fp32.

    In int8 and int4 the projections have so many bits and the rest keeps its own; see
    ``footprint`` for which is which.
    """

    device: str
    format: str

    @property
    def text(self) -> str:
        """Canonical, e.g. "cpu bf16"."""
        return f"{self.device} {self.format}"


def parse(text: str) -> Strategy:
    """From text, whatever its case and spaces; "cpu fp32i8" and the like mean "cpu int8".

    Raises StrategyError (facts found, wanted).
    """
    words = [_SPELLING.sub(r"int\1", word) for word in text.lower().split()]
    if " ".join(words) not in KNOWN:
        raise StrategyError(found=text, wanted=", ".join(KNOWN))
    return Strategy(*words)


def choose(
    spec: Spec, dtype: str, available_bytes: int, *, fast_bf16: bool | None = None
) -> Strategy:
    """The best strategy for a model whose file holds ``dtype``, in ``available_bytes``.

    Full precision costs nothing noticeable in a small model, and is what a file of 32-bit
    numbers was made for; elsewhere 16 bits halve what each token reads.  Fewer bits are taken
    where the file has them already, or where nothing larger fits.  ``fast_bf16`` tells whether
    the processor multiplies bfloat16 itself; None asks it.
    """
    if dtype in QUANTISED:
        return Strategy("cpu", dtype)
    if fast_bf16 is None:
        fast_bf16 = multiplies_bf16()
    full, half = Strategy("cpu", "fp32"), Strategy("cpu", "bf16")
    costs = footprint(spec, full, dtype)
    wanted = dtype in ("fp32", "fp64") or costs.weights <= _SMALL_BYTES or not fast_bf16
    if wanted and costs.total <= available_bytes:
        return full
    smaller = (half, *(Strategy("cpu", kind) for kind in QUANTISED))
    fits = (way for way in smaller if footprint(spec, way, dtype).total <= available_bytes)
    return next(fits, half)
