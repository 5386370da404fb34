"""The best split of a model that a card does not hold: it fits, and one layer more would not."""

import msgspec
import pytest

from app.messages.plans import chosen_in_words
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import plan_of, plans_for, staying_plans_for
from app.runtime.planning.simulated import machine_called, machines
from app.runtime.planning.speed import READING_SPEED
from app.runtime.planning.strategy import Strategy, parse
from app.runtime.sizes import spec_of

GB = 10**9
SHAPES = {"1.5B": (24, 2048), "2.9B": (32, 2560), "7.2B": (32, 4096), "13.3B": (61, 4096)}


def spec(size):
    return spec_of("7.0", *SHAPES[size], 65536)


def split_of(size, machine, dtype="bf16", **limits):
    """The one split among the candidates; None where there is none."""
    planned = staying_plans_for(spec(size), dtype, machine, Limits(**limits))
    found = [plan for plan in planned.candidates if not plan.strategy.whole]
    assert len(found) <= 1
    return found[0] if found else None


def with_one_more(way):
    """One layer more on the first card."""
    first, then, *rest = way.segments
    more = msgspec.structs.replace(first, layers=first.layers + 1)
    fewer = msgspec.structs.replace(then, first=more.layers, layers=then.layers - 1)
    return Strategy((more, fewer, *rest), way.head, way.embedding)


@pytest.mark.parametrize("name", machines())
@pytest.mark.parametrize("size", SHAPES)
def test_the_split_fits_and_one_layer_more_on_the_card_would_not(name, size):
    machine = machine_called(name)
    plan = split_of(size, machine)
    wholes = [f"{gpu.device} int4" for gpu in machine.gpus]
    planned = plans_for(spec(size), "bf16", machine)
    if plan is None:
        fits = [planned.of(parse(text)).fits for text in wholes]
        assert not machine.gpus or any(fits)
        return
    assert plan.fits
    assert parse(plan.strategy.text).settled(spec(size).layers) == plan.strategy
    assert set(plan.bytes) == {*plan.strategy.devices, "cpu"}
    assert plan.bytes == {device: sum(parts.values()) for device, parts in plan.parts.items()}
    if len(plan.strategy.cards) == 1:
        assert not plan_of(spec(size), "bf16", with_one_more(plan.strategy), machine).fits


def test_a_limit_of_the_card_takes_layers_off_it_and_one_of_the_processor_all_splits():
    machine = machine_called("rtx-4060")
    free, bound = split_of("13.3B", machine), split_of("13.3B", machine, gpu_bytes=4 * GB)
    assert free.strategy.segments[0].layers > bound.strategy.segments[0].layers
    assert bound.peak_bytes["cuda"] <= 4 * GB
    assert split_of("13.3B", machine, cpu_bytes=2 * GB) is None


def test_what_a_card_holds_in_every_format_is_not_split_nor_what_has_no_card():
    assert split_of("1.5B", machine_called("rtx-4090")) is None
    assert split_of("7.2B", machine_called("laptop-8gb")) is None


def test_two_cards_share_what_neither_holds():
    plan = split_of("13.3B", machine_called("two-gpus"))
    assert plan.strategy.cards == ("cuda:1", "cuda")  # the larger one first
    assert "cpu" not in plan.strategy.devices
    assert plan.strategy.layer_formats == "fp16"


def test_a_packed_file_is_split_in_what_it_holds():
    plan = split_of("13.3B", machine_called("rtx-4060"), dtype="int8")
    assert {place.format for place in plan.strategy.places} == {"int8"}


def test_where_nothing_whole_can_be_read_along_the_split_is_recommended():
    machine = machine_called("rtx-4060")
    planned = plans_for(spec("13.3B"), "bf16", machine)
    best = planned.recommended
    assert best.strategy.cards == ("cuda",)
    assert not best.strategy.whole
    assert best.decode_tokens_per_s >= READING_SPEED
    assert all(
        plan.decode_tokens_per_s < READING_SPEED
        for plan in planned.candidates
        if plan.fits and plan.strategy.whole
    )
    assert "on your RTX 4060 and the processor: fits with" in chosen_in_words(planned, machine)


def test_a_card_that_holds_a_model_to_read_along_is_not_given_up_for_exactness():
    planned = plans_for(spec("7.2B"), "bf16", machine_called("rtx-4060"))
    assert planned.recommended.strategy.text == "cuda int4"
    assert any(not plan.strategy.whole for plan in planned.candidates)
    smaller = plans_for(spec("7.2B"), "bf16", machine_called("gtx-1660"))
    assert smaller.of(parse("cpu int4")).decode_tokens_per_s >= READING_SPEED
    assert smaller.recommended.strategy.layer_formats == "int8"
    assert not smaller.recommended.strategy.whole


def test_a_split_is_as_quick_as_its_parts_one_after_the_other():
    machine, shape = machine_called("rtx-4060"), spec("7.2B")
    gpu, cpu, half = (
        plan_of(shape, "bf16", parse(text), machine)
        for text in ("cuda int8", "cpu int8", "cuda int8 *16 -> cpu int8")
    )
    halves = (1 / gpu.decode_tokens_per_s + 1 / cpu.decode_tokens_per_s) / 2
    assert 1 / half.decode_tokens_per_s == pytest.approx(halves, rel=0.05)
    halves = (1 / gpu.prefill_tokens_per_s + 1 / cpu.prefill_tokens_per_s) / 2
    assert 1 / half.prefill_tokens_per_s == pytest.approx(halves, rel=1e-6)


@pytest.mark.parametrize("text", ["cuda int8 *16 -> cpu int8", "cuda fp16; embedding cpu fp16"])
def test_the_parts_of_a_split_add_up_to_the_whole_model(text):
    machine, shape = machine_called("rtx-4090"), spec("2.9B")
    whole = plan_of(shape, "bf16", parse(text.partition(" *")[0].partition(";")[0]), machine)
    split = plan_of(shape, "bf16", parse(text), machine)
    for part in ("weights", "state", "kept states"):
        total = sum(parts.get(part, 0) for parts in split.parts.values())
        wanted = sum(parts.get(part, 0) for parts in whole.parts.values())
        assert total == pytest.approx(wanted, rel=1e-6)
