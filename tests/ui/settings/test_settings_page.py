"""The Settings page: what is chosen holds at once and for the next start."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
)

from app.store.settings import Settings
from app.ui.settings.sections import Section
from tests.ui.conftest import settled, shown, until


def page_of(application):
    return application.window.go("settings")


def words(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel))


async def test_the_theme_changes_at_once_and_is_kept(application, build):
    await shown(application)
    page = page_of(application)
    page.theme_choice.setCurrentIndex(page.theme_choice.findData("dark"))
    page.theme_choice.activated.emit(page.theme_choice.currentIndex())
    assert application.services.theme.dark
    dark = QApplication.palette().window().color()
    assert dark == application.services.theme.color("surface")
    await application.close()
    again = build()
    assert again.services.theme.dark


async def test_the_text_size_changes_at_once_and_is_kept(application, build):
    await shown(application)
    before = QApplication.font().pointSizeF()
    page = page_of(application)
    page.size_choice.setCurrentIndex(page.size_choice.findData(1.25))
    page.size_choice.activated.emit(page.size_choice.currentIndex())
    assert round(QApplication.font().pointSizeF() / before, 2) == 1.25
    await application.close()
    assert build().services.theme.scale == 1.25


async def test_it_follows_what_is_changed_by_a_command(application):
    await shown(application)
    page = page_of(application)
    QTest.keyClick(application.window, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: page.size_choice.currentData() == 0.9)
    application.services.theme.choose("light")
    assert page.theme_choice.currentData() == "light"


async def test_folders_are_listed_given_up_and_brought_back(build, tmp_path):
    first, second = tmp_path / "one", tmp_path / "二"
    application = build(page="settings", folders=(str(first), str(second)))
    await shown(application)
    page = page_of(application)
    assert str(first) in words(page)
    assert str(second) in words(page)
    drop = next(one for one in page.findChildren(QToolButton) if str(first) in one.accessibleName())
    drop.click()
    await settled()
    assert application.library.folders == (second,)
    application.window.notices._act.click()
    assert application.library.folders == (first, second)
    await until(lambda: not application.library.scanning)


async def test_without_a_folder_it_says_how_to_add_one(application):
    await shown(application)
    assert "drop it anywhere" in words(page_of(application))


async def test_not_opening_the_last_model_opens_the_guide(build, models_folder, guide):
    file = models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth"
    application = build(page="settings", model=str(file))
    await shown(application)
    page = page_of(application)
    assert page.open_last.isChecked()
    page.open_last.click()
    await application.close()
    again = build()
    await shown(again)
    await until(lambda: again.services.session.loaded is not None)
    assert again.services.session.loaded.path == str(guide)


async def test_it_shows_where_the_data_lies_and_what_runs(application, paths):
    await shown(application)
    page = page_of(application)
    assert str(paths.data) in words(page)
    assert "Apache License 2.0" in words(page)
    copy = next(one for one in page.findChildren(QPushButton) if one.text() == "Copy versions")
    copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "Rookery" in copied
    assert "Python 3" in copied


@pytest.mark.geometry
async def test_no_row_is_squeezed_at_any_width(build, models_folder):
    application = build(page="settings", folders=(str(models_folder),))
    await shown(application)
    for width in (760, 1180, 1700):
        application.window.resize(width, 560)
        await settled(10)
        for part in page_of(application).findChildren(QToolButton):
            assert part.height() >= part.sizeHint().height()
        for part in page_of(application).findChildren(QLabel):
            if part.isVisible() and part.wordWrap():
                assert part.height() >= part.heightForWidth(part.width()), (width, part.text())


@pytest.mark.geometry
async def test_nothing_is_wider_than_the_smallest_window(build, models_folder):
    application = build(
        page="settings", folders=(str(models_folder / ("long " * 30)),), text_scale=1.6
    )
    await shown(application)
    application.window.resize(760, 520)
    await settled(10)
    assert application.window.width() <= 760


async def test_what_another_window_chooses_holds_here_within_seconds(application, paths, tmp_path):
    await shown(application)
    page = page_of(application)
    other = Settings(paths.settings)
    other.change(theme="dark", text_scale=1.25, folders=(str(tmp_path),), download_limit=7_000_000)
    other.close()
    await until(lambda: application.services.theme.dark)
    assert page.theme_choice.currentData() == "dark"
    assert page.size_choice.currentData() == 1.25
    assert page.downloads.limit.value() == 7
    assert str(tmp_path) in words(page)
    assert application.library.folders == (tmp_path,)


FIELDS = (QComboBox, QAbstractSpinBox, QLineEdit, QCheckBox)


def section_fields(section):
    """The fields of a section's own rows, each with the label beside it."""
    card = next(one for one in section.findChildren(QFrame) if one.property("card"))
    for row in (card.layout().itemAt(at).layout() for at in range(card.layout().count())):
        if row is not None:
            names = [row.itemAt(0).layout().itemAt(0).widget().text()]
            parts = [row.itemAt(at).widget() for at in range(1, row.count())]
            yield from ((names[0], part) for part in parts if isinstance(part, FIELDS))


async def test_a_field_is_called_what_is_read_beside_it(application):
    await shown(application)
    found = [
        pair
        for section in page_of(application).findChildren(Section)
        for pair in section_fields(section)
    ]
    assert len(found) >= 12
    for name, part in found:
        assert part.accessibleName() == name


@pytest.mark.geometry
@pytest.mark.parametrize("width", [760, 1180, 1920, 2560])
async def test_the_column_stands_in_the_middle_and_is_no_wider_than_reads_well(application, width):
    await shown(application)
    application.window.resize(width, 900)
    page = page_of(application)
    await settled()
    for section in page.findChildren(Section):
        left = section.mapTo(page, QPoint(0, 0)).x()
        right = page.width() - left - section.width()
        assert section.width() <= 760
        assert abs(left - right) <= 24
