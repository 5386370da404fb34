"""The sentences for everything that can go wrong: the only place that has any.

Those about files of models are rows of ``checkpoint_failures``, those about hubs and downloads of
``network_failures``, about cards of ``device_failures``, about what is kept of ``store_failures``,
about requests of ``request_failures`` and ``state_failures``, about batches of
``batch_failures``, about documents of ``document_failures``, and about the local server of
``server_failures``.  Why, and what was found or
wanted, comes from ``file_reasons``, ``network_reasons`` and ``things`` by codes of ``app.errors``.
"""

from collections.abc import Callable

import msgspec

from app.errors import Failure
from app.runtime.planning.strategy import understood

from .batch_failures import BATCH
from .checkpoint_failures import CHECKPOINT, INSTEAD
from .device_failures import DEVICE, NO_GPU
from .documents.document_failures import DOCUMENT
from .fact_filling import Facts, Phrase, Words, filled, filled_line, number, shown
from .file_reasons import FILE_REASONS
from .network_failures import NETWORK
from .network_reasons import NETWORK_REASONS
from .request_failures import REQUEST
from .server.server_failures import SERVER
from .shortages import IN_MEMORY, ON_DISK, ON_GPU
from .store_failures import STORE
from .things import THINGS
from .translate import tr, tr_noop
from .units import size
from .worker_failures import worker_died, worker_starved

_CLAUSES = FILE_REASONS | NETWORK_REASONS | THINGS
_SHOWN = tr_noop("Your conversations are shown as they were.")
_UNKEPT = tr_noop("Conversations of now are lost when the window closes.")


def say(failure: Failure) -> Words:
    """``failure`` in words; facts that are missing are left out, not guessed.

    Facts are shown on one line, shortened, with U+FFFD for characters that cannot be seen.
    """
    codes = [cls.code for cls in type(failure).__mro__ if issubclass(cls, Failure)]
    code = next(code for code in codes if code in _ROWS or code in _WRITERS)
    facts = {**failure.facts, **_phrases(failure)}
    words = _WRITERS[code](facts) if code in _WRITERS else filled(_ROWS[code], facts)
    if failure.facts.get("unkept"):
        shown = f" {tr(_SHOWN)}" if failure.facts.get("saved") else ""
        words = msgspec.structs.replace(words, text=f"{words.text}{shown} {tr(_UNKEPT)}")
    return words


def fact_in_words(failure: Failure, name: str) -> str:
    """One fact alone: in words where it is a code; "" where it is not there."""
    return shown({**failure.facts, **_phrases(failure)}.get(name))


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
        tr_noop("Something went wrong"),
        tr_noop("This could not be done{said+: }."),
        tr_noop("Try it once more."),
    ),
    **{code: Words(*row) for code, row in CHECKPOINT.items()},
    "strategy": Words(
        tr_noop("This strategy is not known"),
        tr_noop("This strategy cannot be used here{found+: }."),
        tr_noop("What can be used: {wanted|cpu fp32, cpu bf16}."),
    ),
    "tokenizer": Words(
        tr_noop("Text cannot become tokens"),
        tr_noop("The tokenizer cannot be used{why+: }."),
        tr_noop("Token ids still work."),
    ),
    "tokenizer-missing": Words(
        tr_noop("The tokenizer is missing"),
        tr_noop("This model needs {wanted|its tokenizer file} to read and write text."),
        tr_noop("Put that file into the model's folder{folder+: }."),
    ),
    "tokenizer-damaged": Words(
        tr_noop("The tokenizer file is damaged"),
        tr_noop("{path@the tokenizer file} is damaged or belongs to another model."),
        tr_noop("Replace it{path+: }."),
    ),
    "text-refused": Words(
        tr_noop("This model has no text"),
        tr_noop(
            "The vocabulary of this model is not known, so it reads and writes token ids only."
        ),
        tr_noop("Give it token ids, or open another model to chat."),
    ),
    "numbers-broken": Words(
        tr_noop("The model's numbers broke down"),
        tr_noop("The model computed {found|NaN or infinity}, so no next token can be chosen."),
        tr_noop("Open it with the strategy cpu fp32; if that does not help, the file is damaged."),
    ),
    **{code: Words(*row) for code, row in DEVICE.items()},
    "worker": Words(
        tr_noop("The engine cannot answer"),
        tr_noop("The engine's process cannot serve{said+: }."),
        tr_noop("Open the model again."),
    ),
    "no-model": Words(
        tr_noop("No model is open"),
        tr_noop("No model is open yet."),
        tr_noop("Open a model first."),
    ),
    **{code: Words(*row) for code, row in NETWORK.items()},
    "store-too-new": Words(
        tr_noop("Your data is from a newer version"),
        tr_noop("{path@the data file} was written by a newer version of Rookery."),
        tr_noop("Update Rookery to open it; nothing in it was changed."),
    ),
    "disk-full": Words(
        tr_noop("The disk is full"),
        tr_noop("There is no room left to write{path+ }."),
        tr_noop("Free some space on this disk, then try again."),
    ),
    "states-unkept": Words(
        tr_noop("Conversations are not remembered on the disk"),
        tr_noop(
            "What the model has read cannot be kept there{path+: }{said+: }, perhaps as the disk is"
            " full. Everything goes on; after a restart texts are read again."
        ),
        tr_noop("Free some space, or change this in the settings."),
    ),
}


