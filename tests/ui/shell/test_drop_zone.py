"""Files and folders dropped on the window."""

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QPlainTextEdit,
)

from app.ui.state.notices import Kind
from tests.support.checkpoints import write_pth
from tests.ui.conftest import heard, shown, until


def dragged(paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drag_over(widget, mime):
    """Whether the drag may be dropped there: the event lives no longer than its data."""
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    event = QDragEnterEvent(QPoint(300, 300), action, mime, button, Qt.KeyboardModifier(0))
    QApplication.sendEvent(widget, event)
    return bool(event.isAccepted())


def drop(window, mime):
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    event = QDropEvent(QPointF(300, 300), action, mime, button, Qt.KeyboardModifier(0))
    QApplication.sendEvent(window, event)


async def test_a_folder_dropped_anywhere_joins_the_library(application, models_folder):
    await shown(application)
    assert drag_over(application.window, dragged([models_folder]))
    assert application.window.drop.isVisible()
    drop(application.window, dragged([models_folder]))
    assert application.window.drop.isHidden()
    assert application.library.folders == (models_folder,)
    await until(lambda: len(application.library.entries) == 7)


async def test_a_model_dropped_anywhere_is_opened_and_listed(application, models_folder):
    await shown(application)
    application.window.go = lambda _key: None
    file = models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth"
    drag_over(application.window, dragged([file]))
    drop(application.window, dragged([file]))
    session = application.services.session
    await until(lambda: session.loaded is not None and session.loaded.path == str(file))
    assert application.library.is_single(file)


@pytest.mark.parametrize("name", ["notes.txt", "letter.gguf", "song.mp3", "page.safetensors"])
async def test_a_file_that_is_no_model_is_said_and_becomes_no_entry(application, tmp_path, name):
    await shown(application)
    file = tmp_path / name
    file.write_text("Dear reader, this is no model at all.")
    with heard(application.services.notices.posted) as told:
        drag_over(application.window, dragged([file]))
        drop(application.window, dragged([file]))
        await until(lambda: told)
    assert told[-1][0].kind is Kind.FAILURE
    assert name in told[-1][0].text
    assert application.services.settings.now.files == ()


async def test_of_several_dropped_files_the_models_are_taken(application, models_folder, tmp_path):
    await shown(application)
    application.window.go = lambda _key: None
    (tmp_path / "notes.txt").write_text("Not this one.")
    model = models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth"
    with heard(application.services.notices.posted) as told:
        mime = dragged([tmp_path / "notes.txt", model])
        drag_over(application.window, mime)
        drop(application.window, mime)
        await until(lambda: told)
    assert told[0][0].text == "No model, so not taken into the list: notes.txt"
    assert application.services.settings.now.files == (str(model),)


async def test_what_is_no_file_is_not_taken(application):
    await shown(application)
    mime = QMimeData()
    mime.setText("hello")
    assert not drag_over(application.window, mime)
    assert application.window.drop.isHidden()


async def test_a_text_field_takes_dropped_words_but_leaves_a_model_to_the_window(
    application, models_folder
):
    await shown(application)
    page = application.window.go("models")
    field = QPlainTextEdit(page)
    application.window.drop.watch(page)
    text = QMimeData()
    text.setText("words")
    assert drag_over(field.viewport(), text)
    assert application.window.drop.isHidden()
    assert drag_over(field.viewport(), dragged([models_folder]))
    assert application.window.drop.isVisible()


async def test_a_state_dropped_anywhere_joins_the_named_states(application, tmp_path):
    await shown(application)
    tuned = {f"blocks.{i}.att.time_state": torch.ones(4, 16, 16) for i in range(3)}
    file = write_pth(tmp_path / "poems.pth", tuned)
    drag_over(application.window, mime := dragged([file]))
    drop(application.window, mime)
    named = application.services.named_states
    await until(lambda: [state.name for state in named.states] == ["poems"])
    assert application.window.page == "states"


async def test_texts_dropped_on_the_states_page_are_offered_to_be_read(application, tmp_path):
    await shown(application)
    page = application.window.go("states")
    (tmp_path / "code").mkdir()
    (tmp_path / "book.txt").write_text("words", encoding="utf-8")
    drag_over(application.window, mime := dragged([tmp_path / "book.txt", tmp_path / "code"]))
    drop(application.window, mime)
    card = page.verbs.reading_card
    assert card.isVisible()
    assert card.files == [tmp_path / "book.txt", tmp_path / "code"]
