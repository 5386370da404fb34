"""Measured speeds in the place of predicted ones: of this model, on this machine and card."""

from typing import NamedTuple

from msgspec.structs import replace

from app.messages.plans import chosen_in_words
from app.runtime.planning.machine import ModelRate, Rates
from app.runtime.planning.measured import as_measured, is_measured
from app.runtime.planning.plan import plans_for
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.strategy import parse
from app.runtime.sizes import spec_of
from app.runtime.spec import Spec

CARD = "NVIDIA GeForce RTX 4060"


class Model(NamedTuple):
    spec: Spec
    dtype: str = "bf16"
    fingerprint: str = "abc"


MODEL = Model(spec_of("7.0", 24, 2048, 65536))


def planned(machine, model=MODEL):
    return as_measured(plans_for(model.spec, model.dtype, machine), model, machine)


def knowing(name, models):
    return replace(machine_called(name), rates=Rates(2e10, {}, models))


def test_the_decider_goes_by_what_was_measured():
    slow = {f"cpu {form}": ModelRate(2.0, 30.0) for form in ("bf16", "fp16", "fp32")}
    slow = {"abc": slow | {"cpu int8": ModelRate(9.0, 25.0)}}
    machine = knowing("laptop-8gb", slow)
    plain = plans_for(MODEL.spec, MODEL.dtype, machine)
    assert plain.recommended.strategy.text == "cpu bf16"
    found = planned(machine)
    assert found.recommended.strategy.text == "cpu int8"
    assert found.passed_over.strategy.text in ("cpu bf16", "cpu fp16", "cpu fp32")
    ways = {plan.strategy.text: plan for plan in found.candidates}
    assert (ways["cpu int8"].decode_tokens_per_s, ways["cpu int8"].prefill_tokens_per_s) == (9, 25)
    assert {text for text, plan in ways.items() if plan.measured} == set(slow["abc"])
    assert ways["cpu int4"] == plain.of(parse("cpu int4"))
    assert "9.0 tokens/s as measured" in chosen_in_words(found, machine)
    assert "about" not in chosen_in_words(found, machine)


def test_another_model_or_another_card_of_the_same_number_is_predicted():
    models = {"abc": {"cuda fp16": ModelRate(44.0, 900.0, CARD)}}
    here = knowing("rtx-4060", models)
    assert here.gpus[0].name == CARD
    assert is_measured(MODEL, here)
    assert planned(here).of(parse("cuda fp16")).decode_tokens_per_s == 44.0
    other = MODEL._replace(fingerprint="xyz")
    assert not is_measured(other, here)
    assert not any(plan.measured for plan in planned(here, other).candidates)
    elsewhere = knowing("rtx-4090", models)
    assert not any(plan.measured for plan in planned(elsewhere).candidates)
