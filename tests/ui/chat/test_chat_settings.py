"""What a conversation begins with, what it has of its own, and that nothing leaks between two."""

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.families.family import family_named
from app.runtime.protocol.prompts import Sampling
from app.store.chat_defaults import ChatDefaults, defaults_in, keep_defaults, settings_of
from app.store.conversations import open_conversations
from app.store.records import ReplyOptions
from app.store.settings import Settings
from tests.ui.conftest import heard, settled, until

from .speaker import loaded

OWN = {
    "system": "Be brief.",
    "template": "text",
    "think": "fake",
    "limit": 99,
    "sampling": Sampling(temperature=0.2, seed=7),
    "options": ReplyOptions(thought_limit=64),
}


def stored(chat, conversation: str):
    return chat.services.conversations.open(conversation).result(10).conversation


def choose(combo, data: str) -> None:
    """As a person picks an entry."""
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())


async def have(chat, model) -> None:
    """Let this model be the open one."""
    chat.speaker.loaded = model
    with heard(chat.services.session.changed) as came:
        chat.services.session.note_change()
        await until(lambda: came)


def of_now(chat) -> dict[str, object]:
    return msgspec.structs.asdict(settings_of(chat.page.controller.conversation))


@pytest.mark.parametrize("name", OWN)
async def test_what_one_conversation_has_of_its_own_no_other_gets(chat, name):
    await chat.say("first", "Yes.")
    first = chat.page.controller.conversation.id
    chat.page.begin()
    await chat.say("second", "Yes.")
    chat.page.controller.configure(**{name: OWN[name]})
    second = chat.page.controller.conversation.id
    chat.page.begin()
    assert of_now(chat) == msgspec.structs.asdict(ChatDefaults())
    chat.page.open(first)
    await until(lambda: chat.page.controller.conversation.id == first)
    assert of_now(chat) == msgspec.structs.asdict(ChatDefaults())
    assert getattr(stored(chat, second), name) == OWN[name]
    assert defaults_in(chat.services.settings) == ChatDefaults()


@pytest.mark.parametrize("name", ["limit", "temperature", "top_k", "seed"])
async def test_a_number_that_is_typed_belongs_to_where_it_was_typed(chat, name):
    await chat.say("first", "Yes.")
    first = chat.page.controller.conversation.id
    page = chat.page
    page._toggle_panel()
    panel = page.panel
    field = {**panel.fields._fields, "limit": panel.limit, "seed": panel.fields._seed}[name]
    field.setFocus()
    field.lineEdit().selectAll()
    QTest.keyClicks(field, "2")
    page.begin()
    await settled()
    assert of_now(chat) == msgspec.structs.asdict(ChatDefaults())
    kept = stored(chat, first)
    assert (kept.limit if name == "limit" else getattr(kept.sampling, name)) == 2


async def test_a_system_prompt_being_typed_stays_while_all_else_changes(chat):
    await chat.say("first", "Yes.")
    first, panel = chat.page.controller.conversation, chat.page.panel
    panel.system.setPlainText("Be brief.")
    chat.services.session.changed.emit()
    chat.page.controller.configure(think="on")
    assert panel.system.toPlainText() == "Be brief."
    chat.page._again()
    await chat.answered()
    assert chat.speaker.asked[-1][0].turns[0].text == "Be brief."
    panel.system.setPlainText("Be briefer.")
    chat.page.pane.delete(first)
    await until(lambda: not len(chat.page.controller.tree))
    assert stored(chat, first.id).system == "Be briefer."
    assert panel.system.toPlainText() == ""


async def test_the_defaults_are_what_new_conversations_begin_with_and_no_other(chat):
    await chat.say("first", "Yes.")
    first = chat.page.controller.conversation.id
    chat.page.begin()
    chat.page.controller.configure(think="on")
    keep_defaults(chat.services.settings, ChatDefaults(**OWN))
    assert of_now(chat) == OWN | {"think": "on"}, "it is not begun yet, but that it has of its own"
    await chat.say("second", "Yes.")
    (turn, _), limit, sampling = (
        chat.speaker.asked[-1][0].turns,
        *chat.speaker.asked[-1][1:],
    )
    assert (turn.text, limit, sampling) == ("Be brief.", 99, OWN["sampling"])
    assert settings_of(stored(chat, first)) == ChatDefaults()
    second = chat.page.controller.conversation.id
    keep_defaults(chat.services.settings, ChatDefaults())
    assert stored(chat, second).limit == 99, "what was begun stays as it is"


async def test_the_panel_says_what_is_its_own_and_both_ways_can_be_undone(chat):
    await chat.say("first", "Yes.")
    page, settings = chat.page, chat.services.settings
    page._toggle_panel()
    note = page.panel.note
    assert "As in the defaults" in note.words.text()
    assert not note.use.isVisible()
    page.controller.configure(limit=99, system="Be brief.")
    assert "system prompt, longest reply" in note.words.text()
    with heard(chat.services.notices.posted) as posted:
        note.use.click()
        assert defaults_in(settings) == ChatDefaults(limit=99, system="Be brief.")
        assert "As in the defaults" in note.words.text()
        page.controller.configure(limit=50)
        note.back.click()
        assert (page.controller.conversation.limit, page.controller.conversation.system) == (
            99,
            "Be brief.",
        )
    (used,), (back,) = posted
    first = page.controller.conversation.id
    page.begin()
    back.act()
    assert stored(chat, first).limit == 50, "another conversation is shown by now"
    assert page.controller.conversation.limit == 99
    used.act()
    assert defaults_in(settings) == ChatDefaults()
    with heard(page.wanted) as wanted:
        note.change.click()
    assert wanted == [("settings",)]


