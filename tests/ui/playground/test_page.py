"""The page around the text: documents, versions, settings, templates, and room for all of it."""

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import Bias, WritingSettings
from app.store.settings import Settings
from app.ui.playground.start_card import EXAMPLES
from app.ui.playground.version_graph import places_of
from app.ui.state.playground.token_words import biases_in, plain_words, written_words
from app.ui.state.playground.version_tree import VersionTree
from app.ui.state.playground.writing_templates import (
    filled,
    preset_of,
    presets,
    templates,
    variables_in,
)
from tests.ui.conftest import heard, settled, until

from .conftest import Desk


async def test_documents_are_listed_found_renamed_deleted_and_brought_back(desk: Desk):
    await desk.begun("A rook in a tree")
    page, pane = desk.page, desk.page.pane
    await until(lambda: pane.model.rowCount() == 1)
    first = desk.controller.document.id
    page.begin()
    desk.type("Another text")
    await until(lambda: pane.model.rowCount() == 2)
    assert desk.controller.document.title == "Another text"
    pane.search.setText("TREE rook")
    await until(lambda: pane.model.rowCount() == 1)
    QTest.keyClick(pane.search, Qt.Key.Key_Return)
    await until(lambda: desk.controller.document.id == first)
    assert desk.text == "A rook in a tree"
    pane.search.clear()
    await until(lambda: pane.model.rowCount() == 2)

    index = pane.model.index_of(first)
    pane.model.setData(index, "My rook")
    await until(lambda: page.head.title.text() == "My rook")
    desk.editor.selectAll()
    desk.type("Now all is different")
    assert desk.controller.document.title == "My rook", "a person has called it so"
    found = await desk.stored()
    assert found.document.title == "My rook"

    pane.list.setCurrentIndex(pane.model.index_of(first))
    with heard(desk.services.notices.posted) as notices:
        pane.list.delete_pressed.emit()
        pane.list.delete_pressed.emit()  # a second press deletes no other
        await until(lambda: notices)
    assert desk.controller.document.id != first
    assert desk.text == ""
    await until(lambda: pane.model.rowCount() == 1)
    notices[0][0].act()
    await until(lambda: desk.controller.document.id == first)
    assert desk.text == "Now all is different"

    desk.controller.configure(limit=10_000)
    desk.controller.write()
    await until(lambda: len(desk.controller.text) > 30)
    pane.delete(desk.controller.document)
    await until(lambda: "1" in pane.trash.text())
    pane.trash.click()
    await until(lambda: pane.model.rowCount() == 1 and pane.model.is_trashed(pane.model.index(0)))
    pane.list.clicked.emit(pane.model.index(0))
    await until(lambda: desk.controller.document.id == first)
    assert not pane.trash.isChecked()


async def test_branches_are_shown_and_walked_with_keys_and_mouse(desk: Desk):
    await desk.begun("Once", limit=3)
    await desk.go_on()
    desk.controller.configure(sampling=Sampling(temperature=3.0, top_p=1.0, banned=(0,)))
    desk.controller.write_again()
    await desk.written()
    shown, graph = desk.controller.open_document, desk.page.text.graph
    root, first, second = [one.id for one in shown.tree]
    assert places_of(shown.tree) == {root: (0, 0), first: (1, 0), second: (1, 1)}
    assert "3" in graph.accessibleName()
    graph.setFocus()
    QTest.keyClick(graph, Qt.Key.Key_Up)
    assert shown.version == first
    QTest.keyClick(graph, Qt.Key.Key_Left)
    assert (shown.version, desk.text) == (root, "Once")
    QTest.mouseClick(
        graph, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, graph.place_of(second)
    )
    assert shown.version == second
    assert graph._describe(second).startswith("Written by")
    assert "temperature 3 · top-p 1 · seed" in graph._describe(second)
    assert "Once" in graph._describe(root)
    QTest.mouseClick(graph, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(1, 1))
    assert shown.version == second
    assert places_of(VersionTree()) == {}


