"""All families as one backend: every operation of Ops, whole models, and how it is opened."""

import ast
from pathlib import Path

import pytest
import torch

import app.kernels.cuda
from app.errors import NoGpu, StrategyError
from app.kernels import Ops, open_ops
from app.kernels.cuda import open_device
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.models import build
from app.runtime.planning.strategy import whole_on
from app.system.gpus import gpus
from tests.kernels.cuda.programs import PROGRAMS
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.combinations import each
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

FOLDER = Path(app.kernels.cuda.__file__).parent
FORMATS = {"fp32": 2e-5, "fp16": 2e-4, "bf16": 0.03, "int8": 0.03, "int4": 0.03}

emulated = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")


def test_every_operation_is_there():
    wanted = {name for name in dir(Ops) if not name.startswith("_")} | set(Ops.__annotations__)
    ops = CudaOps(EmulatedDevice())
    assert {name for name in wanted if not hasattr(ops, name)} == set()
    assert (ops.name, ops.note) == ("cuda emulation", "")


@each(form=["fp32", "fp16", "bf16"])
def test_results_of_all_types_come_to_the_host_as_floats(form):
    ops, numbers = CudaOps(EmulatedDevice()), torch.tensor([[1.5, -0.25], [3.0, 0.0]])
    found = ops.host(ops.upload(numbers, form))
    assert found.dtype == torch.float32
    assert torch.equal(found, numbers)


def test_no_two_families_give_one_name_two_meanings():
    """They are bases of one class, where the first would hide the second."""
    owners = {}
    for path in sorted(FOLDER.glob("ops_*.py")):
        for family in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(family, ast.ClassDef) and family.name.endswith("Ops"):
                for name in _defined(family) - {"__init__"}:
                    owners.setdefault(name, []).append(family.name)
    assert len(owners) > 40
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def _defined(family):
    found = {node.name for node in family.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(family):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


class _Watched(EmulatedDevice):
    """Remembers which programs it was asked for."""

    def __init__(self):
        super().__init__()
        self.asked = set()

    def kernel(self, program, name, **constants):
        self.asked.add((program, tuple(sorted(constants.items()))))
        return super().kernel(program, name, **constants)


@emulated
@each(form=FORMATS, generation=GENERATIONS)
def test_a_whole_model_gives_the_logits_of_its_plain_twin(generation, form):
    checkpoint = MemoryCheckpoint(random_tensors(generation, layers=2))
    device = _Watched()
    found = []
    for ops in (PortableOps(), CudaOps(device)):
        model = build(checkpoint, ops, whole_on("cpu" if ops.device is None else "cuda", form))
        found.append(_logits(model))
    error = (found[1] - found[0]).abs().max() / found[0].abs().max()
    assert error < FORMATS[form]
    assert device.asked <= {(name, tuple(sorted(sets.items()))) for name, sets in PROGRAMS}
    device.check()


def _logits(model):
    """A prompt of two texts, a third that joins, then tokens of all; each row's logits."""
    tokens = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9]])
    state = model.blank(2)
    rows = [model.forward(tokens[:2], state, every=True).reshape(-1, 97).clone()]
    rows += [model.forward(tokens[:2, i : i + 1], state).clone() for i in range(2)]
    state = model.blank(3)
    rows += [model.forward(tokens[:, i : i + 1], state).clone() for i in range(3)]
    return torch.cat(rows)


@each(device=["cuda fp16", "cuda:", "cuda:-1", "cuda:1x", "gpu", ""])
def test_a_device_that_means_nothing_is_refused(device):
    with pytest.raises(StrategyError):
        open_ops(device)


@each(text_and_index=[("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_a_card_is_opened_by_its_number(monkeypatch, text, index):
    def opened(number, folder):
        assert folder is None or folder.name == "kernels"
        device = EmulatedDevice()
        device.name = f"card {number}"
        return device

    monkeypatch.setattr(open_device, "open_device", opened)
    assert open_ops(text).name == f"cuda card {index}"


def test_a_machine_without_a_card_says_why():
    if gpus():
        pytest.skip("there is a card here")
    with pytest.raises(NoGpu) as caught:
        open_ops("cuda")
    assert caught.value.facts["why"] in ("extra", "driver", "card", "compiler", "products", "old")
