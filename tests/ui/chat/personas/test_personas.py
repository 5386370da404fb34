"""Personas, templates of one's own, and thoughts that end: chosen, kept, and what is asked then."""

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.families.templates import TEMPLATES, thought_end
from app.ui.chat.personas.own_template_card import OwnTemplateCard
from app.ui.transcript.thought import ThoughtHead
from tests.ui.conftest import heard, settled, until


def names(chat) -> list[str]:
    choice = chat.page.panel.persona.list
    return [choice.itemText(at) for at in range(1, choice.count())]


async def saved(chat, name: str) -> None:
    panel = chat.page.panel
    panel.persona.save.click()
    panel.persona.name.setText(name)
    QTest.keyClick(panel.persona.name, Qt.Key.Key_Return)
    await until(lambda: name in names(chat))


async def test_a_persona_is_saved_chosen_begun_with_and_deleted_with_a_way_back(chat):
    page, panel = chat.page, chat.page.panel
    panel.show()
    panel.system.setPlainText("You are a rook.")
    panel.limit.setValue(99)
    await saved(chat, "Rook")
    assert panel.persona.list.currentText() == "Rook"
    await chat.say("Who are you?")
    page.begin()
    assert page.controller.conversation.system == ""
    assert panel.persona.list.currentIndex() == 0
    act = {one.title: one.act for one in page.commands()}["New conversation with “Rook”"]
    act()
    assert (page.controller.conversation.system, panel.limit.value()) == ("You are a rook.", 99)
    await chat.say("Who are you?")
    assert chat.speaker.asked[-1][0].turns[0].text == "You are a rook."
    page.begin()
    with heard(chat.services.notices.posted) as posted:
        panel.persona.list.setCurrentIndex(1)
        panel.persona.list.activated.emit(1)
        assert panel.system.toPlainText() == "You are a rook."
        posted[-1][0].act()
        assert panel.system.toPlainText() == ""
        panel.persona.list.setCurrentIndex(1)
        panel.persona.list.activated.emit(1)
        panel.persona.remove.click()
        await until(lambda: names(chat) == [])
        assert page.controller.conversation.system == "You are a rook.", "it keeps its settings"
        posted[-1][0].act()
    await until(lambda: names(chat) == ["Rook"])


async def test_a_template_is_edited_beside_what_the_model_reads_and_then_used(chat):
    page, panel = chat.page, chat.page.panel
    await chat.say("What is a rook?", "A bird.")
    panel.show()
    panel.edit_template.click()
    (card,) = chat.frame.findChildren(OwnTemplateCard)
    await until(lambda: "User: What is a rook?" in card._prompt.text)
    assert card.view.ids.toPlainText().startswith("85 115 101 114")
    field = card.fields["user"]
    field.setText('"Human: "')
    field.textEdited.emit(field.text())
    await until(lambda: card._prompt.text.startswith("Human: What is a rook?"))
    card.use.click()
    await settled()
    await chat.say("And a crow?", "Too.")
    asked = chat.speaker.asked[-1][0]
    assert asked.form == msgspec.structs.replace(TEMPLATES["g1"], user="Human: ")
    assert panel.template.currentText() == "A text of its own"
    panel.template.setCurrentIndex(0)
    panel.template.activated.emit(0)
    assert page.controller.conversation.options.form is None


async def test_a_thought_ends_at_its_budget_and_the_answer_follows_in_the_same_reply(chat):
    chat.page.controller.configure(think="on")
    chat.page.controller.choose_options(thought_limit=4)
    chat.speaker.replies = ["> I think and think and think", ">\nA bird."]
    await chat.say("What is a rook?")
    first, second = (prompt for prompt, *_ in chat.speaker.asked)
    assert first.turns[-1].role == "user"
    closed = "<think> I think and" + thought_end("g1")
    assert second.turns[-1].text == closed
    message = chat.page.controller.tree.path()[-1]
    assert message.text == closed + ">\nA bird."
    assert message.reply.tokens == 7, "those of the thought and of the answer"
    assert chat.stored()[-1] == message.text
    assert chat.speaker.asked[1][1] == chat.speaker.asked[0][1] - 4


async def test_end_thinking_now_closes_the_thought_that_is_written(chat):
    chat.page.controller.configure(think="on")
    chat.speaker.replies = ["> I" + " think" * 500, ">\nA bird."]
    chat.speaker.pause_s = 0.01
    chat.page.controller.send("What is a rook?")
    await until(lambda: "think think" in chat.texts()[-1])
    await until(lambda: chat.last(ThoughtHead).end.isVisible())
    chat.last(ThoughtHead).end.click()
    await chat.answered()
    assert chat.texts()[-1].endswith("</think>\nA bird.")
    assert chat.texts()[-1].count("think") < 500
