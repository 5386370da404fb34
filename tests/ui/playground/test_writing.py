"""Writing with a real model: going on, again, undo, stop, edits, and what is stored."""

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.protocol.prompts import Sampling
from tests.ui.conftest import settled, until

from .conftest import GREEDY, Desk


async def test_it_goes_on_again_and_back_and_everything_is_stored(desk: Desk):
    await desk.begun("Once upon")
    desk.page.foot.main.click()
    await desk.written()
    whole = desk.text
    assert whole.startswith("Once upon")
    assert len(whole) > len("Once upon")
    shown = desk.controller.open_document
    written = shown.tree[shown.version]
    assert written.kind == "written"
    assert [run.written for run in desk.controller.text.runs(0, len(whole))] == [False, True]
    ids = desk.controller.ids()
    assert ids is not None
    assert ids[: len("Once upon")] == tuple(b"Once upon")
    assert len(ids) == len("Once upon") + 12

    desk.editor.setFocus()
    QTest.keyClick(desk.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.text == "Once upon"
    QTest.keyClick(
        desk.editor,
        Qt.Key.Key_Z,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert desk.text == whole
    desk.controller.configure(sampling=Sampling(temperature=2.0, top_p=1.0, banned=(0,)))
    desk.page.foot.again_button.click()
    await desk.written()
    again = desk.text
    assert len(shown.tree) == 3
    assert shown.tree.siblings(shown.version)[0] == written.id
    desk.page.text.graph.chosen.emit(written.id)
    assert desk.text == whole

    found = await desk.stored()
    assert [one.text for one in found.versions] == ["Once upon", whole, again]
    made = found.versions[1].content[-1].piece.made
    assert made.reply.model == desk.session.loaded.name
    assert made.reply.reason == "limit"
    assert made.options.sampling == GREEDY
    await until(lambda: desk.page.pane.model.rowCount() == 1)


async def test_two_presses_at_once_write_one_piece(desk: Desk):
    await desk.begun("Once")
    desk.controller.write()
    desk.controller.write()
    desk.controller.write_again()
    await desk.written()
    assert len(desk.controller.open_document.tree) == 2


async def test_typing_while_it_writes_stops_it_and_loses_no_letter(desk: Desk):
    await desk.begun("Once", limit=100_000)
    desk.controller.write()
    await until(lambda: len(desk.controller.text) > 40)
    cursor = desk.editor.textCursor()
    cursor.setPosition(4)
    desk.editor.setTextCursor(cursor)
    before = desk.text
    desk.type("!")
    assert desk.controller.writing is None
    await settled()
    assert desk.text.startswith(f"Once!{before[4:]}")
    found = await desk.stored()
    written = found.versions[1]
    assert written.status == "stopped"
    assert written.text.startswith(before)
    assert desk.text == "Once!" + written.text[4:]


async def test_a_stop_acts_at_once_and_going_on_has_the_very_same_words(desk: Desk):
    await desk.begun("Once", limit=60)
    await desk.go_on()
    whole = desk.text
    desk.controller.undo()
    desk.controller.write()
    await until(lambda: desk.controller.writing is None or len(desk.controller.text) > 10)
    desk.controller.stop()
    assert desk.controller.writing is None
    first = desk.text
    assert whole.startswith(first)
    desk.controller.configure(limit=60 + len("Once") - len(desk.controller.ids()))
    await desk.go_on()
    assert desk.text == whole


async def test_what_stops_for_a_change_of_the_model_goes_on_with_what_is_left(desk: Desk):
    await desk.begun("Once", limit=60)
    await desk.go_on()
    whole = desk.text
    desk.controller.undo()
    desk.controller.write()
    desk.session.pausing.emit()
    assert desk.text == "Once", "no word had come yet"
    desk.session.was_opened.emit()
    await until(lambda: desk.controller.writing is None or len(desk.controller.text) > 10)
    desk.session.pausing.emit()
    assert desk.controller.writing is None
    desk.session.was_opened.emit()
    await desk.written()
    assert desk.text == whole


async def test_words_are_written_at_the_caret_and_what_follows_stays(desk: Desk):
    await desk.begun("ab -- the end")
    cursor = desk.editor.textCursor()
    cursor.setPosition(2)
    desk.editor.setTextCursor(cursor)
    desk.page.text.write_at_caret()
    await desk.written()
    text = desk.text
    assert text.startswith("ab")
    assert text.endswith(" -- the end")
    desk.editor.selectAll()
    desk.type("ab")
    await desk.go_on()
    assert text == desk.text + " -- the end", "what follows the caret was not read"


async def test_a_part_is_kept_and_all_of_the_piece_stays_in_its_version(desk: Desk):
    await desk.begun("Once", limit=20)
    await desk.go_on()
    whole = desk.text
    desk.controller.keep_up_to(8)
    assert desk.text == whole[:8]
    found = await desk.stored()
    assert [one.text for one in found.versions] == ["Once", whole, whole[:8]]
    desk.controller.write_from(6)
    await desk.written()
    assert desk.text.startswith(whole[:6])


async def test_the_caret_the_selection_and_the_scroll_bar_stay_while_words_come(desk: Desk):
    await desk.begun("line\n" * 200, limit=2000)
    cursor = desk.editor.textCursor()
    cursor.setPosition(5)
    cursor.setPosition(9, cursor.MoveMode.KeepAnchor)
    desk.editor.setTextCursor(cursor)
    desk.editor.verticalScrollBar().setValue(0)
    desk.controller.write()
    await until(lambda: len(desk.controller.text) > 1100)
    assert desk.editor.selection == (5, 9)
    assert desk.editor.verticalScrollBar().value() == 0
    desk.editor.verticalScrollBar().setValue(desk.editor.verticalScrollBar().maximum())
    length = len(desk.controller.text)
    await until(lambda: len(desk.controller.text) > length + 300)
    assert desk.editor._at_end, "who reads the end goes on reading it"
    desk.controller.stop()
    assert desk.editor.selection == (5, 9)


async def test_closing_while_it_writes_loses_nothing_that_was_there(worker_desk: Desk):
    desk = worker_desk
    await desk.begun("Once", limit=100_000)
    desk.controller.write()
    await until(lambda: len(desk.controller.text) > 60)
    seen = desk.text
    desk.frame.hide()
    await desk.services.tasks.close()
    store = desk.services.conversations.documents
    found = store.open(desk.controller.document.id).result(30)
    assert found.versions[1].text.startswith(seen)
    assert found.versions[1].status == "stopped"
    piece = found.versions[1].content[-1].piece
    assert bytes(piece.ids).decode("utf-8", "replace")[: len(piece.text)] == piece.text


async def test_emoji_and_other_scripts_keep_their_places(desk: Desk):
    await desk.begun("🐦 世界 ", limit=9)
    cursor = desk.editor.textCursor()
    cursor.setPosition(2)  # behind the bird, which is two units of Qt's
    desk.editor.setTextCursor(cursor)
    assert desk.editor.caret == 1
    desk.type("שלום")
    assert desk.text == "🐦שלום 世界 "
    await desk.go_on()
    assert desk.text.startswith("🐦שלום 世界 ")
    await until(lambda: desk.controller.ids() is not None)
    assert bytes(desk.controller.ids()).startswith("🐦שלום 世界 ".encode())


async def test_without_a_model_a_failure_says_so_in_its_place(desk: Desk):
    page = desk.page
    desk.type("Once")
    assert not page.foot.main.isEnabled()
    desk.controller.write()
    await desk.written()
    assert page.text._card is not None
    assert desk.text == "Once"
    await desk.session.opened(desk.model)
    desk.session.note_change()
    await settled()
    assert page.foot.main.isEnabled()
    desk.controller.configure(limit=4, sampling=GREEDY)
    page.text._card.retry.click()
    await desk.written()
    assert page.text._card is None
    assert len(desk.text) > 4


async def test_bans_and_biases_are_tokens_of_the_open_model(desk: Desk):
    await desk.begun("Once", limit=3)
    desk.page.panel.biases.setPlainText("z = 900")
    desk.page.panel.bans.setPlainText("#1\nq")
    await desk.go_on()
    assert desk.text == "Oncezzz"
    desk.page.panel.bans.setPlainText("two")
    await desk.go_on()
    assert desk.controller.failure.facts["why"] == "several-tokens"
    assert desk.text == "Oncezzz"
    desk.page.panel.biases.setPlainText("nothing")
    desk.page.panel.keep_typed()
    assert desk.page.panel._wrong.isVisibleTo(desk.page)
    await asyncio.sleep(0)
