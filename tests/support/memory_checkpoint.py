"""A checkpoint that lies in memory: what a model is built from, without a file."""

import torch

from app.runtime.checkpoint import TensorInfo, identify

_DTYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


class MemoryCheckpoint:
    """Official names and tensors, read as from a file: always copies."""

    def __init__(self, tensors):
        self._numbers = tensors
        self.tensors = {
            name: TensorInfo(tuple(tensor.shape), _DTYPES[tensor.dtype], tensor.nbytes)
            for name, tensor in tensors.items()
        }
        self.dtype = self.tensors["head.weight"].dtype
        self.spec = identify({name: info.shape for name, info in self.tensors.items()})

    def read(self, name, dtype=None):
        tensor = self._numbers[name]
        return tensor.to(dtype or tensor.dtype, copy=True)

    def read_into(self, name, out):
        out.copy_(self._numbers[name])

    def mapped(self, name, dtype=None):
        return None

    def stretch_of(self, name):
        return None

    def check_packed(self, name, total):
        raise AssertionError(name)

    def stay_open(self):
        pass

    def close(self):
        pass

    def release(self, *names):
        pass

    def watch(self):
        return lambda: None

    def packed_shape(self, name):
        return None
