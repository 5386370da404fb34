"""Prompts that are being read, and the pieces that they are read in; they run no model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .prompt_reading import PromptReading

if TYPE_CHECKING:
    import torch

    from app.runtime.models.sublayers import Read
    from app.runtime.states.state import RecurrentState

    from .remembered import Coming


@dataclass
class TextReading:
    """A text in prefill; ``logits`` (V,) are those after the tokens read so far, if known.

    ``hidden`` (C,) is the vector that they are made of, where the text wants it.
    ``piece`` is what is being read on.  ``looked`` tells how new the store was when the text's
    beginning was looked for in it, ``again_at`` where memory ran out last.  ``coming`` is a state
    that is being read from the disk for it: it waits for that.
    """

    text: PromptReading
    state: "RecurrentState"
    logits: "torch.Tensor | None"
    looked: int
    piece: "PromptPiece | None" = None
    again_at: int = -1
    hidden: "torch.Tensor | None" = None
    coming: "Coming | None" = None

    def wait_a_moment(self) -> None:
        """For the disk."""
        if self.coming is not None:
            self.coming.glance()


@dataclass
class PromptPiece:
    """A piece of a prompt, up to token ``end``, part way through the layers, with its own state."""

    end: int
    state: "RecurrentState"
    steps: "Iterator[Read | None]"
