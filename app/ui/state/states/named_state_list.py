"""The named states of this disk, with a signal, and what is done with their files; no widget."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.errors import Failure, RequestRefused
from app.library.states.named_states import NamedStates
from app.library.states.state_records import NamedState, StateNote, Unfinished
from app.library.states.unfinished_states import UnfinishedStates
from app.messages.translate import tr
from app.messages.units import size
from app.runtime.protocol.messages import Loaded
from app.store.states.conversation_starts import ConversationStart
from app.ui.state.notices import Notices
from app.ui.state.tasks import Tasks

if TYPE_CHECKING:
    from app.store.settings import Settings

PAGE = "states"
_Work = Callable[[], Coroutine[Any, Any, object]]


class NamedStateList(QObject):
    """``changed`` when ``states``, ``trashed`` or ``unfinished`` have; ``added`` carries an id.

    ``known`` is False until the folder was looked at.  Files are touched in threads, one verb after
    the other.
    """

    changed = Signal()
    added = Signal(str)

    def __init__(
        self,
        folder: Path,
        settings: "Settings",
        tasks: Tasks,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.files = NamedStates(folder)
        self.jobs = UnfinishedStates(self.files)
        self._settings, self._tasks, self._notices = settings, tasks, notices
        self.states: tuple[NamedState, ...] = ()
        self.trashed: tuple[NamedState, ...] = ()
        self.unfinished: tuple[Unfinished, ...] = ()
        self.elsewhere: frozenset[str] = frozenset()
        self.known = False
        self._doomed: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    # what is

    @property
    def used_bytes(self) -> int:
        """What all files take, those in the trash as well."""
        return sum(one.bytes for one in (*self.states, *self.trashed))

    @property
    def budget_bytes(self) -> int:
        """What they may take."""
        return self._settings.now.named_states_budget

    def get(self, ident: str) -> NamedState | None:
        """A state that is not in the trash."""
        return next((one for one in self.states if one.id == ident), None)

    def start(self, state: NamedState) -> ConversationStart:
        """What a conversation that begins from it keeps of it."""
        return ConversationStart(str(self.files.path(state.id)), state.name)

    def check_room(self) -> None:
        """Raise RequestRefused where no further state may be kept."""
        if self.used_bytes >= self.budget_bytes:
            held, limit = size(self.used_bytes), size(self.budget_bytes)
            raise RequestRefused(why="states-full", found=held, wanted=limit)

    # verbs

    def refresh(self) -> None:
        """Look at the folder anew; several windows may use it."""
        if self._tasks.ended:
            return
        if self._looking is None or self._looking.done():
            self._looking = self._tasks.start(self.looked())

    async def looked(self) -> None:
        """Look at the folder, and wait for it.  Raises StoreError."""
        async with self._one_at_a_time:
            states, jobs, elsewhere = await self._tasks.thread(self._look)
        self.states = tuple(
            one for one in states if one.note.trashed is None and one.id not in self._doomed
        )
        self.trashed = tuple(one for one in states if one.note.trashed is not None)
        self.unfinished, self.elsewhere, self.known = tuple(jobs), elsewhere, True
        self.changed.emit()

    def rename(self, ident: str, name: str) -> None:
        """Call a state something else; nothing happens without a name."""
        if name.strip():
            self._start(partial(self.files.change, ident, name=name))

    def say_about(self, ident: str, words: str) -> None:
        """Keep what the person says of a state."""
        self._start(partial(self.files.change, ident, about=words.strip()))

    def bind(self, ident: str, loaded: Loaded) -> None:
        """A tuned state, whose file tells no model, belongs to this one."""
        told = {
            "model": loaded.name,
            "fingerprint": loaded.fingerprint,
            "model_path": loaded.path,
        }
        change = partial(self.files.change, ident, **told)
        self._start(change)

    def duplicate(self, ident: str) -> None:
        """A second one with the same numbers."""
        state = self.get(ident)
        if state is not None:
            name = tr("{} (copy)").format(state.name)
            self._begin(partial(self._added, partial(self.files.duplicate, ident, name)))

    def bring_in(self, paths: Sequence[Path], loaded: Loaded | None) -> None:
        """Copy states from outside; what fits the open model by its sizes alone is for that."""
        for path in paths:
            self._begin(partial(self._brought_in, path, loaded))

    def bring_out(self, ident: str, place: Path) -> None:
        """Write a copy elsewhere."""
        self._begin(partial(self._written_out, ident, place))

    def delete(self, ident: str) -> None:
        """Put a state into the trash, with a way back at once."""
        state = self.get(ident)
        if state is None:
            return
        self._doomed.add(ident)  # a second press finds it no more
        self.states = tuple(one for one in self.states if one.id != ident)
        self.changed.emit()
        after = partial(self._spare, ident)
        self._tasks.start(self._done(partial(self._deleted, state)), after)

    def restore(self, ident: str) -> None:
        """Take a state out of the trash."""
        self._begin(partial(self._restored, ident))

    def remove(self, idents: Sequence[str]) -> None:
        """Delete for good what is in the trash."""
        self._start(partial(self.files.remove, tuple(idents)))

    def remove_old(self) -> None:
        """Delete for good what has been in the trash for 30 days."""
        self._start(self.files.remove_old)

    # inside

    def _look(self) -> tuple[list[NamedState], list[Unfinished], frozenset[str]]:
        jobs = self.jobs.all()
        elsewhere = frozenset(one.id for one in jobs if self.jobs.is_read_elsewhere(one))
        return self.files.all(), jobs, elsewhere

    def _start(self, act: Callable[[], object]) -> None:
        self._begin(partial(self._in_thread, act))

    def _begin(self, work: _Work) -> None:
        self._tasks.start(self._done(work))

    async def _done(self, work: _Work) -> None:
        """A failure is told, and what is shown then is what is there."""
        try:
            await work()
        except Failure as failure:
            self._notices.failure(failure, about=PAGE)
        await self.looked()

    async def _in_thread(self, act: Callable[[], object]) -> object:
        async with self._one_at_a_time:
            return await self._tasks.thread(act)

    async def _added(self, act: Callable[[], str]) -> str:
        self.check_room()
        ident = str(await self._in_thread(act))
        await self.looked()
        self.added.emit(ident)
        return ident

    async def _brought_in(self, path: Path, loaded: Loaded | None) -> None:
        note = StateNote(read=path.name)
        brought = self.get(await self._added(partial(self.files.bring_in, path, note)))
        if brought is not None and loaded is not None and _is_free(brought, loaded):
            self.bind(brought.id, loaded)

    async def _written_out(self, ident: str, place: Path) -> None:
        await self._in_thread(partial(self.files.bring_out, ident, place))
        self._notices.news(tr("The state is copied to {}.").format(place.name))

    async def _deleted(self, state: NamedState) -> None:
        await self._in_thread(partial(self.files.put_in_trash, state.id))
        words = tr("“{}” is in the trash.").format(state.name)
        self._notices.undo(words, partial(self.restore, state.id))

    def _spare(self, ident: str) -> None:
        """Where it could not be deleted, it is shown again."""
        self._doomed.discard(ident)
        self.refresh()

    async def _restored(self, ident: str) -> None:
        await self._in_thread(partial(self.files.take_out, ident))
        self._doomed.discard(ident)
        await self.looked()
        self.added.emit(ident)


def _is_free(state: NamedState, loaded: Loaded) -> bool:
    """Whether it belongs to no model yet, and this one has its sizes."""
    spec, sizes = loaded.spec, state.sizes
    same = (sizes.layers, sizes.heads, sizes.head_size) == (spec.layers, spec.heads, spec.head_size)
    return not state.fingerprint and state.failure is None and same
