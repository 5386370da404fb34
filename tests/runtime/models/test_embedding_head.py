"""Models for sentence embeddings: their files, and that their vectors are those of NumPy."""

import numpy as np
import pytest
import torch

from app.errors import RequestRefused, UnfitCheckpoint
from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece
from tests.runtime.small_models import Desk, ask
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.numpy_rwkv import logits_after

TEXT = (72, 101, 108, 108, 111, 255)


def embedding_tensors(width=64, inner=96):
    """As EmbeddingRWKV keeps them, without the head that it does not use."""
    random = torch.Generator().manual_seed(1)

    def drawn(*shape):
        return torch.randn(*shape, generator=random) / 8

    plain = random_tensors(vocabulary=256, width=width)
    tensors = {f"rwkv.{name}": tensor for name, tensor in plain.items() if name != "head.weight"}
    for task in ("retr", "sts"):
        head = f"head.{task}_head."
        tensors[head + "fc1.weight"] = drawn(inner, width)
        tensors[head + "fc2.weight"] = drawn(width, inner)
        tensors[head + "norm.weight"] = 1 + drawn(width)
        tensors[head + "norm.bias"] = drawn(width)
    return tensors


def reference(tensors, tokens, task):
    """The vector in NumPy: hidden after ln_out at the last token, through the head."""
    plain = {name[5:]: one for name, one in tensors.items() if name.startswith("rwkv.")}
    plain["head.weight"] = torch.eye(plain["emb.weight"].shape[1])
    x = logits_after(plain, tokens, "7.0")
    w = {
        name.removeprefix(f"head.{task}_head."): one.double().numpy()
        for name, one in tensors.items()
        if name.startswith(f"head.{task}_head.")
    }
    y = w["fc2.weight"] @ np.maximum(w["fc1.weight"] @ x, 0) + x
    y = (y - y.mean()) / np.sqrt(y.var() + 1e-5)
    return y * w["norm.weight"] + w["norm.bias"]


def embedded(opened, task):
    desk = Desk(opened)
    desk.run(ask(1, TEXT, limit=1, outputs=Outputs(hidden=True, embedding=task)))
    (piece,) = [one for one in desk.sent[1] if isinstance(one, Piece) and one.tokens]
    return np.frombuffer(piece.tokens[0].hidden, "<f4")


def test_vectors_are_those_of_the_reference_for_each_task(tmp_path):
    tensors = embedding_tensors()
    opened = open_model(write_pth(tmp_path / "rwkv0b1-emb.pth", tensors), "cpu fp32")
    assert opened.loaded(1).embeds == ("retr", "sts")
    for task in ("retr", "sts"):
        assert embedded(opened, task) == pytest.approx(reference(tensors, TEXT, task), abs=2e-4)
    with pytest.raises(RequestRefused) as refused:
        embedded(opened, "cls")
    assert refused.value.facts["why"] == "embedding-task"


def test_a_head_that_is_not_whole_is_refused(tmp_path):
    tensors = embedding_tensors()
    odd = {**tensors, "head.sts_head.norm.bias": torch.zeros(3)}
    del tensors["head.retr_head.fc2.weight"]
    for name, broken in (("missing", tensors), ("odd", odd)):
        with pytest.raises(UnfitCheckpoint):
            open_model(write_pth(tmp_path / f"{name}.pth", broken), "cpu fp32")
