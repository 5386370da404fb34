"""How a model would run, in words: why one way was chosen, and why another one does not do."""

from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import Plan, Planned
from app.runtime.planning.speed import READING_SPEED
from app.runtime.planning.strategy import Strategy

from .units import size

_BITS = {"int8": "8-bit", "int4": "4-bit", "fp32": "32-bit", "fp16": "16-bit", "bf16": "16-bit"}
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
    said = f"{bits(plan.strategy)} on {where}: fits with {spare} to spare, {speed_in_words(plan)}"
    if planned.why == "fastest":
        said += ", and nothing that fits is faster"
    other = planned.passed_over
    if other is not None:
        why = "would be slower than you read" if other.fits else "would not fit"
        said += f"; {bits(other.strategy)} {why}"
    return f"{said}."


def reason_in_words(plan: Plan) -> str:
    """Whether a plan fits, in one sentence."""
    facts = plan.facts
    needed, room = (size(float(facts.get(name, 0))) for name in ("needed_bytes", "room_bytes"))
    total = size(float(facts.get("total_bytes", 0)))
    memory = "memory" if facts.get("device") == "cpu" else "memory of the card"
    return {
        "fits": f"Fits: needs {needed} of {memory}, and {room} can be taken.",
        "busy": f"Needs {needed} of {memory}; other programs leave {room} of {total}.",
        "over-limit": f"Needs {needed} of {memory}, more than the limit of {room}.",
        "too-small": f"Needs {needed} of {memory}, and there are {total}.",
    }[plan.reason]


def speed_in_words(plan: Plan) -> str:
    """``about 60 tokens/s``."""
    speed = plan.decode_tokens_per_s
    return f"about {speed:.0f} tokens/s" if speed >= 10 else f"about {speed:.1f} tokens/s"


def pace_in_words(tokens_per_s: float) -> str:
    """How fast that is to a person who reads along."""
    if tokens_per_s < 0.7 * READING_SPEED:
        return "slower than you read"
    if tokens_per_s < 2 * READING_SPEED:
        return "about as fast as you read"
    return "faster than you read"


def bits(strategy: Strategy) -> str:
    """The bits of a number: ``8-bit``; ``mixed`` where not all of the model has the same."""
    formats = {_BITS[one.format] for one in strategy.segments}
    return formats.pop() if len(formats) == 1 else "mixed"


def place_in_words(strategy: Strategy, machine: Machine) -> str:
    """Where it runs: ``your RTX 4060``, ``the processor``."""
    gpu = machine.gpu(strategy.device)
    if gpu is None:
        return "the processor"
    name = gpu.name
    for maker in _MAKERS:
        name = name.removeprefix(maker)
    return f"your {name}"


def spare_bytes(plan: Plan) -> int:
    """What is left where the plan takes the most, when all of it is taken."""
    return max(0, int(plan.facts.get("room_bytes", 0)) - int(plan.facts.get("needed_bytes", 0)))


def _none(planned: Planned) -> str:
    least = min(planned.candidates, key=lambda plan: sum(plan.peak_bytes.values()))
    return f"No way to run it fits. The smallest is {least.strategy.text}: {reason_in_words(least)}"
