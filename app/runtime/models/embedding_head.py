"""What makes a sentence's embedding of the vector after ln_out: LN(fc2(relu(fc1 x)) + x).

Source: EmbeddingRWKV, github.com/howard-hou/EmbeddingRWKV.
"""

from collections.abc import Mapping

import torch
from torch.nn import functional


class EmbeddingHead:
    """One head in float32; C is the model's width."""

    def __init__(self, parts: Mapping[str, torch.Tensor]) -> None:
        self._parts = parts

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """The embedding (C,) of a text that ends with its end token, where ``hidden`` (C,) is."""
        part = self._parts
        x = hidden.to(torch.float32)
        inner = torch.relu(functional.linear(x, part["fc1.weight"], part.get("fc1.bias")))
        out = functional.linear(inner, part["fc2.weight"], part.get("fc2.bias")) + x
        return functional.layer_norm(out, out.shape, part["norm.weight"], part["norm.bias"])
