"""Rookery's engine, loaded as the program loads it."""

from collections.abc import Sequence
from typing import Any

import torch

from app.kernels import Loras, Ops
from app.runtime.loading.loading import open_model
from app.runtime.models import Rwkv

from .serving import serve


class Ours:
    """See Engine."""

    def load(
        self, path: str, strategy: str = "", *, skipping: bool = True, **_: Any
    ) -> dict[str, Any]:
        """See Engine; ``skipping`` tells whether to skip what belongs to zeros."""
        opened = open_model(path, strategy)
        self.model = opened.model
        self.model.ops.skipping = skipping
        return {
            "strategy": opened.strategy.text,
            "kernels": _kernels(self.model.ops),
            "threads": torch.get_num_threads(),
            "reads_bytes": self.model.weights_bytes - _padding_bytes(self.model),
        }

    def blank(self, texts: int) -> None:
        """See Engine."""
        self.state = self.model.blank(texts)

    def feed(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """See Engine."""
        self._logits = self.model.forward(torch.tensor(rows), self.state)
        return [int(token) for token in self._logits.argmax(-1)]

    def logits(self) -> bytes:
        """See Engine."""
        return bytes(self._logits[0].numpy().tobytes())


def _kernels(ops: Ops) -> str:
    """E.g. "native avx512", or why there is none."""
    library = getattr(ops, "library", None)
    return f"{ops.name} {library.chosen if library else ops.note}".strip()


def _padding_bytes(model: Rwkv) -> int:
    """Zeros that fill low-rank chains up to one rank: read perhaps, but no part of the model."""
    parts = (part for block in model.blocks for half in block for part in vars(half).values())
    total = 0
    for part in parts:
        if isinstance(part, Loras):
            filled = sum(part.down.shape[-2] - rank for rank in part.ranks)
            numbers = part.down.shape[-1]
            if part.up.dim() == 3:  # else it lies by unit and has none
                numbers += part.up.shape[-2]
            total += filled * numbers * part.down.element_size()
    return total


if __name__ == "__main__":
    serve(Ours)
