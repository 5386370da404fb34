"""The language of strategies: what a text means, its canonical form, and where it is wrong."""

import re
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import StrategyError, StrategyUnsupported
from app.runtime.planning.strategy import KNOWN, Place, Segment, parse, whole_on
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.official import official_layers

CUDA8 = Place("cuda", "int8")

_formats = [f"{kind}{bits}" for kind, bits in product(("fp32", "bf16", "fp16"), ("", "i8", "i4"))]
_counts = st.one_of(st.just(""), st.integers(1, 30).map(" *{}".format))
_parts = st.tuples(st.sampled_from(["cpu", "cuda", "cuda:0", "cuda:2"]), st.sampled_from(_formats))


@st.composite
def texts_of_the_package(draw):
    """What the pattern of the ``rwkv`` package matches, for the devices that are known here."""
    parts = draw(st.lists(st.tuples(_parts, _counts), min_size=1, max_size=4))
    texts = [f"{device} {form}{count}" for (device, form), count in parts]
    if draw(st.booleans()):
        i = draw(st.integers(0, len(texts) - 1))
        texts[i] += "+" if "*" in texts[i] else ""
    return draw(st.sampled_from([" -> ", "->", "  ->  "])).join(texts)


def slots_of_the_package(text, layers):
    """Device, format and streaming of every layer and of the head, by the package's own rule."""
    parts = [part.split() for part in text.split("->")]
    slots = layers + 1
    got, free, stream, over = [0] * len(parts), 0, None, 0
    for i, (_, _, *count) in enumerate(parts):
        if not count:
            free += 1
            continue
        got[i] = int(count[0].strip("*+"))
        stream = i if count[0].endswith("+") else stream
        if sum(got) >= slots:
            got[i] += slots - sum(got)
            break
    left = slots - sum(got)
    if stream is not None:
        got[stream] += left
        over = left
    else:
        for i, part in enumerate(parts):
            if len(part) == 2 and left > 0 and free:
                got[i] = left // free
                left, free = left - got[i], free - 1
        got[-1] += left
    forms = {"i8": "int8", "i4": "int4"}
    spread = []
    for i, (device, form, *_) in enumerate(parts):
        place = (device.replace("cuda:0", "cuda"), forms.get(form[4:], form))
        stays = got[i] - (over if i == stream else 0)
        spread += [(*place, "resident")] * stays
        spread += [(*place, "mapped" if device == "cpu" else "streamed")] * (got[i] - stays)
    return spread


def slots_of(strategy):
    spread = [
        (one.device, one.format, one.residency)
        for one in strategy.segments
        for _ in range(one.first, one.last + 1)
    ]
    head = strategy.head_place
    return [*spread, (head.device, head.format, head.residency)]


@given(texts_of_the_package(), st.integers(1, 40))
@example("cuda fp16i8 *0+ -> cpu fp32 *1", 24)
@example("cuda fp16 *12 -> cpu fp32 *12", 3)
@example("cuda fp16 -> cpu fp32 *5", 4)
@example("cpu fp32 -> cpu fp32 -> cpu fp32i8 *1", 12)
@example("cpu fp32 -> cpu fp32 *5 -> cpu fp32i8 *1", 12)
def test_every_text_of_the_rwkv_package_means_the_same_here(text, layers):
    """For models that have at least as many layers as the text counts."""
    strategy = parse(text)
    assert parse(strategy.text) == strategy
    layers += sum(int(count) for count in re.findall(r"\*(\d+)", text))
    whole = strategy.resolved(layers)
    assert slots_of(whole) == slots_of_the_package(text, layers)
    assert parse(whole.text).resolved(layers) == whole
    assert whole.resolved(layers) == whole


_places = st.sampled_from(
    [
        Place(device, form, residency)
        for device in ("cpu", "cuda:1")
        for form in ("bf16", "int4")
        for residency in ("resident", "mapped", "streamed")
        if (device, residency) != ("cpu", "streamed")
    ]
)


@given(
    st.lists(st.tuples(_places, st.integers(1, 9)), min_size=1, max_size=5),
    st.none() | st.builds(Place, st.sampled_from(["cpu", "cuda"]), st.just("int8")),
    st.none() | st.builds(Place, st.sampled_from(["cpu", "cuda"]), st.just("bf16")),
)
def test_whatever_a_slider_makes_can_be_written_and_read_back(runs, head, embedding):
    from app.runtime.planning.segments import in_a_row
    from app.runtime.planning.strategy import Strategy

    layers = sum(count for _, count in runs)
    made = Strategy(in_a_row(runs), head, embedding).resolved(layers)
    assert parse(made.text).resolved(layers) == made


@pytest.mark.parametrize("text", KNOWN)
def test_a_whole_placement_is_its_own_canonical_text(text):
    strategy = parse(text)
    assert strategy.text == text == strategy.resolved(24).text
    assert (strategy.device, strategy.format) == tuple(text.split())
    assert strategy.whole
    strategy.check_runs()


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("  CPU   BF16 ", "cpu bf16"),
        ("CUDA:0 fp16i8*20->cpu fp32", "cuda int8 *20 -> cpu fp32"),
        ("cuda fp16 *2 -> cuda fp16 *3 -> cpu fp32 *99", "cuda fp16 *5 -> cpu fp32"),
        ("cuda fp16 *0 -> cpu fp32", "cpu fp32"),
        ("cuda int8 *2 -> cuda int8 *3+", "cuda int8 *5+"),
        ("cuda int8 streamed", "cuda int8 *0+"),
        ("cuda int8 *20+ mapped", "cuda int8 *20+ mapped"),
        ("cpu bf16 *4+ streamed", "cpu bf16 *4+"),
        ("cuda fp16i8 *0+ -> cpu fp32 *1", "cuda int8 *0+; head cpu fp32"),
        ("cpu int8; emb cpu; head cpu int8", "cpu int8"),
        ("cuda int8;embedding cpu bf16;head cpu", "cuda int8; head cpu int8; embedding cpu bf16"),
    ],
)
def test_different_spellings_have_one_canonical_text(text, canonical):
    assert parse(text).text == canonical


