"""AdamW for vectors, embedding and head, Muon for the layers' matrices; knows no text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

MUON = ("receptance.weight", "key.weight", "value.weight", "output.weight")
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalised(x: Tensor, steps: int = 5) -> Tensor:
    """Nearly the orthogonal matrix next to `x`, (rows, columns), by a Newton-Schulz iteration.

    Coefficients and method: Keller Jordan, "Muon: An optimizer for hidden layers" (2024). The
    singular values come out between about 0.7 and 1.2.
    """
    a, b, c = QUINTIC
    wide = x.shape[0] <= x.shape[1]
    y = (x if wide else x.T).bfloat16()
    y = y / (y.norm() + 1e-7)
    for _ in range(steps):
        square = y @ y.T
        y = a * y + (b * square + c * square @ square) @ y
    result: Tensor = (y if wide else y.T).float()
    return result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose step is made orthogonal; for matrices alone."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, decay: float) -> None:
        super().__init__(parameters, {"lr": rate, "weight_decay": decay, "momentum": 0.95})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; `closure` is there for torch's sake and not called."""
        for group in self.param_groups:
            for parameter in group["params"]:
                self._move(parameter, group)

    def _move(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        if gradient is None:
            return
        state = self.state[parameter]
        speed = state.setdefault("speed", torch.zeros_like(parameter))
        speed.mul_(group["momentum"]).add_(gradient)
        direction = orthogonalised(gradient + group["momentum"] * speed)
        rows, columns = parameter.shape
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(direction, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def optimizers(model: nn.Module, rate: float, matrix_rate: float) -> tuple[torch.optim.AdamW, Muon]:
    """Both, over all parameters; w0 learns at twice the rate, and only matrices decay."""
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    decays: list[nn.Parameter] = []
    for name, value in model.named_parameters():
        if name.startswith("blocks.") and name.endswith(MUON):
            matrices.append(value)
        else:
            (decays if name.endswith("w0") else vectors).append(value)
    groups: list[dict[str, Any]] = [{"params": vectors}, {"params": decays, "lr": 2 * rate}]
    adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), eps=1e-12, weight_decay=0.0)
    return adam, Muon(matrices, matrix_rate, 0.02)
