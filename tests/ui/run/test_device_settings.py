"""Settings → Device and memory: each choice does what it says, now or at the next opening."""

from pathlib import Path

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QRadioButton

from tests.ui.conftest import settled, until
from tests.ui.run.conftest import GB, PLAIN, card, dialog_of, press

LARGE = msgspec.structs.replace(PLAIN, gpus=(card(), card(1)))


async def test_a_choice_says_when_it_holds_and_reopen_puts_it_in_force(opened):
    application = await opened(page="settings")
    section = application.window.go("settings").device
    supervisor = application._session._supervisor
    assert not section.reopen_row.isVisible()
    section.threads.setValue(3)
    await settled()
    assert application.services.settings.now.threads == 3
    assert section.reopen_row.isVisible()
    count = len(supervisor.asked)
    section.reopen.click()
    await until(lambda: len(supervisor.asked) == count + 1)
    await until(lambda: not section.reopen_row.isVisible())
    assert supervisor.threads == 3


async def test_what_matters_most_decides_how_a_model_runs(opened, monkeypatch):
    application = await opened(page="settings")
    section = application.window.go("settings").device
    supervisor, path = (
        application._session._supervisor,
        Path(application.services.session.loaded.path),
    )
    monkeypatch.setattr("app.runtime.planning.plan._is_small", lambda spec, dtype: False)
    ran = {}
    for policy in ("quality", "speed"):
        section.policy.setCurrentIndex(section.policy.findData(policy))
        section.policy.activated.emit(section.policy.currentIndex())
        application._opening.open(path, chat=False)
        count = len(supervisor.asked)
        await until(lambda count=count: len(supervisor.asked) > count)
        ran[policy] = supervisor.asked[-1][1]
    assert ran["quality"] == "cpu fp32"
    assert ran["speed"] in ("cpu int8", "cpu int4")  # which are alike for matrices so narrow


async def test_limits_hold_also_against_what_was_chosen_for_a_model(opened):
    application = await opened()
    path = application.services.session.loaded.path
    planning, settings = application.services.planning, application.services.settings
    settings.change(strategies={path: "cpu fp32"}, cpu_limit=GB // 1000)
    application._opening.reopen(Path(path))
    await until(application.window.notices.isVisible)
    assert "limits in the settings" in application.window.notices._words.text()
    found = (await planning.plans(Path(path))).planned.candidates
    needed = {one.strategy.text: one.peak_bytes["cpu"] for one in found}
    assert all(one.reason == "over-limit" for one in found)
    least, most = min(needed, key=needed.get), max(needed, key=needed.get)
    assert needed[least] < needed[most]
    settings.change(cpu_limit=needed[least])
    assert await planning.allowed(Path(path), most) == ""  # the worker's choice, within the limit
    assert application._session._supervisor.limits.cpu_bytes == needed[least]
    assert await planning.allowed(Path(path), least) == least
    settings.change(cpu_limit=0)
    assert await planning.allowed(Path(path), most) == most


async def test_which_card_is_used_can_be_chosen_or_none(opened, monkeypatch):
    monkeypatch.setattr("app.runtime.planning.plan._is_small", lambda spec, dtype: False)
    application = await opened(machine=LARGE, page="settings")
    section, planning = application.window.go("settings").device, application.services.planning
    path = Path(application.services.session.loaded.path)
    found = {}
    for device in ("cuda:1", "cpu"):
        section.gpu.setCurrentIndex(section.gpu.findData(device))
        section.gpu.activated.emit(section.gpu.currentIndex())
        found[device] = (await planning.allowed(path, "")).split()[0]
    assert found == {"cuda:1": "cuda:1", "cpu": "cpu"}
    application.runs.show(path)
    dialog = await dialog_of(application)
    assert any("RTX 4060" in one.choice.title for one in dialog.cards)
    press(dialog.close_button)


async def test_minutes_are_typed_and_never_is_a_word(opened):
    application = await opened(page="settings")
    section = application.window.go("settings").device
    assert section.keep.text() == "never"
    section.keep.setFocus()
    section.keep.selectAll()
    QTest.keyClicks(section.keep, "7")
    QTest.keyClick(section.keep, Qt.Key.Key_Return)
    assert application.services.settings.now.keep_minutes == 7
    assert application._resting._timer.isActive()


async def test_parking_can_be_chosen_where_models_are_let_go_at_all(opened):
    application = await opened(page="settings", keep_minutes=0)
    section, settings = application.window.go("settings").device, application.services.settings
    assert not section.park.isEnabled()
    settings.change(keep_minutes=5)
    section.follow()
    section.park.click()
    assert settings.now.park_model


async def test_the_models_page_marks_as_usual_what_the_settings_recommend(opened, monkeypatch):
    monkeypatch.setattr("app.runtime.planning.plan._is_small", lambda spec, dtype: False)
    application = await opened(page="models", run_policy="speed")
    page = application.window.go("models")
    await until(lambda: application.library.scanned and page.rows.shown)
    entry = next(one for one in page.rows.shown if "Raven" in str(one.path))
    page.listing.select(entry.key)
    fewer = page.fitting.strategy(entry)
    assert fewer in ("cpu int8", "cpu int4")
    application._opening.reopen(entry.path)
    await until(lambda: application.services.session.loaded is not None)
    await until(lambda: application.services.session.loaded.strategy == fewer)
    assert not page.details.costs.reopen.isVisible()
    application.services.settings.change(run_policy="quality")
    await until(lambda: page.fitting.strategy(entry) == "cpu fp32")
    assert page.details.costs.reopen.isVisible()


async def test_the_models_page_keeps_to_the_limits(opened):
    application = await opened(page="models")
    page, settings = application.window.go("models"), application.services.settings
    await until(lambda: application.library.scanned and page.rows.shown)
    entry = next(one for one in page.rows.shown if "Raven" in str(one.path))
    page.listing.select(entry.key)
    needed = {way.strategy: way.needed_bytes for way in page.fitting.verdict(entry).per_format}
    limit = (needed["cpu fp32"] + needed["cpu int8"]) // 2
    settings.change(cpu_limit=limit, strategies={str(entry.path): "cpu fp32"})
    await until(lambda: page.fitting.strategy(entry) != "cpu fp32")
    assert needed[page.fitting.strategy(entry)] <= limit
    picks = page.details.costs.findChildren(QRadioButton)
    able = {one.property("way"): one.isEnabled() for one in picks if one.property("way")}
    assert able == {way: count <= limit for way, count in needed.items()}
    settings.change(cpu_limit=GB // 1000)
    await until(lambda: page.fitting.words(entry).word == "Over your limit")
    assert "your limit is 1.0 MB" in page.fitting.words(entry).sentence
