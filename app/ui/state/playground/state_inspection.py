"""States of a text on its way, as numbers to look at; no widget, and no more than two whole ones.

L layers, H heads, N numbers a side of a head's matrix; in generation 4 there are 3 vectors of A
numbers instead, and H is 3 where norms are told.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.protocol.messages import Prefilled
from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import Place, StateParts, StateSeen, StatesWanted, TakeStates
from app.runtime.spec import Spec
from app.ui.state.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PLACES = 64  # at which a text that is read is looked at
_MOST = 256  # of a text that grows: then every other one is forgotten
_REPAINT_MS = 66


class NormSample(NamedTuple):
    """The norms of all heads after ``tokens`` tokens, float32 (L, H)."""

    tokens: int
    norms: bytes


class WholeState(NamedTuple):
    """All heads of the state after ``tokens`` tokens, layer by layer; those not told are empty."""

    tokens: int
    heads: dict[tuple[int, int], bytes]


class StateInspection(QObject):
    """``read`` a text, or ``note`` what a text that is written tells.

    ``samples`` are norms along the text, ``shown`` is the state at a place of it, ``pinned`` one to
    compare it with.  ``changed`` at most 15 times a second, ``ended`` once a reading.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.spec: Spec | None = None
        self.samples: list[NormSample] = []
        self.shown: WholeState | None = None
        self.pinned: WholeState | None = None
        self.failure: Failure | None = None
        self.progress: tuple[int, int] | None = None
        self.layer = self.head = 0
        self._every = 1
        self._ids: tuple[int, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._repaint.timeout.connect(self.changed)

    @property
    def reading(self) -> bool:
        """Whether a text is read for it now."""
        return self._task is not None

    @property
    def ids(self) -> tuple[int, ...]:
        """The text that was read."""
        return self._ids

    def read(self, ids: Sequence[int]) -> None:
        """Have a text read: norms on its way, and the whole state at its end."""
        ids = tuple(ids)
        count = len(ids)
        step = max(1, -(-count // _PLACES))
        places = sorted({*range(step, count + 1, step), count})
        self._ids, self.samples = ids, []
        self._start(places, count)

    def look_at(self, tokens: int) -> None:
        """Have the whole state after so many tokens read."""
        if 0 <= tokens <= len(self._ids) and self._ids:
            self._start([tokens], tokens)

    def stop(self) -> None:
        """End the reading; what is known stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self.progress = None
            self.changed.emit()
            self.ended.emit()

    def clear(self) -> None:
        """Nothing is known, of no text."""
        self.stop()
        self.samples, self.shown, self.pinned, self._ids = [], None, None, ()
        self.failure = None
        self.changed.emit()

    def pin(self) -> None:
        """Keep the state that is shown, to compare others with it; none is kept the second time."""
        self.pinned = None if self.pinned is not None else self.shown
        self.changed.emit()

    def choose(self, layer: int, head: int) -> None:
        """Look at another head."""
        self.layer, self.head = layer, head
        self.changed.emit()

    # a text that is written

    def begin(self, every: int = 8) -> StatesWanted:
        """What to ask of a text that is written, so that it is seen while it grows."""
        self.stop()
        loaded = self._session.loaded
        self.spec = loaded.spec if loaded is not None else None
        self.samples, self.shown, self._every, self._ids = [], None, every, ()
        head = 0 if self.spec is not None and not self.spec.heads else self.head
        return StatesWanted(every=every, parts=StateParts(norms=True, heads=((self.layer, head),)))

    def note(self, seen: StateSeen) -> None:
        """A state of the text that is written."""
        if self.spec is None and self._session.loaded is not None:  # it was opened for this text
            self.spec = self._session.loaded.spec
        if seen.tokens % self._every == 0:
            self.samples.append(NormSample(seen.tokens, seen.norms))
        if len(self.samples) > _MOST:
            self._every *= 2
            self.samples = [one for one in self.samples if one.tokens % self._every == 0]
        if seen.heads:
            head = self.head if self.spec is None or self.spec.heads else 0
            self.shown = WholeState(seen.tokens, {(self.layer, head): seen.heads[0]})
        self._due()

    # numbers

    def norms(self) -> "NDArray[np.floating[Any]]":
        """Of all heads along the text, (S, L, H) for S samples."""
        import numpy as np

        layers = self.spec.layers if self.spec is not None else 1
        rows = [np.frombuffer(one.norms, "<f4") for one in self.samples]
        return np.stack(rows).reshape(len(rows), layers, -1) if rows else np.zeros((0, layers, 1))

    def matrix(self, state: WholeState | None) -> "NDArray[np.floating[Any]] | None":
        """The head that is looked at, (N, N), or the layer's vectors (3, A); None if not known."""
        spec = self.spec
        if state is None or spec is None:
            return None
        found = state.heads.get((self.layer, self.head if spec.heads else 0))
        if found is None:
            return None
        import numpy as np

        rows = spec.head_size if spec.heads else 3
        return np.frombuffer(found, "<f4").reshape(rows, -1)

    def difference(self) -> "NDArray[np.floating[Any]] | None":
        """What is shown less what is pinned; None where one is not known or they do not match."""
        shown, pinned = self.matrix(self.shown), self.matrix(self.pinned)
        if shown is None or pinned is None or shown.shape != pinned.shape:
            return None
        return shown - pinned

    # inside

    def _start(self, places: Sequence[int], whole_at: int) -> None:
        self.stop()
        self.failure, self.progress = None, (0, len(self._ids))
        parts = StateParts(norms=True, all_heads=True, heads_at=(whole_at,))
        asked = TakeStates(
            id=0,
            prompt=Tokens(self._ids),
            places=tuple(map(Place, places)),
            parts=parts,
            exact=True,
        )
        task = self._session.tasks.start(self._listen(asked, whole_at))
        self._task = task
        task.add_done_callback(self._finish)
        self.changed.emit()

    async def _listen(self, asked: TakeStates, whole_at: int) -> None:
        try:
            async with contextlib.aclosing(self._session.look_at_states(asked)) as events:
                async for event in events:
                    if isinstance(event, Prefilled):
                        self.progress = (event.done, event.total)
                    elif isinstance(event, StateSeen):
                        self._take(event, whole_at)
                    self._due()
        except Failure as failure:
            self.failure = failure

    def _take(self, seen: StateSeen, whole_at: int) -> None:
        loaded = self._session.loaded
        self.spec = loaded.spec if loaded is not None else self.spec
        if all(one.tokens != seen.tokens for one in self.samples):
            self.samples.append(NormSample(seen.tokens, seen.norms))
            self.samples.sort()
        if seen.tokens == whole_at and self.spec is not None:
            heads = max(1, self.spec.heads)
            told = {divmod(at, heads): one for at, one in enumerate(seen.heads)}
            self.shown = WholeState(seen.tokens, told)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        if task is self._task:
            self._task, self.progress = None, None
            self.changed.emit()
            self.ended.emit()

    def _due(self) -> None:
        if not self._repaint.isActive():
            self._repaint.start()
