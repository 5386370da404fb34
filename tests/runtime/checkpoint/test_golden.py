"""Real files: numbers as torch reads them, and GGUF logits as computed from llama.cpp's files."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import write_pth

ROOT = Path(__file__).resolve().parents[3]
SPECS = {
    "tiny-4.0.pth": ("4", 4, 128, 0, 256),
    "tiny-5.2.safetensors": ("5.2", 12, 64, 8, 256),
    "tiny-6.0.pth": ("6.0", 12, 64, 8, 256),
    "reverse-7.0.pth": ("7.0", 2, 96, 6, 12),
}

# The official implementation, in a process of its own because it reads its switches on import.
LOGITS = """
import sys, numpy as np
import torch
from rwkv.model import RWKV
model = RWKV(model=sys.argv[1], strategy="cpu fp32")
tokens = [int(t) for t in np.load(sys.argv[2])["tokens"]]
rows, state = [], None
for token in tokens:
    logits, state = model.forward([token], state)
    rows.append(logits.float().numpy())
np.save(sys.argv[3], np.stack(rows))
"""


@pytest.mark.parametrize("name", SPECS)
def test_real_checkpoints_are_read_as_torch_reads_them(golden, name):
    path = golden / name
    wanted = load_file(path) if path.suffix == ".safetensors" else torch.load(path, mmap=True)
    with open_checkpoint(path) as checkpoint:
        spec = checkpoint.spec
        sizes = (spec.generation, spec.layers, spec.width, spec.heads, spec.vocabulary)
        assert sizes == SPECS[name]
        assert set(checkpoint.tensors) == set(wanted)
        for key, tensor in wanted.items():
            assert torch.equal(checkpoint.read(key), tensor)


@pytest.mark.parametrize(("name", "generation"), [("r6-q4_0", "6.0"), ("r7-q5_1", "7.0")])
def test_tensors_of_llama_cpp_files_give_their_logits_in_the_official_code(
    golden, tmp_path, name, generation
):
    with open_checkpoint(golden / f"{name}.gguf") as checkpoint:
        assert checkpoint.spec.generation == generation
        assert (checkpoint.spec.heads, checkpoint.spec.head_size) == (4, 64)
        tensors = {key: checkpoint.read(key) for key in checkpoint.tensors}
    write_pth(tmp_path / "m.pth", tensors)
    switches = {"RWKV_V7_ON": "1" if generation == "7.0" else "0", "RWKV_JIT_ON": "0"}
    arguments = [str(tmp_path / "m"), str(golden / f"{name}.npz"), str(tmp_path / "logits.npy")]
    subprocess.run(
        [sys.executable, "-c", LOGITS, *arguments],
        env=os.environ | switches | {"RWKV_CUDA_ON": "0"},
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    found = np.load(tmp_path / "logits.npy")
    wanted = np.load(golden / f"{name}.npz")["logits"]
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
