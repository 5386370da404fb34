"""Speeds that a model was measured at on this machine, in the place of predicted ones."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from app.runtime.spec import Spec
from app.system.gpus import Gpu

from .machine import Machine, ModelRate
from .plan import Plan, Planned, decided


class Model(Protocol):
    """What tells one model from others: an open checkpoint, or what a file's header tells."""

    @property
    def spec(self) -> Spec | None:
        """Its sizes; None for a file that is none."""

    @property
    def dtype(self) -> str:
        """What its file holds."""

    @property
    def fingerprint(self) -> str:
        """Of the file; "" where it is not known."""


def is_measured(model: Model, machine: Machine) -> bool:
    """Whether this model was measured on this machine in any way."""
    return bool(_rates_of(model, machine))


def as_measured(planned: Planned, model: Model, machine: Machine) -> Planned:
    """The same plans with the speeds that were measured, and decided by them."""
    known = _rates_of(model, machine)
    if not known or model.spec is None:
        return planned
    candidates = [_with_speed(plan, known, machine) for plan in planned.candidates]
    return decided(model.spec, model.dtype, candidates)


def cards_in_words(plan: Plan, gpus: Sequence[Gpu]) -> str:
    """The names of the cards that a plan takes memory of; "" where it takes none."""
    return " + ".join(gpu.name for gpu in gpus if plan.bytes.get(gpu.device))


def _rates_of(model: Model, machine: Machine) -> Mapping[str, ModelRate]:
    rates = machine.rates
    return rates.models.get(model.fingerprint, {}) if rates is not None else {}


def _with_speed(plan: Plan, known: Mapping[str, ModelRate], machine: Machine) -> Plan:
    """What was measured on another card of the same number says nothing about this one."""
    rate = known.get(plan.strategy.text)
    if rate is None or rate.gpu != cards_in_words(plan, machine.gpus):
        return plan
    return replace(
        plan,
        decode_tokens_per_s=rate.decode_tokens_per_s,
        prefill_tokens_per_s=rate.prefill_tokens_per_s,
        measured=True,
    )
