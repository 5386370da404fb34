"""What is taken where memory ran out: on described machines, for every policy and card."""

import msgspec
import pytest

from app.messages.plans import reason_in_words
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import plans_for
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.stepping_down import (
    FOR_NOW,
    Preferences,
    choose,
    next_down,
    short_of,
    wanted_of,
)
from app.runtime.planning.strategy import parse
from app.runtime.sizes import spec_of

GB = 10**9
SPEC = spec_of("7.0", 24, 2048, 65536)


def candidates(name, limits=None):
    return plans_for(SPEC, "bf16", machine_called(name), limits or Limits()).candidates


def walked(name, first, policy="balanced", gpu=""):
    """All ways that are tried one after the other, from the first one on."""
    every = wanted_of(candidates(name), gpu, machine_called(name))
    known, ways = {}, []
    while True:
        wishes = Preferences(policy=policy, ran_out=known)
        plan, instead_of = choose(SPEC, "bf16", every, wishes, parse(first) if first else None)
        assert (instead_of is not None) == bool(known)
        if plan is None:
            return ways
        ways.append(plan.strategy.text)
        known[plan.strategy.text] = FOR_NOW


def test_the_processor_steps_through_the_formats_that_are_smaller():
    ways = walked("rtx-4090", "cpu fp32")
    assert ways == ["cpu fp32", "cpu bf16", "cpu int8", "cpu int4"]


def test_a_card_gives_way_to_the_other_card_and_at_last_to_the_processor():
    ways = walked("two-gpus", "cuda int8")
    devices = list(dict.fromkeys(parse(way).device for way in ways))
    assert devices == ["cuda", "cuda:1", "cpu"]
    assert ways[:2] == ["cuda int8", "cuda int4"]
    assert ways[2] == "cuda:1 fp16"
    assert ways[-1].startswith("cpu int")


@pytest.mark.parametrize(
    ("policy", "first", "then"),
    [
        ("quality", "cuda fp16", "cuda int8"),
        ("balanced", "cuda fp16", "cuda int8"),
        ("speed", "cuda int4", "cpu int4"),
    ],
)
def test_every_policy_has_its_own_way_down(policy, first, then):
    assert walked("rtx-4060", "", policy)[:2] == [first, then]


def test_a_card_that_was_chosen_gives_way_to_the_processor_alone():
    devices = {parse(way).device for way in walked("two-gpus", "", gpu="cuda:1")}
    assert devices == {"cuda:1", "cpu"}
    assert {parse(way).device for way in walked("two-gpus", "", gpu="cpu")} == {"cpu"}


def test_nothing_is_smaller_than_the_smallest():
    assert next_down(SPEC, "bf16", candidates("laptop-8gb"), parse("cpu int4")) is None


def test_what_ran_out_is_tried_again_only_with_more_room():
    every = candidates("rtx-4060")
    room = next(one for one in every if one.strategy.text == "cpu bf16").facts["room_bytes"]
    for then, reason in ((room, "ran-out"), (room - 2 * GB, "fits"), (FOR_NOW, "ran-out")):
        marked = short_of(every, {"cpu bf16": then})
        (plan,) = [one for one in marked if one.strategy.text == "cpu bf16"]
        assert (plan.reason, plan.fits) == (reason, reason == "fits")
        assert plan.may_run
    (plan,) = [one for one in short_of(every, {"cpu bf16": room}) if not one.fits]
    assert "ran out this way before" in reason_in_words(plan)


def test_what_is_asked_for_keeps_to_the_limits_but_not_to_other_programs():
    limits = Limits(gpu_bytes=3 * GB, cpu_bytes=3 * GB)
    plan, first = choose(
        SPEC, "bf16", candidates("rtx-4060", limits), Preferences(), parse("cuda fp16")
    )
    assert (first.strategy.text, first.reason) == ("cuda fp16", "over-limit")
    assert plan.strategy.text == "cuda int8"
    busy = msgspec.structs.replace(machine_called("rtx-4060"), memory_available=GB)
    every = plans_for(SPEC, "bf16", busy).candidates
    plan, first = choose(SPEC, "bf16", every, Preferences(), parse("cpu bf16"))
    assert (plan.strategy.text, plan.reason, first) == ("cpu bf16", "busy", None)