def test_a_segment_tells_its_first_and_last_layer():
    first, then = parse("cuda int8 *20 -> cpu int8").resolved(24).segments
    assert (first.first, first.last, first.place) == (0, 19, CUDA8)
    assert then == Segment("cpu", "int8", first=20, layers=4)
    assert parse("cuda int8 *20 -> cpu int8").segments[1].last is None


@pytest.mark.parametrize(
    ("text", "part", "position"),
    [
        ("", "", 0),
        ("cpu", "", 3),
        ("bf16", "bf16", 0),
        ("mps fp16", "mps", 0),
        ("cuda: fp16", "cuda:", 0),
        ("cuda:x fp16", "cuda:x", 0),
        ("cpu:1 fp32", "cpu:1", 0),
        ("cpu fp32i3", "fp32i3", 4),
        ("cpu int8i8", "int8i8", 4),
        ("cuda fp16 *20 -> Cpu FP17", "FP17", 21),
        ("cuda fp16 *x+ -> cpu fp32", "*x+", 10),
        ("cuda fp16 * -> cpu fp32", "*", 10),
        ("cpu fp32 ->", "", 11),
        ("cpu fp32 -> -> cpu fp32", "->", 12),
        ("cpu fp32 cuda fp16", "cuda", 9),
        ("cpu fp32; tail cpu", "tail", 10),
        ("cpu fp32; head cpu; head cuda", "head", 20),
        ("cpu fp32 *\u0661", "*\u0661", 9),
    ],
)
def test_an_error_points_at_the_part_that_is_wrong(text, part, position):
    with pytest.raises(StrategyError) as caught:
        parse(text)
    facts = caught.value.facts
    assert (facts["found"], facts["part"], facts["position"]) == (text, part, position)
    assert facts["wanted"]


@given(st.text(st.sampled_from("cpuda:fb 1632i84*+->;hemtrsingoy\n\u00df\x00"), max_size=40))
def test_any_text_is_either_understood_or_refused_with_a_place_inside_it(text):
    try:
        strategy = parse(text)
    except StrategyError as refused:
        at, part = refused.facts["position"], refused.facts["part"]
        assert text[at : at + len(part)] == part
    else:
        assert parse(strategy.text) == strategy


@pytest.mark.parametrize(
    "text",
    ["cuda int8 *20+ mapped", "cpu int8; head cuda int8 mapped"],
)
def test_what_cannot_be_run_yet_is_understood_and_refused_when_it_is_to_run(text):
    with pytest.raises(StrategyUnsupported) as caught:
        parse(text).check_runs()
    assert caught.value.facts == {"found": text, "why": "streamed"}


@pytest.mark.parametrize("text", ["cuda fp16 *20 -> cpu int8", "cpu bf16; head cpu fp32"])
def test_a_split_can_be_run(text):
    parse(text).check_runs()
    assert not parse(text).settled(24).whole


def test_a_split_that_comes_to_lie_in_one_place_is_a_whole_placement():
    assert parse("cuda fp16 *40 -> cpu int8").settled(24) == whole_on("cuda", "fp16")
    assert parse("cpu bf16 *12 -> cuda bf16").settled(24).layer_formats == "bf16"
    assert parse("cuda fp16 -> cpu int8").settled(24).layer_formats == "fp16 *12 -> int8"


def test_cards_are_numbered_and_the_first_needs_no_number():
    assert parse("CUDA:0  fp16") == whole_on("cuda", "fp16")
    assert parse("cuda:1 int4").text == "cuda:1 int4"
    assert parse("cuda:1 int4").on_gpu
    assert not parse("cpu int4").on_gpu


OF_THE_PACKAGE = [
    "cpu fp32 *2 -> cpu bf16",
    "cpu fp32 -> cpu bf16",
    "cpu fp32 -> cpu bf16 -> cpu fp32i8",
    "cpu bf16 *1 -> cpu fp32 *3",
    "cpu bf16 *1 -> cpu fp32 *1 -> cpu bf16",
    "cpu fp32 *9 -> cpu bf16",
    "cpu fp32 *5 -> cpu bf16 *1",
    "cpu fp32i8 *2+ -> cpu bf16 *1",
]


def test_the_rwkv_package_itself_gives_every_layer_and_the_head_the_same_place(tmp_path):
    """It opens a model of five layers with these texts."""
    tensors = random_tensors("6.0", layers=5)
    found = official_layers(write_pth(tmp_path / "model.pth", tensors), OF_THE_PACKAGE)
    names = {"torch.float32": "fp32", "torch.bfloat16": "bf16", "torch.uint8": "int8"}
    for text, layers in found.items():
        told = [(device, names[form], stream) for device, form, stream in layers]
        slots = slots_of(parse(text).resolved(5))
        assert told == [(device, form, way != "resident") for device, form, way in slots], text
