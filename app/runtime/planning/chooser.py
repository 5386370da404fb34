"""Which strategy a model gets on this machine, by the memory that is free; loads no model."""

from collections.abc import Sequence

from app.runtime.planning.fast_formats import bf16_is_fast
from app.runtime.planning.footprint import QUANTISED, footprint
from app.runtime.planning.strategy import Strategy, whole_on
from app.runtime.spec import Spec
from app.system.gpus import LEAST_BF16, Gpu

_SMALL_BYTES = 64 << 20

_SPARE_BYTES = 256 << 20  # of a card, for the windows that it draws meanwhile


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
        return whole_on("cpu", dtype)
    if fast_bf16 is None:
        fast_bf16 = bf16_is_fast()
    full, half = whole_on("cpu", "fp32"), whole_on("cpu", "bf16")
    costs = footprint(spec, full, dtype)
    wanted = dtype in ("fp32", "fp64") or costs.weights <= _SMALL_BYTES or not fast_bf16
    if wanted and costs.total <= available_bytes:
        return full
    smaller = (half, *(whole_on("cpu", kind) for kind in QUANTISED))
    fits = (way for way in smaller if footprint(spec, way, dtype).total <= available_bytes)
    return next(fits, half)


def choose_on_gpu(spec: Spec, dtype: str, gpus: Sequence[Gpu]) -> Strategy | None:
    """The most exact format that fits one of the cards, as ``usable`` gives them; None where none.

    A model so small that the processor has it in its caches gains nothing from a card, and the
    start of one costs it memory.
    """
    if not gpus or footprint(spec, whole_on("cpu", "fp32"), dtype).weights <= _SMALL_BYTES:
        return None
    ways = [(whole_on(gpu.device, f), room_on(gpu)) for f in formats_for(dtype) for gpu in gpus]
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
