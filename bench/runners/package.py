"""The ``rwkv`` package: one text at a time, RWKV-7 only."""

import os
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from .serving import serve

_CHOICES = {"RWKV_JIT_ON": "1", "RWKV_CUDA_ON": "0", "RWKV_V7_ON": "1"}


class Package:
    """See Engine."""

    def __init__(self) -> None:
        os.environ |= _CHOICES  # the package reads them, and prints, while it is imported
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import rwkv.model as official
        self._official = official

    def load(self, path: str, strategy: str = "", **_: Any) -> dict[str, Any]:
        """See Engine."""
        self.model = self._official.RWKV_x070(path.removesuffix(".pth"), strategy)
        read = sum(one.nbytes for name, one in self.model.z.items() if name != "emb.weight")
        return {"threads": torch.get_num_threads(), "reads_bytes": read}

    def blank(self, texts: int) -> None:
        """See Engine."""
        if texts != 1:
            raise ValueError("the package runs one text at a time")
        self.state: Any = None

    def feed(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """See Engine."""
        self._logits, self.state = self.model.forward(list(rows[0]), self.state)
        return [int(self._logits.argmax())]

    def logits(self) -> bytes:
        """See Engine."""
        return bytes(self._logits.float().numpy().tobytes())


if __name__ == "__main__":
    serve(Package)
