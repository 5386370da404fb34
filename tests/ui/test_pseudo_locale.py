"""In a language that nobody speaks the pages hold no English, and 40 % longer words have room."""

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget

from app.messages.translate import use_catalogue
from app.ui.widgets.about import PARTS, versions
from tests.support.pseudo_locale import PseudoLocale, english_in
from tests.ui.conftest import settled, shown
from tests.ui.squeezed import squeezed

pytestmark = pytest.mark.geometry
PAGES = ("models", "chat", "playground", "states", "downloads", "status", "settings")


NAMES = {"Rookery", "guide", "official"}
"""Of the program, of a model, and of a layout of tensors."""

IN_THE_CATALOGUE = {"reasoning"}
"""Of titles that the bundled catalogue holds as text, in English in every language."""


def without_names(text, told):
    """Without what the program consists of, and the versions of it that are told."""
    return text.replace(PARTS, "").replace(told, "")


@pytest.fixture(params=["long", "cjk"])
def pseudo(request):
    before = use_catalogue(PseudoLocale(request.param))
    yield request.param
    use_catalogue(before)


def texts(window):
    """What each part of the window shows, tells when it is pointed at, and tells a reader."""
    for part in window.findChildren(QWidget):
        told = [part.toolTip(), part.accessibleName(), part.accessibleDescription()]
        if isinstance(part, QLabel | QAbstractButton):
            told.append(part.text())
        if isinstance(part, QLineEdit):
            told.append(part.placeholderText())
        yield from ((type(part).__name__, text) for text in told if text)
    yield from (("QAction", action.text()) for action in window.findChildren(QAction))


async def test_pages_are_translated_and_have_room_for_longer_words(pseudo, build):
    application = build(page="models")
    await shown(application)
    application.window.resize(application.window.minimumSize())
    english, cramped, told = set(), [], versions()  # which reads the files of every package
    for page in PAGES:
        application.window.go(page)
        await settled(20)
        english |= {
            (kind, text)
            for kind, text in texts(application.window)
            if set(english_in(without_names(text, told))) - NAMES - IN_THE_CATALOGUE
        }
        cramped += squeezed(application.window)
        tabs = application.window.go(page).tabs if page == "playground" else None
        for _ in tabs.parts if tabs else ():
            tabs.show_next()
            await settled(20)
            cramped += squeezed(application.window)
    assert english == set()
    assert cramped == []
