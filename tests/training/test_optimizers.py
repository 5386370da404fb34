"""The optimizers: which parameter goes where, and what an orthogonal step is."""

import pytest
import torch
from torch import nn

from training.model import Rwkv7, Shape
from training.optimizers import MUON, Muon, optimizers, orthogonalised
from training.wkv7 import wkv7_plain


@pytest.mark.parametrize("shape", [(24, 24), (16, 64), (64, 16)])
def test_an_orthogonalised_matrix_has_singular_values_near_one_and_its_own_directions(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    y = orthogonalised(x)
    assert y.shape == x.shape
    sizes = torch.linalg.svdvals(y)
    assert sizes.min() > 0.3
    assert sizes.max() < 1.3
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    assert (y * (u @ v)).sum() / (y.norm() * (u @ v).norm()) > 0.9


def test_every_parameter_belongs_to_exactly_one_optimizer():
    model = Rwkv7(Shape(layers=2, width=64, head_size=32), wkv7_plain)
    adam, muon = optimizers(model, 1e-3, 1e-2)
    held = [id(p) for one in (adam, muon) for g in one.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    moved = {id(p) for group in muon.param_groups for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in moved}
    assert names == {
        name for name, _ in model.named_parameters() if "blocks." in name and name.endswith(MUON)
    }
    assert len(names) == 2 * 6


def test_muon_walks_down_a_bowl_and_leaves_what_has_no_gradient():
    torch.manual_seed(0)
    target = torch.randn(12, 8)
    moved, still = nn.Parameter(torch.zeros(12, 8)), nn.Parameter(torch.ones(3, 3))
    muon = Muon([moved, still], rate=0.05, decay=0.0)
    for step in range(200):
        muon.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        loss = ((moved - target) ** 2).mean()
        loss.backward()
        muon.step()
        muon.zero_grad()
    assert loss < 0.02
    assert torch.equal(still, torch.ones(3, 3))
