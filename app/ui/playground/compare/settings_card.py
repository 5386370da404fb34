"""A card over the page: how the answers of some lines are written."""

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import WritingSettings
from app.ui.look.theme import Theme
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.sampling_fields import SamplingFields, whole_number

_WIDTH = 380


class SettingsCard(Overlay):
    """``taken`` carries the settings, with the number that was asked about."""

    taken = Signal(int, object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._theme = theme
        self._number, self._settings = 0, WritingSettings()
        self.limit = whole_number(1, 100_000, 64, tr("Longest answer, in tokens"))
        self.fields = SamplingFields(seed=False)
        self.recommended = button(tr("As each model's makers recommend"), "undo", role="link")
        self.take = button(tr("Use these"), role="primary")
        self.fields.changed.connect(self._note_sampling)
        self.recommended.clicked.connect(self._recommend)
        self.take.clicked.connect(self._take)
        self._arrange()

    def open_for(self, number: int, settings: WritingSettings) -> None:
        """Offer to change these."""
        self._number, self._settings = number, settings
        self.limit.setValue(settings.limit)
        self.fields.show_sampling(settings.sampling or Sampling())
        self._show_recommended()
        self.open()
        self.limit.setFocus(Qt.FocusReason.PopupFocusReason)

    def _note_sampling(self, sampling: Sampling) -> None:
        self._settings = msgspec.structs.replace(self._settings, sampling=sampling)
        self._show_recommended()

    def _recommend(self) -> None:
        self._settings = msgspec.structs.replace(self._settings, sampling=None)
        self.fields.show_sampling(Sampling())
        self._show_recommended()

    def _show_recommended(self) -> None:
        self.recommended.setEnabled(self._settings.sampling is not None)
        none = self._settings.sampling is None
        self.note.setText(tr("Now as each model's makers recommend.") if none else "")
        self.note.setVisible(none)

    def _take(self) -> None:
        self.limit.interpretText()
        self.fields.keep_typed()
        settings = msgspec.structs.replace(self._settings, limit=self.limit.value())
        self.close_card()
        self.taken.emit(self._number, settings)

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(label(tr("Settings of the answers"), "section"), 1)
        head.addWidget(close)
        limit = QHBoxLayout()
        limit.addWidget(label(tr("Longest answer, in tokens"), wrap=True), 1)
        limit.addWidget(self.limit)
        self.note = label("", "dim", wrap=True)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, space("s"), 0)
        column.setSpacing(space("s"))
        column.addLayout(limit)
        column.addWidget(self.fields)
        column.addWidget(self.note)
        column.addWidget(self.recommended, 0, Qt.AlignmentFlag.AlignLeft)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(inside)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumHeight(320)
        scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        self.body.setContentsMargins(space("xl"), space("l"), space("xl"), space("l"))
        self.body.setSpacing(space("s"))
        self.body.addLayout(head)
        self.body.addWidget(scroll, 1)
        self.body.addWidget(self.take, 0, Qt.AlignmentFlag.AlignRight)
