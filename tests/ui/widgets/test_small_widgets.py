"""Flow, elided lines, the blank page and the overlay, each by itself."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from app.ui.look.theme import Theme
from app.ui.widgets.blank import Blank
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import Elided
from tests.ui.conftest import settled


@pytest.fixture
def theme(qapp):
    made = Theme("light")
    made.apply(qapp)
    return made


def chips(qtbot, count):
    box = QWidget()
    qtbot.addWidget(box)
    flow = Flow(4, box)
    for _ in range(count):
        chip = QWidget()
        chip.setFixedSize(80, 24)
        flow.addWidget(chip)
    return box, flow


def test_flow_is_one_line_where_there_is_room(qtbot):
    _box, flow = chips(qtbot, 5)
    assert flow.sizeHint().toTuple() == (5 * 80 + 4 * 4, 24)
    assert flow.heightForWidth(5 * 80 + 4 * 4) == 24


def test_flow_goes_to_the_next_line_where_there_is_none(qtbot):
    box, flow = chips(qtbot, 5)
    assert flow.heightForWidth(5 * 80 + 4 * 4 - 1) == 24 * 2 + 4
    assert flow.heightForWidth(80) == 24 * 5 + 4 * 4
    box.resize(170, 200)
    box.show()
    tops = [flow.itemAt(at).geometry().top() for at in range(5)]
    assert tops == [0, 0, 28, 28, 56]


def test_flow_gives_its_items_back(qtbot):
    _box, flow = chips(qtbot, 2)
    assert flow.takeAt(0) is not None
    assert flow.count() == 1
    assert flow.takeAt(5) is None
    assert flow.itemAt(-1) is None


@pytest.mark.geometry
async def test_a_long_line_is_cut_and_its_tooltip_is_whole(qtbot):
    text = "模型🐦 " * 60
    line = Elided(text)
    qtbot.addWidget(line)
    line.resize(120, 20)
    line.show()
    await settled(10)
    assert line.toolTip() == text
    line.setText("short")
    line.resize(300, 20)
    await settled(10)
    assert line.toolTip() == ""


@pytest.mark.geometry
def test_a_long_line_does_not_ask_for_its_width(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    QVBoxLayout(box).addWidget(Elided("wide " * 500))
    assert box.minimumSizeHint().width() < 100


async def test_a_blank_page_shows_all_of_its_words(qtbot, theme):
    blank = Blank(theme, "search")
    qtbot.addWidget(blank)
    words = "A sentence that needs several lines because it goes on and on. " * 4
    blank.say("Nothing here", words, "Do something")
    blank.resize(500, 500)
    blank.show()
    await settled(10)
    assert blank._words.height() >= blank._words.heightForWidth(blank._words.width())
    assert blank._words.width() >= 400
    with qtbot.waitSignal(blank.pressed):
        blank._button.click()
    blank.say("Nothing here", words)
    assert blank._button.isHidden()


async def test_a_click_beside_the_card_closes_it_and_one_on_it_does_not(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(700, 500)
    card = Overlay(window, width=300)
    card.body.addWidget(QPushButton("inside"))
    window.show()
    card.open()
    await settled()
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(card, left, pos=card.card.geometry().center() + QPoint(0, 15))
    assert card.isVisible()
    with qtbot.waitSignal(card.closed):
        QTest.mouseClick(card, left, pos=QPoint(5, 5))
    assert card.isHidden()


async def test_the_card_stays_in_the_middle_of_a_window_that_changes(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(700, 500)
    card = Overlay(window, width=300)
    card.body.addWidget(QPushButton("inside"))
    window.show()
    card.open()
    window.resize(400, 400)
    await settled(10)
    assert card.geometry() == window.rect()
    assert abs(card.card.geometry().center().x() - 200) <= 1


@pytest.mark.geometry
async def test_a_list_of_choices_shows_all_of_them_without_scrolling(qtbot, theme):
    field = QComboBox()
    field.addItems(["Like the system", "Light", "Dark"])
    qtbot.addWidget(field)
    field.show()
    field.showPopup()
    await settled(20)
    view = field.view()
    assert view.verticalScrollBar().maximum() == 0
    last = view.visualRect(view.model().index(2, 0))
    assert view.viewport().rect().contains(last)
    field.hidePopup()
