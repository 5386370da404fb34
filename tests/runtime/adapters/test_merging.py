"""Adapters of all kinds, merged while a model is opened, compared with merges in NumPy."""

import hashlib
import os

import pytest
import torch

from app.errors import DamagedCheckpoint, RequestRefused
from app.kernels import open_ops
from app.runtime.adapters.adapter_reading import read_adapter
from app.runtime.adapters.merged_checkpoint import MergedCheckpoint
from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading.loading import open_model
from app.runtime.loading.packed_copy import write_packed
from app.runtime.planning.strategy import parse
from app.runtime.protocol.adapters import MergedAdapter
from tests.runtime.checkpoint.test_sharded import write_sharded
from tests.support import adapters
from tests.support.checkpoints import GENERATIONS, random_tensors, write_pth, write_safetensors
from tests.support.gguf_files import write_gguf

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]])


@pytest.fixture(scope="module")
def base():
    return random_tensors("7.0", seed=5)


@pytest.fixture
def model(tmp_path, base):
    return write_pth(tmp_path / "base.pth", base)


def asked(path, alpha=None):
    return MergedAdapter(os.fsencode(path), alpha)


def logits(path, *merged, strategy="cpu fp32"):
    opened = open_model(path, strategy, adapters=merged)
    return opened.model.forward(TOKENS, opened.model.blank()).clone(), opened


def check(model, file, merged, tmp_path, alpha=None):
    """The merged tensors are those of NumPy, and the model computes with them."""
    adapter = asked(file, alpha)
    with open_checkpoint(model) as checkpoint:
        weights = MergedCheckpoint(checkpoint, [read_adapter(adapter)])
        for name, wanted in merged.items():
            torch.testing.assert_close(weights.read(name), wanted, rtol=2e-6, atol=2e-6)
            into = torch.empty_like(wanted)
            weights.read_into(name, into)
            assert torch.equal(into, weights.read(name))
    found, opened = logits(model, adapter)
    wanted, other = logits(write_pth(tmp_path / "merged.pth", merged))
    plain, before = logits(model)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert (found - plain).abs().max() > 0.05
    assert len({one.fingerprint for one in (opened, other, before)}) == 3


def test_lora_in_all_its_names_is_merged_as_numpy_does(tmp_path, base, model):
    for number, name in enumerate(
        ("{}.{}", "base_model.model.{}.{}.weight", "model.{}.{}.default.weight", "{}.weight.{}")
    ):
        file, merged = adapters.lora(base, name=name)
        path = write_pth(tmp_path / f"lora{number}.pth", file)
        with open_checkpoint(model) as checkpoint:
            weights = MergedCheckpoint(checkpoint, [read_adapter(asked(path, 8.0))])
            for place in adapters.PLACES:
                found = weights.read(f"{place}.weight")
                torch.testing.assert_close(found, merged[f"{place}.weight"], rtol=2e-6, atol=2e-6)
    check(model, path, merged, tmp_path, 8.0)


@pytest.mark.parametrize("way", ["*1+", "; head cpu mapped"])
def test_adapters_are_in_layers_that_are_read_for_each_token(tmp_path, base, model, way):
    file, _ = adapters.lora(base)
    adapter = asked(write_pth(tmp_path / "lora.pth", file), 8.0)
    whole, _ = logits(model, adapter)
    streamed, opened = logits(model, adapter, strategy=f"cpu fp32 {way}")
    torch.testing.assert_close(streamed, whole, rtol=1e-4, atol=1e-4)
    token, state = torch.tensor([[7]]), opened.model.blank()
    again = [opened.model.forward(token, state.clone()).clone() for _ in range(2)]
    assert torch.equal(*again)


def test_what_web_rwkv_has_converted_is_the_same_adapter(tmp_path, base, model):
    file, merged = adapters.lora(base)
    turned = {
        name.replace("lora_A", "lora.0").replace("lora_B", "lora.1"): (
            tensor.T.contiguous() if "lora_A" in name else tensor
        )
        for name, tensor in file.items()
    }
    check(model, write_safetensors(tmp_path / "lora.st", turned), merged, tmp_path, 8.0)