async def test_another_window_changes_one_setting_and_this_one_another(chat, tmp_path):
    await chat.say("first", "Yes.")
    other, _ = open_conversations(tmp_path / "conversations.sqlite3")
    one = stored(chat, chat.page.controller.conversation.id)
    await chat.page.controller.look_again()
    other.configure(msgspec.structs.replace(one, limit=77), "limit").result(10)
    other.close()
    chat.page.controller.configure(think="on")
    assert (stored(chat, one.id).limit, stored(chat, one.id).think) == (77, "on")
    await chat.page.controller.look_again()
    assert chat.page.controller.conversation.limit == 77


async def test_defaults_of_another_window_are_there_when_this_one_comes_to_the_front(chat):
    assert chat.page.controller.conversation.limit == 2048
    other = Settings(chat.services.settings._path)
    keep_defaults(other, ChatDefaults(limit=77))
    other.close()
    chat.page._look_again()
    await until(lambda: chat.page.controller.conversation.limit == 77)
    assert chat.page.panel.limit.value() == 77


def test_bad_values_in_the_file_leave_the_other_defaults(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(
        '{"default_limit": -5, "default_think": "loudly", "default_sampling": [1],'
        ' "default_template": 3, "system_prompt": "Be brief."}'
    )
    settings = Settings(path)
    assert defaults_in(settings) == ChatDefaults(system="Be brief.")


async def test_the_field_of_the_limit_takes_the_keys(chat):
    chat.page._toggle_panel()
    field = chat.page.panel.limit
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert chat.page.controller.conversation.limit == 2048 + 256


async def test_any_world_model_can_be_given_a_template_with_which_it_thinks(chat):
    page, ways = chat.page, ("world", "instruction", "qa", "text", "g1", "bot")
    helper = msgspec.structs.replace(
        loaded("My helper", thinks=False), family="world", templates=ways, sampling=Sampling()
    )
    chat.speaker.loaded = helper
    chat.services.session.note_change()
    await until(page._think.isHidden)
    panel = page.panel
    assert [panel.template.itemData(n) for n in range(panel.template.count())] == ["", *ways]
    choose(panel.template, "g1")
    assert not page._think.isHidden()
    page._think.click()
    await chat.say("first", "Yes.")
    prompt, _, sampling = chat.speaker.asked[-1]
    assert (prompt.template, prompt.think) == ("g1", "on")
    assert sampling == family_named("g1", "world").recommended("on")
    first = page.controller.conversation.id
    choose(panel.template, "")
    assert page._think.isHidden()
    page.controller.configure(template="g1")
    page.begin()
    assert page._think.isHidden()
    page.open(first)
    await until(lambda: page.controller.conversation.id == first)
    assert not page._think.isHidden()
    assert page.controller.conversation.template == "g1"


async def test_a_chosen_template_is_the_models_usual_one_until_it_is_as_the_model_says(chat):
    page, panel, settings = chat.page, chat.page.panel, chat.services.settings
    mine = msgspec.structs.replace(loaded("mine", thinks=False), fingerprint="b2:mine")
    other = msgspec.structs.replace(loaded("other", thinks=False), fingerprint="b2:other")
    keep_defaults(settings, ChatDefaults(template="world"))
    await have(chat, mine)
    choose(panel.template, "g1")
    page.begin()
    assert panel.template.currentData() == "g1"
    assert panel.usual.isVisibleTo(panel)
    assert panel.usual.text() == "New conversations with this model use it too."
    await chat.say("first", "Yes.")
    assert chat.speaker.asked[-1][0].template == "g1"
    page.begin()
    await have(chat, other)
    assert page.controller.template(other) == "world"
    renamed = msgspec.structs.replace(mine, name="renamed", path="/elsewhere/renamed.pth")
    await have(chat, renamed)
    assert page.controller.template(renamed) == "g1"
    settings.close()
    again = Settings(settings._path)
    assert again.trouble is None
    assert again.now.templates == {"b2:mine": "g1"}
    choose(panel.template, "")
    assert panel.template.currentText() == "As the model says"
    assert panel.usual.text() == "It says: User and Assistant."
    page.begin()
    await chat.say("second", "Yes.")
    assert chat.speaker.asked[-1][0].template == "world"
    assert settings.now.templates == {}


async def test_a_conversation_keeps_its_template_when_another_is_chosen_for_the_model(chat):
    page = chat.page
    page.controller.configure(template="text")
    await chat.say("first", "Yes.")
    first = page.controller.conversation.id
    page.begin()
    choose(page.panel.template, "world")
    page.open(first)
    await until(lambda: page.controller.conversation.id == first)
    assert page.panel.template.currentData() == "text"
    assert not page.panel.usual.isVisibleTo(page.panel)
    await chat.say("more", "Yes.")
    assert chat.speaker.asked[-1][0].template == "text"


async def test_a_kept_template_that_the_model_does_not_know_counts_for_nothing(chat):
    model = chat.speaker.loaded
    chat.services.settings.change(templates={model.path: "a newer program's"})
    await chat.say("first", "Yes.")
    assert chat.speaker.asked[-1][0].template == model.templates[0]
    assert chat.page.panel.template.currentData() == ""
