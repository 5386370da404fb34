"""The exact shape of an official model from generation, layers, width and vocabulary alone.

Known before a file is there: so a model's memory can be told before it is downloaded.  The
counts are sums over the tensors that ``checkpoint.identify`` expects; a file's own header says
the same, and wins once it is there.
"""

from collections.abc import Callable

from .spec import Spec

_HEAD_SIZE = 64

# Generation 7's low-rank widths, decay + in-context rate + value residual + gate, by layers and
# width as released; the table is from the released files' headers.
_RANKS7 = {
    (12, 768): 64 + 64 + 32 + 128,
    (24, 1024): 64 + 64 + 32 + 128,
    (24, 2048): 96 + 96 + 64 + 256,
    (32, 2560): 96 + 96 + 64 + 320,
    (32, 4096): 128 + 128 + 96 + 480,
    (61, 4096): 192 + 192 + 128 + 384,
}


def spec_of(
    generation: str, layers: int, width: int, vocabulary: int, *, ranks: int = 0
) -> Spec | None:
    """The shape of an official model of these sizes; None where a size is missing or unknown.

    ``ranks`` is the sum of generation 7's four low-rank widths, 0 for those of its release (or
    what its training code gives a model of this width).
    """
    count = _PARAMETERS.get(generation)
    if count is None or min(layers, width, vocabulary) <= 0:
        return None
    heads = 0 if generation == "4" else width // _HEAD_SIZE
    block = count(width, layers, ranks)
    return Spec(
        generation=generation,
        layers=layers,
        width=width,
        heads=heads,
        head_size=_HEAD_SIZE if heads else 0,
        attention_width=width,
        ffn_width=_ffn_width(generation, width),
        vocabulary=vocabulary,
        parameters=2 * vocabulary * width + 4 * width + layers * block,
    )


def _ffn_width(generation: str, width: int) -> int:
    return 4 * width if generation in ("4", "5.0", "7.0") else int(3.5 * width) // 32 * 32


def _block4(width: int, _layers: int, _ranks: int) -> int:
    return 13 * width**2 + 11 * width


def _block50(width: int, _layers: int, _ranks: int) -> int:
    return 13 * width**2 + 11 * width + 2 * (width // _HEAD_SIZE)


def _gated(width: int) -> int:
    return 6 * width**2 + 2 * width * _ffn_width("5.2", width)


def _block51(width: int, _layers: int, _ranks: int) -> int:
    return _gated(width) + 12 * width + 2 * (width // _HEAD_SIZE)


def _block52(width: int, _layers: int, _ranks: int) -> int:
    return _gated(width) + 14 * width


def _block6(width: int, _layers: int, _ranks: int) -> int:
    mix = 64 if width == 4096 else 32
    return _gated(width) + 10 * width * mix + 2 * width * 2 * mix + 16 * width


def _block7(width: int, layers: int, ranks: int) -> int:
    ranks = ranks or _RANKS7.get((layers, width)) or _usual_ranks(width)
    return 12 * width**2 + 19 * width + 2 * width * ranks


def _usual_ranks(width: int) -> int:
    """What the training code gives a new model of this width."""
    return sum(max(32, round(times * width**0.5 / 32) * 32) for times in (2.5, 2.5, 1.7, 5))


_PARAMETERS: dict[str, Callable[[int, int, int], int]] = {
    "4": _block4,
    "5.0": _block50,
    "5.1": _block51,
    "5.2": _block52,
    "6.0": _block6,
    "7.0": _block7,
}
