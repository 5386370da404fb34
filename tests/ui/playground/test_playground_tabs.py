"""The tabs of the playground: one part at a time, each with keys of its own."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout

from app.ui.playground.playground_part import PlaygroundPart
from app.ui.state.commands import Command
from tests.ui.conftest import settled, shown

GO_ON = "Ctrl+Return"


class Sketch(PlaygroundPart):
    """A part with a field and one command, whose keys mean something else in the text."""

    def __init__(self) -> None:
        super().__init__()
        self.field, self.done, self.arrivals = QLineEdit(), 0, 0
        QVBoxLayout(self).addWidget(self.field)

    def commands(self):
        return (Command("Sketch it", self._do, GO_ON),)

    def arrived(self):
        self.arrivals += 1

    def take_keyboard(self):
        self.field.setFocus()

    def _do(self):
        self.done += 1


async def test_keys_are_those_of_the_tab_in_front_and_the_keyboard_goes_with_it(build, monkeypatch):
    from app.ui.playground.playground_page import PlaygroundPage

    sketch = Sketch()
    arranged = PlaygroundPage._arrange

    def arrange(page):
        arranged(page)
        page.add_part("sketch", "Sketch", sketch)

    monkeypatch.setattr(PlaygroundPage, "_arrange", arrange)
    application = build(page="playground")
    await shown(application)
    page, window = application.window.go("playground"), application.window
    tabs, written = page.tabs, []
    monkeypatch.setattr(page.controller, "_write", lambda *_a, **_k: written.append(1))
    await settled()

    assert tabs.front is None
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert (len(written), sketch.done) == (1, 0)
    assert "Sketch it" not in [one.title for one in page.commands()]
    QTest.keyClick(window, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    assert tabs.front is sketch
    assert (sketch.arrivals, sketch.field.hasFocus()) == (1, True)
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert (len(written), sketch.done) == (1, 1)
    titles = [one.title for one in page.commands()]
    assert "Sketch it" in titles
    assert "Go on at the end of the text" not in titles

    page.begin("Once")
    assert tabs.front is None
    assert page.text.editor.hasFocus()
    tabs.bar.setFocus()
    QTest.keyClick(tabs.bar, Qt.Key.Key_Right)
    assert tabs.front is sketch
