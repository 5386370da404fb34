"""What people keep of their own training: read where a model is inside, and never called unsafe."""

import argparse
import collections
import datetime
import enum
import functools
import pathlib

import numpy
import pytest
import torch

from app.errors import AnswerSaved, Failure, HostileCheckpoint, NotWeights, UnfitCheckpoint
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.describe import describe
from app.runtime.spec import Spec, tokenizer_for
from app.runtime.tokenizers import for_model
from tests.library.libraries import scan
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors


class Stage(enum.Enum):
    """As configurations hold them."""

    TUNED = "tuned"


class Settings(dict):
    """A dict of the person's own."""


class Wrapped(torch.nn.Module):
    """A class of the person's own around the weights."""

    def __init__(self, tensors):
        super().__init__()
        self.step = 3
        for name, tensor in tensors.items():
            module, (*path, last) = self, name.split(".")
            for word in path:
                if word not in module._modules:
                    module.add_module(word, torch.nn.Module())
                module = module._modules[word]
            module.register_parameter(last, torch.nn.Parameter(tensor))


def optimizer_of(tensors):
    """The state of an optimizer that has made a step."""
    weight = torch.nn.Parameter(tensors["head.weight"].float())
    made = torch.optim.Adam([weight])
    weight.grad = torch.ones_like(weight)
    made.step()
    return made.state_dict()


def hung(tensors):
    made = collections.OrderedDict(tensors)
    made._metadata = {"": {"version": 1}}
    return made


OWN = {
    "namespace": lambda z: {"model": z, "args": argparse.Namespace(n_layer=1, where=None)},
    "random state": lambda z: {"model": z, "rng": numpy.random.get_state()},
    "generator": lambda z: {"model": z, "rng": numpy.random.default_rng(1).bit_generator.state},
    "numpy numbers": lambda z: {"model": z, "best": numpy.float64(1.2), "n": numpy.int64(2)},
    "numpy array": lambda z: {"model": z, "losses": numpy.zeros((3, 4)), "s": numpy.array(["a"])},
    "defaultdict": lambda z: collections.defaultdict(int, z),
    "device": lambda z: {"model": z, "device": torch.device("cpu"), "dtype": torch.float16},
    "paths and times": lambda z: {"model": z, "at": datetime.datetime.now(), "to": pathlib.Path()},
    "sets and bytes": lambda z: {
        "model": z,
        "a": {1},
        "b": frozenset({2}),
        "c": b"x",
        "d": 1 << 99,
    },
    "others": lambda z: {"model": z, "d": collections.deque([1]), "n": collections.Counter("aab")},
    "own classes": lambda z: {"model": Settings(z), "stage": Stage.TUNED, "type": Settings},
    "keys of all kinds": lambda z: {"model": z, 1.5: 1, None: 2, (1, 2): 3, Stage.TUNED: 4},
    "an odd wrapper": lambda z: {"my_rwkv": z, "optimizer": optimizer_of(z), "epoch": 3},
    "partial": lambda z: {"model": z, "f": functools.partial(print, 1), "g": {}.get, "s": slice(1)},
    "hung on": hung,
    "module": Wrapped,
    "a module inside": lambda z: {"epoch": 1, "net": Wrapped(z)},
    "parameters": lambda z: {name: torch.nn.Parameter(tensor) for name, tensor in z.items()},
}


@pytest.mark.parametrize("name", OWN)
def test_weights_are_read_whatever_else_the_person_saved(name, tmp_path):
    tensors = random_tensors(layers=1)
    for protocol in (2, 4, 5):
        content = OWN[name](tensors)
        torch.save(content, tmp_path / "m.pth", pickle_protocol=protocol)
        with open_checkpoint(tmp_path / "m.pth") as checkpoint:
            assert checkpoint.spec.layers == 1
            for tensor in ("emb.weight", "blocks.0.att.r_k", "head.weight"):
                assert torch.equal(checkpoint.read(tensor), tensors[tensor])


def test_a_name_that_starts_programs_is_warned_of_and_the_file_stays(tmp_path):
    import os

    from tests.support.hostile import Call

    torch.save({"model": random_tensors(), "x": Call(os.system, "true")}, tmp_path / "m.pth")
    with pytest.raises(HostileCheckpoint) as caught:
        open_checkpoint(tmp_path / "m.pth")
    words = say(caught.value)
    assert "Nothing in it was run" in words.text
    assert "elete" not in words.sentences


def test_what_a_trainer_keeps_is_no_model_and_hides_none(tmp_path):
    tensors, folder = random_tensors(), tmp_path / "checkpoint-500"
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", tensors)
    kept = {"numpy": numpy.random.get_state(), "cpu": torch.get_rng_state()}
    for name in ("rng_state.pth", "rng_state_0.pth", "scaler.pt", "training_args.bin"):
        torch.save(kept, folder / name)
    torch.save(optimizer_of(tensors), folder / "optimizer.pt")
    torch.save(argparse.Namespace(lr=1), folder / "scheduler.pt")
    torch.save({"epoch": 3, "rng": kept}, folder / "my-run.pth")
    assert [model.name for model in scan([tmp_path])] == ["checkpoint-500"]
    assert describe(folder / "my-run.pth").kind == "no-model"
    (folder / "my-run.pth").unlink()
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.spec.layers == 3
    for name in ("rng_state.pth", "optimizer.pt", "scheduler.pt"):
        with pytest.raises(Failure) as caught:
            open_checkpoint(folder / name)
        assert isinstance(caught.value, NotWeights)
        assert "ownload" not in say(caught.value).sentences


FRONTS = ("rwkv.", "model.", "module.", "_orig_mod.", "module._orig_mod.", "policy.net.rwkv.")


