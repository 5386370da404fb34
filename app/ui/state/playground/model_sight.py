"""What the model sees of the document that is open: kept in step with it; no widget."""

import codecs
from collections.abc import Iterable
from enum import Enum

from PySide6.QtCore import QObject, QTimer

from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Prompt, Text, Tokens
from app.runtime.protocol.states import StateSeen
from app.ui.state.session import Session

from .known_vocabulary import KnownVocabulary
from .playground_controller import PlaygroundController
from .prompt_tokens import PromptTokens
from .scored_text import ScoredText, ScorePhase
from .state_inspection import StateInspection
from .token_numbers import TOP
from .writing_stream import Lead

_AT_ONCE = 2048
"""Tokens that are read without being asked for: more take a processor a while."""

_EVERY = 8  # tokens between two looks at the state of a text that is written


class View(Enum):
    """The views of a text besides the text itself."""

    TOKENS = "tokens"
    PROMPT = "prompt"
    STATE = "state"


class ModelSight(QObject):
    """``look`` at a view while it is in front; what is known of it follows the document then."""

    def __init__(
        self, session: Session, controller: PlaygroundController, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._controller = session, controller
        self.vocabulary = KnownVocabulary(session)
        self.scored = ScoredText(session, self.vocabulary, self)
        self.prompt = PromptTokens(session, self.vocabulary, self)
        self.inspection = StateInspection(session, self)
        self._view: View | None = None
        self._model, self._heard = self._running, False
        self._mixed = False  # what is known comes from two ways of running
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._follow)
        self._live: bool | None = None  # whether what is written is shown; None: not known yet
        controller.outputs = self._wanted
        controller.heard.connect(self._hear)
        for changed in (
            *(controller.opened, controller.changed, controller.typed, controller.encoded),
            controller.writing_changed,
        ):
            changed.connect(self._soon.start)
        session.was_opened.connect(self._soon.start)
        session.changed.connect(self._note_model)

    def look(self, view: View | None) -> None:
        """This view is in front now, or none of them."""
        self._view = view
        self._follow()

    def read(self) -> None:
        """Have the whole text read for the view in front, however long it is."""
        ids = self._controller.ids()
        if self._view is View.STATE and ids:
            self.inspection.read(ids)
        elif self._view is View.TOKENS and len(self._controller.text):
            text = self._controller.text.text
            self.scored.score(Text(text) if ids is None else Tokens(ids))
        elif self._view is View.PROMPT:
            self._ask()

    def branch(self, place: int, token: int) -> None:
        """Go on with another token at a place of the text that was scored, as a version.

        Nothing where the document is not that text any more.
        """
        cells, ids = self.scored.cells, tuple(self.scored.ids)
        if ids != self._controller.ids() or self._controller.writing is not None:
            return
        first = cells.tokens(cells.cell_of(place))[0]
        chosen = (*ids[first:place], token)
        start = len(cells.plain(0, first))
        lead = lead_of([cells.piece(one) for one in chosen], chosen)
        self.scored.choose(place, token)
        self._controller.branch(start, lead)

    # inside

    def _follow(self) -> None:
        """Read the text again where it is another one, and short."""
        self._note_model()
        if self._controller.writing is None and self._mixed:
            self._forget()
        if self._view is None or self._controller.writing is not None:
            return
        ids = self._controller.ids()
        if self._view is View.PROMPT:
            self._ask()
        elif ids is None or not self._session.loaded:
            return
        elif self._view is View.TOKENS:
            self._follow_tokens(ids)
        elif not ids:
            self.inspection.clear()
        elif ids != self.inspection.ids and len(ids) <= _AT_ONCE:
            self.inspection.read(ids)

    def _note_model(self) -> None:
        """What another model, or another format of it, told means nothing now.

        Of a piece that is being written what is live stays until its end.
        """
        if self._session.loaded is None or self._running == self._model:
            return
        self._model = self._running
        if self._controller.writing is None:
            self._forget()
        elif self._heard:
            self._mixed = True
        else:  # the state is looked at anew with each piece
            self.scored.clear()
        self._soon.start()

    @property
    def _running(self) -> tuple[str, str]:
        loaded = self._session.loaded
        return (loaded.fingerprint, loaded.strategy) if loaded is not None else ("", "")

    def _forget(self) -> None:
        self._mixed = False
        self.scored.clear()
        self.inspection.clear()

    def _follow_tokens(self, ids: tuple[int, ...]) -> None:
        scored = self.scored
        running = scored.phase is ScorePhase.SCORING
        whole = scored.numbers.known(0, len(ids)) >= len(ids) - 1
        settled = running or whole or scored.phase is ScorePhase.STOPPED
        if settled and ids == (scored.asked if running else tuple(scored.ids)):
            return
        if 0 < len(ids) <= _AT_ONCE:
            scored.score(Tokens(ids))
        else:
            scored.clear()

    def _ask(self) -> None:
        """What the text becomes, exactly as a model would go on from it."""
        ids, text = self._controller.ids(), self._controller.text.text
        prompt: Prompt = Text(text) if ids is None else Tokens(ids, document=True)
        self.prompt.ask(prompt)

    def _wanted(self) -> Outputs:
        """What is to be told of a piece that is about to be written."""
        self._note_model()
        if self._mixed:
            self._forget()
        self._live, self._heard = None, False
        if self._view is View.STATE:
            return Outputs(states=self.inspection.begin(_EVERY))
        if self._view is View.TOKENS:
            return Outputs(logprob=True, entropy=True, rank=True, top=TOP)
        return Outputs()

    def _hear(self, event: object) -> None:
        """Take what is told of a piece that is being written."""
        writing = self._controller.writing
        if isinstance(event, StateSeen | Piece) and not self._heard:
            self._note_model()
            self._heard = True
        if isinstance(event, StateSeen):
            self.inspection.note(event)
        elif isinstance(event, Piece) and writing is not None:
            if self._live is None:
                self._live = self._view is View.TOKENS and self.scored.go_on_from(writing.before)
            if self._live:
                self.scored.add(event.tokens)


def lead_of(pieces: Iterable[bytes], ids: tuple[int, ...]) -> Lead:
    """Tokens to begin with, and their text as far as its characters are whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    texts = [decoder.decode(piece) for piece in pieces]
    return Lead(ids, "".join(texts), tuple(map(len, texts)))
