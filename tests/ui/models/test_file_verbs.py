"""What is done with files of the library, on real files: checked, renamed, moved, thrown away."""

import asyncio
import hashlib
import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMessageBox

from app.errors import NotFound, NoTrash
from app.ui.models import file_verbs
from app.ui.models.side_files_dialog import SideFilesDialog
from tests.ui.conftest import settled, until
from tests.ui.models.conftest import here, page_of, ready, said, select

_LIMIT_S = 60


@pytest.fixture
def folder(tmp_path, guide):
    """A folder with one model in it."""
    place = tmp_path / "mine"
    place.mkdir()
    shutil.copy(guide, place / "alpha.pth")
    return place


@pytest.fixture
def one(build, folder):
    return build(page="models", folders=(str(folder),))


@pytest.fixture
def trash(monkeypatch, tmp_path):
    """The system's trash, as a folder of the test."""
    heap = tmp_path / "trash"
    heap.mkdir()
    monkeypatch.setattr("send2trash.send2trash", lambda path: shutil.move(path, heap))
    monkeypatch.setattr(file_verbs, "_UNDO_S", 0.5)
    return heap


def verbs(application):
    page = page_of(application)
    return {name for name, shown in page.details.verbs.items() if shown.isVisible()}


async def asked_for_a_name(application):
    await until(lambda: page_of(application).findChildren(QInputDialog), _LIMIT_S)
    return page_of(application).findChildren(QInputDialog)[0]


async def test_each_kind_of_row_offers_what_can_be_done_with_it(filled):
    await ready(filled)
    select(filled, "Raven")
    assert verbs(filled) == {"show", "verify", "rename", "move", "delete"}
    select(filled, "cut.pth")
    assert verbs(filled) == {"show", "delete"}
    select(filled, "rookery-guide")
    assert verbs(filled) == {"show"}
    offer = next(entry for entry in page_of(filled).rows.shown if not entry.here)
    page_of(filled).listing.select(offer.key)
    assert verbs(filled) == set()


async def test_a_check_reads_every_byte_and_says_what_it_found(one, folder):
    await ready(one)
    select(one, "alpha")
    page_of(one).details.verbs["verify"].click()
    digest = hashlib.sha256((folder / "alpha.pth").read_bytes()).hexdigest()
    await until(lambda: digest[:8] in said(page_of(one).details), _LIMIT_S)
    assert "nobody has published" in said(page_of(one).details)


async def test_a_model_is_renamed_and_called_back(one, folder):
    await ready(one)
    one.services.settings.change(strategies={str(folder / "alpha.pth"): "cpu fp32"})
    select(one, "alpha")
    QTest.keyClick(page_of(one).listing.view, Qt.Key.Key_F2)
    dialog = await asked_for_a_name(one)
    assert dialog.findChild(QLineEdit).selectedText() == "alpha"
    assert dialog.width() > 400
    dialog.setTextValue("beta.pth")
    dialog.accept()
    await until(lambda: (folder / "beta.pth").exists(), _LIMIT_S)
    await until(lambda: "Beta" in here(one), _LIMIT_S)
    assert one.services.settings.now.strategies == {str(folder / "beta.pth"): "cpu fp32"}
    one.window.notices._act.click()
    await until(lambda: (folder / "alpha.pth").exists(), _LIMIT_S)
    await until(lambda: "Alpha" in here(one), _LIMIT_S)


async def test_a_model_called_by_its_folder_has_that_renamed_and_called_back(build, experiment):
    application = build(page="models", folders=(str(experiment.parent),))
    await ready(application)
    select(application, "model.pth")
    page_of(application).details.verbs["rename"].click()
    dialog = await asked_for_a_name(application)
    assert dialog.textValue() == dialog.findChild(QLineEdit).selectedText() == "my-experiment"
    dialog.setTextValue("Tales 2.0")
    dialog.accept()
    there = experiment.with_name("Tales 2.0")
    await until((there / "model.pth").exists, _LIMIT_S)
    await until(lambda: "Tales 2.0" in here(application), _LIMIT_S)
    assert "my-experiment is called Tales 2.0 now" in application.window.notices._words.text()
    application.window.notices._act.click()
    await until((experiment / "model.pth").exists, _LIMIT_S)
    assert (experiment / "train.py").exists()
    assert not there.exists()


async def test_a_file_that_gets_a_usual_name_is_called_back_and_not_its_folder(
    build, folder, tmp_path
):
    application = build(page="models", folders=(str(tmp_path),))
    await ready(application)
    application.services.tasks.start(
        page_of(application).verbs._renamed(select(application, "alpha").path, "model.pth")
    )
    await until(
        lambda: "called model.pth now" in application.window.notices._words.text(), _LIMIT_S
    )
    application.window.notices._act.click()
    await until((folder / "alpha.pth").exists, _LIMIT_S)


