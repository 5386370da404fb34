"""Model files of full size that take no room on the disk: headers, and holes for the numbers."""

import json
import struct
import zlib

import gguf
import numpy as np

from tests.support.gguf_files import gguf_names_and_shapes
from tests.support.hostile import pickled_tensors

_FULL = 0xFFFFFFFF


def shapes_7(layers=24, width=2048, vocabulary=65536):
    """Names and shapes of an official RWKV-7; the usual sizes are those of the 1.5B."""
    heads, ffn = width // 64, 4 * width
    shapes = {"emb.weight": (vocabulary, width), "head.weight": (vocabulary, width)}
    for name in ("ln_out", "blocks.0.ln0"):
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    for layer in range(layers):
        att, ffn_ = f"blocks.{layer}.att.", f"blocks.{layer}.ffn."
        for name in (f"blocks.{layer}.ln1", f"blocks.{layer}.ln2", att + "ln_x"):
            shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
        for name in ("x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "v0", "k_k", "k_a"):
            shapes[att + name] = (1, 1, width)
        for name, rank in (("w", 96), ("a", 96), ("v", 64), ("g", 256)):
            shapes |= {f"{att}{name}1": (width, rank), f"{att}{name}2": (rank, width)}
        for name in ("receptance", "key", "value", "output"):
            shapes[f"{att}{name}.weight"] = (width, width)
        shapes |= {att + "r_k": (heads, 64), ffn_ + "x_k": (1, 1, width)}
        shapes |= {ffn_ + "key.weight": (ffn, width), ffn_ + "value.weight": (width, ffn)}
    return shapes


def _count(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def sparse_safetensors(path, shapes):
    """Bfloat16 zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * _count(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def sparse_pth(path, shapes):
    """Bfloat16 zeros in torch's archive, with 64-bit places and sizes where they are needed."""
    content = pickled_tensors(shapes)
    entries = [("data.pkl", content, len(content)), ("version", b"3\n", 2)]
    entries += [
        (f"data/{key}", b"", 2 * _count(shape)) for key, shape in enumerate(shapes.values())
    ]
    directory = b""
    with path.open("wb") as file:
        for name, data, size in entries:
            full, place = f"archive/{name}".encode(), file.tell()
            crc = zlib.crc32(data)
            fields = struct.pack("<5HI", 20, 0, 0, 0, 0, crc)
            wide = struct.pack("<2H2Q", 1, 16, size, size)
            file.write(b"PK\3\4" + fields + struct.pack("<2I2H", _FULL, _FULL, len(full), 20))
            file.write(full + wide + data)
            file.seek(size - len(data), 1)
            directory += _central(fields, full, size, place)
        begin, number = file.tell(), len(entries)
        end64 = struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, number, number, len(directory), begin)
        locator = struct.pack("<IQI", 0, begin + len(directory), 1)
        end = struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, _FULL, _FULL, 0)
        file.write(directory + b"PK\6\6" + end64 + b"PK\6\7" + locator + b"PK\5\6" + end)
    return path


def _central(fields, full, size, place):
    """An entry of the directory; what does not fit into 32 bits stands in its extra field."""
    wide = struct.pack("<Q", place) if place >= _FULL else b""
    extra = struct.pack("<2H", 1, len(wide)) + wide if wide else b""
    sizes = struct.pack("<2I2H", size, size, len(full), len(extra))
    places = struct.pack("<3H2I", 0, 0, 0, 0, min(place, _FULL))
    return b"PK\1\2" + struct.pack("<H", 20) + fields + sizes + places + full + extra


def sparse_gguf(path, shapes, words=65536):
    """An RWKV-7 whose matrices are Q8_0, with a whole vocabulary in its header."""
    writer = gguf.GGUFWriter(path, "rwkv7")
    writer.add_uint32("rwkv7.wkv.head_size", 64)
    writer.add_token_list([b"word%d" % word for word in range(words)])
    writer.add_token_types([1] * words)
    size = 0
    for name, shape in gguf_names_and_shapes(shapes).items():
        packed = name.endswith(("output.weight", "embd.weight", "key.weight", "value.weight"))
        kind = gguf.GGMLQuantizationType.Q8_0 if packed else gguf.GGMLQuantizationType.F32
        block, width = gguf.GGML_QUANT_SIZES[kind]
        nbytes = _count(shape) // block * width
        stored = (*shape[:-1], shape[-1] // block * width) if packed else shape
        writer.add_tensor_info(
            name, stored, np.dtype("uint8" if packed else "float32"), nbytes, raw_dtype=kind
        )
        size += -(-nbytes // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        file.truncate(-(-path.stat().st_size // 32) * 32 + size)
    return path
