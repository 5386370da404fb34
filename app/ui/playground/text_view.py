"""The text with its versions above and, while it is empty, what it can begin with below."""

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import speed, whole
from app.store.documents.document_records import Made
from app.store.records import Reply
from app.ui.look.icons import icon
from app.ui.state.playground.open_document import written_slice
from app.ui.state.playground.playground_controller import PlaygroundController
from app.ui.state.services import Services
from app.ui.transcript.failure_card import FailureCard

from .find_line import FindLine
from .origin_tones import OriginTones
from .start_card import StartCard
from .text_editor import TextEditor
from .version_graph import GRAPH_EDGE, VersionGraph

_FIRST_WORDS = 80
_GRAPH_PX = 96  # at most, with more it scrolls


class TextView(QWidget):
    """``begun`` carries a text to begin a document with.

    ``models_wanted`` and ``templates_wanted`` lead to these.
    """

    begun = Signal(str)
    models_wanted = Signal()
    templates_wanted = Signal()

    def __init__(
        self, services: Services, controller: PlaygroundController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self.editor = TextEditor(services.theme)
        self.editor.setAccessibleName(tr("Text"))
        self.editor.setPlaceholderText(tr("Write or paste a text; the model goes on with it"))
        self.tones = OriginTones(self.editor, services.theme, lambda: controller.text)
        self.graph = VersionGraph(services.theme, self._describe)
        self.versions = QScrollArea()
        self.start, self._beginning = StartCard(services.theme), QScrollArea()
        self.finding = FindLine(services.theme, self.editor)
        self._strip, self._failed = QHBoxLayout(), QVBoxLayout()
        self._card: FailureCard | None = None
        self._arrange()
        self._connect()
        self._show_all()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """The versions begin where the lines of the text do."""
        super().resizeEvent(event)
        edge = self.editor.edge_for(self.width()) - GRAPH_EDGE
        self._strip.setContentsMargins(max(edge, 0), 0, max(edge, 0), 0)

    def show_model(self) -> None:
        """Whether there is a model that could go on."""
        session = self._services.session
        loaded = session.loaded
        if loaded is not None and not loaded.has_tokenizer:
            self.start.show_nothing(tr("It can neither read nor write words: choose another one."))
        elif loaded is not None:
            self.start.show_ready()
        elif session.opening is not None:
            self.start.show_opening()
        else:
            self.start.show_nothing()

    def write_at_caret(self) -> None:
        """Have the model write at the caret; what follows it stays, and is not read."""
        self._controller.write(self.editor.caret)

    def write_from_caret(self) -> None:
        """Have the model go on at the caret instead of what stands there."""
        self._controller.write_from(self.editor.caret)

    def keep_up_to_caret(self) -> None:
        """Keep of the last piece what stands before the caret."""
        self._controller.keep_up_to(self.editor.caret)

    def state_in_words(self) -> str:
        """What there is to say of the text now, in one line."""
        controller = self._controller
        writing = controller.writing
        if writing is not None:
            written = writing.gained_tokens
            said = tr_n("Writing: {} token", "Writing: {} tokens", written).format(whole(written))
            return said if written else _reading(writing.read) or tr("Waiting for the model …")
        parts = [self._count()]
        reply = controller.reply
        if reply is not None and controller.failure is None:
            parts.append(_ending(reply, held=controller.settings.grammar is not None))
        return " · ".join(filter(None, parts))

    def _count(self) -> str:
        ids = self._controller.ids()
        if ids is None or not self._controller.vocabulary:
            letters = len(self._controller.text)
            return tr_n("{} character", "{} characters", letters).format(whole(letters))
        return tr_n("{} token", "{} tokens", len(ids)).format(whole(len(ids)))

    def _describe(self, version: str) -> str:
        """A version in words: what came with it."""
        tree = self._controller.open_document.tree
        if version not in tree:
            return ""
        one = tree[version]
        piece = written_slice(one)
        if piece is None:
            first = " ".join(one.text[-_FIRST_WORDS:].split())
            return tr("Typed: … {}").format(first) if first else tr("Typed: nothing yet")
        first = " ".join(piece.text[:_FIRST_WORDS].split())
        reply = piece.piece.made.reply if piece.piece.made else Reply()
        said = tr("Written by {}: {} …").format(reply.model or tr("a model"), first)
        return f"{said}\n{_how(piece.piece.made)}"

    def _show_all(self) -> None:
        controller = self._controller
        self.editor.show_text(controller.text.text, controller.open_document.caret)
        self.tones.look_again()
        self._show_versions()
        self._show_failure()
        self._show_start()

    def _show_growth(self) -> None:
        self.editor.show_text(self._controller.text.text)

    def _note_edit(self, start: int, end: int, words: str, caret: int) -> None:
        self._controller.edit(start, end, words, caret)
        if len(self._controller.text) != len(self.editor.shown):
            QTimer.singleShot(0, self, self._show_growth)  # words that were not shown yet
        self._show_start()
        self._show_failure()

    def _note_caret(self) -> None:
        self._controller.open_document.caret = self.editor.caret

    def _show_versions(self) -> None:
        shown = self._controller.open_document
        self.graph.show_versions(shown.tree, shown.version)
        self.versions.setVisible(len(shown.tree) > 1)
        bar = self.versions.horizontalScrollBar().sizeHint().height()
        self.versions.setFixedHeight(min(self.graph.height(), _GRAPH_PX) + bar // 2)
        place = self.graph.place_of(shown.version or "")
        self.versions.ensureVisible(place.x(), place.y(), 40, 20)

    def _show_start(self) -> None:
        empty = not len(self._controller.text) and self._controller.writing is None
        self._beginning.setVisible(empty)

    def _show_failure(self) -> None:
        failure = self._controller.failure
        if self._card is not None and (failure is None or self._card.property("of") is not failure):
            self._card.deleteLater()
            self._card = None
        if failure is not None and self._card is None:
            self._card = FailureCard(failure)
            self._card.setProperty("of", failure)
            self._card.retried.connect(lambda: self._controller.write(self._failed_at))
            self._card.elsewhere.connect(self.models_wanted)
            self._failed.addWidget(self._card)

    @property
    def _failed_at(self) -> int | None:
        """Where the piece that failed was to go on."""
        place = self._controller.open_document.piece_here()
        return place[1] if place else None

    def _menu(self, place: QPoint) -> None:
        editor, controller = self.editor, self._controller
        menu = QMenu(self)
        chosen, idle = editor.textCursor().hasSelection(), controller.writing is None
        able = idle and controller.can_write
        for words, picture, act, can in (
            (tr("Write at the caret"), "edit", self.write_at_caret, able),
            (tr("Go on from here, as another version"), "branch", self.write_from_caret, able),
            (tr("Keep the last piece up to here"), "check", self.keep_up_to_caret, idle),
            ("", "", None, False),
            (tr("Undo"), "undo", controller.undo, controller.open_document.can_undo),
            (tr("Redo"), "refresh", controller.redo, controller.open_document.history.can_redo),
            ("", "", None, False),
            (tr("Cut"), "", editor.cut, chosen),
            (tr("Copy"), "copy", editor.copy, chosen),
            (tr("Paste"), "", editor.paste, editor.canPaste()),
            (tr("Select all"), "", editor.selectAll, True),
        ):
            if act is None:
                menu.addSeparator()
                continue
            entry = (
                menu.addAction(icon(picture, "text-dim"), words)
                if picture
                else (menu.addAction(words))
            )
            entry.triggered.connect(act)
            entry.setEnabled(can)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _connect(self) -> None:
        controller, editor = self._controller, self.editor
        editor.edited.connect(self._note_edit)
        editor.undo_wanted.connect(controller.undo)
        editor.redo_wanted.connect(controller.redo)
        editor.caret_moved.connect(self._note_caret)
        editor.composing_begun.connect(controller.stop)
        editor.menu_wanted.connect(self._menu)
        for signal in (controller.opened, controller.changed):
            signal.connect(self._show_all)
        controller.grew.connect(self._show_growth)
        controller.encoded.connect(self.tones.look_again)
        controller.versions_changed.connect(self._show_versions)
        controller.writing_changed.connect(self._show_failure)
        controller.writing_changed.connect(self._show_start)
        self.graph.chosen.connect(controller.go_to)
        editor.textChanged.connect(self.finding.note_text)
        self.finding.closed.connect(editor.setFocus)
        self.start.chosen.connect(self.begun)
        self.start.models_wanted.connect(self.models_wanted)
        self.start.templates_wanted.connect(self.templates_wanted)

    def _arrange(self) -> None:
        self.versions.setWidget(self.graph)
        self.versions.setFrameShape(QFrame.Shape.NoFrame)
        self.versions.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.versions.viewport().setAutoFillBackground(False)
        self.graph.setAutoFillBackground(False)
        space = self._services.theme.space
        strip = self._strip
        strip.addWidget(self.versions)
        self._failed.setContentsMargins(space("xl"), space("s"), space("xl"), space("s"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.finding)
        column.addLayout(strip)
        column.addWidget(self.editor, 2)
        column.addLayout(self._failed)
        beginning = self._beginning
        above = QWidget()
        upper = QVBoxLayout(above)
        upper.setContentsMargins(0, 0, 0, 0)
        upper.addWidget(self.start)
        upper.addStretch(1)
        beginning.setWidget(above)
        beginning.setWidgetResizable(True)
        beginning.setFrameShape(QFrame.Shape.NoFrame)
        beginning.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        beginning.viewport().setAutoFillBackground(False)
        above.setAutoFillBackground(False)
        column.addWidget(beginning, 3)


def _reading(read: tuple[int, int] | None) -> str:
    if read is None or read[0] >= read[1]:
        return ""
    return tr("Reading: {} of {} tokens").format(whole(read[0]), whole(read[1]))


def _how(made: Made | None) -> str:
    """With which settings a piece was written, and how fast."""
    if made is None:
        return ""
    options, reply = made.options, made.reply
    said = []
    if options is not None:
        heat, nucleus = options.sampling.temperature, options.sampling.top_p
        said += [tr("temperature {}").format(f"{heat:g}"), tr("top-p {}").format(f"{nucleus:g}")]
    if reply.seed is not None:
        said.append(tr("seed {}").format(reply.seed))
    said.append(tr_n("{} token", "{} tokens", reply.tokens).format(whole(reply.tokens)))
    if reply.tokens_per_s:
        said.append(speed(reply.tokens_per_s))
    return " · ".join(said)


def _ending(reply: Reply, *, held: bool) -> str:
    """How the last piece ended, and how fast it was; ``held``: to a form, which has an end."""
    ends = {
        "end": tr("the model has ended the text"),
        "stop": tr("ended at a stop text"),
        "limit": tr("cut before its form was whole") if held else tr("ended at the longest piece"),
        "blocked": tr("bans left nothing that its form allows"),
        "stopped": tr("stopped"),
    }
    said = [ends.get(reply.reason, "")]
    if reply.tokens_per_s:
        said.append(speed(reply.tokens_per_s))
    return " · ".join(filter(None, said))
