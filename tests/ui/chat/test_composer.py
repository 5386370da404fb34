"""The field at the foot, what it takes and from whom; and what is told of a reply to a listener."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from app.errors import NumbersBroken
from app.ui.chat.composer import Composer
from tests.ui.conftest import settled

from .speaker import loaded


@pytest.mark.parametrize("width", range(420, 680, 13))
def test_the_field_is_as_high_as_its_words_without_a_scroll_bar(services, qtbot, width):
    composer = Composer(services.theme)
    qtbot.addWidget(composer)
    composer.resize(width, 300)
    composer.show()
    composer.begin_edit("1", "line with code and a_very_long_word" + "_that_goes_on_and_on" * 7)
    QApplication.processEvents()
    edit = composer.edit
    lines = int(edit.document().size().height())
    assert lines > 1
    assert (edit.verticalScrollBar().maximum() == 0) == (lines <= 10)


@pytest.mark.parametrize(
    ("tokenizer", "why"), [("none", "token ids only"), ("neox20b", "20B_tokenizer.json")]
)
async def test_a_model_without_words_says_so_and_takes_none(chat, tokenizer, why):
    await settled()
    model = replace(loaded(thinks=False), tokenizer=tokenizer, wordless=True)
    chat.speaker.loaded = model
    chat.services.session.changed.emit()
    composer = chat.page.composer
    said = " ".join(one.text() for one in chat.page.welcome.findChildren(QLabel))
    assert why in said
    assert chat.page.welcome._choose.isVisible()
    assert "cannot read words" in composer.edit.placeholderText()
    QTest.keyClicks(composer.edit, "Hello?")
    QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    assert not chat.page.talk.tree.path()
    assert not composer._send.isVisible()
    assert composer._models.isVisible()
    assert composer.edit.toPlainText() == "Hello?", "what was typed waits for another model"
    chat.speaker.loaded = loaded()
    chat.services.session.changed.emit()
    QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[0] == "Hello?"


async def test_a_reply_is_announced_once_when_it_has_ended(chat, monkeypatch):
    heard = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(
        QAccessible, "updateAccessibility", lambda event: heard.append(event.message())
    )
    await chat.say("Hello", "<think>\nhm\n</think>\nA **rook** is\n\n- black\n- a bird")
    assert heard == ["A rook is\n•\tblack\n•\ta bird"]
    chat.speaker.fails = NumbersBroken(found="NaN")
    await chat.say("And now?", "Half")
    assert heard[1].startswith("Half\n")
    assert "NaN" in heard[1]
