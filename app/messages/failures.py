"""The sentences for everything that can go wrong: the only place that has any.

Those about files of models are rows of ``checkpoint_failures``, those about hubs and downloads of
``network_failures``, about cards of ``device_failures``, about what is kept of ``store_failures``,
and about batches of ``batch_failures``.
"""

import re
import signal
from collections.abc import Callable, Mapping
from pathlib import PurePath

import msgspec

from app.errors import Fact, Failure
from app.runtime.planning.strategy import understood

from .batch_failures import BATCH
from .checkpoint_failures import CHECKPOINT, INSTEAD
from .device_failures import DEVICE, NO_GPU
from .network_failures import NETWORK
from .request_failures import REFUSALS
from .store_failures import STORE
from .units import size

Facts = Mapping[str, Fact]

_LONGEST_FACT = 240
_SHOWN = "Your conversations are shown as they were."
_UNKEPT = "Conversations of now are lost when the window closes."


class Words(msgspec.Struct, frozen=True):
    """A heading, what happened, and what can be done about it."""

    title: str
    text: str
    way_out: str

    @property
    def sentences(self) -> str:
        """What happened and the way out, for where there is no heading."""
        return f"{self.text} {self.way_out}"


def say(failure: Failure) -> Words:
    """``failure`` in words; facts that are missing are left out, not guessed.

    Facts are shown on one line, shortened, with U+FFFD for characters that cannot be seen.
    """
    codes = [cls.code for cls in type(failure).__mro__ if issubclass(cls, Failure)]
    code = next(code for code in codes if code in _ROWS or code in _WRITERS)
    if code in _WRITERS:
        words = _WRITERS[code](failure.facts)
    else:
        words = _filled(_ROWS[code], failure.facts)
    if failure.facts.get("unkept"):
        shown = f" {_SHOWN}" if failure.facts.get("saved") else ""
        words = msgspec.structs.replace(words, text=f"{words.text}{shown} {_UNKEPT}")
    return words


def one_line(failure: Failure) -> str:
    """``failure`` for the command line: one line, without its end."""
    return " ".join(say(failure).sentences.split())


