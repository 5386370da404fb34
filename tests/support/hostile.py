"""Archives and pickles made by hand: what no honest program would write."""

import collections
import io
import json
import pickle
import zipfile

import torch


class Stored:
    """Stands for a storage: pickled as torch's persistent id of that many numbers."""

    def __init__(self, key, count, kind=torch.BFloat16Storage):
        self.pid = ("storage", kind, str(key), "cpu", count)


class Rebuilt:
    """Stands for a tensor: pickled as torch's call with whatever arguments are given."""

    def __init__(self, storage, offset, shape, strides, *rest):
        self.arguments = (storage, offset, shape, strides, *rest)

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, self.arguments


class Call:
    """Pickled as a call of ``function``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.pid if isinstance(obj, Stored) else None


def pickled(content, protocol=2):
    """As torch pickles its ``data.pkl``."""
    out = io.BytesIO()
    _Pickler(out, protocol).dump(content)
    return out.getvalue()


def tensor(key, shape, *, count=None, offset=0, strides=None, kind=torch.BFloat16Storage):
    """An honest tensor of its own storage, unless told otherwise."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.insert(0, step)
        step *= size
    storage = Stored(key, step if count is None else count, kind)
    return Rebuilt(
        storage, offset, shape, strides or tuple(steps), False, collections.OrderedDict()
    )


def pickled_tensors(shapes):
    """The pickle of a dict of bfloat16 tensors, one storage each, numbered in order."""
    return pickled(
        {name: tensor(key, tuple(shape)) for key, (name, shape) in enumerate(shapes.items())}
    )


def write_archive(path, entries, *, root="archive/", packed=zipfile.ZIP_STORED):
    """A zip archive of the entries (name -> bytes)."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, data in entries.items():
            archive.writestr(root + name, data)
    return path


def write_pickle(path, data, **more):
    """A torch archive that has only a pickle, and what more is given."""
    return write_archive(path, {"data.pkl": data, "version": b"3\n", **more})


def write_header(path, header, data=b"", *, length=None):
    """A safetensors file with this header (bytes, or what becomes JSON)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + data)
    return path
