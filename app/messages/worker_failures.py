"""The sentences for a worker process that ended by itself, or by the system."""

import signal

from .fact_filling import Facts, Words, shown

_FEWEST_BITS = "fewer bits (cpu int4)"
_FEWER_BITS = (
    ("fp32", "fewer bits (cpu bf16)"),
    ("fp16", "fewer bits (cpu int8)"),
    ("bf16", "fewer bits (cpu int8)"),
)


def worker_died(facts: Facts) -> Words:
    """How it ended, and its last words."""
    said = [line for line in str(facts.get("stderr", "")).splitlines() if line.strip()]
    fatal = (line for line in said if line.startswith("Fatal Python error: "))
    last = f' Its last words: "{shown(next(fatal, said[-1]))}".' if said else ""
    code = facts.get("exit_code")
    text = f"The engine's process {_end(code if isinstance(code, int) else None, facts)}."
    return Words(
        "The engine stopped",
        f"{text} What was written so far is kept.{last}",
        "Send the message again: the engine is started anew.",
    )


def worker_starved(facts: Facts) -> Words:
    """Where memory runs out all at once, the system ends whoever has the most of it."""
    strategy = str(facts.get("strategy", ""))
    fewer = next((words for bits, words in _FEWER_BITS if bits in strategy), _FEWEST_BITS)
    less = "choose a smaller model" if "int4" in strategy else f"choose {fewer}, or a smaller model"
    return Words(
        "Not enough memory",
        "Memory ran out, so the system ended the engine. What was written so far is kept.",
        f"Close other programs, or {less}. Then send the message again.",
    )


def _end(code: int | None, facts: Facts) -> str:
    """How the process ended: ``code`` is an exit code, or a signal's number below 0."""
    if (why := str(facts.get("why"))) in _KILLED_HERE:
        return _KILLED_HERE[why]
    if code is None:
        return "ended unexpectedly"
    if code in _CRASHED:
        return f"crashed ({_CRASHED[code]})"
    return f"was ended ({_signal(-code)})" if code < 0 else f"ended with exit code {code}"


_KILLED_HERE = {
    "garbled": "sent something that makes no sense and was ended",
    "closed": "could not be spoken to any more and was ended",
}
_CRASHED = {
    -4: "SIGILL",
    -6: "SIGABRT",
    -7: "SIGBUS",
    -8: "SIGFPE",
    -11: "SIGSEGV",
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
    0xC00000FD: "stack overflow",
}
"""Signals of Linux below 0, exit codes of Windows above."""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