def visible(text: str) -> str:
    """``text`` with U+FFFD for characters that cannot be seen, so that it stays on its line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _filled(row: Words, facts: Facts) -> Words:
    """The row with its braces replaced.

    ``{name}`` is a fact; with ``|words`` they stand for it where it is missing, and ``{name+x}``
    puts x before it, or says nothing where it is missing.  ``{path@words}`` is the name of the
    file in quotes behind the words.
    """

    def piece(found: re.Match[str]) -> str:
        name, mark, words = found.groups()
        return _MARKS[mark or "|"](_shown(facts.get(name)), words or "")

    text, way_out = (_BRACES.sub(piece, line) for line in (row.text, row.way_out))
    return Words(row.title, text[:1].upper() + text[1:], way_out)


def _named(fact: str, words: str) -> str:
    name = PurePath(fact.replace("\\", "/")).name
    return f'{words} "{name}"' if name else words


_BRACES = re.compile(r"\{(\w+)([|+@]?)([^}]*)\}")
_MARKS: dict[str, Callable[[str, str], str]] = {
    "|": lambda fact, words: fact or words,
    "+": lambda fact, words: words + fact if fact else "",
    "@": _named,
}


def _shown(fact: Fact | None) -> str:
    text = visible(" ".join(str("" if fact is None else fact).split()))
    if len(text) > _LONGEST_FACT:
        text = f"{text[: _LONGEST_FACT // 2]} … {text[-_LONGEST_FACT // 2 :]}"
    return text


def _number(facts: Facts, name: str) -> float | None:
    value = facts.get(name)
    return value if isinstance(value, int | float) else None


_ROWS = {
    "failure": Words(
        "Something went wrong", "This could not be done{why+: }.", "Try it once more."
    ),
    **{code: Words(*row) for code, row in CHECKPOINT.items()},
    "strategy": Words(
        "This strategy is not known",
        "This strategy cannot be used here{found+: }.",
        "What can be used: {wanted|cpu fp32, cpu bf16}.",
    ),
    "strategy-unsupported": Words(
        "This strategy cannot be run yet",
        "This version runs a model on one device and in one format, and cannot split or stream"
        " its layers{found+: }.",
        "Use one device and one format, for example cpu int8.",
    ),
    "tokenizer": Words(
        "Text cannot become tokens",
        "The tokenizer cannot be used{why+: }.",
        "Token ids still work.",
    ),
    "tokenizer-missing": Words(
        "The tokenizer is missing",
        "This model needs {wanted|its tokenizer file} to read and write text.",
        "Put that file into the model's folder{folder+: }.",
    ),
    "tokenizer-damaged": Words(
        "The tokenizer file is damaged",
        "{path@the tokenizer file} is damaged or belongs to another model.",
        "Replace it{path+: }.",
    ),
    "text-refused": Words(
        "This model has no text",
        "The vocabulary of this model is not known, so it reads and writes token ids only.",
        "Give it token ids, or open another model to chat.",
    ),
    "numbers-broken": Words(
        "The model's numbers broke down",
        "The model computed {found|NaN or infinity}, so no next token can be chosen.",
        "Open it with the strategy cpu fp32; if that does not help, the file is damaged.",
    ),
    **{code: Words(*row) for code, row in DEVICE.items()},
    "worker": Words(
        "The engine cannot answer",
        "The engine's process cannot serve{why+: }.",
        "Open the model again.",
    ),
    "no-model": Words("No model is open", "No model is open yet.", "Open a model first."),
    **{code: Words(*row) for code, row in NETWORK.items()},
    "store-too-new": Words(
        "Your data is from a newer version",
        "{path@the data file} was written by a newer version of Rookery.",
        "Update Rookery to open it; nothing in it was changed.",
    ),
    "disk-full": Words(
        "The disk is full",
        "There is no room left to write{path+ }.",
        "Free some space on this disk, then try again.",
    ),
}


def _refused(facts: Facts) -> Words:
    text, way_out = (BATCH | REFUSALS).get(str(facts.get("why")), REFUSALS[""])
    return _filled(Words("This request cannot be run", text, way_out), facts)


def _no_gpu(facts: Facts) -> Words:
    text, way_out = NO_GPU.get(str(facts.get("why")), NO_GPU[""])
    return _filled(Words("No NVIDIA card can be used", text, way_out), facts)


def _out_of_memory(facts: Facts) -> Words:
    needed, free = _number(facts, "needed_bytes"), _number(facts, "free_bytes")
    sizes = f": {size(needed)} would be needed" if needed else ""
    sizes += f", {size(free)} are free" if sizes and free is not None else ""
    way = understood(str(facts.get("strategy", "")))
    place = " on the card" if way is not None and way.on_gpu else ""
    return Words(
        "Not enough memory",
        f"There is not enough memory{place} for this{sizes}.",
        _for_room(facts),
    )


def _over_limit(facts: Facts) -> Words:
    needed = _number(facts, "needed_bytes")
    least = f": at least {size(needed)}" if needed else ""
    return Words(
        "More memory than you allow",
        f"Every way to run this model takes more memory than the limits in the settings{least}.",
        "Raise the limits under Device and memory, or choose a smaller model.",
    )


def _strategy(facts: Facts) -> Words:
    """It points at the part that is wrong, where one is known."""
    row, at = _ROWS["strategy"], _number(facts, "position")
    if at is None:
        return _filled(row, facts)
    text = f'"{{part}}", at character {at + 1:.0f} of the strategy, is not known there{{found+: }}.'
    if not facts.get("part"):
        text = "The strategy ends too early{found+: }."
    return _filled(Words(row.title, text, "What could stand there: {wanted|cpu, cuda}."), facts)


def _no_room(facts: Facts) -> Words:
    needed, free = _number(facts, "needed_bytes"), _number(facts, "free_bytes")
    sizes = f": {size(needed)} more are needed" if needed else ""
    sizes += f", {size(free)} are free" if sizes and free is not None else ""
    return _filled(
        Words(
            "The disk is too full",
            f"There is not enough room for this download{sizes}. What is there is kept.",
            "Free some space on this disk, then go on, or choose another folder.",
        ),
        facts,
    )


def _for_room(facts: Facts) -> str:
    """What gives memory back; 16-bit only where the model is known to run in 32-bit."""
    way = understood(str(facts.get("strategy", "")))
    if way is not None and way.on_gpu:
        return "Close what else uses the card, choose fewer bits (cuda int4), or a cpu strategy."
    if way is not None and way.format == "fp32":
        return "Close other programs, choose a smaller model, or run this one in 16-bit (cpu bf16)."
    return "Close other programs, or choose a smaller model."


_FEWEST_BITS = "fewer bits (cpu int4)"
_FEWER_BITS = (
    ("fp32", "fewer bits (cpu bf16)"),
    ("fp16", "fewer bits (cpu int8)"),
    ("bf16", "fewer bits (cpu int8)"),
)


def _worker_died(facts: Facts) -> Words:
    said = [line for line in str(facts.get("stderr", "")).splitlines() if line.strip()]
    fatal = (line for line in said if line.startswith("Fatal Python error: "))
    last = f' Its last words: "{_shown(next(fatal, said[-1]))}".' if said else ""
    code = facts.get("exit_code")
    text = f"The engine's process {_end(code if isinstance(code, int) else None, facts)}."
    return Words(
        "The engine stopped",
        f"{text} What was written so far is kept.{last}",
        "Send the message again: the engine is started anew.",
    )


def _worker_starved(facts: Facts) -> Words:
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


def _store(facts: Facts) -> Words:
    why = str(facts.get("why"))
    if why == "damaged" and facts.get("kept"):
        begun = "saved" if facts.get("saved") else "put-aside"
        why = "none-begun" if facts.get("unkept") else begun
    text, way_out = STORE.get(why, STORE[""])
    partly = why in ("row", "saved")
    heading = "Not all of your data can be read" if partly else "Your data cannot be used"
    return _filled(Words(heading, text, way_out), facts)


def _answer_saved(facts: Facts) -> Words:
    way_out = INSTEAD.get(str(facts.get("why")), INSTEAD["page"])
    text = "{path@the file} holds {found|the answer of a server} instead of the model."
    return _filled(Words("This is not the file itself", text, way_out), facts)


_WRITERS: dict[str, Callable[[Facts], Words]] = {
    "request-refused": _refused,
    "out-of-memory": _out_of_memory,
    "over-limit": _over_limit,
    "no-room": _no_room,
    "no-card": _no_gpu,
    "strategy": _strategy,
    "answer-saved": _answer_saved,
    "worker-died": _worker_died,
    "worker-out-of-memory": _worker_starved,
    "store": _store,
}
