"""Plans in the dialog's words: cards, bars, and what would lie where; decides nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.messages.format_quality import quality_in_words
from app.messages.plans import pace_in_words, reason_in_words
from app.messages.run_plans import BITS, why_in_words
from app.messages.translate import tr
from app.messages.units import rate, size, speed
from app.runtime.planning.machine import Limits, Machine
from app.runtime.planning.plan import Plan, Planned, Policy
from app.runtime.planning.strategy import Place, Strategy
from app.system.gpus import Gpu
from app.ui.state.models.model_names import plain_numbers

from .choice import Choice
from .device_use import DeviceUse, Kind, Use, use_of

FORETOLD = 500.0
"""Tokens a second; beyond, other things than reading weights decide, and nothing is foretold."""

_MAKER = re.compile(r"^NVIDIA (GeForce )?")
_KINDS: dict[str, Kind] = {
    "weights": "weights",
    "slots": "weights",
    "streamed": "weights",
    "state": "state",
    "kept states": "state",
    "workspace": "workspace",
    "context": "base",
    "tokenizer": "base",
    "program": "base",
}


@dataclass(frozen=True)
class Running:
    """What is known beside the plans: how the model runs now, and speeds measured so far.

    ``now`` is a strategy's text, "" where the model is not open; ``speeds`` are tokens a second
    by a strategy's text; ``chosen`` is the one that the person has chosen, ``policy`` what the
    recommendation goes by.
    """

    now: str = ""
    speeds: Mapping[str, float] = field(default_factory=dict)
    chosen: str = ""
    policy: Policy = "balanced"


def device_names(machine: Machine) -> dict[str, str]:
    """Of each device what it is called: "Processor", "RTX 4060", "RTX 4090 (2)"."""
    short = {gpu.device: _MAKER.sub("", gpu.name) for gpu in machine.gpus}
    named = {"cpu": tr("Processor")}
    for device, name in short.items():
        alike = [one for one, other in short.items() if other == name]
        number = f" ({alike.index(device) + 1})" if len(alike) > 1 else ""
        named[device] = name + number
    return named


def _on(device: str, names: Mapping[str, str]) -> str:
    """Where something lies: "on the processor", "on the RTX 4060"."""
    if device == "cpu":
        return tr("on the processor")
    return tr("on the {}").format(names.get(device, device))


def way_title(strategy: Strategy, names: Mapping[str, str]) -> str:
    """ "8-bit on the RTX 4060"; a second 16-bit format and an unusual one are told apart.

    A split model has such a part for each run of layers: "8-bit on the RTX 4060 and on the
    processor", "16-bit on the RTX 4060, 8-bit on the processor".
    """
    said = _runs_title([(_numbers(one.place), _on(one.device, names)) for one in strategy.segments])
    if strategy.stays:
        return said
    if strategy.on_gpu:
        return tr("{}, from memory for each token").format(said)
    return tr("{}, from the file for each token").format(said)


def _runs_title(runs: Sequence[tuple[str, str]]) -> str:
    """Of runs of layers, each with its numbers and where it lies."""
    *before, last = dict.fromkeys(where for _, where in runs)
    if before and len({numbers for numbers, _ in runs}) == 1:
        return tr("{} {} and {}").format(runs[0][0], ", ".join(before), last)
    return ", ".join(dict.fromkeys(tr("{} {}").format(*run) for run in runs))


def _numbers(place: Place) -> str:
    usual = {"fp16": tr("16-bit"), "bf16": tr("16-bit (bf16)")} if place.on_gpu else {}
    return usual.get(place.format) or plain_numbers(place.format)


def choices_of(planned: Planned, machine: Machine, running: Running) -> list[Choice]:
    """The cards: the recommended way first, then the usual ones that fit, the others last.

    What is chosen or runs has a card, too, however unusual it is.
    """
    wanted = {running.now, running.chosen}
    if planned.recommended is not None:
        wanted.add(planned.recommended.strategy.text)
    usual = {plan.strategy.text for plan in usual_ways(planned.candidates)}
    shown = [plan for plan in planned.candidates if plan.strategy.text in wanted | usual]
    names = device_names(machine)
    why = why_in_words(planned, running.policy)
    best = planned.recommended
    cards = [_choice(plan, running, names, why if plan is best else None) for plan in shown]
    return sorted(cards, key=lambda card: (not card.recommended, not card.runs, card.tight))


def usual_ways(candidates: Sequence[Plan]) -> Iterator[Plan]:
    """Of each device one way with 16, one with 8 and one with 4 bits: the first of each.

    And the split, if there is one.
    """
    first: dict[tuple[str, ...], Plan] = {}
    for plan in candidates:
        bits = BITS[plan.strategy.format]
        if bits < 32:
            devices = plan.strategy.devices
            first.setdefault((*devices, str(bits) if plan.strategy.whole else ""), plan)
    yield from first.values()


def _choice(plan: Plan, running: Running, names: Mapping[str, str], why: str | None) -> Choice:
    """``why`` it is recommended; None where it is not."""
    text, worst = plan.strategy.text, _worst(plan.strategy)
    measured = 0.0 if plan.measured else running.speeds.get(text, 0.0)
    quick = measured or plan.decode_tokens_per_s
    if measured or plan.measured:
        said = tr("{}, measured").format(speed(quick))
    else:
        said = tr("about {}").format(speed(quick)) if quick <= FORETOLD else ""
    return Choice(
        strategy=text,
        title=way_title(plan.strategy, names),
        memory=memory_words(plan),
        detail=_when(plan),
        speed=said,
        reading=pace_in_words(quick),
        about=quality_in_words(worst.format, on_gpu=worst.on_gpu),
        why="" if plan.fits and why is None else why or reason_in_words(plan),
        recommended=why is not None,
        now=text == running.now,
        runs=plan.may_run,
        tight=plan.may_run and not plan.fits,
    )


def memory_words(plan: Plan) -> str:
    """What is taken while it writes, and the most that has to be there: on each device of it.

    ``1.6 GB, at most 2.1 GB``; ``4.2 GB + 1.1 GB, at most 4.9 GB + 2.0 GB``.
    """
    writing, most = (
        " + ".join(size(taken.get(one, 0)) for one in plan.strategy.devices)
        for taken in (plan.bytes, plan.peak_bytes)
    )
    return writing if writing == most else tr("{}, at most {}").format(writing, most)


def _worst(strategy: Strategy) -> Place:
    """Where the layers have the fewest bits."""
    return min((one.place for one in strategy.segments), key=lambda place: BITS[place.format])


def _when(plan: Plan) -> str:
    """How much is taken when, on all devices together."""
    said = tr("Takes {} while it writes, and up to {} while it reads a long prompt.")
    devices = plan.strategy.devices
    resident, peak = (
        sum(some.get(one, 0) for one in devices) for some in (plan.bytes, plan.peak_bytes)
    )
    return said.format(size(resident), size(peak))


def devices_of(plan: Plan | None, machine: Machine, limits: Limits) -> list[DeviceUse]:
    """The bars of all devices, as they would be with the way that is chosen."""
    names = device_names(machine)
    cards = [_card(plan, gpu, names[gpu.device], limits) for gpu in machine.gpus]
    return [_processor(plan, machine, limits), *cards]


def _processor(plan: Plan | None, machine: Machine, limits: Limits) -> DeviceUse:
    cores = tr("1 core") if machine.cores == 1 else tr("{} cores").format(machine.cores)
    reads = tr("reads {}").format(rate(machine.rates.read_bytes_per_s)) if machine.rates else ""
    facts = (machine.cpu, cores, machine.instruction_set, reads)
    others = max(0, machine.memory_total - machine.memory_available)
    return DeviceUse(
        device="cpu",
        name=device_names(machine)["cpu"],
        facts=" · ".join(filter(None, facts)),
        total_bytes=machine.memory_total,
        uses=use_of(machine.memory_total, others, _ours(plan, "cpu")),
        limit_bytes=limits.cpu_bytes or 0,
    )


def _card(plan: Plan | None, gpu: Gpu, name: str, limits: Limits) -> DeviceUse:
    driver = tr("driver {}").format(gpu.driver) if gpu.driver else ""
    link = tr("link {}").format(rate(gpu.link_bytes_per_s)) if gpu.link_bytes_per_s else ""
    facts = (gpu.name, tr("compute capability {}").format(gpu.version), link, driver)
    others = max(0, gpu.total_bytes - gpu.free_bytes)
    return DeviceUse(
        device=gpu.device,
        name=name,
        facts=" · ".join(filter(None, facts)),
        total_bytes=gpu.total_bytes,
        uses=use_of(gpu.total_bytes, others, _ours(plan, gpu.device)),
        limit_bytes=limits.gpu_bytes or 0,
    )


def _ours(plan: Plan | None, device: str) -> tuple[Use, ...]:
    """What the model takes there; room to compute is for the longest prompt, which is the most."""
    if plan is None or device not in plan.bytes:
        return ()
    taken: dict[Kind, int] = {}
    for part, count in plan.parts.get(device, {}).items():
        kind = _KINDS.get(part, "base")
        taken[kind] = taken.get(kind, 0) + count
    more = plan.peak_bytes.get(device, 0) - plan.bytes[device]
    taken["workspace"] = taken.get("workspace", 0) + max(0, more)
    order: tuple[Kind, ...] = ("weights", "state", "workspace", "base")
    return tuple(Use(kind, taken[kind]) for kind in order if taken.get(kind))


def placement_of(plan: Plan, layers: int, machine: Machine) -> list[str]:
    """What would be loaded where, a line a device."""
    names, strategy = device_names(machine), plan.strategy
    if strategy.whole:
        said = tr("All {} layers, the embedding and the head {} in {}: {} of weights.")
        where, numbers = _on(strategy.device, names), plain_numbers(strategy.format)
        lines = [said.format(layers, where, numbers, size(_weights(plan, strategy.device)))]
    else:
        lines = list(_split_placement(plan, layers, names))
    for other, count in plan.bytes.items():
        if other not in strategy.devices and count:
            rest = tr("Beside it {} {} for the engine and the tokenizer.")
            lines.append(rest.format(size(count), _on(other, names)))
    return [*lines, tr("What was read is remembered in up to a quarter of the memory left there.")]


def _split_placement(plan: Plan, layers: int, names: Mapping[str, str]) -> Iterator[str]:
    """A line for each run of layers, one for what is outside of them, one for each device."""
    way = plan.strategy.resolved(layers)
    for one in way.segments:
        first, count = one.first or 0, one.layers or 0
        numbers = plain_numbers(one.format)
        said = tr("Layers {} to {} {} in {}.")
        if one.residency == "streamed":
            said = tr("Layers {} to {} {} in {}, copied there from memory for each token.")
        elif one.residency == "mapped":
            said = tr("Layers {} to {} {} in {}, read from the file for each token.")
        yield said.format(first + 1, first + count, _on(one.device, names), numbers)
    said = tr("The embedding {} in {}, the head {} in {}.")
    table, head = way.embedding_place, way.head_place
    at_table = _on(table.device, names), plain_numbers(table.format)
    yield said.format(*at_table, _on(head.device, names), plain_numbers(head.format))
    for device in way.devices:
        weights, where = size(_weights(plan, device)), _on(device, names)
        slots = plan.parts.get(device, {}).get("slots", 0)
        if slots:
            said = tr("{} of weights {}, and {} through which the others come.")
            yield said.format(weights, where, size(slots))
        else:
            yield tr("{} of weights {}.").format(weights, where)


def _weights(plan: Plan, device: str) -> int:
    return plan.parts.get(device, {}).get("weights", 0)
