"""States that other programs made: every format gives the state that its maker meant."""

import pytest
import torch

from app.errors import CheckpointError, DamagedState, RequestRefused
from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from app.runtime.states.state import official_state
from app.runtime.states.state_files import Binding
from app.runtime.states.state_formats import load
from app.runtime.states.tuned_states import tuned_state
from tests.support.checkpoints import (
    GENERATIONS,
    random_tensors,
    write_pth,
    write_safetensors,
)
from tests.support.dialects import web_rwkv
from tests.support.memory_checkpoint import MemoryCheckpoint
from tests.support.numpy_rwkv import logits_after

LATER = [generation for generation in GENERATIONS if generation != "4"]
MODELLED = ("5.2", "6.0", "7.0")
BINDING = Binding("f" * 32, "world")
SIZES = {"layers": 2, "width": 32, "head_size": 8}
TOKENS = [5, 90, 17, 33, 2, 61]


def _tensors(generation):
    return random_tensors(generation, **SIZES)


def _tuned(*, shifts=False, seed=3):
    """What state tuning leaves: a matrix for each head, and perhaps the two shifted inputs."""
    draw = torch.Generator().manual_seed(seed)
    made = {}
    for layer in range(SIZES["layers"]):
        at = f"blocks.{layer}."
        made[at + "att.time_state"] = 0.5 * torch.randn(4, 8, 8, generator=draw)
        if shifts:
            for half in ("att", "ffn"):
                made[f"{at}{half}.ts_state"] = torch.randn(32, generator=draw)
    return made


def _model(tensors):
    return build(MemoryCheckpoint(tensors), open_ops("cpu"), parse("cpu fp32"))


def _logits(model, state):
    return model.forward(torch.tensor([TOKENS]), state)[0]


def _wanted(tensors, generation, tuned):
    return torch.from_numpy(logits_after(tensors, TOKENS, generation, tuned)).float()


def _close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=2e-4, atol=2e-4)


def _swapped(tuned):
    """As web-rwkv's converter writes it: matrices transposed, 16 bits."""
    return {name: (t.mT.contiguous() if t.dim() == 3 else t).half() for name, t in tuned.items()}


@pytest.mark.parametrize("generation", MODELLED)
@pytest.mark.parametrize("shifts", [False, True], ids=["matrices", "all"])
def test_a_tuned_state_begins_where_independent_arithmetic_does(tmp_path, generation, shifts):
    tensors, tuned = _tensors(generation), _tuned(shifts=shifts)
    model, wanted = _model(tensors), _wanted(tensors, generation, tuned)
    found = load(write_pth(tmp_path / "s.pth", tuned), model.spec, BINDING)
    assert (found.facts.kind, found.logits) == ("tuned", None)
    _close(_logits(model, found.state), wanted)
    assert not torch.allclose(_logits(model, model.blank()), wanted, atol=0.01)
    turned = {name: t.mT if t.dim() == 3 else t for name, t in tuned.items()}
    assert not torch.allclose(_logits(model, tuned_state(turned, model.spec)), wanted, atol=0.01)


