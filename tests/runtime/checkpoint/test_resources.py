"""What reading costs: headers in milliseconds without torch, numbers without a second copy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sparse import shapes_7, sparse_gguf, sparse_pth, sparse_safetensors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
ROOT = Path(__file__).resolve().parents[3]
MB = 1 << 20
WRITERS = {"pth": sparse_pth, "safetensors": sparse_safetensors, "gguf": sparse_gguf}

INSPECT = r"""
import json, re, sys, time
from pathlib import Path
from app.runtime.checkpoint import open_checkpoint
times = []
for _ in range(3):
    begin = time.process_time()
    with open_checkpoint(Path(sys.argv[1])) as checkpoint:
        checkpoint.fingerprint
    times.append(time.process_time() - begin)
heavy = [name for name in ("torch", "numpy", "gguf", "cupy", "PySide6") if name in sys.modules]
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps([min(times), peak, heavy, checkpoint.spec.parameters]))
"""

LOAD = r"""
import json, re, sys
from pathlib import Path
import torch
from app.runtime.checkpoint import open_checkpoint
dtype = getattr(torch, sys.argv[2]) if sys.argv[2] else None
with open_checkpoint(Path(sys.argv[1])) as checkpoint:
    held = {name: checkpoint.read(name, dtype) for name in checkpoint.tensors}
weights = sum(tensor.nbytes for tensor in held.values())
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps([weights, peak]))
"""


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("ending", WRITERS)
def test_inspecting_three_gigabytes_takes_milliseconds_and_no_torch(tmp_path, ending):
    path = WRITERS[ending](tmp_path / f"m.{ending}", shapes_7())
    seconds, peak, heavy, parameters = run(INSPECT, path)
    assert path.stat().st_size > (2_000_000_000 if ending == "gguf" else 3_000_000_000)
    assert parameters > 1.5e9
    assert heavy == []
    assert peak < 50 * MB
    assert seconds < 0.1


@pytest.mark.parametrize(
    ("ending", "dtype", "layers"),
    [
        ("pth", "", 24),
        ("safetensors", "float32", 2),
        ("gguf", "bfloat16", 10),
    ],
)
def test_loading_never_holds_a_second_copy(tmp_path, ending, dtype, layers):
    """300 to 500 MB of weights; torch itself is some 220 MB of the 300 MB allowed beside them."""
    shapes = shapes_7(layers=layers, width=768, vocabulary=65536)
    path = WRITERS[ending](tmp_path / f"m.{ending}", shapes)
    weights, peak = run(LOAD, path, dtype)
    assert weights > 300 * MB
    assert peak <= weights + 300 * MB
