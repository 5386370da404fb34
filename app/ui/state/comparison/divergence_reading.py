"""How two ways of a comparison differ on a text: read by both at once, in a process of its own."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from app.comparison.lockstep_client import read_together
from app.comparison.lockstep_messages import ReadTogether, SideOpening, TokensRead
from app.comparison.way_room import Side, check_both, same_way
from app.errors import Failure
from app.store.comparisons.comparison_records import (
    Answer,
    Divergence,
    Place,
    TokenDifference,
)
from app.ui.state.services import Services

from .grid_controller import GridController

_NO_ANSWER = Answer()
Pair = tuple[Place, Place]


class ReadingPosition(NamedTuple):
    """Which pair is read, its number from 1 and how many there are.

    ``side`` is the model that is being opened, 0 or 1, with layers in ``done`` of ``total``; None
    where both read, and these are tokens.
    """

    pair: Pair
    number: int
    pairs: int
    side: int | None = 0
    done: int = 0
    total: int = 0


class DivergenceReading(QObject):
    """``changed`` when it begins, goes on and ends; what comes of it goes to the controller."""

    changed = Signal()

    def __init__(
        self, services: Services, controller: GridController, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self._task: asyncio.Task[None] | None = None
        self.position: ReadingPosition | None = None
        self.failure: Failure | None = None

    @property
    def running(self) -> bool:
        """Whether a text is being read."""
        return self.position is not None

    def are_same(self, pair: Pair) -> bool:
        """Whether both cells are of one model in one way: then only chance makes a difference."""
        first, second = self._sides(pair)
        return same_way(first, second)

    def read(self, pairs: Sequence[Pair]) -> None:
        """Read the text of the first cell of each pair with the ways of both."""
        shown = self._controller.shown
        if self.running or self._controller.running or shown is None or not pairs:
            return
        self.failure, self.position = None, ReadingPosition(pairs[0], 1, len(pairs))
        self._task = self._services.tasks.start(self._run(shown.id, pairs), self._end)
        self.changed.emit()

    def read_starts(self) -> None:
        """Read each text itself, without answers, with the first way and every other."""
        if self.running or self._controller.running:
            return
        self._controller.settle()
        grid = self._controller.grid
        first_rows: dict[str, int] = {}
        for number, row in enumerate(grid.rows):
            first_rows.setdefault(grid.text_of(row), number)
        pairs = [
            (Place(row, 0), Place(row, way))
            for row in first_rows.values()
            for way in range(1, len(grid.ways))
        ]
        self.read([pair for pair in pairs if not self.are_same(pair)])

    def cancel(self) -> None:
        """Read no more: the process ends."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, comparison: str, pairs: Sequence[Pair]) -> None:
        asked = [(pair, self._sides(pair), self._asked(pair)) for pair in pairs]
        for number, (pair, sides, request) in enumerate(asked, 1):
            self._enter(ReadingPosition(pair, number, len(pairs)))
            try:
                one = await self._read(pair, sides, request)
                self._controller.put_divergence(comparison, one)
            except Failure as failure:
                self.failure = failure
                return

    async def _read(
        self, pair: Pair, sides: tuple[Side, Side], request: ReadTogether
    ) -> Divergence:
        """Raises OutOfMemory and OverLimit before anything is opened, and what the reading does."""
        wishes = self._services.planning.wishes
        machine = await self._services.planning.machine_beside()
        await self._services.tasks.thread(check_both, sides, machine, wishes.limits)
        rows: list[TokenDifference] = []
        async with contextlib.aclosing(read_together(request)) as told:
            async for one in told:
                if isinstance(one, SideOpening):
                    self._move(one.side, one.done, one.total)
                elif isinstance(one, TokensRead):
                    rows.extend(one.tokens)
                    self._move(None, one.done, one.total)
                else:
                    end = one
        return Divergence(
            first=pair[0],
            second=pair[1],
            figures=end.figures,
            prompt_tokens=end.prompt_tokens,
            tokens=tuple(rows),
        )

    def _asked(self, pair: Pair) -> ReadTogether:
        controller, wishes = self._controller, self._services.planning.wishes
        grid, answer = controller.grid, controller.answers.get(pair[0], _NO_ANSWER)
        first, second = ((os.fsencode(side.path), side.strategy) for side in self._sides(pair))
        return ReadTogether(
            sides=(first, second),
            prompt=grid.text_of(grid.rows[pair[0].row]),
            answer=answer.text,
            ids=answer.ids,
            vocabulary=answer.vocabulary,
            limits=wishes.limits,
            threads=wishes.threads,
        )

    def _sides(self, pair: Pair) -> tuple[Side, Side]:
        ways = self._controller.grid.ways
        first, second = (Side(Path(ways[one.way].path), ways[one.way].strategy) for one in pair)
        return first, second

    def _move(self, side: int | None, done: int, total: int) -> None:
        if self.position is not None:
            self._enter(self.position._replace(side=side, done=done, total=total))

    def _enter(self, position: ReadingPosition) -> None:
        self.position = position
        self.changed.emit()

    def _end(self) -> None:
        self._task = self.position = None
        self.changed.emit()
