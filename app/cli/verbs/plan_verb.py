"""``rookery plan``: every way to run a model on a machine, with bytes and speed, before loading."""

from argparse import Namespace
from typing import Any

import msgspec

from app.cli.choices import limits_of, model_of
from app.cli.machine_rates import disk_rate, kept_rates, kept_shortages
from app.cli.output import emit, note, print_json
from app.messages.plans import chosen_in_words, reason_in_words
from app.messages.translate import tr, tr_noop
from app.messages.units import size
from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.machine import Machine, this_machine
from app.runtime.planning.measured import as_measured
from app.runtime.planning.plan import Plan, Planned, plan_of, plans_for
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.stepping_down import past
from app.runtime.planning.strategy import Strategy, parse
from app.runtime.planning.streamed_plans import check_runs_for

_ASSUMED = tr_noop(
    "how fast this machine reads memory was not measured yet, so the speeds are those of"
    " an ordinary one; they are measured when a model is opened"
)
_ASSUMED_DISK = tr_noop(
    "how fast the disk of this file is could not be measured: what is read from the file for each"
    " token is told for one that gives 500 MB a second"
)


def run(options: Namespace) -> int:
    """Print the ways and the recommended one.

    Raises CheckpointError, StrategyError and RequestRefused.
    """
    asked = parse(options.strategy) if options.strategy else None
    if asked is not None:
        asked.check_runs()
    machine = machine_called(options.machine) if options.machine else this_machine(kept_rates())
    limits = limits_of(options)
    path = model_of(options)
    with open_checkpoint(path) as checkpoint:
        spec, dtype = checkpoint.spec, checkpoint.dtype
        if asked is not None:
            check_runs_for(dtype, asked)
        planned = plans_for(spec, dtype, machine, limits)
        if not options.machine and _reads_file(planned, asked):
            machine = msgspec.structs.replace(machine, disk_bytes_per_s=disk_rate(path))
            planned = plans_for(spec, dtype, machine, limits)
        if asked is not None and planned.of(asked.settled(spec.layers)) is None:
            more = plan_of(spec, dtype, asked, machine, limits)
            planned = msgspec.structs.replace(planned, candidates=(*planned.candidates, more))
        planned = as_measured(planned, checkpoint, machine)
        if not options.machine:
            planned = past(planned, spec, dtype, kept_shortages().get(str(path)))
    if options.json:
        print_json(facts_of(planned, machine))
        return 0
    _print(planned)
    emit(chosen_in_words(planned, machine))
    if machine.rates is None:
        note(f"rookery: {tr(_ASSUMED)}")
    if _reads_file(planned) and machine.disk_bytes_per_s is None:
        note(f"rookery: {tr(_ASSUMED_DISK)}")
    return 0


def facts_of(planned: Planned, machine: Machine) -> dict[str, Any]:
    """All of it for other programs."""
    best = planned.recommended
    shown: dict[str, Any] = msgspec.to_builtins(machine)
    if machine.rates is not None:
        del shown["rates"]["models"]  # each way of this one says it
    return {
        "machine": {**shown, "read_bytes_per_s": machine.read_bytes_per_s}
        | {"file_bytes_per_s": machine.file_bytes_per_s}
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
    widest = max(len(plan.strategy.text) for plan in planned.candidates)
    for plan in planned.candidates:
        mark = "*" if plan is planned.recommended else " "
        taken = ", ".join(f"{device} {size(count)}" for device, count in plan.bytes.items())
        speed = tr("{} tokens/s").format(f"{plan.decode_tokens_per_s:6.1f}")
        fits = tr("fits") if plan.fits else reason_in_words(plan)
        fits = tr("measured; {}").format(fits) if plan.measured else fits
        emit(f"{mark} {plan.strategy.text:<{widest}}  {speed}  {taken}  {fits}")


def _reads_file(planned: Planned, asked: Strategy | None = None) -> bool:
    """Whether a way is among them that reads weights from the file for each token."""
    ways = [plan.strategy for plan in planned.candidates]
    ways += [asked] if asked is not None else []
    return any(place.residency == "mapped" for way in ways for place in way.places)
