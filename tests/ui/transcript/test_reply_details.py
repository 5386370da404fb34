"""What the card of a reply tells of its prompt."""

from app.store.records import Message, Reply
from app.ui.transcript.reply_details import facts


async def test_the_card_tells_how_much_of_the_prompt_was_remembered(chat):
    chat.speaker.prompt_tokens, chat.speaker.remembered = 4830, 4812
    await chat.say("Hello", "one two")
    told = dict(facts(chat.page.controller.tree.path()[-1]))
    assert told["Remembered"].replace("\u00a0", " ") == "4,812 of 4,830 tokens"
    assert told["Tokens read"] == "18"
    older = Message(
        id="a", conversation="b", parent=None, role="assistant", text="x",
        reply=Reply(prompt_tokens=12, tokens=3),
    )  # fmt: skip
    assert dict(facts(older))["Tokens read"] == "12"
    assert "Remembered" not in dict(facts(older))
