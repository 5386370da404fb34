"""Where a model's numbers live and in what type; knows no file and no array.

The text follows the language of the ``rwkv`` package: a device and a type, ``cpu bf16``.
"""

import re
from collections.abc import Sequence

import msgspec

from app.errors import StrategyError
from app.runtime.spec import Spec
from app.system.gpus import LEAST_BF16, Gpu
from app.system.memory import bf16_is_fast

from .footprint import QUANTISED, Footprint, footprint, state_bytes

__all__ = [
    "KNOWN",
    "ON_CPU",
    "ON_GPU",
    "Footprint",
    "Strategy",
    "choose",
    "choose_on_card",
    "footprint",
    "formats_for",
    "parse",
    "room_on",
    "state_bytes",
]

ON_CPU = ("cpu bf16", "cpu int8", "cpu int4", "cpu fp32", "cpu fp16")
ON_GPU = ("cuda fp16", "cuda bf16", "cuda int8", "cuda int4", "cuda fp32")
KNOWN = ON_CPU + ON_GPU
"""Every text there is, but for the number of a card."""

# The package names the type of the activations as well; here they have 32 bits, or what is best.
_SPELLING = re.compile(r"(?:fp32|bf16|fp16)i(8|4)")
_NUMBER = re.compile(r"cuda:(\d{1,3})", re.ASCII)
_SMALL_BYTES = 64 << 20
_SPARE_BYTES = 256 << 20  # of a card, for the windows that it draws meanwhile


class Strategy(msgspec.Struct, frozen=True):
    """A device and the format of the weights; the state and the norms are always fp32.

    ``device`` is "cpu", or "cuda" and "cuda:1" for the first and the second card.  In int8 and
    int4 the projections have so many bits and the rest keeps its own; see ``footprint`` for which
    is which.
    """

    device: str
    format: str

    @property
    def text(self) -> str:
        """Canonical, e.g. "cpu bf16"."""
        return f"{self.device} {self.format}"

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a card."""
        return self.device != "cpu"


def parse(text: str) -> Strategy:
    """From text, whatever its case and spaces.

    "cpu fp32i8" and the like mean "cpu int8", "cuda:0" is "cuda".  Raises StrategyError (facts
    found, wanted).
    """
    words = [_SPELLING.sub(r"int\1", word) for word in text.lower().split()]
    number = _NUMBER.fullmatch(words[0]) if words else None
    if number is not None:
        words[0] = "cuda"
    if " ".join(words) not in KNOWN:
        raise StrategyError(found=text, wanted=", ".join(KNOWN))
    index = int(number[1]) if number is not None else 0
    return Strategy(f"cuda:{index}" if index else words[0], words[1])


def choose(
    spec: Spec,
    dtype: str,
    available_bytes: int,
    *,
    fast_bf16: bool | None = None,
    gpus: Sequence[Gpu] = (),
) -> Strategy:
    """The best strategy for a model whose file holds ``dtype``, in ``available_bytes``.

    On a card of ``gpus`` (those that ``usable`` gives) where one has enough free memory.  On the
    processor: full precision costs nothing noticeable in a small model, and is what a file of
    32-bit numbers was made for; elsewhere 16 bits halve what each token reads.  Fewer bits are
    taken where the file has them already, or where nothing larger fits.  ``fast_bf16`` tells
    whether what computes here reads bfloat16 at the speed of memory; None asks it.
    """
    chosen = choose_on_gpu(spec, dtype, gpus)
    if chosen is not None:
        return chosen
    if dtype in QUANTISED:
        return Strategy("cpu", dtype)
    if fast_bf16 is None:
        fast_bf16 = bf16_is_fast()
    full, half = Strategy("cpu", "fp32"), Strategy("cpu", "bf16")
    costs = footprint(spec, full, dtype)
    wanted = dtype in ("fp32", "fp64") or costs.weights <= _SMALL_BYTES or not fast_bf16
    if wanted and costs.total <= available_bytes:
        return full
    smaller = (half, *(Strategy("cpu", kind) for kind in QUANTISED))
    fits = (way for way in smaller if footprint(spec, way, dtype).total <= available_bytes)
    return next(fits, half)


def choose_on_gpu(spec: Spec, dtype: str, gpus: Sequence[Gpu]) -> Strategy | None:
    """The most exact format that fits one of the cards, as ``usable`` gives them; None where none.

    A model so small that the processor has it in its caches gains nothing from a card, and the
    start of one costs it memory.
    """
    if not gpus or footprint(spec, Strategy("cpu", "fp32"), dtype).weights <= _SMALL_BYTES:
        return None
    ways = [(Strategy(gpu.device, f), room_on(gpu)) for f in formats_for(dtype) for gpu in gpus]
    fits = (way for way, room in ways if footprint(spec, way, dtype).total <= room)
    return next(fits, None)


def formats_for(dtype: str, gpu: Gpu | None = None) -> tuple[str, ...]:
    """The formats on a card for a file of ``dtype``, best first; with ``gpu`` also its second.

    fp16 keeps what bf16 has in all but the smallest weights, its activations have three bits
    more, and every card multiplies it.  Where it does not do, bf16 may.
    """
    if dtype in QUANTISED:
        return (dtype,)
    wide = ("bf16",) if gpu is not None and gpu.capability >= LEAST_BF16 else ()
    return ("fp16", *wide, *QUANTISED)


def room_on(gpu: Gpu) -> int:
    """Bytes of a card's memory that a model may take now."""
    return max(0, gpu.free_bytes - _SPARE_BYTES)