async def test_what_is_renamed_or_moved_stays_selected(one, folder, guide, tmp_path):
    shutil.copy(guide, folder / "middle.pth")
    await ready(one)
    entry, listing = select(one, "middle"), page_of(one).listing
    one.services.tasks.start(page_of(one).verbs._renamed(entry.path, "zebra.pth"))
    await until(lambda: {"Alpha", "Zebra"} <= set(here(one)), _LIMIT_S)
    await until(lambda: listing.entry.title == "Zebra", _LIMIT_S)
    other = tmp_path / "other"
    other.mkdir()
    page_of(one).verbs.move_to(listing.entry, other)
    await until(lambda: listing.entry.path == other / "zebra.pth", _LIMIT_S)


async def test_the_open_model_goes_by_the_name_that_it_is_given(one, folder, tmp_path):
    one.services.settings.change(model=str(folder / "alpha.pth"))
    await ready(one)
    entry, session = select(one, "alpha"), one.services.session
    assert session.loaded.path == str(folder / "alpha.pth")
    one.services.tasks.start(page_of(one).verbs._renamed(entry.path, "beta.pth"))
    await until(lambda: "Beta" in here(one), _LIMIT_S)
    await settled()
    assert session.loaded.path == str(folder / "beta.pth")
    assert one.window.strip.pill.accessibleName().startswith("Beta ")
    assert one.services.settings.now.model == str(folder / "beta.pth")
    chat = one.window.go("chat")
    assert chat.composer.edit.placeholderText() == "Message Beta"
    other = tmp_path / "other"
    other.mkdir()
    page_of(one).verbs.move_to(select(one, "beta"), other)
    await until(lambda: session.loaded.path == str(other / "beta.pth"), _LIMIT_S)
    await until(lambda: one.services.settings.now.model == str(other / "beta.pth"))


async def test_a_model_renamed_while_it_is_opened_is_open_under_its_new_name(one, folder):
    await ready(one)
    entry, session = select(one, "alpha"), one.services.session
    session._supervisor.hold = asyncio.Event()
    session.open(entry.path)
    await until(lambda: session.opening is not None)
    one.services.tasks.start(page_of(one).verbs._renamed(entry.path, "beta.pth"))
    await until(lambda: session.opening == folder / "beta.pth", _LIMIT_S)
    assert "Beta" in one.window.strip.pill.accessibleName()
    session._supervisor.refusal = NotFound(path=str(entry.path))
    session._supervisor.hold.set()
    await until(lambda: session.opening is None)


async def test_an_unfinished_file_of_nobody_has_its_size_and_a_way_to_the_trash(one, folder, trash):
    part = folder / "lost.pth.part"
    part.write_bytes(bytes(2_500_000))
    await ready(one)
    select(one, "lost")
    details = page_of(one).details
    assert "on no list here" in said(details)
    await until(lambda: "2.5 MB" in said(details))
    assert not details.buttons.resume.isVisible()
    details.verbs["delete"].click()
    await until(lambda: (trash / part.name).exists(), _LIMIT_S)


async def test_a_name_that_no_file_can_have_is_refused_in_words(one, folder):
    await ready(one)
    select(one, "alpha")
    page_of(one).details.verbs["rename"].click()
    dialog = await asked_for_a_name(one)
    dialog.setTextValue("../up.pth")
    dialog.accept()
    await until(one.window.notices.isVisible, _LIMIT_S)
    assert (folder / "alpha.pth").exists()


async def test_a_model_is_moved_and_stays_listed(one, folder, tmp_path):
    await ready(one)
    entry = select(one, "alpha")
    other = tmp_path / "other"
    other.mkdir()
    page_of(one).verbs.move_to(entry, other)
    await until(lambda: (other / "alpha.pth").exists(), _LIMIT_S)
    assert not (folder / "alpha.pth").exists()
    await until(lambda: "Alpha" in here(one), _LIMIT_S)
    await until(lambda: one.services.settings.now.files == (str(other / "alpha.pth"),), _LIMIT_S)


async def test_what_is_thrown_away_vanishes_at_once_and_can_be_taken_back(
    one, folder, trash, monkeypatch
):
    monkeypatch.setattr(file_verbs, "_UNDO_S", 60)
    await ready(one)
    select(one, "alpha")
    QTest.keyClick(page_of(one).listing.view, Qt.Key.Key_Delete)
    await until(lambda: "Alpha" not in here(one), _LIMIT_S)
    assert (folder / "alpha.pth").exists()
    one.window.notices._act.click()
    await until(lambda: "Alpha" in here(one), _LIMIT_S)
    await settled()
    assert (folder / "alpha.pth").exists()
    assert not list(trash.glob("*"))


async def test_after_a_few_seconds_it_is_in_the_trash(one, folder, trash):
    await ready(one)
    select(one, "alpha")
    page_of(one).details.verbs["delete"].click()
    await until(lambda: (trash / "alpha.pth").exists(), _LIMIT_S)
    assert not (folder / "alpha.pth").exists()
    await until(lambda: not one.library.scanning, _LIMIT_S)
    assert "Alpha" not in here(one)


