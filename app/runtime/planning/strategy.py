"""Where a model's numbers live and in what type; knows no file and no array.

The text follows the language of the ``rwkv`` package: a device and a type, ``cpu bf16``.
"""

import re

import msgspec

from app.errors import StrategyError

ON_CPU = ("cpu bf16", "cpu int8", "cpu int4", "cpu fp32", "cpu fp16")
ON_GPU = ("cuda fp16", "cuda bf16", "cuda int8", "cuda int4", "cuda fp32")
KNOWN = ON_CPU + ON_GPU
"""Every text there is, but for the number of a card."""

# The package names the type of the activations as well; here they have 32 bits, or what is best.
_SPELLING = re.compile(r"(?:fp32|bf16|fp16)i(8|4)")
_NUMBER = re.compile(r"cuda:(\d{1,3})", re.ASCII)


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
