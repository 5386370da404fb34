"""A reply that is being written while its model is to run in another way."""

from tests.ui.conftest import until


async def test_it_goes_on_with_what_is_left_of_its_limit(chat):
    page, speaker, session = chat.page, chat.speaker, chat.services.session
    page.controller.configure(limit=100)
    speaker.says, speaker.pause_s = "one two three four five six seven eight nine ten " * 5, 0.01
    page.composer.edit.setPlainText("Count.")
    page.composer.edit.sent.emit()
    written = 0
    for later in (2, 3):
        await until(lambda: page.controller.writing is not None)
        writing = page.controller.writing
        await until(lambda writing=writing: writing._clock.tokens > 4)
        session.pausing.emit()
        await chat.answered()
        written += writing._clock.tokens
        assert 4 < page.controller.tree.path()[-1].reply.tokens == written < 50
        session.was_opened.emit()
        await until(lambda later=later: len(speaker.asked) == later)
        assert speaker.asked[-1][1] == 100 - written
    page.controller.stop()
    await chat.answered()
    page.controller.go_on(page.controller.tree.leaf)
    await until(lambda: len(speaker.asked) == 4)
    assert speaker.asked[-1][1] == 100, "asked for by the person it gets the whole"
