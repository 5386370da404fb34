"""The adapters that are merged into models when they are opened: chosen, and taken away."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.errors import Failure
from app.runtime.adapters.adapter_look import AdapterLook, look_at_adapter
from app.store.chosen_adapters import ChosenAdapter, merged_adapters
from app.ui.state.notices import Notices
from app.ui.state.session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings


class ModelAdapters(QObject):
    """``changed`` when others are chosen; ``alpha_wanted`` carries the paths of a model and of an
    adapter that does not tell its alpha, and its rank.
    """

    changed = Signal()
    alpha_wanted = Signal(object, object, int)

    def __init__(
        self,
        settings: "Settings",
        session: Session,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._session, self._notices = settings, session, notices
        session.changed.connect(self.changed)

    def of(self, model: Path) -> tuple[ChosenAdapter, ...]:
        """What is chosen for a model, in the order in which it is merged."""
        return self._settings.now.adapters.get(str(model), ())

    def due(self, model: Path) -> bool:
        """Whether the model is open with others than those that are chosen."""
        loaded = self._session.loaded
        if loaded is None or Path(loaded.path) != model or self._session.opening is not None:
            return False
        return self._session.merged != merged_adapters(self._settings.now.adapters, model)

    def add(self, model: Path, path: Path) -> None:
        """Merge this one too; where it does not tell its alpha, that is asked for first."""
        self._session.tasks.start(self._add(model, path))

    def add_with(self, model: Path, path: Path, alpha: float | None) -> None:
        """The same with an alpha."""
        others = tuple(one for one in self.of(model) if one.path != str(path))
        self._keep(model, (*others, ChosenAdapter(str(path), alpha)))

    def remove(self, model: Path, path: str) -> None:
        """Merge this one no more."""
        self._keep(model, tuple(one for one in self.of(model) if one.path != path))

    async def _add(self, model: Path, path: Path) -> None:
        try:
            look: AdapterLook = await self._session.tasks.thread(look_at_adapter, path)
        except Failure as failure:
            self._notices.failure(failure, about="models")
            return
        if look.wants_alpha:
            self.alpha_wanted.emit(model, path, look.rank)
        else:
            self.add_with(model, path, None)

    def _keep(self, model: Path, chosen: tuple[ChosenAdapter, ...]) -> None:
        adapters = dict(self._settings.now.adapters)
        if chosen:
            adapters[str(model)] = chosen
        else:
            adapters.pop(str(model), None)
        self._settings.change(adapters=adapters)
        self.changed.emit()
