"""The fields that hold a piece to a form: JSON, a schema, an expression or a grammar."""

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from app.messages.failures import say
from app.messages.translate import tr
from app.runtime.protocol.grammars import Grammar
from app.ui.state.playground.grammar_check import GrammarCheck
from app.ui.state.playground.writing_configuration import WritingConfiguration
from app.ui.state.services import Services
from app.ui.widgets.parts import label

_TYPING_MS = 400
_LINES = 7


class GrammarSection(QWidget):
    """Shows the grammar of the settings and changes it; what cannot be followed is marked.

    ``told`` when what is wrong is to be read while the text is being typed.  Such a grammar is
    kept as it is typed, and the model is told of it: it says the same.
    """

    told = Signal()

    def __init__(self, services: Services, controller: WritingConfiguration) -> None:
        super().__init__()
        self._services, self._controller = services, controller
        self._check = GrammarCheck(services.tasks, self)
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("Form"))
        for words, key in (
            (tr("Free"), ""),
            (tr("JSON"), "json"),
            (tr("JSON schema"), "json-schema"),
            (tr("Regular expression"), "regex"),
            (tr("Grammar (Lark)"), "lark"),
        ):
            self.kind.addItem(words, key)
        self.text = QPlainTextEdit()
        self.text.setProperty("mono", "true")
        self.text.setTabChangesFocus(True)
        self.text.setAcceptDrops(False)
        self.note = label("", "small", wrap=True)
        self.wrong = label("", "bad", wrap=True)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self._connect()
        self.show_grammar(None)

    def show_grammar(self, grammar: Grammar | None) -> None:
        """Show this one; what is being typed stays."""
        if self._typing.isActive():
            return
        blocked = [QSignalBlocker(self.kind), QSignalBlocker(self.text)]
        self.kind.setCurrentIndex(self.kind.findData(grammar.kind if grammar else ""))
        if grammar is not None and grammar.text != self.text.toPlainText():
            self.text.setPlainText(grammar.text)
        for block in blocked:
            block.unblock()
        self._show_parts()
        self._check.check(grammar)

    def keep_typed(self) -> None:
        """Take over what is typed."""
        self._typing.stop()
        grammar = self._typed()
        if grammar != self._controller.settings.grammar:
            self._controller.configure(grammar=grammar)
        self._check.check(grammar)

    def _typed(self) -> Grammar | None:
        kind = str(self.kind.currentData() or "")
        text = self.text.toPlainText()
        if not kind:
            return None
        return Grammar(kind=kind, text="" if kind == "json" else text)  # type: ignore[arg-type]

    def _choose(self) -> None:
        self._show_parts()
        self.keep_typed()
        if self.text.isVisible():
            self.text.setFocus()

    def _show_parts(self) -> None:
        kind = str(self.kind.currentData() or "")
        self.text.setVisible(kind not in ("", "json"))
        names = {
            "json-schema": (tr("JSON schema"), '{"type": "object", …}'),
            "regex": (tr("Regular expression"), r"[A-Z][a-z]+, \d{1,3}"),
            "lark": (tr("Grammar (Lark)"), 'start: "yes" | "no"'),
        }
        name, hint = names.get(kind, (tr("Form"), ""))
        self.text.setAccessibleName(name)
        self.text.setPlaceholderText(hint)
        said = tr("Nothing is written that does not fit. The longest piece may cut it.")
        self.note.setText(said)
        self.note.setVisible(bool(kind))
        self._show_fault()

    def _show_fault(self) -> None:
        fault = self._check.fault if self.text.isVisibleTo(self) else None
        self.wrong.setVisible(fault is not None)
        self.text.setExtraSelections([])
        if fault is None:
            return
        self.wrong.setText(say(fault.failure).sentences)
        if self.text.hasFocus():
            self.told.emit()
        if fault.end > fault.start:
            self.text.setExtraSelections([self._marked(fault.start, fault.end)])

    def _marked(self, start: int, end: int) -> QTextEdit.ExtraSelection:
        """A wave under what is wrong; the editor counts in UTF-16."""
        text = self.text.toPlainText()
        at, after = (len(text[:n].encode("utf-16-le")) // 2 for n in (start, end))
        marked = QTextEdit.ExtraSelection()
        form = QTextCharFormat()
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        form.setUnderlineColor(QColor(self._services.theme.color("bad")))
        cursor = QTextCursor(self.text.document())
        cursor.setPosition(at)
        cursor.setPosition(after, QTextCursor.MoveMode.KeepAnchor)
        marked.format, marked.cursor = form, cursor
        return marked

    def _fit(self) -> None:
        theme = self._services.theme
        self.text.setFont(theme.font("mono"))
        self.text.setFixedHeight(_LINES * theme.line_px() + 24)

    def _connect(self) -> None:
        self._typing.timeout.connect(self.keep_typed)
        self.text.textChanged.connect(self._typing.start)
        self.kind.activated.connect(self._choose)
        self._check.checked.connect(self._show_fault)
        self._services.theme.changed.connect(self._fit)

    def _arrange(self) -> None:
        name = label(tr("Form"), "strong")
        name.setBuddy(self.kind)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, self._services.theme.space("s"), 0, 0)
        column.setSpacing(self._services.theme.space("s"))
        for part in (name, self.kind, self.text, self.wrong, self.note):
            column.addWidget(part)
        self._fit()
