"""``rookery plan``: every way to run a model on a machine, with bytes and speed, before loading."""

from argparse import Namespace
from typing import Any

import msgspec

from app.cli.choices import model_of
from app.cli.machine_rates import kept_rates
from app.cli.output import emit, note, print_json
from app.messages.plans import chosen_in_words, reason_in_words
from app.messages.translate import tr, tr_noop
from app.messages.units import size
from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.machine import Limits, Machine, this_machine
from app.runtime.planning.measured import as_measured
from app.runtime.planning.plan import Plan, Planned, plans_for
from app.runtime.planning.simulated import machine_called

_GB = 10**9
_ASSUMED = tr_noop(
    "how fast this machine reads memory was not measured yet, so the speeds are those of"
    " an ordinary one; they are measured when a model is opened"
)


def run(options: Namespace) -> int:
    """Print the ways and the recommended one.  Raises CheckpointError and RequestRefused."""
    machine = machine_called(options.machine) if options.machine else this_machine(kept_rates())
    limits = Limits(gpu_bytes=_bytes(options.gpu_limit), cpu_bytes=_bytes(options.cpu_limit))
    with open_checkpoint(model_of(options)) as checkpoint:
        planned = plans_for(checkpoint.spec, checkpoint.dtype, machine, limits)
        planned = as_measured(planned, checkpoint, machine)
    if options.json:
        print_json(facts_of(planned, machine))
        return 0
    _print(planned)
    emit(chosen_in_words(planned, machine))
    if machine.rates is None:
        note(f"rookery: {tr(_ASSUMED)}")
    return 0


def facts_of(planned: Planned, machine: Machine) -> dict[str, Any]:
    """All of it for other programs."""
    best = planned.recommended
    shown: dict[str, Any] = msgspec.to_builtins(machine)
    if machine.rates is not None:
        del shown["rates"]["models"]  # each way of this one says it
    return {
        "machine": {**shown, "read_bytes_per_s": machine.read_bytes_per_s}
        | {"measured": machine.rates is not None},
        "candidates": [_candidate(plan) for plan in planned.candidates],
        "recommended": best.strategy.text if best is not None else None,
        "why": chosen_in_words(planned, machine),
        "why_code": planned.why,
    }


def _candidate(plan: Plan) -> dict[str, Any]:
    return {
        "strategy": plan.strategy.text,
        "bytes": plan.bytes,
        "parts": plan.parts,
        "peak_bytes": plan.peak_bytes,
        "decode_tokens_per_s": plan.decode_tokens_per_s,
        "prefill_tokens_per_s": plan.prefill_tokens_per_s,
        "measured": plan.measured,
        "fits": plan.fits,
        "reason": reason_in_words(plan),
        "reason_code": plan.reason,
        "reason_facts": plan.facts,
    }


def _print(planned: Planned) -> None:
    for plan in planned.candidates:
        mark = "*" if plan is planned.recommended else " "
        taken = ", ".join(f"{device} {size(count)}" for device, count in plan.bytes.items())
        speed = tr("{} tokens/s").format(f"{plan.decode_tokens_per_s:6.1f}")
        fits = tr("fits") if plan.fits else reason_in_words(plan)
        fits = tr("measured; {}").format(fits) if plan.measured else fits
        emit(f"{mark} {plan.strategy.text:<12}  {speed}  {taken}  {fits}")


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * _GB)
