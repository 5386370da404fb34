"""What is told of an adapter before anything is merged: its kind, and if alpha is asked for."""

import pytest
import torch

from app.errors import CheckpointError, RequestRefused
from app.runtime.adapters.adapter_look import look_at_adapter
from tests.support import adapters
from tests.support.checkpoints import random_tensors, write_pth


def test_kinds_ranks_and_who_has_to_tell_alpha(tmp_path):
    base = random_tensors("7.0", seed=5)
    lora, _ = adapters.lora(base)
    alone = look_at_adapter(write_pth(tmp_path / "lora.pth", lora))
    assert alone == ("lora", adapters.RANK, None, True)
    named, _ = adapters.lora(base, name="base_model.model.{}.{}.weight")
    told = {"peft_type": "LORA", "r": 4, "lora_alpha": 12}
    peft = look_at_adapter(adapters.write_peft(tmp_path / "peft", named, **told))
    assert peft == ("lora", adapters.RANK, 12, False)
    file, first, _ = adapters.pissa(base)
    (tmp_path / "pissa").mkdir()
    write_pth(tmp_path / "pissa" / "init_pissa.pth", first)
    assert look_at_adapter(write_pth(tmp_path / "pissa" / "a.pth", file))[::3] == ("pissa", False)
    shards, _ = adapters.shards(base)
    assert look_at_adapter(write_pth(tmp_path / "disha.pth", shards))[::3] == ("shards", False)
    blocks, _ = adapters.bat(base)
    assert look_at_adapter(write_pth(tmp_path / "bat.pth", blocks)).kind == "bat"
    state = {"blocks.0.att.time_state": torch.zeros(4, 16, 16)}
    assert look_at_adapter(write_pth(tmp_path / "state.pth", state))[::3] == ("state", False)


def test_what_is_none_is_refused_with_its_path(tmp_path):
    none = write_pth(tmp_path / "none.pth", {"encoder.weight": torch.zeros(3)})
    for path, failure in ((none, RequestRefused), (tmp_path / "gone", CheckpointError)):
        with pytest.raises(failure) as raised:
            look_at_adapter(path)
        assert raised.value.facts["path"] == str(path)
