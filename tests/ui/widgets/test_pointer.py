"""The mouse: the wheel scrolls and changes nothing, in every page, panel and dialog."""

from PySide6.QtCore import QDate, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDateEdit,
    QDial,
    QDialog,
    QDoubleSpinBox,
    QInputDialog,
    QListWidget,
    QScrollArea,
    QScrollBar,
    QSlider,
    QSpinBox,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.ui.widgets.pointer import Pointer
from tests.ui.conftest import settled, shown, until
from tests.ui.mouse import turn_wheel

PAGES = ("chat", "playground", "models", "downloads", "status", "settings")
HOLDERS = (QComboBox, QAbstractSpinBox, QAbstractSlider, QTabBar)


def holders(root: QWidget) -> list[QWidget]:
    found = dict.fromkeys(child for kind in HOLDERS for child in root.findChildren(kind))
    return [one for one in found if one.isVisible() and not isinstance(one, QScrollBar)]


def value(holder: QWidget) -> object:
    if isinstance(holder, QComboBox | QTabBar):
        return holder.currentIndex()
    return holder.text() if isinstance(holder, QAbstractSpinBox) else holder.value()


def unchanged_by_the_wheel(root: QWidget) -> int:
    count = 0
    for holder in holders(root):
        for focused in (False, True):
            other = QApplication.focusWidget()
            if focused:
                holder.setFocus()
                other = holder if holder.hasFocus() else other
            before = value(holder)
            for by in (-120, 120, 240):
                turn_wheel(holder, by)
            assert value(holder) == before, holder.accessibleName()
            assert QApplication.focusWidget() is other, holder.accessibleName()
        count += 1
    return count


async def test_the_wheel_changes_no_value_on_any_page(build, models_folder):
    application = build(page="chat", chat_settings_shown=True, folders=(str(models_folder),))
    await shown(application)
    await until(
        lambda: application.library.scanned and application.services.session.loaded is not None
    )
    application.window.resize(1280, 900)
    counts = {}
    for page in PAGES:
        application.window.go(page)
        await settled()
        counts[page] = unchanged_by_the_wheel(application.window)
    assert counts["chat"] >= 3
    assert counts["settings"] >= 5


def test_the_wheel_goes_on_to_the_page_that_scrolls(qapp):
    """Without a loop of tasks: QTest's wheel lets events happen, which a task must not do."""
    scroll, page = QScrollArea(), QWidget()
    column = QVBoxLayout(page)
    held = [QSpinBox(), QDoubleSpinBox(), QDateEdit(), QComboBox(), QDial()]
    for holder in held:
        column.addWidget(holder)
    page.setMinimumHeight(3000)
    scroll.setWidget(page)
    scroll.setWidgetResizable(True)
    scroll.resize(400, 500)
    pointer = Pointer(qapp, scroll)
    scroll.show()
    assert QTest.qWaitForWindowExposed(scroll)
    bar = scroll.verticalScrollBar()
    for holder in held:
        scroll.ensureWidgetVisible(holder)
        before = bar.value()
        where = QPointF(holder.mapTo(scroll, holder.rect().center()))
        by = 120 if before == bar.maximum() else -120
        QTest.wheelEvent(scroll.windowHandle(), where, QPoint(0, by))
        assert bar.value() != before, type(holder).__name__
    qapp.removeEventFilter(pointer)
    scroll.close()


def made_later(parent: QWidget) -> QDialog:
    """Every kind of widget that holds a value, in a dialog of a later day."""
    dialog = QDialog(parent)
    column = QVBoxLayout(dialog)
    combo, tabs, date = QComboBox(), QTabBar(), QDateEdit(QDate(2026, 5, 5))
    combo.addItems("abc")
    combo.setCurrentIndex(1)
    for words in "abc":
        tabs.addTab(words)
    tabs.setCurrentIndex(1)
    parts = [combo, tabs, date, QSpinBox(), QDoubleSpinBox(), QDial()]
    parts.append(QSlider(Qt.Orientation.Horizontal))
    for part in parts:
        if isinstance(part, QSpinBox | QDoubleSpinBox | QAbstractSlider):
            part.setValue(50)
        column.addWidget(part)
    return dialog


def test_it_holds_for_what_is_made_later_and_in_dialogs(qapp, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    Pointer(qapp, window)
    later, number = made_later(window), QInputDialog(window)
    number.setInputMode(QInputDialog.InputMode.IntInput)
    number.setIntValue(5)
    for dialog, expected in ((later, 7), (number, 1)):
        dialog.open()
        qtbot.waitUntil(dialog.isActiveWindow)
        assert unchanged_by_the_wheel(dialog) == expected
        dialog.close()


async def test_lists_and_an_open_choice_scroll_by_the_wheel(build):
    application = build(page="settings")
    await shown(application)
    rows = QListWidget(application.window)
    rows.addItems([str(number) for number in range(200)])
    rows.setGeometry(0, 0, 200, 200)
    rows.show()
    rows.raise_()
    focus = QApplication.focusWidget()
    turn_wheel(rows.viewport())
    assert rows.verticalScrollBar().value() > 0
    assert QApplication.focusWidget() is focus, "the wheel does not move the keyboard"


async def test_no_widget_takes_the_keyboard_by_the_wheel(build):
    application = build(page="chat", chat_settings_shown=True)
    await shown(application)
    for page in PAGES:
        application.window.go(page)
        await settled()
        taking = [
            one.accessibleName() or type(one).__name__
            for one in application.window.findChildren(QWidget)
            if one.isVisible() and one.focusPolicy() == Qt.FocusPolicy.WheelFocus
        ]
        assert taking == [], page