def test_pissa_takes_its_beginning_away_first(tmp_path, base, model):
    file, first, merged = adapters.pissa(base)
    folder = tmp_path / "pissa"
    folder.mkdir()
    write_pth(folder / "init_pissa.pth", first)
    check(model, write_pth(folder / "rwkv-3.pth", file), merged, tmp_path)
    with pytest.raises(RequestRefused) as refused:
        read_adapter(asked(folder / "rwkv-3.pth", 8.0))
    assert refused.value.facts["why"] == "adapter-no-alpha"


@pytest.mark.parametrize(("name", "rank"), [("{}.disha", 4), ("{}.bone", 8), ("{}.disha", 12)])
def test_shards_are_added_to_the_columns_also_where_the_last_one_is_cut(
    tmp_path, base, model, name, rank
):
    file, merged = adapters.shards(base, name=name, rank=rank)
    check(model, write_pth(tmp_path / "disha.pth", file), merged, tmp_path)


def test_bat_multiplies_each_block(tmp_path, base, model):
    file, merged = adapters.bat(base)
    check(model, write_pth(tmp_path / "bone.pth", file), merged, tmp_path)


def test_folders_of_peft_tell_their_alpha_themselves(tmp_path, base, model):
    name = "base_model.model.{}.{}.weight"
    file, merged = adapters.lora(base, name=name, alpha=12.0)
    told = {"peft_type": "LORA", "r": 4, "lora_alpha": 12}
    check(model, adapters.write_peft(tmp_path / "one", file, **told), merged, tmp_path)
    file, merged = adapters.lora(base, name=name, alpha=12.0, root=True)
    told["use_rslora"] = True
    check(model, adapters.write_peft(tmp_path / "two", file, **told), merged, tmp_path)
    inside = tmp_path / "two" / "adapter_model.safetensors"
    check(model, inside, merged, tmp_path)


def test_miss_of_peft_is_merged_in_both_of_its_ways(tmp_path, base, model):
    name = "base_model.model.{}.miss_block"
    file, merged = adapters.shards(base, name=name)
    told = {"peft_type": "MISS", "r": 4, "init_weights": True}
    check(model, adapters.write_peft(tmp_path / "miss", file, **told), merged, tmp_path)
    file, merged = adapters.bat(base, name=name, by_row=True)
    told["init_weights"] = "bat"
    check(model, adapters.write_peft(tmp_path / "bat", file, **told), merged, tmp_path)


