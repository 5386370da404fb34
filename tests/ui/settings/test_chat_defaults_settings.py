"""The defaults of new conversations on the Settings page, and what the chat makes of them."""

from PySide6.QtTest import QTest

from app.runtime.protocol.prompts import Sampling
from app.store.chat_defaults import ChatDefaults, defaults_in
from app.store.settings import Settings
from tests.ui.conftest import heard, shown, until


def now(application) -> ChatDefaults:
    return defaults_in(application.services.settings)


def choose(choice, value) -> None:
    choice.setCurrentIndex(choice.findData(value))
    choice.activated.emit(choice.currentIndex())


async def test_every_default_is_chosen_here_and_kept_for_the_next_start(build):
    application = build(page="settings")
    await shown(application)
    part = application.window.go("settings").chat
    part.system.setPlainText("Be brief.")
    choose(part.template, "qa")
    choose(part.think, "on")
    part.limit.setValue(99)
    part.sampling.setCurrentIndex(1)
    part.sampling.activated.emit(1)
    part.fields._fields["temperature"].setValue(0.2)
    await until(lambda: now(application).system == "Be brief.")
    assert now(application).sampling.temperature == 0.2
    controller = application.window.go("chat").controller
    assert (controller.conversation.limit, controller.conversation.template) == (99, "qa")
    await application.close()
    again = build(page="settings")
    assert now(again) == ChatDefaults(
        system="Be brief.", template="qa", think="on", limit=99, sampling=now(again).sampling
    )
    part = again.window.go("settings").chat
    assert part.system.toPlainText() == "Be brief."
    assert part.fields._fields["temperature"].value() == 0.2


async def test_what_is_typed_holds_when_the_page_is_left(application):
    await shown(application)
    part = application.window.go("settings").chat
    part.system.setPlainText("Be brief.")
    part.limit.setFocus()
    part.limit.lineEdit().selectAll()
    QTest.keyClicks(part.limit, "77")
    application.window.go("chat")
    assert now(application) == ChatDefaults(system="Be brief.", limit=77)


async def test_what_each_model_recommends_is_chosen_again(application):
    await shown(application)
    part = application.window.go("settings").chat
    assert not part.fields.isVisible()
    application.services.settings.change(default_sampling=Sampling(temperature=0.1))
    part.follow()
    assert part.fields.isVisible()
    assert part.fields.sampling.temperature == 0.1
    part.sampling.setCurrentIndex(0)
    part.sampling.activated.emit(0)
    assert now(application).sampling is None


async def test_the_reset_can_be_undone(application):
    await shown(application)
    part = application.window.go("settings").chat
    assert not part.reset.isEnabled()
    application.services.settings.change(default_limit=77, system_prompt="Be brief.")
    part.follow()
    with heard(application.services.notices.posted) as posted:
        part.reset.click()
    assert now(application) == ChatDefaults()
    assert part.system.toPlainText() == ""
    ((notice,),) = posted
    notice.act()
    assert now(application) == ChatDefaults(limit=77, system="Be brief.")
    assert part.limit.value() == 77


async def test_two_windows_that_choose_different_defaults_keep_both(application):
    await shown(application)
    part = application.window.go("settings").chat
    application.services.settings.close()
    other = Settings(application.services.settings._path)
    other.change(default_think="on")
    other.close()
    part.limit.setValue(77)
    application.services.settings.close()
    assert defaults_in(Settings(application.services.settings._path)) == ChatDefaults(
        think="on", limit=77
    )
