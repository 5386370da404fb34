"""How a model would run, in words: why one way was chosen, and why another one does not do."""

from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import Plan, Planned
from app.runtime.planning.speed import READING_SPEED
from app.runtime.planning.strategy import Place, Strategy, understood

from .translate import tr, tr_noop
from .units import size

_BITS = {
    "int8": tr_noop("8-bit"),
    "int4": tr_noop("4-bit"),
    "fp32": tr_noop("32-bit"),
    "fp16": tr_noop("16-bit"),
    "bf16": tr_noop("16-bit"),
}
_CHOSEN = {
    (False, None): tr_noop("{bits} on {where}: fits with {spare} to spare, {speed}."),
    (False, "slow"): tr_noop(
        "{bits} on {where}: fits with {spare} to spare, {speed}; {other} would be slower than you "
        "read."
    ),
    (False, "large"): tr_noop(
        "{bits} on {where}: fits with {spare} to spare, {speed}; {other} would not fit."
    ),
    (True, None): tr_noop(
        "{bits} on {where}: fits with {spare} to spare, {speed}, and nothing that fits is faster."
    ),
    (True, "slow"): tr_noop(
        "{bits} on {where}: fits with {spare} to spare, {speed}, and nothing that fits is faster; "
        "{other} would be slower than you read."
    ),
    (True, "large"): tr_noop(
        "{bits} on {where}: fits with {spare} to spare, {speed}, and nothing that fits is faster; "
        "{other} would not fit."
    ),
}
"""By whether it was chosen as the fastest, and why the one before it was passed over."""

_REASONS = {
    "fits": tr_noop("Fits: needs {needed} of memory, and {room} can be taken."),
    "busy": tr_noop("Needs {needed} of memory; other programs leave {room} of {total}."),
    "over-limit": tr_noop("Needs {needed} of memory, more than the limit of {room}."),
    "too-small": tr_noop("Needs {needed} of memory, and there are {total}."),
    "ran-out": tr_noop(
        "Memory ran out this way before, when {room} were free for it; there is no more now."
    ),
}
_REASONS_ON_GPU = {
    "fits": tr_noop("Fits: needs {needed} of memory of the card, and {room} can be taken."),
    "busy": tr_noop(
        "Needs {needed} of memory of the card; other programs leave {room} of {total}."
    ),
    "over-limit": tr_noop("Needs {needed} of memory of the card, more than the limit of {room}."),
    "too-small": tr_noop("Needs {needed} of memory of the card, and there are {total}."),
    "ran-out": tr_noop(
        "The card's memory ran out this way before, when {room} were free for it; there is no more "
        "now."
    ),
}
_MAKERS = ("NVIDIA ", "GeForce ")


def chosen_in_words(planned: Planned, machine: Machine) -> str:
    """Why the recommended plan is recommended, in one sentence.

    ``8-bit on your RTX 4060: fits with 1.2 GB to spare, about 60 tokens/s; 16-bit would not fit.``
    """
    plan = planned.recommended
    if plan is None:
        return _none(planned)
    where = place_in_words(plan.strategy, machine)
    spare = size(spare_bytes(plan))
    facts = {"bits": bits(plan.strategy), "where": where, "spare": spare}
    other = planned.passed_over
    if other is not None:
        facts["other"] = bits(other.strategy)
    passed = None if other is None else "slow" if other.fits else "large"
    text = _CHOSEN[planned.why == "fastest", passed]
    return tr(text).format(speed=speed_in_words(plan), **facts)


def reason_in_words(plan: Plan) -> str:
    """Whether a plan fits, in one sentence."""
    facts = plan.facts
    needed, room = (size(float(facts.get(name, 0))) for name in ("needed_bytes", "room_bytes"))
    total = size(float(facts.get("total_bytes", 0)))
    texts = _REASONS if facts.get("device") == "cpu" else _REASONS_ON_GPU
    return tr(texts[plan.reason]).format(needed=needed, room=room, total=total)


def speed_in_words(plan: Plan) -> str:
    """``about 60 tokens/s``; ``58 tokens/s as measured`` where it was."""
    speed = plan.decode_tokens_per_s
    shown = f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
    said = tr("{} tokens/s as measured") if plan.measured else tr("about {} tokens/s")
    return said.format(shown)


def pace_in_words(tokens_per_s: float) -> str:
    """How fast that is to a person who reads along."""
    if tokens_per_s < 0.7 * READING_SPEED:
        return tr("slower than you read")
    if tokens_per_s < 2 * READING_SPEED:
        return tr("about as fast as you read")
    return tr("faster than you read")


def bits(strategy: Strategy) -> str:
    """The bits of a number: ``8-bit``; ``16-bit and 8-bit`` where layers differ."""
    formats = list(dict.fromkeys(_BITS[one.format] for one in strategy.segments))
    if len(formats) == 1:
        return tr(formats[0])
    return tr("{} and {}").format(", ".join(map(tr, formats[:-1])), tr(formats[-1]))


def way_in_words(text: str) -> str:
    """A strategy for whom nobody has taught strategies: ``8-bit on the processor``.

    ``16-bit on the card and 8-bit on the processor``.  What is no strategy stays as it is.
    """
    way = understood(text)
    if way is None:
        return text
    *before, last = dict.fromkeys(_run_in_words(one.place) for one in way.segments)
    return tr("{} and {}").format(", ".join(before), last) if before else last


def _run_in_words(place: Place) -> str:
    number = int(place.device.partition(":")[2] or 0)
    where = tr("the processor") if not place.on_gpu else tr("the card")
    if number:
        where = tr("card {}").format(number + 1)
    said = tr("{} on {}") if place.residency == "resident" else tr("{} on {}, layer by layer")
    return said.format(tr(_BITS[place.format]), where)


def place_in_words(strategy: Strategy, machine: Machine) -> str:
    """Where it runs: ``your RTX 4060``, ``the processor``, ``your RTX 4060 and the processor``.

    And where what does not stay there comes from.
    """
    places: dict[str, list[Place]] = {device: [] for device in strategy.devices}
    for place in strategy.places:
        places[place.device].append(place)
    *before, last = (
        _place_in_words(device, machine, stays=all(one.residency == "resident" for one in some))
        for device, some in places.items()
        if any(one.device == device for one in strategy.segments)
    )
    return tr("{} and {}").format(", ".join(before), last) if before else last


def _place_in_words(device: str, machine: Machine, *, stays: bool) -> str:
    gpu = machine.gpu(device)
    if gpu is None:
        if stays:
            return tr("the processor")
        return tr("the processor, read from the file for each token")
    name = gpu.name
    for maker in _MAKERS:
        name = name.removeprefix(maker)
    if stays:
        return tr("your {}").format(name)
    return tr("your {}, copied from memory for each token").format(name)


def spare_bytes(plan: Plan) -> int:
    """What is left where the plan takes the most, when all of it is taken."""
    return max(0, int(plan.facts.get("room_bytes", 0)) - int(plan.facts.get("needed_bytes", 0)))


def _none(planned: Planned) -> str:
    least = min(planned.candidates, key=lambda plan: sum(plan.peak_bytes.values()))
    text = tr("No way to run it fits. The smallest is {strategy}: {reason}")
    return text.format(strategy=least.strategy.text, reason=reason_in_words(least))
