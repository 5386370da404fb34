"""Weights that stay in the machine's memory and are copied to a card just before their turn.

As in ``layer_stream`` there are two slots, here in the card's memory: while one stage computes, the
next one is copied beside it.  Only the card waits, for marks between its work and the copies; the
host has issued both long before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.kernels.cuda.device import Array, Device
from app.runtime.planning.footprint import SLOTS


@dataclass(frozen=True)
class CardStage:
    """Bytes of one stage in page-locked memory, and the slot that they are copied to."""

    host: "np.ndarray[Any, np.dtype[np.uint8]]"
    slot: Array


class CardStream:
    """See Turns; ``stages`` may grow until the first one begins."""

    def __init__(self, device: Device, stages: Sequence[CardStage]) -> None:
        self._device, self._stages = device, stages
        self._lies = [-1] * SLOTS
        self._arrived: list[Any] = [None] * SLOTS
        self._left: list[Any] = [None] * SLOTS

    def begin(self, stage: int) -> None:
        """See Turns."""
        slot = stage % SLOTS
        if self._lies[slot] != stage:
            self._bring(stage)
        self._device.wait_for(self._arrived[slot])

    def end(self, stage: int) -> None:
        """See Turns."""
        self._left[stage % SLOTS] = self._device.mark()
        count, taken = len(self._stages), set()
        for following in ((stage + 1) % count, (stage + 2) % count):
            slot = following % SLOTS
            if slot not in taken and self._lies[slot] != following:
                self._bring(following)
            taken.add(slot)

    def _bring(self, stage: int) -> None:
        """Copy a stage into its slot once what computed there before has come to its end."""
        slot, which = stage % SLOTS, self._stages[stage]
        to = which.slot[: len(which.host)]
        self._arrived[slot] = self._device.bring(to, which.host, self._left[slot])
        self._lies[slot] = stage
