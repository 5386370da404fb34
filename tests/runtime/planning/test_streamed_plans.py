"""Plans of which a part is streamed: what it takes, how fast it is, and when it is offered."""

import msgspec
import pytest

from app.errors import StrategyUnsupported
from app.messages.plans import chosen_in_words
from app.runtime.planning.footprint import SLOTS, footprint, read_per_token, streamed_on
from app.runtime.planning.machine import ASSUMED_FILE_BYTES_PER_S, Machine, Rates
from app.runtime.planning.plan import plan_of, plans_for
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.strategy import parse
from app.runtime.planning.streamed_plans import check_runs_for
from app.runtime.sizes import spec_of
from app.system.gpus import Gpu

GB = 10**9
SMALL = spec_of("7.0", 24, 1024, 65536)
LARGE = spec_of("7.0", 61, 4096, 65536)
BLOCK = 24 * SMALL.width**2  # bytes of a layer's projections in 16 bits
TABLE = 2 * 65536 * SMALL.width


def machine(available, **more):
    return Machine(memory_total=64 * GB, memory_available=int(available), rates=Rates(2e10), **more)


def plan(text, spec=SMALL, here=None):
    return plan_of(spec, "bf16", parse(text), here or machine(60 * GB))


def test_two_slots_take_the_place_of_all_layers_that_are_streamed():
    whole, part, none = (plan(f"cpu bf16{way}") for way in ("", " *9+", " *0+"))
    slots = SLOTS * BLOCK
    assert part.parts["cpu"]["slots"] == none.parts["cpu"]["slots"] == slots
    saved = whole.bytes["cpu"] - part.bytes["cpu"]
    assert saved == 15 * BLOCK + TABLE - slots  # and the head
    assert whole.bytes["cpu"] - none.bytes["cpu"] == 24 * BLOCK + 2 * TABLE - slots
    apart = plan("cpu bf16 *9+; embedding cpu mapped")
    assert part.bytes["cpu"] - apart.bytes["cpu"] == TABLE


def test_what_a_token_reads_is_the_same_wherever_it_comes_from():
    ways = [parse(f"cpu bf16{way}") for way in ("", " *9+", " *0+")]
    assert len({sum(read_per_token(SMALL, way, "bf16").values()) for way in ways}) == 1


def test_a_head_of_its_own_is_streamed_in_parts_that_are_no_larger_than_a_layer():
    way = parse("cpu bf16; head cpu bf16 mapped")
    found = streamed_on(SMALL, way, "bf16")["cpu"]
    assert found.weights == TABLE
    assert found.slots < TABLE // 2


def test_to_a_card_layers_come_from_memory_that_holds_all_of_them():
    card = Gpu(index=0, name="a card", capability=89, total_bytes=8 * GB, free_bytes=8 * GB)
    here = machine(60 * GB, gpus=(card,))
    whole, streamed = plan("cuda fp16", here=here), plan("cuda fp16 *0+", here=here)
    comes = streamed.parts["cpu"]["streamed"]
    assert 24 * BLOCK + 2 * TABLE < comes < 1.2 * 24 * BLOCK + 2 * TABLE  # with the chains
    assert "streamed" not in whole.parts["cpu"]
    # a card has the head as one stage
    assert whole.bytes["cuda"] - streamed.bytes["cuda"] == comes - SLOTS * TABLE


def test_a_disk_that_is_slower_than_the_processor_is_what_counts():
    way = "cpu bf16 *0+"
    slow, quick = (plan(way, here=machine(60 * GB, disk_bytes_per_s=s)) for s in (1e8, 1e12))
    coming = 24 * BLOCK + TABLE
    assert slow.decode_tokens_per_s == pytest.approx(0.8 * 1e8 / coming)
    assert quick.decode_tokens_per_s == plan("cpu bf16").decode_tokens_per_s
    assert slow.prefill_tokens_per_s == pytest.approx(512 * slow.decode_tokens_per_s)
    unknown = plan(way).decode_tokens_per_s
    assert unknown == pytest.approx(slow.decode_tokens_per_s * ASSUMED_FILE_BYTES_PER_S / 1e8)


