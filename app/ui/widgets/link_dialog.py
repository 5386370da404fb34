"""Before a link is followed: its whole address, and whether to go there; opens nothing unasked."""

from PySide6.QtCore import QPoint
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon

from .web_address import shown_address, shown_host, web_address

_LINE, _LINES = 64, 4


def offer_address(address: str, parent: QWidget, at: QPoint) -> QMenu | None:
    """A menu at the screen point ``at`` that shows where ``address`` leads and can go there.

    None for an address that is not to be followed (see ``web_address``), and where a menu is open
    already, as after two clicks in one batch.
    """
    url = web_address(address)
    if url is None or isinstance(QApplication.activePopupWidget(), QMenu):
        return None
    menu = QMenu(parent)
    letter = url.scheme() == "mailto"
    words = tr("A letter to {}") if letter else tr("Leads to {}")
    menu.setAccessibleName(words.format(shown_host(url)))
    menu.addAction(words.format(_escaped(shown_host(url)))).setEnabled(False)
    for line in _lines(shown_address(url)):
        menu.addAction(line).setEnabled(False)
    menu.addSeparator()
    open_it = tr("Write it in the mail program") if letter else tr("Open in the browser")
    go = menu.addAction(icon("external", "text", 16), open_it)
    go.triggered.connect(lambda: QDesktopServices.openUrl(url))
    copy = menu.addAction(icon("copy", "text", 16), tr("Copy the address"))
    copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(shown_address(url)))
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(at)
    return menu


def _lines(address: str) -> list[str]:
    """In pieces that fit a menu; its end is cut off where it is very long."""
    pieces = [address[at : at + _LINE] for at in range(0, len(address), _LINE)]
    if len(pieces) > _LINES:
        pieces = [*pieces[:_LINES], "…"]
    return [_escaped(piece) for piece in pieces]


def _escaped(words: str) -> str:
    """A menu would underline what stands after &."""
    return words.replace("&", "&&")
