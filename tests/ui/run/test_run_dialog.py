"""The Run dialog: opened by mouse and keyboard, what it shows, and what Run does."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QRadioButton

from app.errors import NotFound, OutOfMemory
from app.runtime.worker.phase import Phase
from app.ui.state.appearance import choose_scale
from app.ui.state.gpu_list import other_gpus
from tests.ui.conftest import settled, until
from tests.ui.models.conftest import said
from tests.ui.mouse import double_click
from tests.ui.run.conftest import GB, PLAIN, card, dialog_of, of, press
from tests.ui.squeezed import squeezed
from tests.ui.test_access import nameless


async def test_a_double_click_on_the_pill_opens_one_for_the_model_and_escape_closes_it(opened):
    application = await opened()
    double_click(application.window.strip.pill)
    dialog = await dialog_of(application)
    application.runs.show(Path("/somewhere/else.pth"))
    assert dialog.state.path == Path(application.services.session.loaded.path)
    assert len(application.window.findChildren(type(dialog))) == 1
    assert dialog.cards[0].choice.recommended
    assert of(dialog, "32-bit").choice.now
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert dialog.isHidden()
    assert application.services.session.phase is Phase.READY


async def test_the_chat_s_header_a_model_s_details_and_a_command_open_it_too(opened):
    application = await opened()
    page = application.window.go("chat")
    press(page.head.model)
    dialog = await dialog_of(application)
    dialog.close_card()
    command = next(c for c in application.window._commands if "Change how" in c.title)
    command.act()
    (await dialog_of(application)).close_card()
    models = application.window.go("models")
    await until(lambda: models.rows.shown and application.library.scanned)
    entry = next(one for one in models.rows.shown if "x060" in str(one.path))
    models.listing.select(entry.key)
    await settled()
    models.details.costs.compare.click()
    dialog = await dialog_of(application)
    assert dialog.state.path == entry.path
    assert not dialog.eject.isVisible()


async def test_the_models_page_below_the_dialog_follows_what_is_chosen_in_it(opened):
    application = await opened(page="models")
    models = application.window.go("models")
    await until(lambda: models.rows.shown and application.library.scanned)
    path = application.services.session.loaded.path
    models.listing.select(next(one for one in models.rows.shown if str(one.path) == path).key)
    await settled()
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(of(dialog, "8-bit").run)
    await until(dialog.isHidden)
    picks = models.details.costs.findChildren(QRadioButton)
    assert [one.text() for one in picks if one.isChecked()] == ["8-bit"]
    assert "8-bit" in said(models.details)


async def test_the_marks_of_a_card_stand_out_from_every_ground_that_it_has(opened):
    application = await opened()
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    card, theme = of(dialog, "32-bit"), application.services.theme
    press(card)
    mark = card._chips["now"].geometry()
    seen = card.grab().toImage().pixelColor(mark.left() + 4, mark.center().y())
    assert seen == theme.color("surface")
    assert seen not in [theme.color(one) for one in ("accent-soft", "hover", "raised")]


async def test_nothing_is_loaded_before_run_and_run_keeps_the_choice_for_the_model(opened):
    application = await opened()
    supervisor, path = application._session._supervisor, application.services.session.loaded.path
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    before = list(supervisor.asked)
    press(of(dialog, "8-bit"))
    assert of(dialog, "8-bit").isChecked()
    assert dialog.state.text == "cpu int8"
    assert supervisor.asked == before
    press(dialog.foot.run)
    await until(dialog.isHidden)
    assert supervisor.asked == [*before, (path, "cpu int8")]
    assert application.services.settings.now.strategies == {path: "cpu int8"}
    await until(lambda: "8-bit" in application.window.strip.pill.text())


async def test_only_this_once_is_remembered_nowhere(opened):
    application = await opened()
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    dialog.foot.remember.click()
    press(of(dialog, "4-bit").run)
    await until(dialog.isHidden)
    assert application.services.session.loaded.strategy == "cpu int4"
    assert application.services.settings.now.strategies == {}


@pytest.mark.parametrize("where", ["card", "foot"])
async def test_a_double_click_on_run_opens_once(opened, where):
    application = await opened()
    supervisor = application._session._supervisor
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    supervisor.hold, before = asyncio.Event(), len(supervisor.asked)
    press(of(dialog, "8-bit"))
    double_click(of(dialog, "8-bit").run if where == "card" else dialog.foot.run)
    dialog.state.run("cpu int4")
    await until(lambda: supervisor.phase is Phase.LOADING)
    await settled()
    supervisor.hold.set()
    await until(dialog.isHidden)
    assert len(supervisor.asked) == before + 1
    assert supervisor.asked[-1][1] == "cpu int8"


async def test_it_works_by_keyboard_alone(opened):
    application = await opened()
    QTest.keyClick(application.window, Qt.Key.Key_M, _CTRL_SHIFT)
    dialog = await dialog_of(application)
    focused = QApplication.focusWidget()
    assert focused is of(dialog, "32-bit")
    for _ in range(len(dialog.cards)):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
        if of(dialog, "8-bit").isChecked():
            break
    assert dialog.state.text == "cpu int8"
    assert QApplication.focusWidget() is of(dialog, "8-bit")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    await until(dialog.isHidden)
    assert application.services.session.loaded.strategy == "cpu int8"


async def test_tab_stays_inside_and_reaches_every_control_of_advanced(opened):
    application = await opened()
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(dialog.fold)
    await settled()
    advanced, seen = dialog.advanced, []
    for _ in range(30):
        seen.append(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert {advanced.device, advanced.numbers, advanced.text, advanced.threads} <= set(seen)
    assert {dialog.foot.cancel, dialog.foot.remember, dialog.other} <= set(seen)
    assert all(dialog.isAncestorOf(one) for one in seen)
    assert nameless(dialog) == []


async def test_text_and_fields_follow_each_other_and_a_wrong_part_is_marked(opened):
    application = await opened(machine=msgspec.structs.replace(PLAIN, gpus=(card(),)))
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(dialog.fold)
    advanced = dialog.advanced
    assert advanced.text.text() == dialog.state.text == "cpu fp32"
    advanced.text.setFocus()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cuda fp16i8")
    assert (advanced.device.currentData(), advanced.numbers.currentData()) == ("cuda", "int8")
    assert "RTX 4060" in said(advanced)
    QTest.keyClicks(advanced.text, "7")
    assert advanced.text.marked == (len("cuda "), len("fp16i87"))
    assert "fp16i87" in advanced.wrong.text()
    assert not dialog.foot.run.isEnabled()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cuda fp16 *1+ mapped")
    assert "from memory only" in advanced.wrong.text()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cuda:5 int8")
    assert "no such graphics card" in advanced.wrong.text()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cpu bf16")
    assert advanced.wrong.isHidden()
    advanced.numbers.setCurrentIndex(advanced.numbers.findData("int4"))
    advanced.numbers.activated.emit(advanced.numbers.currentIndex())
    assert advanced.text.text() == "cpu int4"
    assert of(dialog, "4-bit on the processor").isChecked()


async def test_a_split_can_be_typed_and_is_shown_and_run(opened):
    application = await opened(machine=msgspec.structs.replace(PLAIN, gpus=(card(),)))
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(dialog.fold)
    advanced = dialog.advanced
    advanced.text.setFocus()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cpu fp32 *1 -> cpu int8")
    assert advanced.wrong.isHidden()
    assert "Layers 1 to 1 on the processor in 32-bit." in advanced.placement.text()
    assert of(dialog, "32-bit on the processor, 8-bit on the processor").isChecked()
    assert advanced.device.currentText() == advanced.numbers.currentText() == ""
    advanced.numbers.setCurrentIndex(advanced.numbers.findData("int4"))
    advanced.numbers.activated.emit(advanced.numbers.currentIndex())
    assert dialog.state.text == "cpu int4"
    advanced.text.setFocus()
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cuda fp16 *1 -> cpu int8")
    chosen = of(dialog, "16-bit on the RTX 4060, 8-bit on the processor")
    assert chosen.isChecked()
    assert " + " in chosen.choice.memory
    bars = {one.device: one.uses for one in dialog.state.devices}
    assert all(any(use.kind == "weights" for use in bars[one]) for one in ("cuda", "cpu"))
    advanced.text.selectAll()
    QTest.keyClicks(advanced.text, "cpu fp32 *1 -> cpu int8")
    press(dialog.foot.run)
    await until(dialog.isHidden)
    assert application._session._supervisor.asked[-1][1] == "cpu fp32 *1 -> cpu int8"
    await until(lambda: "32/8-bit on CPU" in application.window.strip.pill.text())


async def test_a_limit_takes_ways_away_at_once_and_is_kept_with_run(opened):
    application = await opened()
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(dialog.fold)
    assert not dialog.foot.run.isEnabled()
    assert "runs like this now" in dialog.foot.note.text()
    dialog.advanced.threads.setValue(1)
    assert dialog.foot.run.isEnabled()
    dialog.advanced.cpu_limit.setValue(0.1)
    dialog.advanced.threads.setValue(3)
    assert all("limit" in one.choice.why for one in dialog.cards)
    assert not dialog.foot.run.isEnabled()
    assert application.services.settings.now.cpu_limit == 0
    dialog.advanced.cpu_limit.setValue(8)
    press(of(dialog, "8-bit").run)
    await until(dialog.isHidden)
    now = application.services.settings.now
    assert (now.cpu_limit, now.threads) == (8 * GB, 3)
    assert application._session._supervisor.threads == 3


async def test_while_it_loads_layers_are_counted_and_hiding_does_not_stop_it(opened):
    application = await opened()
    supervisor = application._session._supervisor
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    supervisor.hold = asyncio.Event()
    press(of(dialog, "8-bit").run)
    await until(lambda: supervisor.phase is Phase.LOADING)
    supervisor.layers(1, 2)
    await until(lambda: "layer 1 of 2" in dialog.foot.note.text())
    assert dialog.foot.progress.isVisible()
    assert not dialog.foot.run.isVisible()
    assert QApplication.focusWidget() is dialog.foot.cancel
    press(dialog.foot.cancel)
    assert dialog.isHidden()
    supervisor.hold.set()
    await until(lambda: application.services.session.loaded is not None)
    assert application.services.session.loaded.strategy == "cpu int8"
    await settled()
    assert application.services.settings.now.strategies != {}


async def test_a_load_that_fails_leaves_the_model_that_ran_and_says_why(opened):
    application = await opened()
    supervisor, session = application._session._supervisor, application.services.session
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    supervisor.refuse = {"cpu int8": OutOfMemory(needed_bytes=9 * GB, free_bytes=GB)}
    press(of(dialog, "8-bit").run)
    await until(dialog.outcome.isVisible)
    assert "9.0 GB" in said(dialog.outcome)
    assert "runs as before" in dialog.outcome.now.text()
    assert session.loaded is not None
    assert session.loaded.strategy == "cpu fp32"
    assert application.services.settings.now.strategies == {}
    press(of(dialog, "4-bit"))
    assert dialog.outcome.isHidden()


async def test_one_that_fails_after_the_dialog_was_hidden_is_told_in_the_bar(opened):
    application = await opened()
    supervisor = application._session._supervisor
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    supervisor.hold = asyncio.Event()
    supervisor.refuse = {"cpu int8": OutOfMemory(needed_bytes=9 * GB, free_bytes=GB)}
    press(of(dialog, "8-bit").run)
    await until(lambda: supervisor.phase is Phase.LOADING)
    press(dialog.foot.cancel)
    supervisor.hold.set()
    await until(application.window.notices.isVisible)
    assert "9.0 GB" in application.window.notices._words.text()


async def test_a_model_that_is_deleted_meanwhile_is_told_of_and_what_runs_goes_on(opened, tmp_path):
    application = await opened()
    gone = tmp_path / "gone.pth"
    shutil.copy(application.services.session.loaded.path, gone)
    application.runs.show(gone)
    dialog = await dialog_of(application)
    gone.unlink()
    before = list(application._session._supervisor.asked)
    press(of(dialog, "8-bit").run)
    await until(dialog.outcome.isVisible)
    assert isinstance(dialog.state.change.failure, NotFound)
    assert application._session._supervisor.asked == before
    assert application.services.session.loaded is not None


async def test_a_model_that_is_renamed_meanwhile_is_run_by_its_new_name(opened, tmp_path):
    application = await opened()
    old, new = tmp_path / "old.pth", tmp_path / "new.pth"
    shutil.copy(application.services.session.loaded.path, old)
    application.runs.show(old)
    dialog = await dialog_of(application)
    old.rename(new)
    application.services.session.follow(old, new)
    await until(lambda: dialog.state.plans is not None and dialog.state.path == new)
    press(of(dialog, "8-bit").run)
    await until(dialog.isHidden)
    assert application._session._supervisor.asked[-1] == (str(new), "cpu int8")


async def test_what_does_not_fit_says_why_and_cannot_be_begun(opened):
    tiny = msgspec.structs.replace(PLAIN, memory_total=GB // 10, memory_available=GB // 20)
    application = await opened(machine=tiny)
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    for one in dialog.cards:
        assert "there are 100.0 MB" in one.choice.why
        assert not one.run.isVisible()
    assert not dialog.foot.run.isEnabled()
    assert "more than there is" in dialog.bars.rows[0].accessibleName()


async def test_with_cards_each_has_a_bar_and_equal_names_are_told_apart(opened):
    gpus = (card(), card(1, free=GB))
    application = await opened(machine=msgspec.structs.replace(PLAIN, gpus=gpus))
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    names = [row._name.text() for row in dialog.bars.rows]
    assert names == ["Processor", "RTX 4060 (1)", "RTX 4060 (2)"]
    press(of(dialog, "8-bit on the RTX 4060 (2)"))
    busy = dialog.bars.rows[2].accessibleName()
    assert "Weights" in busy
    assert "Weights" not in dialog.bars.rows[0].accessibleName()


async def test_cards_of_other_makers_are_named_as_not_used(opened, monkeypatch):
    application = await opened()
    application.services.gpus.others = ("AMD Radeon RX 6600",)
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    assert "AMD Radeon RX 6600: seen, but not used" in dialog.machine_note.text()
    assert isinstance(other_gpus(), tuple)


@pytest.mark.geometry
@pytest.mark.parametrize(("width", "scale"), [(760, 1.0), (760, 1.6), (2560, 1.0)])
async def test_no_word_is_cut_off_whatever_the_window(opened, width, scale):
    gpus = (card(), card(1, name="NVIDIA RTX 6000 Ada Generation Laptop GPU"))
    application = await opened("🐦", machine=msgspec.structs.replace(PLAIN, gpus=gpus))
    choose_scale(application.services, scale)
    application.window.resize(width, 560)
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    press(dialog.fold)
    await settled(20)
    assert dialog.card.geometry().bottom() < application.window.height()
    assert dialog.card.width() <= 640
    assert [one for one in squeezed(dialog) if one[1]] == []


_CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