async def test_settings_belong_to_a_document_and_are_there_again(desk: Desk):
    await desk.begun("Once")
    panel = desk.page.panel
    choose(panel, "translation")
    assert desk.controller.settings.stops == ("\n\n",)
    assert panel.stops.toPlainText() == "\\n\\n"
    panel.bans.setPlainText("x\n#65")
    panel.biases.setPlainText('" y" = 2.5')
    panel.keep_typed()
    panel.limit.setValue(77)
    wanted = desk.controller.settings
    assert (wanted.bans, wanted.biases, wanted.limit) == (
        *(("x", "#65"), (Bias('" y"', 2.5),), 77),
    )
    first = desk.controller.document.id
    desk.page.begin()
    assert desk.controller.settings == wanted, "a new document goes on with them"
    choose(panel, "recommended")
    desk.type("Other")
    desk.page.open(first)
    await until(lambda: desk.controller.document.id == first)
    assert desk.controller.settings == wanted
    assert panel.limit.value() == 77
    assert (await desk.stored()).document.settings == wanted


def choose(panel, key):
    """A preset in the list, as a click does."""
    listed = panel.presets.list
    listed.setCurrentIndex(listed.findData(key))
    listed.activated.emit(listed.currentIndex())


async def test_settings_are_saved_as_a_preset_chosen_again_and_deleted_with_undo(desk: Desk):
    await desk.begun("Once", limit=33)
    panel = desk.page.panel
    presets = panel.presets
    panel.bans.setPlainText("x")
    presets.save.click()
    presets.name.setText("  Mine  here ")
    QTest.keyClick(presets.name, Qt.Key.Key_Return)
    assert presets.name.isHidden()
    kept = desk.controller.settings
    assert (kept.limit, kept.bans) == (33, ("x",))
    assert presets.list.currentText() == "Mine here"
    choose(panel, "exact")
    assert desk.controller.settings != kept
    assert presets.remove.isHidden()
    choose(panel, "own:Mine here")
    assert desk.controller.settings == kept
    assert panel.bans.toPlainText() == "x"
    with heard(desk.services.notices.posted) as notices:
        presets.remove.click()
    assert presets.list.findData("own:Mine here") < 0
    notices[0][0].act()
    assert presets.list.findData("own:Mine here") > 0
    desk.services.settings.close()
    assert Settings(desk.services.settings._path).now.writing_presets == {"Mine here": kept}


def test_tokens_are_written_as_lines():
    assert plain_words('" the"') == " the"
    assert plain_words("\\n\\n") == "\n\n"
    for words in ("\n\n", " a ", '"', '"x"', "a\\b", "\t", "plain"):
        assert plain_words(written_words(words)) == words
    biases, wrong = biases_in("a = -2.5\n\n b=3 \nc\nd = 5000\n= 1")
    assert biases == (Bias("a", -2.5), Bias("b", 3.0))
    assert wrong == ("c", "d = 5000", "= 1")


def test_templates_have_fields_and_presets_that_exist():
    keys = {one.key for one in presets()}
    for one in templates():
        assert one.preset in keys
        assert set(dict(one.examples)) == set(one.variables)
        text = filled(one.text, dict(one.examples))
        assert "{{" not in text
    assert variables_in("{{a}} and {{ b }} and {{a}} but {c}") == ("a", "b")
    assert filled("{{a}} {{ b }} {{c}}", {"a": "1", "b": "{{a}}"}) == "1 {{a}} {{c}}"
    settings = WritingSettings(bans=("x",))
    assert preset_of("story").onto(settings).bans == ("x",)
    assert preset_of("unknown").key == "recommended"


async def test_a_template_begins_a_document_with_its_fields_and_settings(desk: Desk):
    await desk.begun("Kept")
    kept = desk.controller.document.id
    page = desk.page
    page.head.templates.click()
    card = page.template_card()
    assert card.isVisible()
    card.list.setCurrentRow(2)
    card.field("from").setText("English")
    card.field("text").setPlainText("A rook.")
    card.field("to").setText("Czech")
    card.use.click()
    assert not card.isVisible()
    assert desk.text == "English: A rook.\n\nCzech:"
    assert desk.controller.settings.stops == ("\n\n",)
    assert desk.controller.document.id != kept
    desk.editor.selectAll()
    desk.type("Dear {{name}}, {{text}}")
    page._fill_in()
    card.field("name").setText("Ada")
    card.field("text").setPlainText("hello")
    card.use.click()
    assert desk.text == "Dear Ada, hello"