_NOT_RUN = {
    "": (
        tr_noop("This version cannot run a model so{found+: }."),
        tr_noop("Leave out the + and the words streamed and mapped, for example: cpu int8."),
    ),
    "streamed": (
        tr_noop("This version streams layers to a card from memory only{found+: }."),
        tr_noop("Leave out the word mapped, or use the processor, for example cpu bf16 *4+."),
    ),
    "unpacked": (
        tr_noop(
            "Weights in fewer bits are read from the file for each token only where they lie there"
            " so{found+: }."
        ),
        tr_noop("Make a packed copy with rookery pack and open that, or use cpu bf16 *0+."),
    ),
}


def _not_run(facts: Facts) -> Words:
    text, way_out = _NOT_RUN.get(str(facts.get("why")), _NOT_RUN[""])
    return filled(Words(tr_noop("This strategy cannot be run"), text, way_out), facts)


def _refused(facts: Facts) -> Words:
    text, way_out = (BATCH | REQUEST).get(str(facts.get("why")), REQUEST[""])
    return filled(Words(tr_noop("This request cannot be run"), text, way_out), facts)


def _server_refused(facts: Facts) -> Words:
    text, way_out = SERVER.get(str(facts.get("why")), SERVER[""])
    return filled(Words(tr_noop("The server does not take this"), text, way_out), facts)


def _document(facts: Facts) -> Words:
    text, way_out = DOCUMENT.get(str(facts.get("why")), DOCUMENT[""])
    return filled(Words(tr_noop("This document cannot be read"), text, way_out), facts)


def _no_gpu(facts: Facts) -> Words:
    text, way_out = NO_GPU.get(str(facts.get("why")), NO_GPU[""])
    return filled(Words(tr_noop("No NVIDIA card can be used"), text, way_out), facts)


def _out_of_memory(facts: Facts) -> Words:
    told = _sizes(facts)
    texts = ON_GPU if _is_of_a_card(facts) else IN_MEMORY
    text = texts[len(told)]
    return filled(Words(tr_noop("Not enough memory"), text, _for_room(facts)), told)


def _sizes(facts: Facts) -> dict[str, str]:
    """The bytes that are needed, in words; and those that are free, where both are known."""
    needed, free = number(facts, "needed_bytes"), number(facts, "free_bytes")
    told = {"needed": size(needed)} if needed else {}
    return told | ({"free": size(free)} if told and free is not None else {})


