"""The ``rwkv`` package: one text at a time."""

import os
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from .serving import serve

_CHOICES = {"RWKV_JIT_ON": "1", "RWKV_CUDA_ON": "0"}


class Package:
    """See Engine."""

    def load(
        self, path: str, strategy: str = "", generation: str = "7.0", **_: Any
    ) -> dict[str, Any]:
        """See Engine."""
        newest = generation == "7.0"
        # the package reads them, and prints, while it is imported
        os.environ |= _CHOICES | {"RWKV_V7_ON": "1" if newest else "0"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import rwkv.model as official

            make = official.RWKV_x070 if newest else official.RWKV
            self.model = make(path.removesuffix(".pth"), strategy)
        told = {"threads": torch.get_num_threads()}
        if newest:
            told["reads_bytes"] = sum(
                one.nbytes for name, one in self.model.z.items() if name != "emb.weight"
            )
        return told

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
