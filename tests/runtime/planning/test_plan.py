"""Plans on machines that are only described: which fit, which is recommended, and why."""

import msgspec
import pytest

from app.messages.plans import chosen_in_words, reason_in_words
from app.runtime.planning.footprint import state_bytes
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.runtime.planning.plan import plans_for
from app.runtime.planning.simulated import machine_called, machines
from app.runtime.planning.speed import READING_SPEED
from app.runtime.planning.strategy import ON_CPU, parse
from app.runtime.sizes import spec_of

GB = 10**9
SHAPES = {
    "0.1B": (12, 768),
    "1.5B": (24, 2048),
    "2.9B": (32, 2560),
    "7.2B": (32, 4096),
    "13.3B": (61, 4096),
}


def spec(size):
    return spec_of("7.0", *SHAPES[size], 65536)


def chosen(size, name, dtype="bf16", **limits):
    machine = machine_called(name)
    planned = plans_for(spec(size), dtype, machine, Limits(**limits))
    way = planned.recommended.strategy.text if planned.recommended else None
    return way, chosen_in_words(planned, machine)


@pytest.mark.parametrize("name", machines())
@pytest.mark.parametrize("size", SHAPES)
def test_every_format_is_a_candidate_and_the_recommended_one_fits(name, size):
    machine = machine_called(name)
    planned = plans_for(spec(size), "bf16", machine)
    texts = [plan.strategy.text for plan in planned.candidates]
    assert set(ON_CPU) <= set(texts)
    assert len(texts) == len(set(texts))
    for gpu in machine.gpus:
        assert f"{gpu.device} fp16" in texts
        assert (f"{gpu.device} bf16" in texts) == (gpu.capability >= 80)
    for plan in planned.candidates:
        assert plan.bytes == {device: sum(parts.values()) for device, parts in plan.parts.items()}
        assert all(plan.peak_bytes[device] >= count for device, count in plan.bytes.items())
        assert plan.fits == (plan.reason == "fits")
        assert reason_in_words(plan).endswith(".")
    best = planned.recommended
    if best is None:
        assert not any(plan.fits for plan in planned.candidates)
    else:
        assert best.fits
        slow = best.decode_tokens_per_s < READING_SPEED
        assert slow == (planned.why == "fastest")


def test_the_most_exact_format_that_is_quick_enough_to_read_along_is_recommended():
    assert chosen("1.5B", "rtx-4060")[0] == "cuda fp16"
    assert chosen("2.9B", "gtx-1660")[0] == "cuda int8"
    assert chosen("7.2B", "rtx-4090")[0] == "cuda fp16"
    assert chosen("13.3B", "two-gpus")[0] == "cuda:1 int8"
    assert chosen("1.5B", "laptop-8gb")[0] == "cpu bf16"
    assert chosen("1.5B", "server-2-cores")[0] == "cpu int8"


def test_where_nothing_is_quick_enough_the_quickest_is_recommended():
    slow = Machine(memory_total=64 * GB, memory_available=60 * GB, rates=Rates(4e9))
    planned = plans_for(spec("7.2B"), "bf16", slow)
    assert (planned.recommended.strategy.text, planned.why) == ("cpu int4", "fastest")
    said = chosen_in_words(planned, slow)
    assert "nothing that fits is faster; 8-bit would be slower than you read." in said


def test_the_sentence_names_the_card_what_is_left_and_what_would_not_do():
    way, said = chosen("7.2B", "rtx-4060")
    assert way == "cuda int4"
    assert said.startswith("4-bit on your RTX 4060: fits with ")
    assert said.endswith(" tokens/s; 8-bit would not fit.")


def test_a_limit_is_obeyed_and_named():
    assert chosen("2.9B", "rtx-4060", gpu_bytes=5 * GB)[0] == "cuda int8"
    way, _ = chosen("1.5B", "rtx-4060", gpu_bytes=3 * GB)
    assert way == "cuda fp16 *18 -> cpu bf16"  # as exact as the whole on the processor, and quicker
    way, said = chosen("1.5B", "rtx-4060", gpu_bytes=0, cpu_bytes=GB // 2)
    assert way is None
    assert "more than the limit of 500.0 MB" in said


def test_what_other_programs_hold_is_told_from_what_is_not_there():
    machine = machine_called("laptop-8gb")
    reasons = {
        size: plans_for(spec(size), "bf16", machine).of(parse("cpu int4")).reason
        for size in ("1.5B", "7.2B", "13.3B")
    }
    assert reasons == {"1.5B": "fits", "7.2B": "busy", "13.3B": "too-small"}


def test_more_texts_at_once_take_more_memory():
    machine = machine_called("rtx-4090")
    one, many = (
        plans_for(spec("1.5B"), "bf16", machine, texts=texts).of(parse("cpu bf16"))
        for texts in (1, 32)
    )
    state = state_bytes(spec("1.5B"))
    assert one.parts["cpu"]["state"] == 2 * state
    assert 2 * state < many.parts["cpu"]["state"] < 32 * state, "of the rest the system has most"
    assert many.peak_bytes["cpu"] - one.peak_bytes["cpu"] >= 31 * 4 * state
    assert many.parts["cpu"]["weights"] == one.parts["cpu"]["weights"]


def test_the_order_of_two_cards_changes_nothing():
    machine = machine_called("two-gpus")
    turned = msgspec.structs.replace(machine, gpus=machine.gpus[::-1])
    ways = [plans_for(spec("7.2B"), "bf16", one).recommended.strategy for one in (machine, turned)]
    assert ways[0] == ways[1]


def test_this_machine_can_be_asked_and_is_plain_data():
    machine = this_machine()
    assert machine.memory_total >= machine.memory_available > 0
    assert machine.cores > 0
    assert machine.cpu
    assert msgspec.json.decode(msgspec.json.encode(machine), type=Machine) == machine
