"""How verbs speak: data to stdout, messages to stderr, and nothing where nobody looks."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.system.atomic_file import unwritten

from .terminal_text import for_stream

if TYPE_CHECKING:
    from app.runtime.opened import Opened
    from app.runtime.protocol.messages import Loaded
    from app.runtime.protocol.states import StateLoaded


def emit(text: str, end: str = "\n") -> None:
    """Data for stdout, at once; on a terminal nothing in it is obeyed.

    Raises DiskFull or StoreError where the system refuses it, BrokenPipeError where nobody reads.
    """
    try:
        print(for_stream(text, sys.stdout), end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritten(error, "the output") from error


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line, in ASCII: it is the same whatever stdout's encoding is."""
    emit(json.dumps(value, allow_nan=False))


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    width = max(len(name) for name, _ in rows)
    emit("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def note_loaded(loaded: "Loaded | Opened") -> None:
    """Say why a model runs in another way, or with another vocabulary, than it was to."""
    down, strategy = loaded.stepped_down, loaded.strategy
    if down is not None:
        from app.messages.gpu_status import stepped_down_in_words

        way = strategy if isinstance(strategy, str) else strategy.text
        note(f"rookery: {stepped_down_in_words(down, way)}")
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
        note("rookery: the file of the state does not tell its model; only the sizes were compared")
    if loaded.approximate:
        made = loaded.facts.format
        if made == loaded.running:
            made = "another format in part"
        note(
            f"rookery: the state was made with {made} and the model runs in {loaded.running}: "
            "what follows is near what it would be, but not the same"
        )


def note_thinking(think: str, template: str) -> None:
    """Say that a template knows no thought, where one was asked for."""
    from app.runtime.families.templates import thinks

    if think != "off" and not thinks(template):
        note(
            f'rookery: with the template "{template}" a model does not think; '
            "--template g1 is one with which it does"
        )


def note(message: str) -> None:
    """A message for whoever started the program."""
    print(for_stream(message, sys.stderr), file=sys.stderr, flush=True)


class Progress:
    """One line on the terminal that is written over, and gone at the end; nothing in a file."""

    def __init__(self) -> None:
        self._shown = 0
        self._terminal = sys.stderr.isatty()

    @property
    def is_seen(self) -> bool:
        """Whether there is a terminal to write on."""
        return self._terminal

    def show(self, message: str) -> None:
        """Write over what was shown before."""
        if self._terminal:
            message = for_stream(message, sys.stderr).replace("\n", "\u240a")  # it is one line
            print("\r" + message.ljust(self._shown), end="", file=sys.stderr, flush=True)
            self._shown = len(message)

    def clear(self) -> None:
        """Leave an empty line to whoever writes next."""
        if self._shown:
            print("\r" + " " * self._shown + "\r", end="", file=sys.stderr, flush=True)
            self._shown = 0