def _over_limit(facts: Facts) -> Words:
    needed, limit = number(facts, "needed_bytes"), number(facts, "limit_bytes")
    if needed and limit is not None and not facts.get("every"):
        text = tr_noop("This needs {needed} of memory, and your limit is {limit}.")
        if facts.get("device", "cpu") != "cpu":
            text = tr_noop("This needs {needed} of memory of the card, and your limit is {limit}.")
        row = Words(
            tr_noop("More memory than you allow"),
            text,
            tr_noop("Raise the limit, or choose fewer bits or a smaller model."),
        )
        return filled(row, {"needed": size(needed), "limit": size(limit)})
    row = Words(
        tr_noop("More memory than you allow"),
        tr_noop(
            "Every way to run this model takes more memory than the limits in the settings"
            "{needed+: at least }."
        ),
        tr_noop("Raise the limits under Device and memory, or choose a smaller model."),
    )
    return filled(row, {"needed": size(needed)} if needed else {})


def _strategy(facts: Facts) -> Words:
    """It points at the part that is wrong, where one is known."""
    row, at = _ROWS["strategy"], number(facts, "position")
    if at is None:
        return filled(row, facts)
    text = tr_noop(
        '"{part}", at character {character} of the strategy, is not known there{found+: }.'
    )
    if not facts.get("part"):
        text = tr_noop("The strategy ends too early{found+: }.")
    way_out = tr_noop("What could stand there: {wanted|cpu, cuda}.")
    return filled(Words(row.title, text, way_out), {**facts, "character": f"{at + 1:.0f}"})


def _no_room(facts: Facts) -> Words:
    told = _sizes(facts)
    way_out = tr_noop("Free some space on this disk, then go on, or choose another folder.")
    return filled(Words(tr_noop("The disk is too full"), ON_DISK[len(told)], way_out), told)


def _is_of_a_card(facts: Facts) -> bool:
    """Whether it is the memory of a card that is short: of a split model it may be the other."""
    way = understood(str(facts.get("strategy", "")))
    return way is not None and way.on_gpu and facts.get("device") != "cpu"


def _for_room(facts: Facts) -> str:
    """What gives memory back; 16-bit only where the model is known to run in 32-bit."""
    way = understood(str(facts.get("strategy", "")))
    if _is_of_a_card(facts):
        return tr_noop(
            "Close what else uses the card, choose fewer bits (cuda int4), or a cpu strategy."
        )
    if way is not None and way.format == "fp32":
        return tr_noop(
            "Close other programs, choose a smaller model, or run this one in 16-bit (cpu bf16)."
        )
    return tr_noop("Close other programs, or choose a smaller model.")


def _store(facts: Facts) -> Words:
    why = str(facts.get("why"))
    if why == "damaged" and facts.get("kept"):
        begun = "saved" if facts.get("saved") else "put-aside"
        why = "none-begun" if facts.get("unkept") else begun
    elif why == "damaged" and facts.get("later"):
        why = "saved-later"
    text, way_out = STORE.get(why, STORE[""])
    whole, part = tr_noop("Your data cannot be used"), tr_noop("Not all of your data can be read")
    return filled(
        Words(part if why in ("row", "saved", "saved-later") else whole, text, way_out), facts
    )


def _answer_saved(facts: Facts) -> Words:
    way_out = INSTEAD.get(str(facts.get("why")), INSTEAD["page"])
    text = tr_noop("{path@the file} holds {found|the answer of a server} instead of the model.")
    return filled(Words(tr_noop("This is not the file itself"), text, way_out), facts)


_WRITERS: dict[str, Callable[[Facts], Words]] = {
    "request-refused": _refused,
    "server-refused": _server_refused,
    "out-of-memory": _out_of_memory,
    "over-limit": _over_limit,
    "no-room": _no_room,
    "no-card": _no_gpu,
    "strategy": _strategy,
    "strategy-unsupported": _not_run,
    "answer-saved": _answer_saved,
    "worker-died": worker_died,
    "worker-out-of-memory": worker_starved,
    "document": _document,
    "store": _store,
}
