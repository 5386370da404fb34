"""The sentences for a worker process that ended by itself, or by the system."""

import signal

from .fact_filling import Facts, Words, filled, filled_line
from .translate import tr, tr_noop

_SMALLER = tr_noop("Close other programs, or choose a smaller model. Then send the message again.")
_FEWEST_BITS = tr_noop(
    "Close other programs, or choose fewer bits (cpu int4), or a smaller model. Then send the "
    "message again."
)
_EIGHT_BITS = tr_noop(
    "Close other programs, or choose fewer bits (cpu int8), or a smaller model. Then send the "
    "message again."
)
_SIXTEEN_BITS = tr_noop(
    "Close other programs, or choose fewer bits (cpu bf16), or a smaller model. Then send the "
    "message again."
)
_SEND_AGAIN = tr_noop("Send the message again: the engine is started anew.")
_MEASURE_AGAIN = tr_noop("Measure it again; the chat has an engine of its own.")
_STARVED = tr_noop("Memory ran out, so the system ended the engine that was measured.")
_MEASURE_LESS = tr_noop("Close other programs, or measure fewer bits or a smaller model.")
_WAYS_OUT = (
    ("int4", _SMALLER),
    ("fp32", _SIXTEEN_BITS),
    ("fp16", _EIGHT_BITS),
    ("bf16", _EIGHT_BITS),
)


def worker_died(facts: Facts) -> Words:
    """How it ended, and its last words."""
    said = [line for line in str(facts.get("stderr", "")).splitlines() if line.strip()]
    fatal = (line for line in said if line.startswith("Fatal Python error: "))
    code = facts.get("exit_code")
    told = _end(code if isinstance(code, int) else None, str(facts.get("why")))
    measured = _is_benchmark(facts)
    row = Words(
        tr_noop("The engine stopped"), told.pop("text"), _MEASURE_AGAIN if measured else _SEND_AGAIN
    )
    words = filled(row, told)
    more = "" if measured else tr("What was written so far is kept.")
    last = filled_line(_LAST, {"last": next(fatal, said[-1])}) if said else ""
    return Words(words.title, " ".join(filter(None, (words.text, more, last))), words.way_out)


def worker_starved(facts: Facts) -> Words:
    """Where memory runs out all at once, the system ends whoever has the most of it."""
    if _is_benchmark(facts):
        return filled(Words(tr_noop("Not enough memory"), _STARVED, _MEASURE_LESS), {})
    strategy = str(facts.get("strategy", ""))
    way_out = next((words for bits, words in _WAYS_OUT if bits in strategy), _FEWEST_BITS)
    text = tr_noop(
        "Memory ran out, so the system ended the engine. What was written so far is kept."
    )
    return filled(Words(tr_noop("Not enough memory"), text, way_out), {})


def _is_benchmark(facts: Facts) -> bool:
    """Whether it was only measured: then no text is lost, and the chat has another engine."""
    return facts.get("task") == "benchmark"


def _end(code: int | None, why: str) -> dict[str, str]:
    """How the process ended: ``code`` is an exit code, or a signal's number below 0.

    The sentence ``text``, and what stands in its braces.
    """
    if why in _KILLED_HERE:
        return {"text": _KILLED_HERE[why]}
    if code is None:
        return {"text": tr_noop("The engine's process ended unexpectedly.")}
    if code in _CRASHED:
        return {"text": tr_noop("The engine's process crashed ({how})."), "how": tr(_CRASHED[code])}
    if code < 0:
        return {"text": tr_noop("The engine's process was ended ({how})."), "how": _signal(-code)}
    return {"text": tr_noop("The engine's process ended with exit code {how}."), "how": str(code)}


_LAST = tr_noop('Its last words: "{last}".')
_KILLED_HERE = {
    "garbled": tr_noop("The engine's process sent something that makes no sense and was ended."),
    "closed": tr_noop("The engine's process could not be spoken to any more and was ended."),
}
_CRASHED = {
    -4: "SIGILL",
    -6: "SIGABRT",
    -7: "SIGBUS",
    -8: "SIGFPE",
    -11: "SIGSEGV",
    0xC0000005: tr_noop("access violation"),
    0xC000001D: tr_noop("illegal instruction"),
    0xC00000FD: tr_noop("stack overflow"),
}
"""Signals of Linux below 0, exit codes of Windows above."""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return tr("signal {}").format(number)