async def test_an_empty_text_offers_examples_that_go_on_at_once(desk: Desk):
    await desk.begun()
    start = desk.page.text.start
    assert start.isVisible()
    start.examples[0].click()
    assert desk.text == EXAMPLES[0]
    assert not start.isVisible()
    assert desk.editor.hasFocus()
    desk.controller.configure(limit=2, sampling=Sampling(temperature=0, banned=(0,)))
    QTest.keyClick(desk.editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(desk.editor, Qt.Key.Key_Delete)
    assert start.isVisible()
    QTest.keyClick(desk.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.text == EXAMPLES[0]


@pytest.mark.parametrize(("width", "beside"), [(704, (False, False)), (1100, (True, True))])
async def test_where_there_is_no_room_the_text_comes_first(desk: Desk, width, beside):
    await desk.begun("Once")
    desk.frame.setMinimumSize(1, 1)  # as in the window, which has a size of its own
    desk.frame.resize(width, 440)
    await settled()
    page = desk.page
    assert (page.pane.isVisible(), page.panel.isVisible()) == beside
    assert page.text.editor.width() > 400
    page.head.sliders.click()
    await settled()
    assert page.panel.isVisible() is not beside[1]
    assert page.foot.main.isVisible()
    assert page.rect().contains(page.foot.geometry())
    desk.frame.resize(2400, 900)
    await settled()
    margins = page.text.editor.viewportMargins()
    column = page.text.editor.width() - margins.left() - margins.right()
    assert column <= desk.services.theme.column + 20


async def test_an_input_method_stops_the_model_and_its_word_is_one_edit(desk: Desk):
    await desk.begun("a", limit=10_000)
    desk.controller.write()
    await until(lambda: len(desk.controller.text) > 5)
    QApplication.sendEvent(desk.editor, QInputMethodEvent("shi", []))
    assert desk.controller.writing is None
    before = desk.text
    assert desk.editor.composing
    done = QInputMethodEvent("", [])
    done.setCommitString("世")
    QApplication.sendEvent(desk.editor, done)
    assert not desk.editor.composing
    assert desk.text == before + "世"
    desk.controller.undo()
    assert desk.text == before


async def test_letters_typed_in_a_row_are_one_step_of_undo(desk: Desk):
    await desk.begun()
    QTest.keyClicks(desk.editor, "one two")
    assert desk.text == "one two"
    QTest.keyClick(desk.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.text == "one"
    QTest.keyClick(desk.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.text == ""
    QTest.keyClick(
        desk.editor,
        Qt.Key.Key_Z,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert desk.text == "one"
    assert desk.editor.document().isUndoRedoEnabled() is False
    QApplication.sendEvent(desk.editor, QEvent(QEvent.Type.FontChange))
    await settled()


async def test_what_the_store_cannot_take_is_stored_when_there_is_room_again(desk: Desk):
    await desk.begun("Once")
    await desk.stored()
    database = desk.services.conversations.documents._database

    def pages(most: int):
        job = database.read(lambda file: file.execute(f"PRAGMA max_page_count = {most}").fetchone())
        return job.result(30)

    pages(1)  # no more than there are
    with heard(desk.services.notices.posted) as notices:
        desk.type(" and more of it" * 20_000)
        desk.controller.keeper.now()
        await until(lambda: notices)
        desk.type("!")
        desk.controller.keeper.now()
        await settled(20)
        assert len(notices) == 1, "told once"
        pages(1_000_000)
        assert desk.controller.keeper.again.isActive()
        desk.controller.keeper.again.timeout.emit()
        await until(lambda: len(notices) == 2)
    found = await desk.stored()
    assert found.versions[-1].text == desk.text
    assert desk.text.endswith("!")


async def test_words_are_found_in_the_text_without_case_and_accents(desk: Desk):
    await desk.begun("A Rook, 🐦 a röok; the rooks.\nROOK")
    page, finding = desk.page, desk.page.text.finding
    desk.editor.place_caret(0)
    page._find()
    assert finding.field.hasFocus()
    finding.field.setText("rook")
    chosen = []
    for _ in range(5):
        QTest.keyClick(finding.field, Qt.Key.Key_Return)
        start, end = desk.editor.selection
        chosen.append(desk.text[start:end])
    assert chosen == ["Rook", "röok", "rook", "ROOK", "Rook"]
    assert finding._count.text() == "1 of 4"
    QTest.keyClick(finding.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert finding._count.text() == "4 of 4"
    assert len(desk.editor.extraSelections()) == 4
    desk.editor.selectAll()
    desk.type("nothing")
    await until(lambda: not desk.editor.extraSelections())
    QTest.keyClick(finding.field, Qt.Key.Key_Escape)
    assert finding.isHidden()
    assert desk.editor.hasFocus()
