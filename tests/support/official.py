"""Runs the official implementation, the ``rwkv`` package, in a process of its own.

It chooses its RWKV-7 path by an environment variable at import and prints as it works, so it is
never imported by the tests themselves.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

_RUN = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
import rwkv.model as official

torch.set_num_threads(1)
for path in sys.argv[1:]:
    base = path.removesuffix(".pth")
    tokens = np.load(base + ".tokens.npy").tolist()
    if hasattr(official, "RWKV_x070"):
        model = official.RWKV_x070(base, "cpu fp32")
    else:
        model = official.RWKV(base, "cpu fp32", verbose=False)
    logits, state = model.forward(list(tokens), None, full_output=True)
    alone = None
    for token in tokens[:9]:
        last, alone = model.forward([token], alone)
    found = {f"state.{i}": tensor.float().numpy() for i, tensor in enumerate(state)}
    found |= {f"alone.{i}": tensor.float().numpy() for i, tensor in enumerate(alone)}
    np.savez(base + ".official.npz", logits=logits.numpy(), last=last.numpy(), **found)
"""


def official_results(paths, *, goose):
    """Path of a .pth (with its tokens beside it) -> what the package makes of it.

    ``logits`` (T, V) and ``state.<i>`` after all tokens at once; ``last`` (V,) and ``alone.<i>``
    after the first nine tokens one by one.  ``goose``: all of them are RWKV-7.
    """
    flags = {"RWKV_V7_ON": "1"} if goose else {}
    environment = os.environ | {"RWKV_JIT_ON": "0", "RWKV_CUDA_ON": "0"} | flags
    command = [sys.executable, "-c", _RUN, *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path: dict(np.load(Path(path).with_suffix(".official.npz"))) for path in paths}


_LAYERS = """
import sys, warnings
warnings.simplefilter("ignore")
import json
import rwkv.model as official

found = {}
for text in sys.argv[2:]:
    model = official.RWKV(sys.argv[1], text, verbose=False)
    kinds = [(str(one.device), str(one.wtype), bool(one.stream)) for one in model.strategy]
    found[text] = kinds
print(json.dumps(found))
"""


def official_layers(path, strategies):
    """Of each strategy's text device, type of weights and streaming of every layer and the head.

    They are what the package makes of it when it opens the model, of a generation before 7.
    """
    environment = os.environ | {"RWKV_JIT_ON": "0", "RWKV_CUDA_ON": "0"}
    command = [sys.executable, "-c", _LAYERS, str(path).removesuffix(".pth"), *strategies]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
