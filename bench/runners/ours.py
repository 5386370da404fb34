"""Rookery's engine, loaded as the program loads it."""

from collections.abc import Sequence
from typing import Any

import torch

from app.kernels import Loras
from app.runtime.loading import open_model

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
            "kernels": self.model.ops.name,
            "threads": torch.get_num_threads(),
            "reads_bytes": self.model.weights_bytes - _padding_bytes(self.model.blocks),
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


def _padding_bytes(part: object) -> int:
    """Zeros that fill low-rank chains up to one rank: read perhaps, but no part of the model."""
    if isinstance(part, Loras):
        numbers: int = part.down.shape[-1] + part.up.shape[-2]
        filled: int = sum(part.down.shape[-2] - rank for rank in part.ranks)
        return filled * numbers * int(part.down.element_size())
    if isinstance(part, list | tuple):
        return sum(map(_padding_bytes, part))
    return sum(_padding_bytes(inner) for inner in getattr(part, "__dict__", {}).values())


if __name__ == "__main__":
    serve(Ours)
