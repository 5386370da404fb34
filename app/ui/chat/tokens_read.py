"""How much of the conversation the model has read, with a mark where its training's texts ended."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import whole
from app.ui.look.theme import Theme
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.token_count import tokens_read, trained_length
from app.ui.state.services import Services
from app.ui.widgets.painted_line import RIGHT, paint_line

_BAR_PX, _BAR_HIGH, _GAP = 56, 4, 8
_BEYOND = 1.3  # the bar goes on behind the mark, for so does the model


class TokensRead(QWidget):
    """A number, and a bar where the length is known; nothing before the first reply."""

    def __init__(self, services: Services, controller: ConversationController) -> None:
        super().__init__()
        self._theme: Theme = services.theme
        self._services, self._controller = services, controller
        self.count = self.trained = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for signal in (
            *(controller.opened, controller.ended, controller.grew),
            *(controller.writing_changed, services.theme.changed),
        ):
            signal.connect(self.look)
        services.session.changed.connect(self._look_at_model)
        self._look_at_model()

    def look(self) -> None:
        """Show how it stands now."""
        count = tokens_read(self._controller)
        self.setVisible(bool(count))
        if count != self.count:
            self.count = count
            self._tell()
            self.updateGeometry()
        self.update()

    def words(self) -> str:
        """The number in words."""
        return tr_n("{} token", "{} tokens", self.count).format(whole(self.count))

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        self.ensurePolished()
        wide = self.fontMetrics().horizontalAdvance(self.words())
        bar = _BAR_PX + _GAP if self.trained else 0
        return QSize(wide + bar + 4, self._theme.line_px("small"))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        painter.setPen(self._theme.color("text-dim"))
        words = self.rect()
        if self.trained:
            words.setRight(words.right() - _BAR_PX - _GAP)
            self._bar(painter)
        paint_line(painter, words, self.words(), RIGHT)
        painter.end()

    def _bar(self, painter: QPainter) -> None:
        theme, whole_px = self._theme, max(self.trained * _BEYOND, self.count * 1.05)
        box = QRectF(self.width() - _BAR_PX, (self.height() - _BAR_HIGH) / 2, _BAR_PX, _BAR_HIGH)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(box, 2, 2)
        done = QRectF(box)
        done.setWidth(max(_BAR_PX * self.count / whole_px, 2.0))
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(done, 2, 2)
        mark = box.left() + _BAR_PX * self.trained / whole_px
        painter.setPen(QPen(theme.color("text-dim"), 1.5))
        painter.drawLine(QPointF(mark, box.top() - 3), QPointF(mark, box.bottom() + 3))

    def _look_at_model(self) -> None:
        self.trained = trained_length(self._services.session.loaded)
        self.setFont(self._theme.font("small"))
        self._tell()
        self.updateGeometry()
        self.look()

    def _tell(self) -> None:
        read = tr("{} tokens read so far.").format(whole(self.count))
        if self.trained:
            more = tr(
                "The mark is at {}, the length of the texts that the model was trained with. "
                "It reads on behind it; what lies far back may be less clear to it."
            ).format(whole(self.trained))
            read = f"{read} {more}"
        self.setToolTip(read)
        self.setAccessibleName(read)
