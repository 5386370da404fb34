"""Whether a grammar that is typed can be followed, found beside the window; shows nothing."""

import asyncio

from PySide6.QtCore import QObject, Signal

from app.runtime.protocol.grammars import Grammar
from app.runtime.worker.grammar_faults import GrammarFault, fault_in
from app.ui.state.tasks import Tasks


class GrammarCheck(QObject):
    """``checked`` when ``fault`` tells of the grammar that was asked for last: None for a good one.

    ``checking`` until then.
    """

    checked = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self.grammar: Grammar | None = None
        self.fault: GrammarFault | None = None

    @property
    def checking(self) -> bool:
        """Whether it is not known yet."""
        return self._task is not None

    def check(self, grammar: Grammar | None) -> None:
        """Look at another grammar; what was found of the one before means nothing now."""
        if grammar == self.grammar or self._tasks.ended:
            return
        self.grammar, self.fault = grammar, None
        if self._task is not None:
            self._task.cancel()
        self._task = None
        if grammar is not None:
            task = self._tasks.start(self._look(grammar))
            self._task = task
            task.add_done_callback(self._end)
        self.checked.emit()

    async def _look(self, grammar: Grammar) -> None:
        fault = await self._tasks.thread(fault_in, grammar)
        if grammar == self.grammar:
            self.fault = fault

    def _end(self, task: "asyncio.Task[None]") -> None:
        if task is self._task:
            self._task = None
            self.checked.emit()
