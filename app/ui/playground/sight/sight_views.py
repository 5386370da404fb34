"""The views of a text besides the text itself: its tokens, the exact prompt, the state."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.commands import Command
from app.ui.state.playground.model_sight import ModelSight, View
from app.ui.state.playground.playground_controller import PlaygroundController
from app.ui.state.session import Session
from app.ui.widgets.tokens.prompt_view import PromptView

from .state_inspector import StateInspector
from .tokens_pane import TokensPane


class SightViews(QObject):
    """``views`` are key, title and widget of each; ``show`` tells which one is in front."""

    def __init__(
        self, theme: Theme, session: Session, controller: PlaygroundController, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self.sight = ModelSight(session, controller, self)
        self.tokens = TokensPane(theme, self.sight.scored)
        self.prompt = PromptView(theme, self.sight.prompt)
        self.state = StateInspector(theme, self.sight.inspection)
        self.views: tuple[tuple[str, str, QWidget], ...] = (
            (View.TOKENS.value, tr("Tokens"), self.tokens),
            (View.PROMPT.value, tr("Prompt"), self.prompt),
            (View.STATE.value, tr("State"), self.state),
        )
        self.tokens.branch_wanted.connect(self._branch)
        self.tokens.score_wanted.connect(self.sight.read)
        self.prompt.ask_wanted.connect(self.sight.read)
        self.state.read_wanted.connect(self.sight.read)
        controller.writing_changed.connect(self._note_writing)
        for changed in (controller.opened, controller.changed, controller.typed, controller.grew):
            changed.connect(self._note_text)
        self._note_text()

    def show(self, key: str) -> None:
        """This view is in front now."""
        known = {view.value: view for view in View}
        self.sight.look(known.get(key))

    def commands(self, group: str, show: Callable[[str], None]) -> list[Command]:
        """Those that bring a view to the front; ``show`` does it."""
        titles = (
            (View.TOKENS, tr("Show the tokens and how likely they are"), "Alt+2", "search"),
            (View.PROMPT, tr("Show the exact prompt"), "Alt+3", "file"),
            (View.STATE, tr("Show the state"), "Alt+4", "states"),
        )
        return [
            Command(title, partial(show, view.value), keys, picture, group)
            for view, title, keys, picture in titles
        ]

    def take_keyboard(self, shown: QWidget | None) -> bool:
        """Give the keyboard to the view that is shown; whether it is one of these."""
        for view in (self.tokens, self.prompt, self.state):
            if view is shown:
                view.take_keyboard()
                return True
        return False

    def _note_text(self) -> None:
        empty = not len(self._controller.text)
        self.tokens.note_text(empty=empty)
        self.state.note_text(empty=empty)

    def _branch(self, place: int, token: int) -> None:
        self.sight.branch(place, token)
        self.tokens.view.reveal(place)

    def _note_writing(self) -> None:
        writing = self._controller.writing is not None
        self.tokens.branches = not writing
        self.tokens.view.follow(now=writing)