def test_layers_come_to_a_card_as_fast_as_its_slot_carries_them():
    def speed(**link):
        gpu = Gpu(
            index=0, name="a card", capability=89, total_bytes=8 * GB, free_bytes=8 * GB, **link
        )
        return plan("cuda fp16 *0+", here=machine(60 * GB, gpus=(gpu,))).decode_tokens_per_s

    wide, narrow = speed(link_bytes_per_s=31.5e9), speed(link_bytes_per_s=3.94e9)
    assert wide == pytest.approx(8 * narrow, rel=0.01)
    assert speed() == pytest.approx(wide / 2), "what is not told is taken for PCI Express 3"


def test_where_the_exact_weights_fit_nothing_is_streamed():
    planned = plans_for(SMALL, "bf16", machine(60 * GB))
    assert all(one.strategy.stays for one in planned.candidates)


def test_beside_a_worse_format_that_fits_it_is_offered_but_not_recommended():
    needed = plan("cpu int8").peak_bytes["cpu"] + 10**9 // 3
    planned = plans_for(SMALL, "bf16", machine(needed))
    assert planned.recommended.strategy.text == "cpu int8"
    offered = [one for one in planned.candidates if not one.strategy.stays]
    assert [one.strategy.format for one in offered] == ["bf16"]
    assert offered[0].fits
    assert offered[0].strategy.segments[0].layers > 0


def test_where_nothing_fits_as_a_whole_it_is_recommended_with_what_it_comes_to():
    here = machine_called("laptop-8gb")
    planned = plans_for(LARGE, "bf16", here)
    best = planned.recommended
    assert best is not None
    assert best.fits
    assert not best.strategy.stays
    assert best.decode_tokens_per_s < 0.1
    words = chosen_in_words(planned, here)
    assert words.startswith("16-bit on the processor, read from the file for each token")


def test_as_many_layers_stay_as_fit():
    here = machine_called("laptop-8gb")
    best = plans_for(LARGE, "bf16", here).recommended
    stay = best.strategy.resolved(61).segments[0].layers
    more = best.strategy.text.replace(f"*{stay}+", f"*{stay + 1}+")
    assert not plan_of(LARGE, "bf16", parse(more), here).fits


def test_a_13_3b_runs_on_a_card_with_3_gb_of_its_memory():
    here = machine_called("rtx-4060")
    small = msgspec.structs.replace(here.gpus[0], free_bytes=3 * GB)
    here = msgspec.structs.replace(here, gpus=(small,))
    found = plan("cuda int8 *0+", LARGE, here)
    assert found.fits
    assert found.bytes["cuda"] < 3 * GB


@pytest.mark.parametrize("text", ["cpu bf16 *0+", "cpu bf16 *5+; embedding cpu bf16 mapped"])
def test_its_text_is_read_as_the_same_way(text):
    here = machine_called("laptop-8gb")
    for one in plans_for(LARGE, "bf16", here).candidates:
        assert parse(one.strategy.text).settled(61) == one.strategy
    assert parse(text).text == text


def test_a_packed_file_is_streamed_in_what_it_holds():
    planned = plans_for(LARGE, "int8", machine_called("laptop-8gb"))
    streamed = [one.strategy.format for one in planned.candidates if not one.strategy.stays]
    assert streamed == ["int8"]
    assert footprint(LARGE, planned.recommended.strategy, "int8").total < 8 * GB


def test_what_is_read_for_each_token_has_to_lie_packed_in_the_file():
    for text in ("cpu int8 *4+", "cpu int4 *0+", "cuda fp16 *4 -> cpu int8 mapped"):
        with pytest.raises(StrategyUnsupported) as caught:
            check_runs_for("bf16", parse(text))
        assert caught.value.facts == {"found": parse(text).text, "why": "unpacked"}
    for text, dtype in (("cpu int8 *4+", "int8"), ("cpu fp32 *4+", "bf16"), ("cpu int8", "bf16")):
        check_runs_for(dtype, parse(text))
    check_runs_for("bf16", parse("cuda int4 *4+"))