def test_a_package_is_merged_into_the_very_file_it_was_trained_for(tmp_path, base, model):
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    name = "{}.weight.D"
    file, _ = adapters.shards(base, name=name, scale=0.5, turned=True)
    halved = {key: tensor.half().float() for key, tensor in file.items()}
    _, merged = adapters.shards(base, name=name, scale=0.5, turned=True)
    for place in adapters.PLACES:
        block, weight = halved[name.format(place)], base[f"{place}.weight"].clone()
        for column in range(weight.shape[1]):
            weight[:, column] += 0.5 * block[:, column % adapters.RANK]
        merged[f"{place}.weight"] = weight
    package = adapters.write_package(tmp_path / "miss", file, digest, 0.5)
    check(model, package, merged, tmp_path)
    one = adapters.write_package(tmp_path / "one.pth", file, digest, 0.5, one_file=True)
    assert read_adapter(asked(one)).digest == read_adapter(asked(package)).digest
    other = adapters.write_package(tmp_path / "other", file, "0" * 64, 0.5)
    with pytest.raises(RequestRefused) as refused:
        open_model(model, "cpu fp32", adapters=[asked(other)])
    assert refused.value.facts["why"] == "adapter-base"
    torch.save({key: tensor.half() * 2 for key, tensor in file.items()}, package / "adapter.pth")
    with pytest.raises(DamagedCheckpoint) as damaged:
        read_adapter(asked(package))
    assert damaged.value.facts["why"] == "numbers-changed"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_takes_adapters_with_trained_norms_and_mixes(tmp_path, generation):
    base = random_tensors(generation, seed=6)
    file, merged = adapters.lora(base)
    for name in ("blocks.0.ln1.weight", "ln_out.bias"):
        file[name] = merged[name] = base[name] + 0.25
    mix = next(
        name
        for name in base
        if name.startswith("blocks.1.att.") and base[name].ndim > 1 and 1 in base[name].shape
    )
    file[mix] = (base[mix] * 0.5).flatten()
    merged[mix] = base[mix] * 0.5
    path = write_pth(tmp_path / "lora.pth", file)
    check(write_pth(tmp_path / "base.pth", base), path, merged, tmp_path, 8.0)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A model in bf16 that is used where it lies in its file, an adapter, and both in one file."""
    folder = tmp_path_factory.mktemp("halves")
    base = random_tensors("7.0", width=512, head_size=64, seed=7, dtype=torch.bfloat16)
    file, merged = adapters.lora({name: tensor.float() for name, tensor in base.items()})
    rounded = {name: tensor.bfloat16() for name, tensor in merged.items()}
    return (
        write_safetensors(folder / "base.safetensors", base),
        asked(write_pth(folder / "lora.pth", file), 8.0),
        write_safetensors(folder / "merged.safetensors", rounded),
    )


@pytest.mark.parametrize("strategy", ["cpu bf16", "cpu fp16", "cpu int4"])
def test_what_is_merged_is_rounded_once_and_then_quantised(halves, strategy):
    model, adapter, merged = halves
    found, _ = logits(model, adapter, strategy=strategy)
    wanted, _ = logits(merged, strategy=strategy)
    if strategy == "cpu fp16":  # rounded to its own type, not to the file's before
        torch.testing.assert_close(found, wanted, rtol=0.05, atol=0.05)
    else:
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=2e-3)


def test_what_no_adapter_changes_is_still_used_where_it_lies(halves):
    model, adapter, _ = halves
    with open_checkpoint(model) as checkpoint:
        weights = MergedCheckpoint(checkpoint, [read_adapter(adapter)])
        assert weights.mapped("blocks.0.att.receptance.weight", torch.bfloat16) is None
        same = weights.mapped("blocks.0.att.value.weight", torch.bfloat16)
        assert (same is None) == (checkpoint.mapped("blocks.0.att.value.weight") is None)


def test_a_quantised_gguf_and_a_model_in_several_files_take_adapters(tmp_path):
    tensors = random_tensors("7.0", seed=12)
    write_gguf(tmp_path / "base.gguf", tensors, "7.0", packed="Q8_0")
    folder, _ = write_sharded(tmp_path / "parts", tensors)
    for model in (tmp_path / "base.gguf", folder):
        with open_checkpoint(model) as checkpoint:
            own = {name: checkpoint.read(name, torch.float32) for name in checkpoint.tensors}
            file, merged = adapters.shards(own)
            path = write_pth(tmp_path / "disha.pth", file)
            weights = MergedCheckpoint(checkpoint, [read_adapter(asked(path))])
            for place in adapters.PLACES:
                found = weights.read(f"{place}.weight", torch.float32)
                wanted = merged[f"{place}.weight"]
                torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_packed_copy_takes_none(tmp_path, base, model):
    copy = tmp_path / "copy.safetensors"
    with open_checkpoint(model) as checkpoint:
        write_packed(checkpoint, open_ops("cpu"), parse("cpu int8"), copy)
    path = write_pth(tmp_path / "disha.pth", adapters.shards(base)[0])
    assert refused(copy, path) == {"why": "adapter-packed", "path": str(path)}


def test_several_are_merged_one_after_another_and_each_order_is_a_model_of_its_own(
    tmp_path, base, model
):
    one, first = adapters.lora(base, seed=8)
    two, both = adapters.bat(first, seed=9)
    paths = [asked(write_pth(tmp_path / "1.pth", one), 8.0)]
    paths.append(asked(write_pth(tmp_path / "2.pth", two)))
    found, opened = logits(model, *paths)
    wanted, _ = logits(write_pth(tmp_path / "both.pth", both))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    _, turned = logits(model, *reversed(paths))
    _, stronger = logits(model, asked(tmp_path / "1.pth", 9.0), paths[1])
    assert len({opened.fingerprint, turned.fingerprint, stronger.fingerprint}) == 3
    assert opened.fingerprint == logits(model, *paths)[1].fingerprint


@pytest.mark.parametrize("generation", ["5.2", "6.0", "7.0"])
def test_a_start_state_in_an_adapter_is_where_texts_begin(tmp_path, generation):
    base = random_tensors(generation, seed=10)
    model = write_pth(tmp_path / "base.pth", base)
    random = torch.Generator().manual_seed(1)
    starts = {
        f"blocks.{layer}.att.time_state": 0.3 * torch.randn(4, 16, 16, generator=random)
        for layer in range(3)
    }
    found, _ = logits(model, asked(write_pth(tmp_path / "state.pth", starts)))
    wanted, _ = logits(write_pth(tmp_path / "whole.pth", {**base, **starts}))
    assert torch.equal(found, wanted)
    turned = {name: tensor.mT.contiguous() for name, tensor in starts.items()}
    also, _ = logits(model, asked(write_safetensors(tmp_path / "state.st", turned)))
    assert torch.equal(also, wanted)
    assert not torch.equal(logits(model)[0], wanted)


def refused(model, path, alpha=None):
    with pytest.raises(RequestRefused) as raised:
        open_model(model, "cpu fp32", adapters=[asked(path, alpha)])
    return raised.value.facts


def test_alpha_is_asked_for_where_the_file_does_not_tell_it(tmp_path, base, model):
    path = write_pth(tmp_path / "lora.pth", adapters.lora(base)[0])
    assert refused(model, path) == {"why": "adapter-alpha", "path": str(path), "rank": 4}


def test_adapters_of_other_models_are_refused_with_the_tensor_that_tells(tmp_path, base, model):
    for number, (other, tensor) in enumerate(
        (
            ({"width": 128, "head_size": 32}, "blocks.0.att.receptance.weight"),
            ({"ffn_width": 128}, "blocks.2.ffn.key.weight"),
        )
    ):
        file, _ = adapters.lora(random_tensors("7.0", **other))
        facts = refused(model, write_pth(tmp_path / f"{number}.pth", file), 8.0)
        assert (facts["why"], facts["name"]) == ("adapter-unfit", tensor)
    file = {
        "blocks.7.att.key.lora_A": torch.zeros(4, 64),
        "blocks.7.att.key.lora_B": torch.zeros(64, 4),
    }
    facts = refused(model, write_pth(tmp_path / "deep.pth", file), 8.0)
    assert facts["why"] == "adapter-part"
    gate = {"blocks.0.att.gate.disha": torch.zeros(4, 64)}
    assert refused(model, write_pth(tmp_path / "gate.pth", gate))["why"] == "adapter-part"


def test_what_is_no_adapter_or_only_half_of_one_is_refused(tmp_path, base, model):
    file, _ = adapters.lora(base)
    del file["blocks.1.att.key.lora_B"]
    half = refused(model, write_pth(tmp_path / "half.pth", file), 8.0)
    assert (half["why"], half["name"]) == ("adapter-half", "blocks.1.att.key.weight")
    assert refused(model, model)["why"] == "adapter-model"
    other = write_pth(tmp_path / "other.pth", {"encoder.weight": torch.zeros(3)})
    assert refused(model, other)["why"] == "adapter-none"
    file, _ = adapters.lora(base, name="base_model.model.{}.{}.weight")
    for number, odd in enumerate(
        ({"use_dora": True}, {"init_lora_weights": "pissa"}, {"peft_type": "IA3"}, {"bias": "all"})
    ):
        told = {"peft_type": "LORA", "lora_alpha": 8, **odd}
        folder = adapters.write_peft(tmp_path / f"odd{number}", file, **told)
        assert refused(model, folder)["why"] == "adapter-kind"
    (folder / "adapter_config.json").write_text("{", encoding="utf-8")
    assert refused(model, folder)["why"] == "adapter-described"


def test_a_damaged_adapter_is_refused_and_named(tmp_path, base, model):
    file, _ = adapters.shards(base)
    file["blocks.0.att.receptance.disha"][0, 0] = torch.nan
    path = write_pth(tmp_path / "nan.pth", file)
    with pytest.raises(DamagedCheckpoint) as raised:
        open_model(model, "cpu fp32", adapters=[asked(path)])
    assert raised.value.facts["path"] == str(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedCheckpoint):
        open_model(model, "cpu fp32", adapters=[asked(path)])
