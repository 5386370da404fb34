"""The sentences for everything that can go wrong: the only place that has any.

Those about files of models are rows of ``checkpoint_failures``, those about hubs and downloads of
``network_failures``, those about cards of ``device_failures``, those about what is kept of
``store_failures``, those about requests of ``request_failures``.  Why, and what was found or
wanted, comes from ``file_reasons``, ``network_reasons`` and ``things`` by codes of ``app.errors``.
"""

from collections.abc import Callable

import msgspec

from app.errors import Failure
from app.runtime.planning.strategy import understood

from .checkpoint_failures import CHECKPOINT, INSTEAD
from .device_failures import DEVICE, NO_GPU
from .fact_filling import Facts, Phrase, Words, filled, filled_line, number
from .file_reasons import FILE_REASONS
from .network_failures import NETWORK
from .network_reasons import NETWORK_REASONS
from .request_failures import REQUEST
from .store_failures import STORE
from .things import THINGS
from .units import size
from .worker_failures import worker_died, worker_starved

_CLAUSES = FILE_REASONS | NETWORK_REASONS | THINGS
_SHOWN = "Your conversations are shown as they were."
_UNKEPT = "Conversations of now are lost when the window closes."


def say(failure: Failure) -> Words:
    """``failure`` in words; facts that are missing are left out, not guessed.

    Facts are shown on one line, shortened, with U+FFFD for characters that cannot be seen.
    """
    codes = [cls.code for cls in type(failure).__mro__ if issubclass(cls, Failure)]
    code = next(code for code in codes if code in _ROWS or code in _WRITERS)
    facts = {**failure.facts, **_phrases(failure)}
    words = _WRITERS[code](facts) if code in _WRITERS else filled(_ROWS[code], facts)
    if failure.facts.get("unkept"):
        shown = f" {_SHOWN}" if failure.facts.get("saved") else ""
        words = msgspec.structs.replace(words, text=f"{words.text}{shown} {_UNKEPT}")
    return words


def _phrases(failure: Failure) -> dict[str, Phrase]:
    """The words of those facts that are codes; any other text is left as it is."""
    told = {name: str(failure.facts.get(name, "")) for name in failure.worded}
    lines = {name: _CLAUSES[code] for name, code in told.items() if code in _CLAUSES}
    return {name: Phrase(filled_line(line, failure.facts)) for name, line in lines.items()}


def one_line(failure: Failure) -> str:
    """``failure`` for the command line: one line, without its end."""
    return " ".join(say(failure).sentences.split())


_ROWS = {
    "failure": Words(
        "Something went wrong", "This could not be done{said+: }.", "Try it once more."
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
        "The engine's process cannot serve{said+: }.",
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
    text, way_out = REQUEST.get(str(facts.get("why")), REQUEST[""])
    return filled(Words("This request cannot be run", text, way_out), facts)


def _no_gpu(facts: Facts) -> Words:
    text, way_out = NO_GPU.get(str(facts.get("why")), NO_GPU[""])
    return filled(Words("No NVIDIA card can be used", text, way_out), facts)


def _out_of_memory(facts: Facts) -> Words:
    needed, free = number(facts, "needed_bytes"), number(facts, "free_bytes")
    sizes = f": {size(needed)} would be needed" if needed else ""
    sizes += f", {size(free)} are free" if sizes and free is not None else ""
    way = understood(str(facts.get("strategy", "")))
    place = " on the card" if way is not None and way.on_gpu else ""
    return Words(
        "Not enough memory",
        f"There is not enough memory{place} for this{sizes}.",
        _for_room(facts),
    )


def _strategy(facts: Facts) -> Words:
    """It points at the part that is wrong, where one is known."""
    row, at = _ROWS["strategy"], number(facts, "position")
    if at is None:
        return filled(row, facts)
    text = f'"{{part}}", at character {at + 1:.0f} of the strategy, is not known there{{found+: }}.'
    if not facts.get("part"):
        text = "The strategy ends too early{found+: }."
    return filled(Words(row.title, text, "What could stand there: {wanted|cpu, cuda}."), facts)


def _no_room(facts: Facts) -> Words:
    needed, free = number(facts, "needed_bytes"), number(facts, "free_bytes")
    sizes = f": {size(needed)} more are needed" if needed else ""
    sizes += f", {size(free)} are free" if sizes and free is not None else ""
    return filled(
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


def _store(facts: Facts) -> Words:
    why = str(facts.get("why"))
    if why == "damaged" and facts.get("kept"):
        begun = "saved" if facts.get("saved") else "put-aside"
        why = "none-begun" if facts.get("unkept") else begun
    text, way_out = STORE.get(why, STORE[""])
    partly = why in ("row", "saved")
    heading = "Not all of your data can be read" if partly else "Your data cannot be used"
    return filled(Words(heading, text, way_out), facts)


def _answer_saved(facts: Facts) -> Words:
    way_out = INSTEAD.get(str(facts.get("why")), INSTEAD["page"])
    text = "{path@the file} holds {found|the answer of a server} instead of the model."
    return filled(Words("This is not the file itself", text, way_out), facts)


_WRITERS: dict[str, Callable[[Facts], Words]] = {
    "request-refused": _refused,
    "out-of-memory": _out_of_memory,
    "no-room": _no_room,
    "no-card": _no_gpu,
    "strategy": _strategy,
    "answer-saved": _answer_saved,
    "worker-died": worker_died,
    "worker-out-of-memory": worker_starved,
    "store": _store,
}
