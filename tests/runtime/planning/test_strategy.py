"""Strategies: their text, which one is chosen, and what a model will take in memory."""

import pytest

from app.kernels import open_ops
from app.runtime.models import build
from app.runtime.planning.footprint import footprint, state_bytes
from app.runtime.planning.machine import Machine, Rates
from app.runtime.planning.plan import SPARE_BYTES, formats_on, plan_of, plans_for
from app.runtime.planning.strategy import ON_CPU, parse, whole_on
from app.runtime.spec import Spec
from app.system.gpus import Gpu
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint

GIB = 1 << 30
_KINDS = ("bf16", "int8", "int4")


def _spec(layers=24, width=1024, parameters=451_000_000):
    return Spec(
        generation="7.0",
        layers=layers,
        width=width,
        heads=width // 64,
        head_size=64,
        attention_width=width,
        ffn_width=4 * width,
        vocabulary=65536,
        parameters=parameters,
    )


def machine(available, *, fast_bf16=True, gpus=(), reads=1e11):
    """One that reads so fast that any model can be read along, unless told otherwise."""
    return Machine(
        memory_total=64 * GIB,
        memory_available=available,
        fast_formats=("fp32", "bf16", "fp16") if fast_bf16 else ("fp32",),
        gpus=tuple(gpus),
        rates=Rates(reads),
    )


def choose(spec, dtype, available, **here):
    """The text of what is recommended; None where nothing fits."""
    found = plans_for(spec, dtype, machine(available, **here)).recommended
    return found.strategy.text if found else None


def gpu(gib, index=0, capability=89):
    free = int(gib * GIB)
    return Gpu(index=index, name="a card", capability=capability, total_bytes=free, free_bytes=free)


def test_with_a_card_it_is_the_most_exact_format_that_fits_there():
    way = {gib: choose(_spec(), "bf16", 64 * GIB, gpus=[gpu(gib)], reads=4e9) for gib in (24, 1.55)}
    assert way == {24: "cuda fp16", 1.55: "cuda int8"}
    assert choose(_spec(), "fp32", 64 * GIB, gpus=[gpu(24)]) == "cuda fp16"


def test_the_more_exact_format_on_another_card_comes_first():
    both = [gpu(1.55), gpu(24, index=1)]
    assert choose(_spec(), "bf16", 64 * GIB, gpus=both) == "cuda:1 fp16"


def test_what_fits_no_card_runs_as_if_there_were_none():
    for dtype in ("bf16", "int8"):
        alone = choose(_spec(), dtype, 64 * GIB, fast_bf16=True)
        assert choose(_spec(), dtype, 64 * GIB, fast_bf16=True, gpus=[gpu(0.5)]) == alone


def test_a_small_model_stays_on_the_processor():
    small = _spec(layers=4, width=128, parameters=10_000_000)
    assert choose(small, "bf16", GIB, fast_bf16=True, gpus=[gpu(24)]) == "cpu fp32"


def test_a_packed_file_runs_on_a_card_in_what_it_holds():
    assert choose(_spec(), "int4", 64 * GIB, gpus=[gpu(24)]) == "cuda int4"


def test_the_most_exact_format_comes_first_and_bf16_only_where_the_card_multiplies_it():
    assert formats_on(gpu(1, capability=80), "bf16") == ("fp32", "fp16", "bf16", "int8", "int4")
    assert formats_on(gpu(1, capability=75), "bf16") == ("fp32", "fp16", "int8", "int4")
    loss = [one.split()[1] for one in ON_CPU]
    assert loss == ["fp32", "bf16", "fp16", "int8", "int4"]


def test_a_card_needs_more_than_the_weights_but_not_the_processors_workspace():
    on_gpu, here = (footprint(_spec(), parse(text), "bf16") for text in ("cuda fp16", "cpu bf16"))
    assert on_gpu.weights == here.weights
    assert on_gpu.state == here.state
    assert on_gpu.workspace > 512 << 20


def test_a_16_bit_file_runs_in_16_bits():
    assert choose(_spec(), "bf16", 64 * GIB, fast_bf16=True) == "cpu bf16"


def test_a_32_bit_file_keeps_its_precision_where_it_fits():
    assert choose(_spec(), "fp32", 64 * GIB, fast_bf16=True) == "cpu fp32"
    assert choose(_spec(), "fp32", 17 * GIB // 10, fast_bf16=True) == "cpu bf16"


def test_a_small_model_runs_in_full_precision():
    small = _spec(layers=4, width=128, parameters=10_000_000)
    assert choose(small, "bf16", GIB, fast_bf16=True) == "cpu fp32"


def test_a_processor_without_bf16_computes_in_full_precision_where_it_fits():
    assert choose(_spec(), "bf16", 64 * GIB, fast_bf16=False) == "cpu fp32"
    assert choose(_spec(), "bf16", 17 * GIB // 10, fast_bf16=False) == "cpu bf16"


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_packed_file_runs_in_what_it_holds(kind):
    assert choose(_spec(), kind, 64 * GIB, fast_bf16=True) == f"cpu {kind}"


@pytest.mark.parametrize("fast", [True, False])
def test_fewer_bits_are_taken_only_where_nothing_larger_fits(fast):
    ways = [whole_on("cpu", kind) for kind in ("bf16", "int8", "int4")]
    for way in ways:
        here = machine(64 * GIB, fast_bf16=fast)
        enough = plan_of(_spec(), "bf16", way, here).peak_bytes["cpu"] + SPARE_BYTES
        assert choose(_spec(), "bf16", enough, fast_bf16=fast) == way.text
    assert choose(_spec(), "bf16", 0, fast_bf16=fast) is None


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("text", ON_CPU)
def test_the_footprint_is_close_to_what_a_loaded_model_holds(generation, text):
    tensors = random_tensors(generation, layers=2, width=512, head_size=64, vocabulary=700)
    checkpoint = MemoryCheckpoint(tensors)
    model = build(checkpoint, open_ops("cpu"), parse(text))
    costs = footprint(checkpoint.spec, parse(text), "fp32")
    (held,) = model.resident_bytes.values()
    assert held <= costs.weights <= 1.25 * held
    assert costs.state == model.blank().nbytes == state_bytes(checkpoint.spec)
    assert costs.total == sum(costs)


def test_the_embedding_table_keeps_the_type_of_the_file():
    spec, half = _spec(), whole_on("cpu", "bf16")
    table = spec.vocabulary * spec.width
    whole = footprint(spec, whole_on("cpu", "fp32"), "fp32").weights
    assert whole - footprint(spec, whole_on("cpu", "fp32"), "bf16").weights == 2 * table
    assert footprint(spec, half, "fp32").weights == footprint(spec, half, "bf16").weights


def test_sixteen_bits_take_about_half():
    spec = _spec()
    halves = footprint(spec, whole_on("cpu", "bf16")).weights
    assert 0.5 < halves / footprint(spec, whole_on("cpu", "fp32")).weights < 0.51


def test_a_projection_of_an_official_size_takes_8_and_a_quarter_or_4_and_a_half_bits():
    sizes = {kind: footprint(_spec(), whole_on("cpu", kind), "bf16").weights for kind in _KINDS}
    blocks, head = 24 * 12 * 1024**2, 65536 * 1024
    bits = (sizes["bf16"] - sizes["int8"]) / (blocks + head) * 8
    assert 16 - bits == pytest.approx(8.25, abs=0.01)
    bits = (sizes["int8"] - sizes["int4"]) / blocks * 8
    assert 8.25 - bits == pytest.approx(4.5, abs=0.01)
