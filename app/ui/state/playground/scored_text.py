"""A text as a model sees it: its tokens, and how likely each was; no widget in sight."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from enum import Enum, auto
from itertools import takewhile
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.protocol.prompts import Prompt, Text, Tokens
from app.runtime.protocol.scores import Scored, TokenScore
from app.runtime.protocol.token_spans import unpack
from app.ui.state.session import Session

from .known_vocabulary import KnownVocabulary
from .token_cells import TokenCells
from .token_numbers import TOP, Facts, TokenNumbers

_REPAINT_MS = 34  # at most 30 times a second
_AT_ONCE = 4096  # tokens that are taken without letting the window do anything else


class ScorePhase(Enum):
    """Where the scoring is: COMPLETE texts have numbers for every token but the first."""

    EMPTY = auto()
    SCORING = auto()
    COMPLETE = auto()
    STOPPED = auto()
    FAILED = auto()


class Alternative(NamedTuple):
    """A token that could have stood somewhere, its bytes, and its probability there."""

    token: int
    text: bytes
    probability: float


class ScoredText(QObject):
    """``score`` a text, or ``begin`` with tokens and ``add`` those that are written.

    ``cells`` are its tokens, ``numbers`` what is known of them so far, ``asked`` the ids that were
    asked about last.  ``began`` when it is
    another text, ``grew`` at most 30 times a second, ``ended`` once a scoring.
    """

    began = Signal()
    grew = Signal()
    ended = Signal()

    def __init__(
        self, session: Session, vocabulary: KnownVocabulary, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._vocabulary = session, vocabulary
        self.phase = ScorePhase.EMPTY
        self.failure: Failure | None = None
        self.asked: tuple[int, ...] = ()
        self.cells, self.numbers = TokenCells(()), TokenNumbers()
        self._task: asyncio.Task[None] | None = None
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._repaint.timeout.connect(self.grew)

    def __len__(self) -> int:
        """How many tokens the text has."""
        return len(self.cells)

    @property
    def ids(self) -> Sequence[int]:
        """The tokens."""
        return self.cells.ids

    def score(self, prompt: Prompt) -> None:
        """Have a text read, in place of the one before."""
        self.stop()
        self.asked = prompt.ids if isinstance(prompt, Tokens) else ()
        self.failure, self.phase = None, ScorePhase.SCORING
        task = self._session.tasks.start(self._score(prompt))
        self._task = task
        task.add_done_callback(self._finish)

    def stop(self) -> None:
        """End the scoring; what is known stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._end(ScorePhase.STOPPED)

    def clear(self) -> None:
        """No text at all."""
        self.stop()
        self.phase = ScorePhase.EMPTY
        self._begin(())

    def go_on_from(self, ids: Sequence[int]) -> bool:
        """Tokens that others are added to; what was known of the first of them stays known.

        False where the vocabulary was not asked for yet.
        """
        vocabulary, loaded = self._vocabulary.now, self._session.loaded
        if vocabulary is None or loaded is None or vocabulary.identity != loaded.vocabulary:
            return False
        self.stop()
        ids, before = tuple(ids), tuple(self.cells.ids)
        if ids[: len(before)] != before or self.cells.cut or not before:
            same = sum(1 for _ in takewhile(_are_equal, zip(before, ids, strict=False)))
            self.numbers.cut(same)
            self._begin(vocabulary.pieces, self.numbers)
            before = ()
        self.cells.extend(ids[len(before) :])
        self.numbers.add(TokenScore(token) for token in ids[len(self.numbers) :])
        self.asked, self.phase = ids, ScorePhase.COMPLETE
        self.grew.emit()
        return True

    def choose(self, place: int, token: int) -> None:
        """The text up to a place, with another token there; it is as likely as it was told."""
        numbers, ids = self.numbers, (*self.cells.ids[:place], token)
        top = tuple(numbers.top(place))
        ranks = {one: rank for rank, (one, _) in enumerate(top, 1)}
        chance, rank = dict(top).get(token), ranks.get(token)
        known = [TokenScore(token, chance, numbers.entropy(place), rank, top)]
        self.stop()
        numbers.cut(place)
        numbers.add(known)
        self._begin(self.cells.pieces, numbers)
        self.cells.extend(ids)
        self.asked, self.phase = ids, ScorePhase.COMPLETE
        self.grew.emit()

    def add(self, facts: Sequence[Facts]) -> None:
        """Tokens behind the last one, with what is known of them."""
        self.cells.extend(one.token for one in facts)
        self.numbers.add(facts)
        self._due()

    def probability(self, token: int) -> float | None:
        """Of the token at a place, from 0 to 1; None where nothing is known of it."""
        logprob = self.numbers.logprob(token)
        return None if logprob is None else math.exp(logprob)

    def alternatives(self, token: int) -> list[Alternative]:
        """The likeliest tokens at the place of this one, first to last."""
        return [
            Alternative(one, self.cells.piece(one), math.exp(logprob))
            for one, logprob in (self.numbers.top(token) if token < len(self.numbers) else ())
        ]

    async def _score(self, prompt: Prompt) -> None:
        try:
            await self._listen(prompt)
        except Failure as failure:
            self.failure = failure

    async def _listen(self, prompt: Prompt) -> None:
        vocabulary = await self._vocabulary.read()
        ids = self.asked = await self._ids(prompt)
        self._begin(vocabulary.pieces)
        for first in range(0, len(ids), _AT_ONCE):
            self.cells.extend(ids[first : first + _AT_ONCE])
            self._due()
            await asyncio.sleep(0)
        self.cells.finish()
        async with contextlib.aclosing(self._session.score(Tokens(ids), TOP)) as events:
            async for event in events:
                if isinstance(event, Scored):
                    self.numbers.add(event.tokens)
                    self._due()

    async def _ids(self, prompt: Prompt) -> tuple[int, ...]:
        """A text is encoded as it stands."""
        if isinstance(prompt, Tokens):
            return prompt.ids
        encoded = await self._session.encode(prompt, document=isinstance(prompt, Text))
        return unpack(encoded.ids)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        if task is not self._task:
            return  # it was stopped, or another text was asked for
        self._task = None
        if task.cancelled():
            self._end(ScorePhase.STOPPED)
        elif self.failure is not None or task.exception() is not None:
            self._end(ScorePhase.FAILED)
        else:
            self._end(ScorePhase.COMPLETE)

    def _end(self, phase: ScorePhase) -> None:
        self.cells.finish()
        self.phase = phase
        self._repaint.stop()
        self.grew.emit()
        self.ended.emit()

    def _begin(self, pieces: Sequence[bytes], numbers: TokenNumbers | None = None) -> None:
        self.cells = TokenCells(pieces)
        self.numbers = TokenNumbers() if numbers is None else numbers
        self.began.emit()

    def _due(self) -> None:
        if not self._repaint.isActive():
            self._repaint.start()


def _are_equal(pair: tuple[int, int]) -> bool:
    return pair[0] == pair[1]
