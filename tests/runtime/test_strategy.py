"""Strategies: their text, which one is chosen, and what a model will take in memory."""

import pytest

from app.errors import StrategyError
from app.kernels import open_ops
from app.runtime.models import build
from app.runtime.spec import Spec
from app.runtime.strategy import KNOWN, Strategy, choose, footprint, parse, state_bytes
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint

GIB = 1 << 30


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


@pytest.mark.parametrize("text", KNOWN)
def test_a_known_text_goes_both_ways(text):
    strategy = parse(text)
    assert strategy.text == text
    assert (strategy.device, strategy.format) == tuple(text.split())


def test_case_and_spaces_do_not_matter():
    assert parse("  CPU   BF16 ") == Strategy("cpu", "bf16")


@pytest.mark.parametrize(
    "text", ["", "cpu", "bf16", "cuda fp16", "cpu fp16", "cpu fp32 *10+", "cpu fp32 -> cpu bf16"]
)
def test_any_other_text_is_refused_with_what_is_known(text):
    with pytest.raises(StrategyError) as caught:
        parse(text)
    assert caught.value.facts == {"found": text, "wanted": "cpu bf16, cpu fp32"}


def test_a_16_bit_file_runs_in_16_bits():
    assert choose(_spec(), "bf16", 64 * GIB, fast_bf16=True).text == "cpu bf16"


def test_a_32_bit_file_keeps_its_precision_where_it_fits():
    assert choose(_spec(), "fp32", 64 * GIB, fast_bf16=True).text == "cpu fp32"
    assert choose(_spec(), "fp32", 1 * GIB, fast_bf16=True).text == "cpu bf16"


def test_a_small_model_runs_in_full_precision():
    small = _spec(layers=4, width=128, parameters=10_000_000)
    assert choose(small, "bf16", GIB, fast_bf16=True).text == "cpu fp32"


def test_a_processor_without_bf16_computes_in_full_precision_where_it_fits():
    assert choose(_spec(), "bf16", 64 * GIB, fast_bf16=False).text == "cpu fp32"
    assert choose(_spec(), "bf16", 1 * GIB, fast_bf16=False).text == "cpu bf16"


def test_the_machine_itself_can_decide():
    assert choose(_spec(), "bf16", 64 * GIB).text in KNOWN


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("text", KNOWN)
def test_the_footprint_is_close_to_what_a_loaded_model_holds(generation, text):
    tensors = random_tensors(generation, layers=3, width=256, head_size=64, vocabulary=700)
    checkpoint = MemoryCheckpoint(tensors)
    model = build(checkpoint, open_ops("cpu"), parse(text))
    costs = footprint(checkpoint.spec, parse(text), "fp32")
    held = model.weights_bytes + model.table.nbytes
    assert held <= costs.weights <= 1.2 * held
    assert costs.state == model.blank().nbytes == state_bytes(checkpoint.spec)
    assert costs.total == sum(costs)


def test_the_embedding_table_keeps_the_type_of_the_file():
    spec, half = _spec(), Strategy("cpu", "bf16")
    table = spec.vocabulary * spec.width
    whole = footprint(spec, Strategy("cpu", "fp32"), "fp32").weights
    assert whole - footprint(spec, Strategy("cpu", "fp32"), "bf16").weights == 2 * table
    assert footprint(spec, half, "fp32").weights == footprint(spec, half, "bf16").weights


def test_sixteen_bits_take_about_half():
    spec = _spec()
    halves = footprint(spec, Strategy("cpu", "bf16")).weights
    assert 0.5 < halves / footprint(spec, Strategy("cpu", "fp32")).weights < 0.51
