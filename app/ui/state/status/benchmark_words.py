"""A benchmark in words: ways to choose, how far it is, and what was measured; decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QDateTime, QLocale

from app.messages.plans import reason_in_words
from app.messages.translate import tr, tr_noop
from app.messages.units import size, speed
from app.runtime.planning.plan import Plan
from app.runtime.planning.strategy import understood
from app.store.benchmark_results import BenchmarkResult
from app.ui.state.run.run_words import FORETOLD, device_names, memory_words, way_title

from .benchmark import Benchmark, Position, Stage, can_measure

_PARTS = {
    "loading": tr_noop("opening it"),
    "layers": tr_noop("opening it, layer {} of {}"),
    "reading": tr_noop("reading a text, {} of {}"),
    "memory": tr_noop("measuring the memory"),
    "writing": tr_noop("writing a text, {} of {}"),
}
_SHARES = {"loading": (0.0, 0.5), "reading": (0.5, 0.25), "memory": (0.7, 0.05)}
_SHARES["writing"] = (0.75, 0.25)
"""Of the progress of one way: where a part begins, and how much of it that is."""

METRICS = ("decode", "prefill", "memory")
"""What is measured of a way: tokens written and read a second, and bytes."""


@dataclass(frozen=True)
class WayChoice:
    """One way that can be measured: ``why`` there is no room for it now, "" where there is.

    ``measured``: its figures are no prediction; ``able``: it can be tried.
    """

    strategy: str
    title: str
    figures: str
    why: str
    chosen: bool
    measured: bool = False
    able: bool = True


@dataclass(frozen=True)
class ResultRow:
    """One way that was measured: figures by metric, with their words, beside those predicted.

    What was not predicted is 0, without words.  ``short``: memory ran out, and that is all.
    """

    strategy: str
    title: str
    measured: Mapping[str, float]
    predicted: Mapping[str, float]
    words: Mapping[str, str]
    predicted_words: Mapping[str, str]
    when: str
    short: bool = False


def choices_of(benchmark: Benchmark) -> list[WayChoice]:
    """The ways of the model that is chosen, in the order in which they are measured."""
    return [_choice(plan, benchmark) for plan in benchmark.plans]


def rows_in_words(benchmark: Benchmark) -> list[ResultRow]:
    """The results, in the order of the ways; those of cards that are gone come last.

    Where memory ran out, that is what is shown of a way.
    """
    order = {plan.strategy.text: at for at, plan in enumerate(benchmark.plans)}
    found = benchmark.candidates
    short = dict(found.ran_out) if found is not None else {}
    rows = [_row(one, benchmark) for one in benchmark.results if one.strategy not in short]
    rows += [_short_row(strategy, room, benchmark) for strategy, room in short.items()]
    return sorted(rows, key=lambda row: order.get(row.strategy, len(order)))


def _short_row(strategy: str, room_bytes: int, benchmark: Benchmark) -> ResultRow:
    """Memory ran out with so much room; nothing else is known of it."""
    nothing = dict.fromkeys(METRICS, 0.0)
    words = dict.fromkeys(METRICS, tr("memory ran out"))
    when = tr("with {} free").format(size(room_bytes)) if room_bytes else ""
    return ResultRow(
        strategy=strategy,
        title=title_of(strategy, benchmark),
        measured=nothing,
        predicted=nothing,
        words=words,
        predicted_words=dict.fromkeys(METRICS, ""),
        when=when,
        short=True,
    )


def progress_in_words(benchmark: Benchmark) -> str:
    """What is done now: ``2 of 3 · 8-bit on the processor: writing a text, 1 of 3``."""
    at = benchmark.position
    if at is None:
        return ""
    title = title_of(at.strategy, benchmark)
    if benchmark.stage is Stage.WAITING:
        said = tr("waiting until the chat has written its reply")
    else:
        progress = at.progress
        part = "layers" if progress.part == "loading" and progress.total else progress.part
        said = tr(_PARTS[part]).format(progress.done, progress.total)
    return tr("{} of {} · {}: {}").format(at.number, at.ways, title, said)


def share_done(position: Position | None) -> float:
    """How much of all ways is done, 0 to 1."""
    if position is None:
        return 0.0
    begin, width = _SHARES[position.progress.part]
    done, total = position.progress.done, max(1, position.progress.total)
    if position.progress.part != "loading":
        done -= 1  # it counts the step that has begun
    return (position.number - 1 + begin + width * done / total) / position.ways


def title_of(strategy: str, benchmark: Benchmark, gpu: str = "") -> str:
    """A way by its name: ``8-bit on the RTX 4060``; ``gpu`` is the card that it ran on."""
    way = understood(strategy)
    if way is None:
        return strategy
    found = benchmark.candidates
    names = device_names(found.machine) if found is not None else {}
    cards = {one.device for one in way.segments} - {"cpu"}
    there = {card.name for card in found.machine.gpus if card.device in cards} if found else set()
    if gpu and len(cards) == 1 and there != {gpu}:
        names = {**names, cards.pop(): gpu}
    return way_title(way, names)


def _choice(plan: Plan, benchmark: Benchmark) -> WayChoice:
    strategy, quick = plan.strategy.text, plan.decode_tokens_per_s
    said = tr("{}, measured") if plan.measured else tr("about {}") if quick <= FORETOLD else ""
    figures = (memory_words(plan), said.format(speed(quick)))
    return WayChoice(
        strategy=strategy,
        title=title_of(strategy, benchmark),
        figures=" · ".join(filter(None, figures)),
        why="" if plan.fits else reason_in_words(plan),
        chosen=strategy in benchmark.chosen and can_measure(plan),
        measured=plan.measured,
        able=can_measure(plan),
    )


def _row(one: BenchmarkResult, benchmark: Benchmark) -> ResultRow:
    on_card = one.gpu_bytes is not None and one.predicted_gpu_bytes is not None
    memory = one.gpu_bytes if on_card else one.resident_bytes
    foretold = one.predicted_gpu_bytes if on_card else one.predicted_resident_bytes
    measured = (one.decode_tokens_per_s, one.prefill_tokens_per_s, float(memory or 0))
    decode = one.predicted_decode_tokens_per_s
    predicted = (
        decode if decode <= FORETOLD else 0.0,
        one.predicted_prefill_tokens_per_s,
        float(foretold or 0),
    )
    return ResultRow(
        strategy=one.strategy,
        title=title_of(one.strategy, benchmark, one.gpu),
        measured=dict(zip(METRICS, measured, strict=True)),
        predicted=dict(zip(METRICS, predicted, strict=True)),
        words=dict(zip(METRICS, _words(measured), strict=True)),
        predicted_words=dict(zip(METRICS, _foretold(predicted), strict=True)),
        when=_date(one.measured_at),
    )


def _words(figures: Sequence[float]) -> tuple[str, str, str]:
    decode, prefill, memory = figures
    return speed(decode), speed(prefill), size(memory)


def _foretold(figures: Sequence[float]) -> list[str]:
    """Of a model so small that its speed is not foretold: nothing."""
    pairs = zip(figures, _words(figures), strict=True)
    return [tr("about {}").format(words) if figure else "" for figure, words in pairs]


def _date(seconds: float) -> str:
    when = QDateTime.fromSecsSinceEpoch(int(seconds))
    return QLocale().toString(when, QLocale.FormatType.ShortFormat)