async def test_where_there_is_no_trash_it_is_asked_before_anything_is_deleted(
    one, folder, monkeypatch
):
    def refuse(_shelf, path, also):
        raise NoTrash(path=str(path))

    monkeypatch.setattr("app.library.local_library.LocalLibrary.trash", refuse)
    monkeypatch.setattr(file_verbs, "_UNDO_S", 0.1)
    await ready(one)
    select(one, "alpha")
    page_of(one).details.verbs["delete"].click()
    await until(lambda: page_of(one).findChildren(QMessageBox), _LIMIT_S)
    box = page_of(one).findChildren(QMessageBox)[0]
    assert (folder / "alpha.pth").exists()
    assert "alpha.pth  ·  " in box.informativeText()
    delete = next(button for button in box.buttons() if "for good" in button.text())
    delete.click()
    await until(lambda: not (folder / "alpha.pth").exists(), _LIMIT_S)


@pytest.fixture
def experiment(tmp_path, guide, build):
    """A folder of the person's own, with a model in it, below one that is searched."""
    place = tmp_path / "mine" / "my-experiment"
    place.mkdir(parents=True)
    shutil.copy(guide, place / "model.pth")
    for name in ("train.py", "config.json", "README.md"):
        (place / name).write_text("mine")
    return place


async def test_files_beside_a_model_are_listed_before_and_stay_unless_ticked(
    build, experiment, trash
):
    application = build(page="models", folders=(str(experiment.parent),))
    await ready(application)
    select(application, "model.pth")
    page = page_of(application)
    page.details.verbs["delete"].click()
    page.details.verbs["delete"].click()
    await until(lambda: page.findChildren(SideFilesDialog), _LIMIT_S)
    await settled()
    (dialog,) = page.findChildren(SideFilesDialog)
    assert "model.pth  ·  " in said(dialog)
    boxes = {file.name: box for file, box in dialog.boxes.items()}
    assert boxes.keys() == {"train.py", "config.json", "README.md"}
    assert boxes["train.py"].accessibleName() == "train.py, 4 B"
    assert not any(box.isChecked() for box in boxes.values())
    boxes["config.json"].click()
    dialog.accept()
    await until(lambda: (trash / "config.json").exists(), _LIMIT_S)
    assert sorted(file.name for file in trash.iterdir()) == ["config.json", "model.pth"]
    assert sorted(file.name for file in experiment.iterdir()) == ["README.md", "train.py"]


async def test_who_cancels_the_question_keeps_everything(build, experiment, trash):
    application = build(page="models", folders=(str(experiment.parent),))
    await ready(application)
    select(application, "model.pth")
    page = page_of(application)
    page.details.verbs["delete"].click()
    await until(lambda: page.findChildren(SideFilesDialog), _LIMIT_S)
    QTest.keyClick(page.findChildren(SideFilesDialog)[0], Qt.Key.Key_Escape)
    await settled()
    assert not page.verbs.doomed
    page.verbs.move_to(select(application, "model.pth"), experiment.parent / "there")
    await until(lambda: page.findChildren(SideFilesDialog), _LIMIT_S)
    dialog = page.findChildren(SideFilesDialog)[0]
    assert [file.name for file in dialog.chosen] == ["config.json"], "what describes the model"
    dialog.accept()
    there = experiment.parent / "there" / "my-experiment"
    await until(lambda: (there / "model.pth").exists(), _LIMIT_S)
    assert sorted(file.name for file in there.iterdir()) == ["config.json", "model.pth"]
    assert sorted(file.name for file in experiment.iterdir()) == ["README.md", "train.py"]


async def test_a_single_file_is_taken_out_of_the_list_and_back(build, models_folder):
    application = build(page="models")
    file = models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth"
    application.library.add_file(file)
    await ready(application)
    await until(lambda: len(here(application)) == 2, _LIMIT_S)
    select(application, "Raven-1B5-v12")
    QTest.keyClick(page_of(application).listing.view, Qt.Key.Key_Delete)
    await until(lambda: len(here(application)) == 1, _LIMIT_S)
    application.window.notices._act.click()
    await until(lambda: len(here(application)) == 2, _LIMIT_S)
    assert file.exists()


async def test_the_same_bytes_twice_are_said_with_their_other_place(one, folder):
    shutil.copy(folder / "alpha.pth", folder / "copy.pth")
    await ready(one)
    await until(lambda: one.library.copies_of(folder / "alpha.pth"), _LIMIT_S)
    select(one, "alpha")
    words = said(page_of(one).details).partition("The same bytes lie here as well:")[2]
    assert str(folder / "copy.pth") in words
    assert str(folder / "alpha.pth") not in words


async def test_a_model_is_copied_to_the_downloads(one, folder, paths, guide):
    await ready(one)
    page_of(one).verbs._copy(guide)
    await until(lambda: (paths.models / guide.name).exists(), _LIMIT_S)
    await until(lambda: "is here now" in one.window.notices._words.text(), _LIMIT_S)
    assert guide.exists()
