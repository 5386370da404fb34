"""Random numbers for the tests of kernels: the same ones for each combination of arguments."""

import torch


class Draw:
    """Gives normal numbers of a shape, from the same beginning after each ``afresh``."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.afresh()

    def __call__(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self._random)

    def afresh(self) -> None:
        """Begin again."""
        self._random = torch.Generator().manual_seed(self._seed)
