"""Adapters of all kinds with random numbers, and what they make of a model, told plainly in NumPy.

Each maker gives the tensors of an adapter's file and the model's tensors with it merged in, which
are computed in float64 from the formulas of the tools that made such files.
"""

import hashlib
import json
import zipfile

import numpy as np
import torch

RANK = 4
PLACES = (
    "blocks.0.att.receptance",
    "blocks.1.att.key",
    "blocks.1.att.output",
    "blocks.2.ffn.key",
    "blocks.2.ffn.value",
)


def _random(seed):
    rng = np.random.default_rng(seed)
    return lambda *shape: (0.3 * rng.standard_normal(shape)).astype(np.float32)


def _wide(tensor):
    return tensor.double().numpy().copy()


def _narrow(array):
    return torch.from_numpy(np.asarray(array)).float()


def lora(base, *, alpha=8.0, rank=RANK, seed=1, name="{}.{}", root=False):
    """W + alpha / rank * B A, by the sum over the ranks."""
    draw, file, merged = _random(seed), {}, dict(base)
    for place in PLACES:
        weight = _wide(base[f"{place}.weight"])
        down, up = draw(rank, weight.shape[1]), draw(weight.shape[0], rank)
        scale = alpha / (rank**0.5 if root else rank)
        for one in range(rank):
            weight += scale * np.outer(up[:, one].astype(float), down[one].astype(float))
        file[name.format(place, "lora_A")] = torch.from_numpy(down)
        file[name.format(place, "lora_B")] = torch.from_numpy(up)
        merged[f"{place}.weight"] = _narrow(weight)
    return file, merged


def pissa(base, *, seed=2):
    """(W - B0 A0) + B A: the file, what it began with, and the merged model."""
    draw, file, first, merged = _random(seed), {}, {}, dict(base)
    for place in PLACES:
        weight = _wide(base[f"{place}.weight"])
        pairs = [(draw(RANK, weight.shape[1]), draw(weight.shape[0], RANK)) for _ in range(2)]
        for sign, (down, up) in zip((-1, 1), pairs, strict=True):
            weight += sign * (up.astype(float) @ down.astype(float))
        first[f"model.{place}.init_lora_A"] = torch.from_numpy(pairs[0][0])
        first[f"model.{place}.init_lora_B"] = torch.from_numpy(pairs[0][1])
        file[f"{place}.lora_A"] = torch.from_numpy(pairs[1][0])
        file[f"{place}.lora_B"] = torch.from_numpy(pairs[1][1])
        merged[f"{place}.weight"] = _narrow(weight)
    return file, first, merged


def shards(base, *, rank=RANK, seed=3, name="{}.disha", scale=1.0, turned=False):
    """Column k gets row k mod rank of a block (rank, out); MiSS packages keep it as (out, rank)."""
    draw, file, merged = _random(seed), {}, dict(base)
    for place in PLACES:
        weight = _wide(base[f"{place}.weight"])
        block = draw(rank, weight.shape[0])
        for column in range(weight.shape[1]):
            weight[:, column] += scale * block[column % rank]
        kept = torch.from_numpy(block)
        file[name.format(place)] = kept.T.contiguous() if turned else kept
        merged[f"{place}.weight"] = _narrow(weight)
    return file, merged


def bat(base, *, rank=8, seed=4, name="{}.bone", by_row=False):
    """Each block w (rank, rank) becomes w + w d + d, with a d for each column (or row) of them."""
    draw, file, merged = _random(seed), {}, dict(base)
    for place in PLACES:
        weight = _wide(base[f"{place}.weight"])
        rows, columns = weight.shape[0] // rank, weight.shape[1] // rank
        blocks = draw(rows if by_row else columns, rank, rank)
        for row in range(rows):
            for column in range(columns):
                at = np.s_[row * rank : (row + 1) * rank, column * rank : (column + 1) * rank]
                d = blocks[row if by_row else column].astype(float)
                weight[at] = weight[at] + weight[at] @ d + d
        file[name.format(place)] = torch.from_numpy(blocks)
        merged[f"{place}.weight"] = _narrow(weight)
    return file, merged


def write_peft(folder, tensors, **told):
    """A folder as the package peft saves it."""
    from safetensors.torch import save_file

    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def write_package(path, tensors, base_sha256, scale, *, one_file=False):
    """A MiSS as rwkv_lightning keeps it: a folder, or one file with its description inside."""
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    told = {
        "alpha": scale * RANK,
        "base_fingerprint": base_sha256,
        "dtype": "float16",
        "format_version": 1,
        "kind": "inference_adapter",
        "layout": "modulo_rank_zero_pad",
        "method": "miss",
        "rank": RANK,
        "scale": scale,
        "targets": [{"name": name, "shape": list(one.shape)} for name, one in halves.items()],
    }

    def written():
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()

    numbers = b"".join(one.numpy().tobytes() for one in halves.values())
    told["content_version"] = hashlib.sha256(written() + numbers).hexdigest()
    if one_file:
        torch.save(halves, path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{path.stem}/miss.json", written())
        return path
    path.mkdir()
    torch.save(halves, path / "adapter.pth")
    (path / "adapter.json").write_bytes(written() + b"\n")
    return path
