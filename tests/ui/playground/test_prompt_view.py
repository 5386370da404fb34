"""The exact prompt of a text and of a conversation, with a real engine."""

from PySide6.QtGui import QGuiApplication

from app.runtime.protocol.prompts import Chat, Text, Turn
from app.ui.state.playground.prompt_tokens import PromptTokens
from app.ui.widgets.tokens.prompt_view import PromptView
from tests.ui.conftest import heard, until


async def test_a_conversation_is_shown_as_the_model_is_given_it(sight, qtbot):
    await sight.open()
    prompt = PromptTokens(sight.session, sight.vocabulary)
    shown = PromptView(sight.theme, prompt)
    qtbot.addWidget(shown)
    shown.resize(700, 500)
    shown.show()
    turns = (Turn("system", "Be brief."), Turn("user", "Hi 中"))
    with heard(prompt.changed) as changes:
        prompt.ask(Text("forgotten"))
        prompt.ask(Chat(turns=turns, template="world"))
        await until(lambda: changes)
    assert prompt.text == "System: Be brief.\n\nUser: Hi 中\n\nAssistant:"
    assert bytes(list(prompt.cells.ids)).decode() == prompt.text
    assert shown.ids.toPlainText() == " ".join(str(one) for one in prompt.text.encode())
    assert "47 tokens" in shown._told.text() or str(len(prompt.cells)) in shown._told.text()
    shown.view._go(3)
    assert shown.ids.textCursor().selectedText() == str(prompt.cells.ids[3])


async def test_without_a_model_the_page_says_so(sight, qtbot):
    prompt = PromptTokens(sight.session, sight.vocabulary)
    shown = PromptView(sight.theme, prompt)
    qtbot.addWidget(shown)
    prompt.ask(Text("a"))
    await until(lambda: prompt.failure is not None)
    assert shown._stack.currentWidget() is shown._blank
    assert QGuiApplication.clipboard() is not None
