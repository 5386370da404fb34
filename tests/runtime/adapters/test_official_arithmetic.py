"""Merges compared with the steps that the tools which made the adapters take to merge them.

These are the operations of RWKV-PEFT's merge_lora.py, merge_pissa.py and merge_disha.py (reshape,
permute, add), written down here in their order; where the package peft is installed, its own.
"""

import pytest
import torch

from app.runtime.adapters.adapter_reading import read_adapter
from app.runtime.adapters.merged_checkpoint import MergedCheckpoint
from app.runtime.checkpoint import open_checkpoint
from tests.support import adapters
from tests.support.checkpoints import random_tensors, write_pth

from .test_merging import asked


@pytest.fixture(scope="module")
def base():
    return random_tensors("7.0", seed=5)


@pytest.fixture(scope="module")
def model(base, tmp_path_factory):
    return write_pth(tmp_path_factory.mktemp("base") / "base.pth", base)


def merged(model, path, alpha=None):
    """Every tensor with the adapter in it."""
    with open_checkpoint(model) as checkpoint:
        weights = MergedCheckpoint(checkpoint, [read_adapter(asked(path, alpha))])
        return {f"{place}.weight": weights.read(f"{place}.weight") for place in adapters.PLACES}


def close(found, wanted):
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, wanted[name], rtol=2e-6, atol=2e-6)


def test_lora_and_pissa_are_merged_by_the_products_of_the_scripts(tmp_path, base, model):
    file, _ = adapters.lora(base)
    wanted = {}
    for place in adapters.PLACES:
        down, up = file[f"{place}.lora_A"], file[f"{place}.lora_B"]
        wanted[f"{place}.weight"] = base[f"{place}.weight"] + up @ down * (8.0 / down.shape[0])
    close(merged(model, write_pth(tmp_path / "lora.pth", file), 8.0), wanted)
    file, first, _ = adapters.pissa(base)
    for place in adapters.PLACES:
        name = f"model.{place}.init_lora_"
        residue = base[f"{place}.weight"] - first[f"{name}B"] @ first[f"{name}A"]
        wanted[f"{place}.weight"] = residue + file[f"{place}.lora_B"] @ file[f"{place}.lora_A"]
    (tmp_path / "pissa").mkdir()
    write_pth(tmp_path / "pissa" / "init_pissa.pth", first)
    close(merged(model, write_pth(tmp_path / "pissa" / "rwkv-0.pth", file)), wanted)


def test_shards_and_bat_are_merged_by_the_reshaping_of_the_script(tmp_path, base, model):
    file, _ = adapters.shards(base)
    wanted = {}
    for place in adapters.PLACES:
        weight, block = base[f"{place}.weight"], file[f"{place}.disha"]
        out, into = weight.shape
        r = block.shape[0]
        whole = weight.reshape(out, into // r, r).permute(1, 2, 0) + block
        wanted[f"{place}.weight"] = whole.permute(2, 0, 1).reshape(out, into)
    close(merged(model, write_pth(tmp_path / "disha.pth", file)), wanted)
    file, _ = adapters.bat(base)
    for place in adapters.PLACES:
        weight, block = base[f"{place}.weight"], file[f"{place}.bone"]
        out, into = weight.shape
        r = block.shape[1]
        cut = weight.reshape(out // r, r, into // r, r).permute(0, 2, 1, 3)
        cut = cut + cut @ block + block
        wanted[f"{place}.weight"] = cut.permute(0, 2, 1, 3).reshape(out, into)
    close(merged(model, write_pth(tmp_path / "bone.pth", file)), wanted)


def test_what_the_package_peft_saves_and_merges_itself_is_the_same_here(tmp_path, base, model):
    peft = pytest.importorskip("peft")
    place = "blocks.1.att.key"
    weight = base[f"{place}.weight"]

    def tree(parts, leaf):
        module = torch.nn.Module()
        module.add_module(parts[0], leaf if len(parts) == 1 else tree(parts[1:], leaf))
        return module

    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = weight.clone()
    told = peft.LoraConfig(r=4, lora_alpha=12, target_modules=["key"])
    wrapped = peft.get_peft_model(tree(place.split("."), layer), told)
    with torch.no_grad():
        for name, tensor in wrapped.named_parameters():
            if "lora_" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(3)))
    wrapped.save_pretrained(tmp_path / "saved")
    plain = wrapped.merge_and_unload()
    wanted = dict(plain.named_parameters())[f"{place}.weight"].detach()
    with open_checkpoint(model) as checkpoint:
        weights = MergedCheckpoint(checkpoint, [read_adapter(asked(tmp_path / "saved"))])
        torch.testing.assert_close(weights.read(f"{place}.weight"), wanted, rtol=1e-5, atol=1e-5)
