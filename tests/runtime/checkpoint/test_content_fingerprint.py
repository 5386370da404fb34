"""What a state is bound to: any change of weights or of a merged start state is seen."""

import pytest
import torch

from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors


def _fingerprint(path):
    with open_checkpoint(path) as checkpoint:
        return checkpoint.content_fingerprint


@pytest.fixture(scope="module")
def tensors():
    return random_tensors("6.0", width=128, layers=2)


@pytest.fixture(scope="module")
def plain(tensors, tmp_path_factory):
    return _fingerprint(write_pth(tmp_path_factory.mktemp("models") / "m.pth", tensors))


def test_it_is_that_of_the_weights_wherever_they_lie(tmp_path, tensors, plain):
    assert len(plain) == 32
    assert _fingerprint(write_pth(tmp_path / "other name.pth", tensors)) == plain
    assert _fingerprint(write_safetensors(tmp_path / "m.safetensors", tensors)) == plain


@pytest.mark.parametrize(
    "name", ["blocks.1.ffn.key.weight", "blocks.0.att.time_faaaa", "emb.weight"]
)
def test_one_tensor_of_other_numbers_is_another_model(tmp_path, tensors, plain, name):
    changed = tensors | {name: tensors[name] + 0.001}
    assert _fingerprint(write_pth(tmp_path / "m.pth", changed)) != plain


def test_one_number_of_a_merged_start_state_is_another_model(tmp_path, tensors, plain):
    state = {f"blocks.{layer}.att.time_state": torch.randn(8, 16, 16) for layer in range(2)}
    merged = _fingerprint(write_pth(tmp_path / "a.pth", tensors | state))
    state["blocks.1.att.time_state"][3, 5, 7] += 1
    again = _fingerprint(write_pth(tmp_path / "b.pth", tensors | state))
    assert len({plain, merged, again}) == 3


def test_a_tensor_that_does_not_lie_in_order_counts_whole(tmp_path, tensors):
    name = "blocks.0.att.time_maa_w1"
    turned = [tensors | {name: tensors[name].T.contiguous().T}, None]
    turned[1] = turned[0] | {name: turned[0][name].clone()}
    turned[1][name][-1, -1] += 1
    made = [_fingerprint(write_pth(tmp_path / f"{i}.pth", t)) for i, t in enumerate(turned)]
    assert made[0] != made[1]