@pytest.mark.parametrize("front", FRONTS)
def test_what_wrappers_put_before_a_name_is_taken_away(front, tmp_path):
    for generation in ("4", "6.0", "7.0"):
        tensors = random_tensors(generation, layers=2)
        inside = {
            front + name.replace("blocks.1.", "blocks.1._orig_mod."): t
            for name, t in tensors.items()
        }
        write_pth(tmp_path / "m.pth", inside)
        with open_checkpoint(tmp_path / "m.pth") as checkpoint:
            assert checkpoint.tensors.keys() == tensors.keys()
            assert torch.equal(checkpoint.read("head.weight"), tensors["head.weight"])


def test_the_dialects_keep_their_own_words_under_a_wrapper(tmp_path):
    from tests.support.dialects import fla_7, hf_4_to_6

    for dialect, made in (
        ("fla-v7", fla_7(random_tensors())),
        ("hf-v4", hf_4_to_6(random_tensors("4"))),
    ):
        write_safetensors(tmp_path / "m.safetensors", {f"module.{n}": t for n, t in made.items()})
        with open_checkpoint(tmp_path / "m.safetensors") as checkpoint:
            assert checkpoint.dialect == dialect


def test_two_models_in_one_file_are_told_not_mixed(tmp_path):
    both = {f"{who}.{n}": t for who in ("teacher", "student") for n, t in random_tensors().items()}
    write_safetensors(tmp_path / "m.safetensors", both)
    torch.save({who: random_tensors() for who in ("teacher", "student")}, tmp_path / "m.pth")
    for file in ("m.safetensors", "m.pth"):
        with pytest.raises(Failure) as caught:
            open_checkpoint(tmp_path / file)
        assert "ownload" not in say(caught.value).sentences
    torch.save({"ema": random_tensors(), "model": random_tensors()}, tmp_path / "m.pth")
    with open_checkpoint(tmp_path / "m.pth") as checkpoint:
        assert checkpoint.spec, "the one that is called the model is meant"


def test_weights_are_found_below_words_of_the_persons_own(tmp_path):
    tensors = random_tensors()
    torch.save({"run": {"state": {"model": tensors}, "best": tensors}}, tmp_path / "m.pth")
    with open_checkpoint(tmp_path / "m.pth") as checkpoint:
        assert torch.equal(checkpoint.read("emb.weight"), tensors["emb.weight"])
    many: dict[str, object] = {}
    for _ in range(8):  # one dict in a thousand places, each time
        many = dict.fromkeys(map(str, range(1000)), many)
    torch.save(many, tmp_path / "many.pth")
    with pytest.raises(NotWeights):
        open_checkpoint(tmp_path / "many.pth")


def test_a_model_whose_head_is_its_embedding_is_read(tmp_path):
    tensors = random_tensors()
    del tensors["head.weight"]
    for write, name in ((write_pth, "m.pth"), (write_safetensors, "m.safetensors")):
        write(tmp_path / name, tensors)
        with open_checkpoint(tmp_path / name) as checkpoint:
            assert torch.equal(checkpoint.read("head.weight"), tensors["emb.weight"])


def test_whole_files_that_make_no_model_are_not_to_be_downloaded_again(tmp_path):
    tensors = random_tensors()
    lacking = {name: t for name, t in tensors.items() if not name.endswith("1.ffn.value.weight")}
    odd = dict(tensors, **{"blocks.1.ffn.key.weight": tensors["head.weight"].clone()})
    for content, word in ((lacking, "blocks.1.ffn.value.weight"), (odd, "odd shape")):
        write_safetensors(tmp_path / "m.safetensors", content)
        with pytest.raises(UnfitCheckpoint) as caught:
            open_checkpoint(tmp_path / "m.safetensors")
        words = say(caught.value).sentences
        assert word in words
        assert "ownload" not in words


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 9\n"
INSTEAD = {
    "pointer": (POINTER, "git lfs pull"),
    "page": (b"<!DOCTYPE html><html><title>Network login</title></html>", "web page"),
    "page with blanks": (b"\xef\xbb\xbf\n  <html><body>hi</body></html>", "web page"),
    "short": (b"Entry not found", "Entry not found"),
    "json": (b'{"error":"Access to model a/b is restricted."}', "restricted"),
    "refusal": (b"Invalid username or password.", "Invalid username"),
    "number": (b"404: Not Found\n", "404"),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_an_answer_saved_as_a_model_is_told_for_what_it_is(name, tmp_path):
    data, word = INSTEAD[name]
    for file in ("m.pth", "m.safetensors", "m.gguf"):
        (tmp_path / file).write_bytes(data)
        with pytest.raises(AnswerSaved) as caught:
            open_checkpoint(tmp_path / file)
        assert word in say(caught.value).sentences


def test_a_pointer_in_place_of_an_index_is_told_too(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_bytes(POINTER)
    with pytest.raises(AnswerSaved):
        open_checkpoint(tmp_path)


def test_metadata_that_is_no_utf_8_does_not_matter(tmp_path):
    path = write_safetensors(tmp_path / "m.safetensors", random_tensors(), {"who": "Zoe"})
    path.write_bytes(path.read_bytes().replace(b"Zoe", b"Zo\xe9"))
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.spec.layers == 3


@pytest.mark.parametrize("rows", [65530, 65531, 65535, 65536])
def test_a_head_that_ends_with_the_table_of_world_is_world(rows):
    assert tokenizer_for(rows) == "world"
    shape = Spec(
        **dict.fromkeys(Spec.__struct_fields__, 1) | {"generation": "7.0", "vocabulary": rows}
    )
    made = for_model(shape, None)
    assert made.failure is None
    assert made.decode(made.encode("Hello")) == "Hello"
    assert made.never == frozenset(range(65530, rows))
