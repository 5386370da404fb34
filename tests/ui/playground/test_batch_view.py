"""The page of batches: set up with the keyboard, tried, run, read, taken off the list, dropped."""

import json
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.runtime.protocol.grammars import Grammar
from app.ui.state.batch.batch import Stage
from tests.ui.conftest import settled, until

from .conftest import Desk


def rows_file(folder, name="rows.jsonl"):
    path = folder / name
    path.write_text('{"text": "eins", "to": "A"}\nno json\n{"text": "drei", "to": "C"}\n')
    return path


def drop(view, *paths):
    """Whether the view takes it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy, at = Qt.DropAction.CopyAction, QPoint(200, 200)
    entered = QDragEnterEvent(at, copy, mime, buttons, none)
    entered.setAccepted(False)
    QApplication.sendEvent(view, entered)
    if entered.isAccepted():
        QApplication.sendEvent(view, QDropEvent(at, copy, mime, buttons, none))
    return entered.isAccepted()


def written(batch):
    return [json.loads(one) for one in Path(batch.kept.output).read_text("utf-8").splitlines()]


async def in_front(desk: Desk):
    await desk.session.opened(desk.model)
    desk.page.tabs.show_part("batch")
    await settled()
    return desk.page.batch


async def test_a_dropped_file_is_set_up_tried_run_and_read_with_the_keyboard(desk: Desk, tmp_path):
    view = await in_front(desk)
    assert view.blank.isVisible()
    assert not drop(view, tmp_path / "model.pth")
    assert drop(view, rows_file(tmp_path))
    batch = view.batches.chosen
    await until(lambda: batch.stage is Stage.DRAFT)
    assert view.setup.template.hasFocus()
    view.setup.template.selectAll()
    QTest.keyClicks(view.setup.template, "To {{to}}: {{text}}")
    view.setup.chat.setChecked(False)
    view.panel.limit.setValue(5)
    assert "columns: text, to" in view.setup.source.text()
    view.foot.some.click()
    await until(lambda: batch.stage is Stage.DRAFT and len(batch.tried) == 3)
    await until(lambda: view.table.rows.rowCount() == 3)
    assert batch.kept.template == "To {{to}}: {{text}}"
    assert batch.settings.limit == 5

    view.foot.main.click()
    view.foot.main.click()  # the second of a double click does not pause it
    await until(lambda: batch.stage is Stage.DONE)
    await settled()
    lines = written(batch)
    assert [len(one["tokens"]) for one in lines] == [5, 0, 5]
    shown = [view.table.rows.index(1, column).data() for column in range(4)]
    assert shown[0] == "2"
    assert "JSON" in shown[3]
    assert view.foot.retry.isVisible()
    assert "1 failed" in view.foot.words.text()
    assert not view.foot.main.isVisible()
    assert view.setup.template.isReadOnly()
    assert not view.panel.limit.isEnabled()
    view.table.setFocus()
    QTest.keyClick(view.table, Qt.Key.Key_Down)
    QTest.keyClick(view.table, Qt.Key.Key_Up)
    assert view.details.isVisible()
    assert view.details.input.toPlainText() == "eins"
    assert view.details.output.toPlainText() == lines[0]["text"]


async def test_batches_are_chosen_removed_and_brought_back_and_their_files_stay(
    desk: Desk, tmp_path
):
    view = await in_front(desk)
    offered = []
    desk.services.notices.posted.connect(offered.append)
    view.add([rows_file(tmp_path), rows_file(tmp_path, "others.jsonl")])
    assert view.list.rows.rowCount() == 2
    assert view.title.text() == "others.jsonl"
    view.list.list.clicked.emit(view.list.rows.index(1))
    assert view.title.text() == "rows.jsonl"
    await until(lambda: view.batches.chosen.stage is Stage.DRAFT)
    QTest.keyClick(view.list.list, Qt.Key.Key_Delete)
    assert view.list.rows.rowCount() == 1
    assert view.title.text() == "others.jsonl"
    offered[-1].act()
    assert view.title.text() == "rows.jsonl"
    assert Path(view.batches.chosen.kept.input) == tmp_path / "rows.jsonl"
    await until(lambda: all(not one.busy for one in view.batches.all))


async def test_a_form_is_chosen_checked_while_it_is_typed_and_held(desk: Desk):
    await desk.begun("Say: ", limit=3)
    section = desk.page.panel.grammar
    section.kind.setCurrentIndex(section.kind.findData("regex"))
    section.kind.activated.emit(section.kind.currentIndex())
    assert section.text.isVisible()
    section.text.setPlainText("[ab]{5}(")
    await until(lambda: section.wrong.isVisible())
    (mark,) = section.text.extraSelections()
    assert mark.cursor.selectedText() == "("
    section.text.setPlainText("[ab]{5}")
    await until(lambda: not section.wrong.isVisible() and not section._typing.isActive())
    assert desk.controller.settings.grammar == Grammar(kind="regex", text="[ab]{5}")
    await desk.go_on()
    assert desk.controller.reply.reason == "limit"
    assert "cut" in desk.page.text.state_in_words()
    await desk.go_on()
    assert desk.controller.reply.reason == "end"
    assert set(desk.text.removeprefix("Say: ")) <= set("ab")
    assert len(desk.text) == len("Say: ") + 5
    desk.controller.undo()
    section.kind.setCurrentIndex(0)
    section.kind.activated.emit(0)
    assert desk.controller.settings.grammar is None
    assert not section.text.isVisible()
