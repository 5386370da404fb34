"""Output of verbs: data to stdout, messages to stderr, progress only on a terminal."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.messages.translate import tr
from app.system.atomic_file import unwritten

from .terminal_text import for_stream

if TYPE_CHECKING:
    from app.errors import Failure
    from app.runtime.opened import Opened
    from app.runtime.protocol.messages import Loaded
    from app.runtime.protocol.states import StateLoaded


def emit(text: str, end: str = "\n") -> None:
    """Write a line of data to stdout at once; control characters are made visible on a terminal.

    Raises DiskFull or StoreError if it cannot be written, BrokenPipeError if nobody reads it.
    """
    try:
        print(for_stream(text, sys.stdout), end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritten(error, "the output") from error


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object on one line, in ASCII, so that it does not depend on the encoding."""
    emit(json.dumps(value, allow_nan=False))


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Write names and values, one pair a line."""
    width = max(len(name) for name, _ in rows)
    emit("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def note_loaded(loaded: "Loaded | Opened") -> None:
    """Tell on stderr why a model runs with another strategy or vocabulary than was asked for."""
    down, strategy = loaded.stepped_down, loaded.strategy
    if down is not None:
        from app.messages.gpu_status import step_in_detail, stepped_down_in_words

        way = strategy if isinstance(strategy, str) else strategy.text
        note(f"rookery: {stepped_down_in_words(down, way)}")
        note(f"rookery: {step_in_detail(down, way)}")
    not_used = _vocabulary_not_used(loaded)
    if not_used:
        from app.messages.vocabularies import not_used_in_words

        note(f"rookery: {not_used_in_words(not_used)}")


def _vocabulary_not_used(loaded: "Loaded | Opened") -> str:
    if isinstance(loaded.tokenizer, str):
        return loaded.vocabulary_not_used
    return loaded.tokenizer.not_used


def note_state(loaded: "StateLoaded") -> None:
    """Say what has to be known of a state that a text begins with."""
    if not loaded.bound:
        told = tr("the file of the state does not tell its model; only the sizes were compared")
        note(f"rookery: {told}")
    if loaded.approximate:
        made = loaded.facts.format
        if made == loaded.running:
            made = tr("another format in part")
        told = tr(
            "the state was made with {made} and the model runs in {running}: what follows is near "
            "what it would be, but not the same"
        )
        note(f"rookery: {told.format(made=made, running=loaded.running)}")


def note_unkept(failure: "Failure") -> None:
    """Say that states cannot be kept in the folder that was asked for."""
    from app.messages.failures import one_line

    note(f"rookery: {one_line(failure)}")


def note_thinking(think: str, template: str) -> None:
    """Tell on stderr that the template has no thinking, if thinking was asked for."""
    from app.runtime.families.templates import thinks

    if think != "off" and not thinks(template):
        told = tr(
            'with the template "{}" a model does not think; --template g1 is one with which it does'
        )
        note(f"rookery: {told.format(template)}")


def loading_line(done: int, total: int) -> str:
    """How far the loading of a model is."""
    return tr("loading layer {done} of {total}").format(done=done, total=total)


def reading_line(done: int, total: int) -> str:
    """How far the reading of a prompt is."""
    return tr("reading token {done} of {total}").format(done=done, total=total)


def note(message: str) -> None:
    """Write a message to stderr."""
    print(for_stream(message, sys.stderr), file=sys.stderr, flush=True)


class Progress:
    """One line on the terminal that is overwritten and cleared in the end; nothing in a file."""

    def __init__(self) -> None:
        self._shown = 0
        self._terminal = sys.stderr.isatty()

    @property
    def is_seen(self) -> bool:
        """Whether stderr is a terminal."""
        return self._terminal

    def show(self, message: str) -> None:
        """Replace the line."""
        if self._terminal:
            message = for_stream(message, sys.stderr).replace("\n", "\u240a")  # it is one line
            print("\r" + message.ljust(self._shown), end="", file=sys.stderr, flush=True)
            self._shown = len(message)

    def clear(self) -> None:
        """Clear the line."""
        if self._shown:
            print("\r" + " " * self._shown + "\r", end="", file=sys.stderr, flush=True)
            self._shown = 0


def note_whether_whole(reason: str) -> None:
    """Of a text that was held to a grammar, by the ``reason`` of its end: whether it was cut."""
    if reason == "limit":
        told = tr("--max-tokens has cut the text before it was whole")
        note(f"rookery: {told}")
    elif reason == "blocked":
        told = tr("bans left nothing that the form allows, so the text ends before it is whole")
        note(f"rookery: {told}")
