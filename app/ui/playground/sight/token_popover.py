"""What could have stood at a token's place: a card with the likeliest tokens, to go on from one."""

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QSizePolicy, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.playground.scored_text import Alternative, ScoredText
from app.ui.widgets.painted_line import LEFT, RIGHT, paint_line
from app.ui.widgets.parts import label
from app.ui.widgets.tokens.chance_scale import percent
from app.ui.widgets.tokens.token_description import chance_of, identity_of, openness_of, written

_WIDTH = 320
_CHANCE_PX = 96


class AlternativeRow(QAbstractButton):
    """One token: its text, a bar as long as it is likely, and the number."""

    def __init__(self, theme: Theme, one: Alternative, *, own: bool) -> None:
        super().__init__()
        self._theme, self.alternative, self._own = theme, one, own
        words = written(one.text)
        self.setAccessibleName(f"{words}, {percent(one.probability)}")
        self.setToolTip(tr("id {id}").format(id=one.token))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(_WIDTH, self._theme.line_px("mono") + 2 * self._theme.space("xs"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        theme, space = self._theme, self._theme.space("s")
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.underMouse() or self.hasFocus():
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(self.rect(), 4, 4)
        chance = QRect(self.width() - space - _CHANCE_PX, 0, _CHANCE_PX, self.height())
        bar = QRectF(chance.left(), self.height() - 7, _CHANCE_PX, 4)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(theme.color("accent"))
        bar.setWidth(max(2.0, _CHANCE_PX * self.alternative.probability))
        painter.drawRoundedRect(bar, 2, 2)
        font = theme.font("mono")
        font.setBold(self._own)
        painter.setFont(font)
        painter.setPen(theme.color("text"))
        words = QRect(space, 0, chance.left() - 2 * space, self.height() - 2)
        paint_line(painter, words, written(self.alternative.text), LEFT)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-dim"))
        number = percent(self.alternative.probability)
        paint_line(painter, chance.adjusted(0, 0, 0, -6), number, RIGHT)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("accent"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()


class TokenPopover(QFrame):
    """``show_for`` a token; ``picked`` carries its place and the token to go on with instead."""

    picked = Signal(int, int)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme = theme
        self.setObjectName("overlay")
        self.setFixedWidth(_WIDTH)
        self._title = label("", "strong", wrap=True)
        self._facts = label("", "small", wrap=True)
        self._more = label("", "small", wrap=True)
        self._rows: list[AlternativeRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        column = QVBoxLayout(self)
        space = theme.space("s")
        column.setContentsMargins(space, space, space, space)
        column.setSpacing(theme.space("xs"))
        for words in (self._title, self._facts):
            column.addWidget(words)
        column.addSpacing(theme.space("xs"))
        column.addLayout(self._list)
        column.addWidget(self._more)

    @property
    def rows(self) -> list[AlternativeRow]:
        """What can be picked, likeliest first."""
        return list(self._rows)

    def show_for(self, scored: ScoredText, token: int, place: QRect, *, branches: bool) -> None:
        """Open it below ``place`` (on the screen); ``branches``: whether one can be picked."""
        cells = scored.cells
        self._title.setText(f"{written(cells.bytes_of(token))}  {chance_of(scored, token)}")
        facts = (" · ".join(openness_of(scored, token)), identity_of(cells, token))
        self._facts.setText("\n".join(filter(None, facts)))
        self._fill(scored, token, branches=branches)
        self.adjustSize()
        self.move(self._corner(place))
        self.show()
        if self._rows:
            self._rows[0].setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        focus = self.focusWidget()
        if event.key() in steps and self._rows:
            at = self._rows.index(focus) if isinstance(focus, AlternativeRow) else -1
            row = self._rows[(at + steps[Qt.Key(event.key())]) % len(self._rows)]
            row.setFocus(Qt.FocusReason.TabFocusReason)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if isinstance(focus, AlternativeRow):
                focus.click()
        else:
            super().keyPressEvent(event)  # Escape closes

    def _fill(self, scored: ScoredText, token: int, *, branches: bool) -> None:
        for row in self._rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []
        own = scored.ids[token]
        for one in scored.alternatives(token):
            row = AlternativeRow(self._theme, one, own=one.token == own)
            row.setEnabled(branches)
            row.clicked.connect(lambda _=False, picked=one.token: self._pick(token, picked))
            self._list.addWidget(row)
            self._rows.append(row)
        if not self._rows:
            words = tr("Nothing was known before it, so nothing else is likely.")
        elif branches:
            words = tr("Choose one to go on from here with it.")
        else:
            words = tr("The text can be gone on from when nothing is being written.")
        self._more.setText(words)

    def _pick(self, place: int, token: int) -> None:
        self.hide()
        self.picked.emit(place, token)

    def _corner(self, place: QRect) -> QPoint:
        """Below the token, or above it where there is no room; within the screen."""
        screen = self.screen().availableGeometry()
        left = max(screen.left(), min(place.left(), screen.right() - self.width()))
        top = place.bottom() + 4
        if top + self.height() > screen.bottom():
            top = max(screen.top(), place.top() - 4 - self.height())
        return QPoint(left, top)
