"""How much was read of the conversation, with a mark at the length of the training's texts."""

from app.ui.chat.tokens_read import TokensRead
from tests.ui.chat.speaker import loaded
from tests.ui.conftest import until


async def test_tokens_are_counted_and_the_mark_is_at_the_trained_length(chat):
    figure = chat.page.composer.findChild(TokensRead)
    assert figure.isHidden()
    await chat.say("What is a rook?", "A bird that talks.")
    assert figure.count == 12 + 4
    assert figure.words() == "16 tokens"
    assert figure.trained == 0, "its name does not tell"
    narrow = figure.sizeHint().width()
    chat.speaker.loaded = loaded("rwkv7-g1d-0.4b-20260210-ctx8192")
    chat.services.session.changed.emit()
    await until(lambda: figure.trained == 8192)
    assert "8,192" in figure.accessibleName()
    assert figure.sizeHint().width() > narrow
    chat.page.begin()
    assert figure.isHidden()
