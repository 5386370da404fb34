"""What is said of graphics cards: which there are, and why a model does not run on one."""

from collections.abc import Sequence

from app.errors import BY_CODE, Failure, OutOfMemory
from app.runtime.protocol.messages import SteppedDown
from app.system.gpus import Gpu, why_none

from .fact_filling import visible
from .failures import say
from .plans import way_in_words
from .translate import tr
from .units import size


def stepped_down_in_words(down: SteppedDown, strategy: str) -> str:
    """Why a model runs as ``strategy`` and not in its first way: one or two plain sentences."""
    now, first = way_in_words(strategy), way_in_words(down.strategy)
    if now == first:  # as with fewer layers on the card
        now, first = (f"{now} ({text})" for text in (strategy, down.strategy))
    runs = tr("This model runs in {now}, not in {first}.")
    return f"{runs.format(now=now, first=first)} {_why(down)}"


def step_in_detail(down: SteppedDown, strategy: str) -> str:
    """The same for whoever knows strategies."""
    return tr("Strategy: {now}, not {first}").format(now=strategy, first=down.strategy)


def _why(down: SteppedDown) -> str:
    kind = BY_CODE.get(down.code, Failure)
    if not issubclass(kind, OutOfMemory):
        return say(kind("", **down.facts)).text
    if down.facts.get("before"):
        return tr("There was not enough memory for that before, and there is no more of it now.")
    return tr("There was not enough memory for that.")


def gpu_in_words(gpu: Gpu) -> str:
    """One line: ``NVIDIA L4, 24.0 GB (23.1 GB free), compute capability 8.9, driver 580.65``."""
    line = tr("{name}, {total} ({free} free), compute capability {version}, driver {driver}")
    if not gpu.driver:
        line = tr("{name}, {total} ({free} free), compute capability {version}")
    facts = {"name": gpu.name, "version": gpu.version, "driver": gpu.driver}
    sizes = {"total": size(gpu.total_bytes), "free": size(gpu.free_bytes)}
    return visible(line.format(**facts, **sizes))


def use_of_gpus_in_words(found: Sequence[Gpu]) -> str:
    """Whether models run on these cards, and if not, why and what can be done about it."""
    failure = why_none(found)
    if failure is None:
        return tr("Models run on the graphics card where they fit.")
    if not found:
        return tr("No NVIDIA card was found: models run on the processor.")
    words = say(failure)
    way_out = "" if failure.facts.get("why") == "old" else f" {words.way_out}"
    return tr("Models run on the processor.") + f" {words.text}{way_out}"


def gpus_in_words(found: Sequence[Gpu], others: Sequence[str]) -> str:
    """A line for each NVIDIA card, what they are used for, and those of ``others``, by name."""
    lines = [*map(gpu_in_words, found), use_of_gpus_in_words(found)]
    return "\n".join([*lines, others_in_words(others)]).strip()


def without_gpu_in_words(found: Sequence[Gpu], others: Sequence[str]) -> str:
    """Why no graphics card is to be chosen, and which there are; "" where one is used."""
    used = "" if why_none(found) is None else use_of_gpus_in_words(found)
    return " ".join(filter(None, (used, others_in_words(others))))


def others_in_words(names: Sequence[str]) -> str:
    """That cards of other makers are seen, and that nothing runs on them; "" for none."""
    if not names:
        return ""
    seen = visible(", ".join(names))
    return tr("{}: seen, but not used. Models run on NVIDIA cards only.").format(seen)
