"""Texts that run beside each other: their prompts are read in turn, and one forward a token
writes all of them; knows no request and no pipe.

What the texts of one lane come to does not depend on other lanes.  V is the vocabulary, B the
number of texts being written.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from app.errors import Failure, OutOfMemory
from app.kernels.allocation import allocations_named
from app.runtime.states.state import RecurrentState, stack

from .prompt_pieces import TextReading
from .prompt_reading import PromptReading
from .remembered import Remembered
from .sequence import Sequence

if TYPE_CHECKING:
    from app.runtime.opened import Opened

_EVERY = 32  # tokens of a reply between two states of it that are kept
_FEW = 8  # texts at once; with more the states of replies are kept less often


class Lane:
    """``reading`` are texts in prefill, ``writing`` those in decode, whose ``state`` has B rows.

    ``fail`` is told of each text that failed.
    """

    def __init__(
        self,
        opened: "Opened",
        remembered: Remembered,
        fail: Callable[[PromptReading, Failure], None],
    ) -> None:
        self._model, self._remembered, self._fail = opened.model, remembered, fail
        self.reading: deque[TextReading] = deque()
        self.writing: list[Sequence] = []
        self.state: RecurrentState | None = None

    @property
    def idle(self) -> bool:
        """Whether no text is running."""
        return not self.reading and not self.writing

    def join(self, reading: TextReading) -> None:
        """A text whose prompt is read is written from now on, if it goes on at all."""
        text = reading.text
        self.reading.remove(reading)
        if text.take(reading.logits, reading.hidden) and isinstance(text, Sequence):
            states = [reading.state] if self.state is None else [self.state, reading.state]
            self.state = stack(states) if self.writing else reading.state
            self.writing.append(text)

    def leave(self, cancelled: set[int], stop: Callable[[PromptReading], None]) -> None:
        """Texts that are written no more; ``stop`` is called with each."""
        going = [i for i, text in enumerate(self.writing) if text.id not in cancelled]
        for i in sorted(set(range(len(self.writing))) - set(going)):
            stop(self.writing[i])
            self._remember_row(i, None, lasting=self.writing[i].lasts)
        self._keep(going)

    def write(self) -> int:
        """One token of every text, from one forward; how many forwards that took."""
        assert self.state is not None
        try:
            with allocations_named():
                tokens = torch.tensor([text.written[-1:] for text in self.writing])
                logits, hidden = self._forward(tokens, self.state)
        except Failure as failure:
            for text in self.writing:
                self._fail(text, failure)
            self._keep([])
            if isinstance(failure, OutOfMemory):
                self._remembered.give_back()
            return 0
        every = _EVERY * -(-len(self.writing) // _FEW)
        going = []
        for i, text in enumerate(self.writing):
            text.fed = len(text.written)
            try:
                if text.looks:
                    self._show_row(i, logits[i])
                if text.take(logits[i], None if hidden is None else hidden[i]):
                    going.append(i)
                    if (text.read + text.fed) % every == 0:
                        self._remember_row(i, logits[i])
                else:
                    self._remember_row(i, logits[i], lasting=text.lasts)
            except Failure as failure:
                self._fail(text, failure)
        self._keep(going)
        return 1

    def _forward(
        self, tokens: torch.Tensor, state: RecurrentState
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, V), and the vectors (B, C) that they are made of where a text wants them."""
        alike = any(text.repeats for text in self.writing)
        if not any(text.wants_hidden for text in self.writing):
            return self._model.forward(tokens, state, alike=alike), None
        hidden = self._model.hidden(tokens, state, alike=alike)
        return self._model.logits(hidden, alike=alike)[:, 0], hidden[:, 0]

    def _show_row(self, row: int, logits: torch.Tensor) -> None:
        text, state = self.writing[row], self.state
        assert state is not None
        self._remembered.with_room(lambda: text.reached(state.rows([row]), logits))

    def _keep(self, rows: list[int]) -> None:
        """Only these of the texts being written go on; none where there is no memory for it."""
        if len(rows) == len(self.writing):
            return
        kept = [self.writing[i] for i in rows]
        try:
            with allocations_named():
                self.state = self.state.rows(rows) if self.state and rows else None
        except Failure as failure:
            for text in kept:
                self._fail(text, failure)
            self.state, kept = None, []
        self.writing = kept

    def _remember_row(
        self, row: int, logits: torch.Tensor | None, *, lasting: bool = False
    ) -> None:
        state = self.state
        assert state is not None
        nbytes = state.nbytes // state.batch
        text = self.writing[row]
        text.straight = False  # its last tokens were read one by one
        self._remembered.keep(text, lambda: state.rows([row]), nbytes, logits, lasting=lasting)
