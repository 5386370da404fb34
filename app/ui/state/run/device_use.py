"""What takes the memory of each device, for the bars of the Run dialog; draws nothing."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["weights", "state", "workspace", "base", "others", "free"]
"""The model's numbers, its memory of the text, what a prompt takes while it is read, the engine
itself, other programs and the system, and nothing."""

OURS: tuple[Kind, ...] = ("weights", "state", "workspace", "base")


@dataclass(frozen=True)
class Use:
    """So many bytes for one thing."""

    kind: Kind
    bytes: int


@dataclass(frozen=True)
class DeviceUse:
    """One device with its memory in bytes, as it would be with the model that is chosen.

    ``facts`` are dim words about it.  ``limit_bytes`` is what the person allows a model there, 0
    for all.  ``uses`` are in the order of the bar.
    """

    device: str
    name: str
    facts: str
    total_bytes: int
    uses: tuple[Use, ...]
    limit_bytes: int = 0

    @property
    def used_bytes(self) -> int:
        """All that is not free."""
        return sum(use.bytes for use in self.uses if use.kind != "free")

    @property
    def our_bytes(self) -> int:
        """What the model takes."""
        return sum(use.bytes for use in self.uses if use.kind in OURS)

    @property
    def over_bytes(self) -> int:
        """By how much that is more than there is, or more than is allowed; 0 where it fits."""
        beyond = self.used_bytes - self.total_bytes
        refused = self.our_bytes - self.limit_bytes if self.limit_bytes else 0
        return max(0, beyond, refused)


def use_of(total_bytes: int, others_bytes: int, ours: tuple[Use, ...]) -> tuple[Use, ...]:
    """The bar of a device: the model's parts, other programs, and what is left."""
    taken = others_bytes + sum(use.bytes for use in ours)
    rest = max(0, total_bytes - taken)
    parts = (*ours, Use("others", others_bytes), Use("free", rest))
    return tuple(use for use in parts if use.bytes > 0)
