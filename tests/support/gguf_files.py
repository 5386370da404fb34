"""Official tensors written as llama.cpp writes GGUF files of RWKV-6 and RWKV-7."""

import re

import gguf
import numpy as np
import torch

from tests.support.dialects import squeezed, transposed

_OUTER = {
    "emb.weight": "token_embd.weight",
    "blocks.0.ln0.weight": "token_embd_norm.weight",
    "blocks.0.ln0.bias": "token_embd_norm.bias",
    "ln_out.weight": "output_norm.weight",
    "ln_out.bias": "output_norm.bias",
    "head.weight": "output.weight",
}
_WORDS = (
    ("ln1.", "attn_norm."),
    ("ln2.", "attn_norm_2."),
    ("att.ln_x.", "time_mix_ln."),
    ("att.time_faaaa", "time_mix_first.weight"),
    ("att.time_decay_w", "time_mix_decay_w"),
    ("att.time_decay", "time_mix_decay"),
    ("att.time_maa_x", "time_mix_lerp_x"),
    ("att.time_maa_", "time_mix_"),
    ("ffn.time_maa_", "channel_mix_lerp_"),
    ("ffn.x_", "channel_mix_lerp_"),
    ("att.", "time_mix_"),
    ("ffn.", "channel_mix_"),
)
_MATRIX = re.compile(r"(att|ffn)\.\w+\.weight$|emb\.weight|head\.weight")


def stored(tensors, generation, rescale=0):
    """GGUF names -> float32 tensors in numpy's order of axes."""
    fused = "wkvrg" if generation == "6.0" else "rwkvag"
    prefix = "att.time_maa_" if generation == "6.0" else "att.x_"
    rescale = rescale if generation == "6.0" else 0
    made = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
        if name in _OUTER:
            made[_OUTER[name]] = tensor.float()
        elif not re.fullmatch(re.escape(prefix) + f"[{fused}]", match[2]):
            new = f"blk.{match[1]}.{_inner(match[2])}"
            made[new] = _layout(match[2], tensor.float(), int(match[1]), rescale)
        elif match[2] == prefix + fused[0]:
            rows = [tensors[f"blocks.{match[1]}.{prefix}{x}"].float() for x in fused]
            made[f"blk.{match[1]}.time_mix_lerp_fused.weight"] = torch.stack(rows)
    if generation == "7.0":
        for n in "012":
            made[f"blk.0.time_mix_v{n}.weight"] = made[f"blk.0.time_mix_a{n}.weight"]
    return made


def gguf_names_and_shapes(shapes):
    """The names and shapes of an RWKV-7 in a GGUF, without any number."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in stored(
            {n: torch.empty(s, device="meta") for n, s in shapes.items()}, "7.0"
        ).items()
    }


def _inner(tail):
    for word, new in _WORDS:
        if tail.startswith(word):
            tail = new + tail[len(word) :]
            break
    return tail if tail.endswith((".weight", ".bias")) else tail + ".weight"


def _layout(tail, tensor, layer, rescale):
    if re.search(r"(_w|att\.[wavg])[12]$", tail):
        return transposed(tensor)
    if tail == "att.r_k":
        return tensor.reshape(-1)
    if rescale and tail in ("att.output.weight", "ffn.value.weight"):
        return tensor / 2 ** (layer // rescale)
    return squeezed(tensor) if tail not in ("ffn.x_k",) else tensor


def write_gguf(path, tensors, generation, *, packed="F32", rescale=0, words=64, head_size=0):
    """Write the file; matrices are quantised as ``packed``.  Returns what each tensor holds now."""
    arch = "rwkv6" if generation == "6.0" else "rwkv7"
    writer = gguf.GGUFWriter(path, arch)
    writer.add_uint32(f"{arch}.wkv.head_size", head_size or _head_size(tensors))
    writer.add_uint32(f"{arch}.block_count", 1)
    if arch == "rwkv6":
        writer.add_uint32("rwkv6.rescale_every_n_layers", rescale)
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list([b"<s>"] + [b"word%d" % i for i in range(words)])
    writer.add_token_types([3] + [1] * words)
    kind, held = gguf.GGMLQuantizationType[packed], {}
    for name, tensor in stored(tensors, generation, rescale).items():
        array = tensor.contiguous().numpy()
        as_is = (
            array.ndim != 2 or kind.name == "F32" or re.search(r"_[wavg]?[wavg][12]\.|first", name)
        )
        if as_is:
            writer.add_tensor(name, array)
            held[name] = tensor
        else:
            data = gguf.quants.quantize(array, kind)
            writer.add_tensor(name, data, raw_dtype=kind)
            held[name] = torch.from_numpy(gguf.quants.dequantize(data, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def _head_size(tensors):
    name = next(name for name in tensors if name.endswith(("att.r_k", "att.time_faaaa")))
    return tensors[name].shape[1]


def random_packed(kind, rows, columns, seed=0):
    """Bytes that are a valid tensor of ``kind``, whatever the numbers in it."""
    block, width = gguf.GGML_QUANT_SIZES[kind]
    return np.random.default_rng(seed).integers(
        0, 256, (rows, columns // block * width), dtype=np.uint8
    )
