"""The field at the foot, what it takes and from whom; and what is told of a reply to a listener."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from app.errors import NumbersBroken
from app.ui.chat.composer import Composer
from tests.ui.conftest import settled

from .speaker import loaded


@pytest.fixture
def composer(services, qtbot):
    """The card alone, in a frame with room for it."""
    made = Composer(services.theme)
    frame = QWidget()
    qtbot.addWidget(frame)
    column = QVBoxLayout(frame)
    column.addStretch()
    column.addWidget(made)
    frame.resize(600, 1400)
    frame.show()
    yield made
    frame.hide()


def all_in_sight(edit):
    """Whether the first and the last letter are within the field, and nothing scrolls."""
    QApplication.processEvents()
    ends = []
    for place in (QTextCursor.MoveOperation.Start, QTextCursor.MoveOperation.End):
        cursor = QTextCursor(edit.document())
        cursor.movePosition(place)
        ends.append(edit.viewport().rect().contains(edit.cursorRect(cursor)))
    return all(ends) and edit.verticalScrollBar().maximum() == 0


@pytest.mark.geometry
@pytest.mark.parametrize("line", ["words", "漢字", "🐦", "words 漢字 🐦", ""])
@pytest.mark.parametrize("scale", [0.85, 1.0, 1.6])
def test_ten_lines_of_any_letters_are_seen_whole_and_more_scroll(composer, services, line, scale):
    services.theme.resize(scale)
    edit = composer.edit
    heights = []
    for count in (1, 4, 10):
        edit.setPlainText("\n".join([line] * count))
        assert all_in_sight(edit), f"{count} lines"
        heights.append(edit.height())
    assert heights[0] < heights[1] < heights[2]
    edit.setPlainText("\n".join([line] * 20))
    QApplication.processEvents()
    assert edit.height() == pytest.approx(heights[2], abs=1)
    assert edit.verticalScrollBar().maximum() in (10, 11)


@pytest.mark.geometry
def test_the_field_follows_its_letters_its_hint_and_the_text_size(composer, services):
    edit = composer.edit
    empty = edit.height()
    edit.setPlainText("one line")
    assert edit.height() == empty, "the first letter moves nothing"
    edit.setPlainText("words\n" * 3)
    edit.insertPlainText("🐦 漢字")
    assert all_in_sight(edit)
    services.theme.resize(1.6)
    assert all_in_sight(edit)
    services.theme.resize(0.85)
    assert all_in_sight(edit)
    edit.clear()
    edit.show_hint("Message")
    short = edit.height()
    edit.show_hint("A very long hint that names a model " * 5)
    assert edit.height() >= short + 8
    edit.setPlainText("one line")
    assert edit.height() == short


@pytest.mark.geometry
async def test_what_is_written_leaves_the_reply_its_room_in_a_low_window(chat):
    page = chat.page
    chat.services.theme.resize(1.6)
    chat.frame.resize(760, 460)
    page.composer.edit.setPlainText("words\n" * 12)
    await settled()
    edit = chat.page.composer.edit
    assert edit.height() <= 0.56 * page.height()
    assert page._middle.height() > 40
    assert edit.verticalScrollBar().isVisible()
    assert edit.viewport().rect().intersects(edit.cursorRect())


@pytest.mark.geometry
@pytest.mark.parametrize("width", range(420, 680, 26))
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
    model = replace(loaded(thinks=False), tokenizer=tokenizer, has_tokenizer=False)
    chat.speaker.loaded = model
    chat.services.session.changed.emit()
    composer = chat.page.composer
    said = " ".join(one.text() for one in chat.page.welcome.findChildren(QLabel))
    assert why in said
    assert chat.page.welcome._choose.isVisible()
    assert "cannot read words" in composer.edit.placeholderText()
    QTest.keyClicks(composer.edit, "Hello?")
    QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    assert not chat.page.controller.tree.path()
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
