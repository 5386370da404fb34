"""The cards from the top, and how one is dragged to another place; asks nobody for bytes."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme

from .download_card import Card

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item


class Column(QScrollArea):
    """``verb`` carries a card's wish and the id of its download, ``moved`` the id and its place."""

    verb = Signal(str, str)
    moved = Signal(str, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Downloads"))
        self._body = QWidget()
        self.setWidget(self._body)
        self._column = QVBoxLayout(self._body)
        edge = theme.space("xl")
        self._column.setContentsMargins(edge, 0, edge, edge)
        self._column.setSpacing(theme.space("s"))
        self._column.addStretch()
        self.cards: dict[str, Card] = {}
        self._order: list[str] = []
        self._line = QFrame(self._body)
        self._line.setObjectName("insertion")
        self._line.hide()
        self._target = -1

    def show_items(self, items: "tuple[Item, ...]") -> None:
        """One card each, in this order; cards that stay keep their focus."""
        wanted = [item.id for item in items]
        for ident in [one for one in self.cards if one not in set(wanted)]:
            self._remove(ident)
        for place, item in enumerate(items):
            card = self.cards.get(item.id) or self._card(item.id)
            card.show_item(item)
            if self._column.indexOf(card) != place:
                self._column.removeWidget(card)
                self._column.insertWidget(place, card)
        if wanted != self._order:
            self._order = wanted
            cards = [self.cards[ident] for ident in wanted]
            for before, after in pairwise(cards):
                QWidget.setTabOrder(before.cancel, after)

    def take_keyboard(self) -> None:
        """Give the first card the focus, also while others leave."""
        first = next((self.cards[ident] for ident in self._order if ident in self.cards), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def _card(self, ident: str) -> Card:
        card = Card(self._theme)
        self.cards[ident] = card
        for name, signal in (
            ("pause", card.pause_wanted),
            ("resume", card.resume_wanted),
            ("retry", card.retry_wanted),
            ("cancel", card.cancel_wanted),
            ("chat", card.chat_wanted),
        ):
            signal.connect(lambda name=name: self.verb.emit(name, ident))
        card.moved.connect(lambda by: self._step(ident, by))
        card.dragged.connect(lambda point: self._drag(point))
        card.dropped.connect(lambda: self._drop(ident))
        return card

    def _remove(self, ident: str) -> None:
        card = self.cards.pop(ident)
        if card.isAncestorOf(self.focusWidget() or card) or card.hasFocus():
            card.focusNextChild()
        self._column.removeWidget(card)
        card.hide()
        card.deleteLater()

    def _step(self, ident: str, by: int) -> None:
        place = self._order.index(ident) + by
        if 0 <= place < len(self._order):
            self.moved.emit(ident, place)

    def _drag(self, point: QPoint) -> None:
        """Show where it would be put."""
        y = self._body.mapFromGlobal(point).y()
        cards = [self.cards[ident] for ident in self._order]
        self._target = sum(card.geometry().center().y() < y for card in cards)
        gap = self._theme.space("s") // 2
        if self._target < len(cards):
            top = cards[self._target].geometry().top() - gap - 1
        else:
            top = cards[-1].geometry().bottom() + gap
        edge = self._theme.space("xl")
        self._line.setGeometry(edge, max(0, top), self._body.width() - 2 * edge, 2)
        self._line.show()
        self._line.raise_()
        self.ensureVisible(0, y, 0, 40)

    def _drop(self, ident: str) -> None:
        self._line.hide()
        target, self._target = self._target, -1
        if target < 0 or ident not in self._order:
            return
        now = self._order.index(ident)
        place = target - 1 if target > now else target
        if place != now:
            self.moved.emit(ident, place)
