"""Loading with too little memory, or with limits: what runs instead, and what is said of it."""

import sys

import pytest
import torch

from app.errors import OutOfMemory, OverLimit
from app.messages.gpu_status import stepped_down_in_words
from app.runtime.loading import backends
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.planning.machine import Limits
from app.runtime.planning.stepping_down import Preferences
from app.store.kept_shortages import KeptShortages
from tests.runtime.small_models import small_file

NO_MORE = 1 << 50  # room then, of which there will hardly be more now


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp("models"), width=512, dtype=torch.bfloat16)


def opened(model, text="", *, limit=None, **preferences):
    made = Backends(gpus=tuple, limits=Limits(cpu_bytes=limit))
    made.preferences = Preferences(**preferences)
    return open_model(model, text, backends=made)


@pytest.mark.skipif(sys.platform != "linux", reason="limits on addresses")
def test_an_allocation_that_fails_is_followed_by_the_next_smaller_way(model, monkeypatch):
    from tests.support.starved_worker import Starving

    monkeypatch.setattr(backends, "build", Starving("loading", "cpu fp32,cpu bf16"))
    for text, policy in (("", "quality"), ("cpu fp32", "balanced")):
        found = opened(model, text, policy=policy)
        down = found.stepped_down
        assert found.strategy.text == "cpu int8"
        assert (down.strategy, down.code) == ("cpu fp32", "out-of-memory")
        assert down.facts["needed_bytes"] > 0
        assert down.facts["room_bytes"] > 0
    with pytest.raises(OutOfMemory) as caught:
        opened(model, "cpu fp32", firm=True)
    assert caught.value.facts["strategy"] == "cpu fp32"
    every = "cpu fp32,cpu bf16,cpu fp16,cpu int8,cpu int4"
    monkeypatch.setattr(backends, "build", Starving("loading", every))
    with pytest.raises(OutOfMemory):
        opened(model)


def test_what_ran_out_before_is_passed_over_until_there_is_more_memory(model):
    found = opened(model, policy="quality", ran_out={"cpu fp32": NO_MORE})
    down = found.stepped_down
    assert (found.strategy.text, down.strategy) == ("cpu bf16", "cpu fp32")
    said = stepped_down_in_words(down, found.strategy.text)
    assert said.endswith(
        "There was not enough memory for that before, and there is no more of it now."
    )
    assert opened(model, "cpu fp32", ran_out={"cpu fp32": NO_MORE}).strategy.text == "cpu bf16"
    again = opened(model, policy="quality", ran_out={"cpu fp32": 1})
    assert (again.strategy.text, again.stepped_down) == ("cpu fp32", None)
    firm = opened(model, "cpu fp32", firm=True, ran_out={"cpu fp32": NO_MORE})
    assert (firm.strategy.text, firm.stepped_down) == ("cpu fp32", None)


def test_limits_hold_for_every_way_of_asking(model):
    large, small = (
        opened(model, text, firm=True).plan.peak_bytes["cpu"] for text in ("cpu fp32", "cpu int8")
    )
    limit = (large + small) // 2
    chosen, asked = opened(model, limit=limit), opened(model, "cpu fp32", limit=limit)
    for found in (chosen, asked):
        assert found.plan.peak_bytes["cpu"] <= limit
    assert chosen.stepped_down is None
    assert asked.stepped_down.code == "over-limit"
    assert "your limit is" in stepped_down_in_words(asked.stepped_down, asked.strategy.text)
    for text, most, firm in (("cpu fp32", limit, True), ("", 1, True), ("cpu fp32", 1, False)):
        with pytest.raises(OverLimit) as caught:
            opened(model, text, limit=most, firm=firm)
        assert caught.value.facts["limit_bytes"] == most


def test_shortages_are_kept_by_machine_and_model(tmp_path):
    kept = KeptShortages(tmp_path / "data" / "shortages.json")
    assert kept.get("/a.pth") == {}
    kept.put("/a.pth", "cpu fp32", 5)
    kept.put("/a.pth", "cpu bf16", 4)
    kept.put("/b.pth", "cpu bf16", 3)
    assert kept.get("/a.pth") == {"cpu fp32": 5, "cpu bf16": 4}
    kept.forget("/a.pth", "cpu fp32")
    kept.forget("/a.pth", "cpu bf16")
    assert (kept.get("/a.pth"), kept.get("/b.pth")) == ({}, {"cpu bf16": 3})
    (tmp_path / "data" / "shortages.json").write_text("[]")
    assert kept.get("/b.pth") == {}
    kept.put("/b.pth", "cpu bf16", 2)
    assert kept.get("/b.pth") == {"cpu bf16": 2}
