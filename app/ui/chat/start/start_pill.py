"""The small control at the words that says which named state the conversation begins from."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QMenu, QPushButton

from app.messages.translate import tr
from app.store.states.conversation_starts import ConversationStart
from app.ui.look.icons import icon
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.start_keeper import StartKeeper
from app.ui.state.services import Services
from app.ui.state.states.state_fit import can_begin, fit_of

_LETTERS, _MOST = 24, 20


class StartPill(QPushButton):
    """Its menu has the states that fit the open model; it is seen where there is one."""

    def __init__(self, services: Services, controller: ConversationController) -> None:
        super().__init__()
        self.setProperty("role", "toggle")
        self.setCheckable(True)
        self.setIcon(icon("states", "text-dim", 14))
        self._services, self._named = services, services.named_states
        self.keeper = StartKeeper(services, controller, self)
        self.keeper.changed.connect(self._show)
        self._named.changed.connect(self._show)
        services.session.changed.connect(self._show)
        self.clicked.connect(self._open_menu)
        if not self._named.known:
            self._named.refresh()
        self._show()

    def choose(self, start: ConversationStart | None) -> None:
        """The conversation that is shown begins there."""
        self.keeper.choose(start)

    def menu_of_starts(self) -> QMenu:
        """The model's own beginning, and every state that fits; it goes when it is closed."""
        menu = QMenu(self)
        now = self.keeper.now
        for words, start in ((tr("The model's own beginning"), None), *self._choices()):
            entry = menu.addAction(words.replace("&", "&&"))
            entry.setCheckable(True)
            entry.setChecked((start.path if start else "") == (now.path if now else ""))
            entry.triggered.connect(lambda _on=False, start=start: self.choose(start))
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _choices(self) -> list[tuple[str, ConversationStart]]:
        loaded = self._services.session.loaded
        fitting = [s for s in self._named.states if loaded and can_begin(fit_of(s, loaded))]
        found = [(state.name, self._named.start(state)) for state in fitting[:_MOST]]
        now = self.keeper.now
        if now is not None and all(start.path != now.path for _, start in found):
            found.insert(0, (now.name, now))
        return found

    def _open_menu(self) -> None:
        self._show()  # a press alone changes nothing
        menu = self.menu_of_starts()
        menu.popup(self.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def _show(self) -> None:
        now = self.keeper.now
        self.setVisible(now is not None or bool(self._choices()))
        self.setChecked(now is not None)
        metrics = QFontMetrics(self.font())
        room = _LETTERS * metrics.averageCharWidth()
        said = now.name if now is not None else tr("From a state")
        self.setText(metrics.elidedText(said, Qt.TextElideMode.ElideRight, room))
        told = tr("Begins from the state “{}”").format(said) if now else tr("Begin from a state")
        self.setToolTip(told)
        self.setAccessibleName(told)
