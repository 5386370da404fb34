"""The layers in the advanced part: slider, ranges and streaming, each following the others."""

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.conftest import settled, until
from tests.ui.run.conftest import PLAIN, card, dialog_of, press
from tests.ui.test_access import nameless

LARGE = msgspec.structs.replace(PLAIN, gpus=(card(), card(1)))


@pytest.fixture
def unfolded(opened):
    """Opens the dialog with its advanced part, on a machine with two cards."""

    async def begin():
        application = await opened(machine=LARGE)
        press(application.window.strip.pill)
        found = await dialog_of(application)
        press(found.fold)
        await settled()
        return found

    return begin


def typed(edit, text):
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)


def pick(box, data):
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())


def shown_rows(dialog):
    rows = [row for row in dialog.advanced.ranges.rows if not row.isHidden()]
    return [(row.last.value(), row.place.currentData(), row.numbers.currentData()) for row in rows]


def turn_wheel(dialog):
    """Over the slider and over lists and numbers."""
    row, advanced = dialog.advanced.ranges.rows[0], dialog.advanced
    for part in (advanced.layers.slider, row.numbers, row.last, advanced.device):
        middle = QPointF(part.rect().center())
        turn = QWheelEvent(
            *(middle, part.mapToGlobal(middle), QPoint(), QPoint(0, 120)),
            *(Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
            *(Qt.ScrollPhase.NoScrollPhase, False),
        )
        QApplication.sendEvent(part, turn)
        assert not part.hasFocus()


async def test_the_keyboard_moves_the_slider_and_all_else_follows_but_the_wheel_does_not(unfolded):
    dialog = await unfolded()
    advanced, layers = dialog.advanced, dialog.advanced.layers
    assert dialog.state.text == "cpu fp32"
    assert (layers.slider.maximum(), layers.slider.value(), layers.count.text()) == (3, 0, "0 of 3")
    turn_wheel(dialog)
    cards = len(dialog.cards)
    assert dialog.state.text == "cpu fp32"
    layers.slider.setFocus()
    await settled()
    place = layers.slider.mapTo(dialog, QPoint())
    QTest.keyClick(layers.slider, Qt.Key.Key_Right)
    assert advanced.text.text() == dialog.state.text == "cuda fp16 *1 -> cpu fp32"
    assert layers.count.text() == "1 of 3"
    assert shown_rows(dialog) == [(1, "cuda", "fp16"), (3, "cpu", "fp32")]
    assert "Layers 1 to 1 on the RTX 4060 (1)" in advanced.placement.text()
    await settled()
    assert len(dialog.cards) > cards
    assert layers.slider.mapTo(dialog, QPoint()) == place, "a new card above moves nothing"
    assert QApplication.focusWidget() is layers.slider
    QTest.keyClick(layers.slider, Qt.Key.Key_End)
    assert dialog.state.text == "cuda fp16"
    assert (advanced.device.currentData(), advanced.numbers.currentData()) == ("cuda", "fp16")
    typed(advanced.text, "cuda int8 *1 -> cpu int4")
    assert layers.slider.value() == 1
    QTest.keyClick(advanced.text, Qt.Key.Key_Backspace)
    assert advanced.text.marked is not None, "and what is wrong moves nothing"
    assert layers.slider.value() == 1
    assert nameless(dialog) == []


async def test_ranges_of_layers_get_devices_and_numbers_of_their_own(unfolded):
    dialog = await unfolded()
    ranges = dialog.advanced.ranges
    assert shown_rows(dialog) == [(3, "cpu", "fp32")]
    assert not ranges.rows[0].last.isEnabled(), "the last range ends with the model"
    press(ranges.add)
    assert dialog.state.text == "cpu fp32 *2 -> cpu bf16"
    pick(ranges.rows[1].place, "cuda:1")
    assert dialog.state.text == "cpu fp32 *2 -> cuda:1 bf16"
    pick(ranges.rows[1].numbers, "int4")
    assert dialog.state.text == "cpu fp32 *2 -> cuda:1 int4"
    ranges.rows[0].last.setValue(1)
    assert dialog.state.text == "cpu fp32 *1 -> cuda:1 int4"
    ranges.rows[0].last.setValue(2)
    pick(ranges.rows[0].place, "cpu streamed")
    assert dialog.state.text == "cpu fp32 *2 mapped -> cuda:1 int4"
    assert dialog.advanced.layers.streaming.isChecked()
    ranges.rows[0].remove.click()
    assert dialog.state.text == "cuda:1 int4"
    assert shown_rows(dialog) == [(3, "cuda:1", "int4")]


async def test_streaming_is_switched_on_and_off_and_run(unfolded):
    dialog = await unfolded()
    advanced, layers = dialog.advanced, dialog.advanced.layers
    typed(advanced.text, "cuda int8")
    layers.streaming.click()
    assert layers.streaming.isChecked()
    assert "streamed" in dialog.state.text
    assert layers.slider.value() == 3, "there is room for all"
    layers.slider.setValue(0)
    assert dialog.state.text == "cuda int8 *0+"
    assert "copied there from memory for each token" in advanced.placement.text()
    layers.slider.setValue(1)
    layers.streaming.click()
    assert dialog.state.text.startswith("cuda int8 *1 -> cpu ")
    typed(advanced.text, "cpu int8 *1+")
    assert "packed" in advanced.wrong.text(), "that would have to be packed for each token"
    typed(advanced.text, "cpu fp32 *1+")
    assert layers.name.text() == "Layers in memory"
    assert layers.slider.value() == 1

    layers.slider.setValue(0)
    assert dialog.foot.run.isEnabled()
    press(dialog.foot.run)
    await until(dialog.isHidden)
    assert dialog._services.session._supervisor.asked[-1][1] == "cpu fp32 *0+"