@pytest.mark.parametrize("generation", MODELLED)
def test_a_state_that_was_merged_into_a_model_is_where_its_texts_begin(tmp_path, generation):
    tensors, tuned = _tensors(generation), _tuned(shifts=True)
    for path in (
        write_pth(tmp_path / "m.pth", tensors | tuned),
        write_safetensors(tmp_path / "m.st", web_rwkv(tensors) | _swapped(tuned)),
    ):
        with open_checkpoint(path) as checkpoint:
            model = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
            both = model.blank(2)
            logits = model.forward(torch.tensor([TOKENS] * 2), both)
        tolerance = 2e-4 if path.suffix == ".pth" else 2e-2
        wanted = _wanted(tensors, generation, tuned)
        for row in logits:
            torch.testing.assert_close(row, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("generation", LATER)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_all_that_circulate_give_one_state(tmp_path, generation, dtype):
    """Of RWKV-PEFT with and without a wrapper's words, of web-rwkv, and as the package has it."""
    spec = MemoryCheckpoint(_tensors(generation)).spec
    tuned = {name: t.to(dtype) for name, t in _tuned().items()}
    wanted = tuned_state({name: t.float() for name, t in tuned.items()}, spec)
    turned = {name: t.mT.contiguous() for name, t in tuned.items()}
    files = (
        write_pth(tmp_path / "a.pth", tuned),
        write_pth(tmp_path / "b.pth", {f"model.{name}": t for name, t in tuned.items()}),
        write_pth(tmp_path / "c.pth", {"state_dict": tuned, "epoch": 3}),
        write_pth(tmp_path / "d.pth", {name: t.mT.contiguous().mT for name, t in tuned.items()}),
        write_safetensors(tmp_path / "e.state", turned),
        write_safetensors(tmp_path / "f.st", turned),
    )
    for path in files:
        found = load(path, spec, BINDING).state
        assert torch.equal(found.wkv, wanted.wkv), path
        assert torch.equal(found.shift, wanted.shift), path


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_list_of_the_official_package_is_read(tmp_path, generation):
    model = _model(_tensors(generation))
    state = model.blank()
    model.forward(torch.tensor([TOKENS]), state)
    torch.save(list(official_state(state).values()), tmp_path / "s.pth")
    found = load(tmp_path / "s.pth", model.spec, BINDING)
    assert found.facts.kind == "listed"
    assert torch.equal(found.state.wkv, state.wkv)
    assert torch.equal(found.state.shift, state.shift)


REFUSED = {
    "too few layers": (lambda t: {n: v for n, v in t.items() if ".1." not in n}, "state-layers"),
    "other heads": (lambda t: {n: v[:2] for n, v in t.items()}, "state-unfit"),
    "other head size": (lambda t: {n: v[:, :4, :4] for n, v in t.items()}, "state-unfit"),
    "a hole": (lambda t: t | {"blocks.5.att.time_state": torch.zeros(4, 8, 8)}, "state-layers"),
    "a matrix too many": (lambda t: t | {"head.weight": torch.zeros(4, 4)}, "state-none"),
    "a model": (lambda t: _tensors("7.0"), "state-none"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_or_is_no_state_is_refused(tmp_path, kind):
    spec = MemoryCheckpoint(_tensors("7.0")).spec
    change, why = REFUSED[kind]
    path = write_pth(tmp_path / "s.pth", change(_tuned()))
    with pytest.raises(RequestRefused) as caught:
        load(path, spec, BINDING)
    assert caught.value.facts["why"] == why
    assert caught.value.facts["path"] == str(path)


def test_a_tuned_state_is_refused_by_a_model_without_matrices(tmp_path):
    spec = MemoryCheckpoint(_tensors("4")).spec
    with pytest.raises(RequestRefused) as caught:
        load(write_pth(tmp_path / "s.pth", _tuned()), spec, BINDING)
    assert caught.value.facts["why"] == "state-vectors"


def test_a_list_of_other_sizes_is_refused(tmp_path):
    spec = MemoryCheckpoint(_tensors("7.0")).spec
    for tensors in ([torch.zeros(32)] * 6, [torch.zeros(4)] * 5, [torch.zeros(0)]):
        torch.save(tensors, tmp_path / "s.pth")
        with pytest.raises(RequestRefused):
            load(tmp_path / "s.pth", spec, BINDING)


def test_broken_numbers_and_other_types_are_refused(tmp_path):
    spec = MemoryCheckpoint(_tensors("7.0")).spec
    for value in (torch.tensor(float("nan")), torch.tensor(float("inf"))):
        path = write_pth(
            tmp_path / "s.pth",
            _tuned() | {"blocks.1.att.time_state": value.expand(4, 8, 8).clone()},
        )
        with pytest.raises(DamagedState):
            load(path, spec, BINDING)
    whole = {name: t.long() for name, t in _tuned().items()}
    with pytest.raises(DamagedState):
        load(write_pth(tmp_path / "s.pth", whole), spec, BINDING)


def test_a_damaged_file_of_a_tuned_state_is_refused(tmp_path):
    spec = MemoryCheckpoint(_tensors("7.0")).spec
    path = write_pth(tmp_path / "s.pth", _tuned())
    whole = path.read_bytes()
    for size in (len(whole) // 2, 30):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            load(path, spec, BINDING)
