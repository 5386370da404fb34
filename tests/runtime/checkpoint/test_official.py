"""Official checkpoints of every generation come back as they were written."""

import pytest
import torch

from app.errors import DamagedCheckpoint, Unreadable
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import GENERATIONS, random_tensors, write_pth, write_safetensors

WRITERS = {"pth": write_pth, "safetensors": write_safetensors}


def spec_of(path):
    with open_checkpoint(path) as checkpoint:
        return checkpoint.spec


def fingerprint_of(path):
    with open_checkpoint(path) as checkpoint:
        return checkpoint.fingerprint


def read_all(checkpoint):
    return {name: checkpoint.read(name) for name in checkpoint.tensors}


def assert_same(checkpoint, tensors):
    assert set(checkpoint.tensors) == set(tensors)
    for name, tensor in tensors.items():
        found = checkpoint.read(name)
        assert checkpoint.tensors[name].shape == tuple(tensor.shape), name
        assert found.dtype == tensor.dtype, name
        assert found.is_contiguous(), name
        assert torch.equal(found, tensor), name


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_tensor_comes_back_bit_for_bit(tmp_path, generation, ending, dtype):
    tensors = random_tensors(generation, dtype=dtype)
    path = WRITERS[ending](tmp_path / f"model.{ending}", tensors)
    with open_checkpoint(path) as checkpoint:
        assert_same(checkpoint, tensors)
        assert (checkpoint.format, checkpoint.dialect) == (ending, "official")
        assert checkpoint.dtype == {4: "fp32", 2: checkpoint.dtype}[dtype.itemsize]
        assert checkpoint.bytes == path.stat().st_size
        assert all(info.nbytes == tensors[n].nbytes for n, info in checkpoint.tensors.items())


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("head_size", [16, 32, 64])
def test_sizes_are_found_from_names_and_shapes(tmp_path, generation, head_size):
    sizes = {"layers": 5, "width": 192, "ffn_width": 200, "vocabulary": 53}
    tensors = random_tensors(generation, head_size=head_size, **sizes)
    spec = spec_of(write_pth(tmp_path / "x.pth", tensors))
    assert spec.generation == generation
    assert {name: getattr(spec, name) for name in sizes} == sizes
    assert spec.attention_width == 192
    assert spec.parameters == sum(tensor.numel() for tensor in tensors.values())
    heads = (0, 0) if generation == "4" else (192 // head_size, head_size)
    assert (spec.heads, spec.head_size) == heads


@pytest.mark.parametrize("generation", GENERATIONS)
def test_attention_may_be_wider_than_the_model(tmp_path, generation):
    tensors = random_tensors(generation, width=64, attention_width=96, head_size=16)
    with open_checkpoint(write_pth(tmp_path / "x.pth", tensors)) as checkpoint:
        assert_same(checkpoint, tensors)
        assert (checkpoint.spec.width, checkpoint.spec.attention_width) == (64, 96)


def test_one_layer_and_one_head_are_enough(tmp_path):
    for generation in GENERATIONS:
        tensors = random_tensors(generation, layers=1, width=16, head_size=16)
        spec = spec_of(write_pth(tmp_path / "x.pth", tensors))
        assert (spec.generation, spec.layers) == (generation, 1)


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("wanted", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_reading_in_another_type_rounds_once(tmp_path, ending, wanted):
    tensors = random_tensors(dtype=torch.bfloat16)
    with open_checkpoint(WRITERS[ending](tmp_path / f"m.{ending}", tensors)) as checkpoint:
        for name, tensor in tensors.items():
            found = checkpoint.read(name, wanted)
            assert found.dtype == wanted
            assert torch.equal(found, tensor.to(wanted))


def test_a_converted_tensor_longer_than_one_block_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("app.runtime.checkpoint.reading._BLOCK_BYTES", 1000)
    tensors = random_tensors(vocabulary=333)
    with open_checkpoint(write_pth(tmp_path / "m.pth", tensors)) as checkpoint:
        for name, tensor in tensors.items():
            assert torch.equal(checkpoint.read(name, torch.bfloat16), tensor.bfloat16())


def test_a_tensor_read_is_memory_of_its_own(tmp_path):
    path = write_pth(tmp_path / "m.pth", random_tensors())
    with open_checkpoint(path) as checkpoint:
        first = checkpoint.read("head.weight")
        first.zero_()
        assert checkpoint.read("head.weight").abs().sum() > 0
        kept = checkpoint.read("emb.weight")
    path.unlink()
    assert kept.isfinite().all()


def test_views_of_one_storage_and_transposed_tensors_are_read_in_their_order(tmp_path):
    tensors = random_tensors()
    together = torch.cat([tensors["ln_out.weight"], tensors["ln_out.bias"]])
    odd = dict(tensors)
    odd["ln_out.weight"], odd["ln_out.bias"] = together[:64], together[64:]
    odd["head.weight"] = tensors["head.weight"].T.contiguous().T
    odd["blocks.0.att.r_k"] = tensors["blocks.0.att.r_k"].repeat(1, 2)[:, :16]
    odd["blocks.1.att.w1"] = torch.stack([tensors["blocks.1.att.w1"]] * 3, dim=2)[:, :, 1]
    with open_checkpoint(write_pth(tmp_path / "m.pth", odd)) as checkpoint:
        assert_same(checkpoint, tensors)
        head = checkpoint.read("head.weight", torch.bfloat16)
        assert torch.equal(head, tensors["head.weight"].bfloat16())


@pytest.mark.parametrize("key", ["state_dict", "model", "module", "model_state_dict"])
def test_a_dict_that_a_trainer_wraps_is_found(tmp_path, key):
    tensors = random_tensors()
    write_pth(tmp_path / "m.pth", {"epoch": 3, key: tensors})
    with open_checkpoint(tmp_path / "m.pth") as checkpoint:
        assert_same(checkpoint, tensors)


def test_parameters_and_ordered_dicts_of_a_module_are_read(tmp_path):
    tensors = random_tensors()
    module = torch.nn.ParameterDict({k.replace(".", "|"): v for k, v in tensors.items()})
    content = module.state_dict()
    renamed = type(content)((name.replace("|", "."), value) for name, value in content.items())
    torch.save(renamed, tmp_path / "m.pth")
    with open_checkpoint(tmp_path / "m.pth") as checkpoint:
        assert_same(checkpoint, tensors)
    leaves = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    torch.save(leaves, tmp_path / "leaves.pth", pickle_protocol=4)
    with open_checkpoint(tmp_path / "leaves.pth") as checkpoint:
        assert_same(checkpoint, tensors)


def test_the_first_block_may_lack_what_it_does_not_use(tmp_path):
    tensors = random_tensors("7.0")
    for name in ("v0", "v1", "v2"):
        del tensors[f"blocks.0.att.{name}"]
    with open_checkpoint(write_pth(tmp_path / "m.pth", tensors)) as checkpoint:
        assert_same(checkpoint, tensors)


def test_a_merged_tuned_state_stays_visible_and_counts_for_nothing(tmp_path):
    tensors = random_tensors("6.0")
    plain = spec_of(write_pth(tmp_path / "a.pth", tensors))
    for layer in range(3):
        tensors[f"blocks.{layer}.att.time_state"] = torch.randn(4, 16, 16)
    with open_checkpoint(write_pth(tmp_path / "b.pth", tensors)) as checkpoint:
        assert_same(checkpoint, tensors)
        assert checkpoint.spec == plain


def test_fingerprints_tell_models_apart_but_not_copies(tmp_path):
    tensors = random_tensors()
    one = write_pth(tmp_path / "one.pth", tensors)
    copy = tmp_path / "copy.pth"
    copy.write_bytes(one.read_bytes())
    other = write_pth(tmp_path / "other.pth", random_tensors(seed=1))
    prints = [fingerprint_of(path) for path in (one, copy, other)]
    assert prints[0] == prints[1] != prints[2]
    assert all(len(print_) == 32 for print_ in prints)


def test_a_closed_checkpoint_does_not_read(tmp_path):
    checkpoint = open_checkpoint(write_pth(tmp_path / "m.pth", random_tensors()))
    checkpoint.close()
    with pytest.raises(Unreadable):
        checkpoint.read("emb.weight")


def test_a_file_cut_short_after_opening_is_damaged_and_not_a_crash(tmp_path):
    path = write_pth(tmp_path / "m.pth", random_tensors())
    with open_checkpoint(path) as checkpoint:
        with path.open("r+b") as file:
            file.truncate(5000)
        with pytest.raises(DamagedCheckpoint):
            read_all(checkpoint)
