"""Layers as runs and as a number of those that stay: every change is a strategy that runs."""

import pytest

from app.runtime.planning.plan import plan_of
from app.runtime.planning.segments import Place
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.strategy import parse
from app.runtime.sizes import spec_of
from app.ui.state.run.layer_runs import Ground, arranged
from app.ui.state.run.layer_share import LayerShare

SPEC = spec_of("7.0", 24, 2048, 65536)
CARD, CARDS, NONE = (machine_called(one) for one in ("rtx-4060", "two-gpus", "laptop-8gb"))


def runs(text):
    return arranged(parse(text), 24)


def share_of(text, machine=CARD, dtype="bf16"):
    share = LayerShare()
    share.look(parse(text), Ground(24, dtype, machine))
    return share


def test_ranges_are_moved_placed_parted_and_taken_away():
    now = runs("cuda fp16 *10 -> cpu int8")
    assert [(run.place.text, run.layers) for run in now.runs] == [
        ("cuda fp16", 10),
        ("cpu int8", 14),
    ]
    assert now.ending(0, 12).text == "cuda fp16 *12 -> cpu int8"
    assert now.ending(0, 99).runs[0].layers == 23, "each run keeps a layer"
    assert now.ending(0, -3).runs[0].layers == 1
    assert now.placed(1, Place("cpu", "bf16")).text == "cuda fp16 *10 -> cpu bf16"
    assert now.placed(1, Place("cuda", "fp16")).text == "cuda fp16"
    three = now.parted(1, Place("cpu", "int4"))
    assert three.text == "cuda fp16 *10 -> cpu int8 *7 -> cpu int4"
    assert three.last_of(1) == 17
    assert three.without(1).text == "cuda fp16 *17 -> cpu int4"
    assert three.without(0).text == "cpu int8 *17 -> cpu int4"
    apart = runs("cuda fp16 *10 -> cpu int8; embedding cpu fp32")
    assert apart.ending(0, 11).text == "cuda fp16 *11 -> cpu int8; embedding cpu fp32"


@pytest.mark.parametrize(
    ("text", "layers", "found"),
    [
        ("cpu bf16", 5, "cuda fp16 *5 -> cpu bf16"),
        ("cpu int4", 5, "cuda int4 *5 -> cpu int4"),
        ("cuda fp16", 5, "cuda fp16 *5 -> cpu bf16"),
        ("cuda int8 *3 -> cpu int4", 24, "cuda int8"),
        ("cuda int8 *3 -> cpu int4", 0, "cpu int4"),
        ("cuda int8 *9+", 12, "cuda int8 *12+; embedding cuda int8 streamed"),
        ("cpu bf16 *9+", 12, "cpu bf16 *12+; embedding cpu bf16 mapped"),
    ],
)
def test_so_many_layers_stay_as_are_asked_for(text, layers, found):
    share = share_of(text)
    assert parse(share.moved(layers)) == parse(found)
    share.look(parse(found), Ground(24, "bf16", CARD))
    assert share.staying == layers


def test_at_the_ends_the_other_side_is_remembered():
    share = share_of("cuda int8 *3 -> cpu fp32")
    for layers, found in ((24, "cuda int8"), (6, "cuda int8 *6 -> cpu fp32"), (0, "cpu fp32")):
        text = share.moved(layers)
        assert text == found
        share.look(parse(text), Ground(24, "bf16", CARD))
    assert share.moved(1) == "cuda int8 *1 -> cpu fp32"


def test_of_two_cards_those_with_layers_get_more_and_give_them_back():
    share = share_of("cuda:1 fp16 *8 -> cuda fp16 *8 -> cpu int8", CARDS)
    assert share.staying == 16
    assert share.moved(20) == "cuda:1 fp16 *8 -> cuda fp16 *12 -> cpu int8"
    assert share.moved(4) == "cuda:1 fp16 *4 -> cpu int8"


def test_without_a_card_only_a_stream_is_shared_out():
    assert not share_of("cpu bf16", NONE).possible
    share = share_of("cpu bf16 *9+", NONE)
    assert (share.possible, share.of_memory, share.staying) == (True, True, 9)


@pytest.mark.parametrize(
    ("text", "dtype", "way", "back"),
    [
        ("cpu bf16", "bf16", "cpu bf16", "cpu bf16"),
        ("cpu int8", "bf16", "cpu bf16", "cpu bf16"),
        ("cpu int8", "int8", "cpu int8", "cpu int8"),
        ("cuda fp16", "bf16", "cuda fp16", "cuda fp16"),
    ],
)
def test_streaming_keeps_as_many_layers_as_fit_and_can_be_taken_back(text, dtype, way, back):
    share = share_of(text, dtype=dtype)

    def make(strategy):
        return plan_of(SPEC, dtype, strategy, CARD)

    streamed = share.streamed(make)
    found = parse(streamed)
    assert not found.stays
    assert (found.device, found.format) == tuple(way.split())
    assert make(found).fits
    share.look(found, Ground(24, dtype, CARD))
    assert share.streams
    assert share.staying == 24, "there is room for all"
    assert share.settled() == back
