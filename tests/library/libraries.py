"""Small real models for the tests of the library, and waiting for what threads do."""

import hashlib
import json
import time
from contextlib import contextmanager

import torch

from app.library.local_library import LocalLibrary
from app.library.scan import merged, survey
from app.runtime.origin import Origin, OriginFile, note_of, write_origin
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors

SMALL = {"layers": 2, "width": 32, "head_size": 16, "ffn_width": 64, "vocabulary": 11}


def small_pth(path, generation="7.0", **sizes):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_pth(path, random_tensors(generation, **SMALL | sizes))


def sharded(folder, stem="big", index=True, **sizes):
    """A model in two parts; returns what opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = random_tensors(**SMALL | sizes)
    placed = {}
    for part in (1, 2):
        file = f"{stem}-{part:05}-of-00002.safetensors"
        held = sorted(tensors)[part - 1 :: 2]
        write_safetensors(folder / file, {name: tensors[name] for name in held})
        placed |= dict.fromkeys(held, file)
    if not index:
        return folder / f"{stem}-00001-of-00002.safetensors"
    path = folder / f"{stem}.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    return path


def tuned_state(path, layers=2, heads=2, head_size=16):
    """As the state tuner writes it."""
    blocks = range(layers)
    shape = (heads, head_size, head_size)
    return write_pth(path, {f"blocks.{i}.att.time_state": torch.zeros(shape) for i in blocks})


def lora(path, layers=2, width=32, ffn_width=64, gate=False, rank=4):
    """As the trainer of adapters writes it."""
    tensors = {}
    sides = {"att.receptance": (width, width), "att.value": (width, width)}
    sides |= {"ffn.key": (width, ffn_width), "ffn.value": (ffn_width, width)}
    if gate:
        sides["att.gate"] = (width, width)
    for layer in range(layers):
        for name, (inside, outside) in sides.items():
            at = f"blocks.{layer}.{name}"
            tensors |= {f"{at}.lora_A": torch.zeros(rank, inside)}
            tensors |= {f"{at}.lora_B": torch.zeros(outside, rank)}
    return write_pth(path, tensors)


@contextmanager
def library_of(*folders, files=(), on_change=None):
    local = LocalLibrary(folders, files, on_change)
    try:
        yield local
    finally:
        local.close()


def scan(folders):
    """All models in these folders and the folders in them, by name; each once."""
    return merged(map(survey, folders))


def wait_for(condition, limit_s=30):
    until = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
    return found


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def noted(main, *sides):
    """A note of origin, as a download of these files leaves it."""
    digests = {name: hashlib.sha256((main.parent / name).read_bytes()) for name in sides}
    files = [OriginFile(name=main.name, file=main.name, sha256="0" * 64)]
    files += [
        OriginFile(name=name, file=name, sha256=one.hexdigest()) for name, one in digests.items()
    ]
    write_origin(main, Origin(repo="a/b", file=main.name, files=tuple(files)))
    return note_of(main)
