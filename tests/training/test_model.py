"""The model that is trained is the model that the program runs."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from training.model import Rwkv7, Shape
from training.wkv7 import wkv7_plain

SHAPE = Shape(layers=3, width=64, head_size=32, vocabulary=256)


@pytest.fixture(scope="module")
def model() -> Rwkv7:
    torch.manual_seed(3)
    made = Rwkv7(SHAPE, wkv7_plain)
    with torch.no_grad():
        for value in made.parameters():  # nothing may stay zero, as it is before training
            value.add_(torch.randn_like(value) * 0.1)
    return made


@pytest.fixture(scope="module")
def file(model: Rwkv7, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path)
    return path


def test_the_program_computes_the_same_logits(model, file):
    tokens = torch.randint(0, 256, (2, 23), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        wanted = model(tokens)
    with open_checkpoint(file) as checkpoint:
        runner = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
    got = runner.forward(tokens, runner.blank(2), every=True)
    assert (got - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_the_header_tells_the_shape(file):
    with open_checkpoint(file) as checkpoint:
        spec = checkpoint.spec
    assert (spec.generation, spec.layers, spec.width) == ("7.0", SHAPE.layers, SHAPE.width)
    assert (spec.heads, spec.head_size, spec.vocabulary) == (SHAPE.heads, SHAPE.head_size, 256)


def test_a_fresh_model_finds_every_byte_about_equally_likely():
    torch.manual_seed(0)
    with torch.no_grad():
        logits = Rwkv7(SHAPE, wkv7_plain)(torch.randint(0, 256, (1, 9)))
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    assert (entropy > 0.9 * torch.log(torch.tensor(256.0))).all()


def test_later_bytes_change_nothing_before_them(model):
    tokens = torch.arange(12).reshape(1, 12)
    other = tokens.clone()
    other[0, 8:] = 99
    with torch.no_grad():
        first, second = model(tokens), model(other)
    assert torch.allclose(first[:, :8], second[:, :8])
    assert not torch.allclose(first[:, 8:], second[:, 8:])
