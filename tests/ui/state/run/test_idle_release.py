"""A model that nobody asks anything is let go after a while, and comes again with a message."""

import pytest

from app.runtime.worker.phase import Phase
from app.ui.state.run import idle_release
from app.ui.state.run.idle_release import let_go_words
from tests.ui.conftest import settled, shown, until


@pytest.fixture
def quick(monkeypatch):
    """A minute of 20 ms."""
    monkeypatch.setattr(idle_release, "MINUTE_MS", 20)


async def opened(build, **settings):
    application = build(page="models", **settings)
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    await settled()
    return application


async def test_it_is_let_go_with_a_notice_and_the_next_message_opens_it_again(quick, build):
    application = await opened(build, keep_minutes=3)
    session, bar = application.services.session, application.window.notices
    await until(lambda: session.phase is Phase.RESTING)
    await until(bar.isVisible)
    assert "let go after 3 min" in bar._words.text()
    assert "next message opens it again" in bar._words.text()
    assert "let go" in application.window.strip.pill.text()
    assert session.waits
    assert session.loaded is not None
    assert session.held is None, "its memory is free"
    supervisor = session._supervisor
    loaded, supervisor.loaded = supervisor.loaded, None
    supervisor.enter(Phase.LOADING)
    await until(lambda: "opened again" in bar._words.text())
    assert session.returning
    assert str(session.opening) == loaded.path
    assert "Opening Rookery guide" in application.window.strip.pill.text()


async def test_a_parked_model_is_told_as_that_and_goes_on_without_a_word(quick, build):
    application = await opened(build, keep_minutes=3, park_model=True)
    session, bar = application.services.session, application.window.notices
    supervisor = session._supervisor
    await until(lambda: session.parked)
    await until(bar.isVisible)
    assert "parked after 3 min" in bar._words.text()
    assert "weights stay in memory" in bar._words.text()
    await until(lambda: "parked" in application.window.strip.pill.text())
    application.services.settings.change(keep_minutes=0)
    supervisor.enter(Phase.READY)
    await until(bar.isHidden)
    await until(lambda: "parked" not in application.window.strip.pill.text())


def test_what_became_of_a_model_on_a_card_is_told():
    assert "card is free" in let_go_words("cuda fp16 *3 -> cpu int8", park=True)
    assert "its memory is free" in let_go_words("cuda fp16", park=False)


async def test_never_is_never_and_a_change_of_the_settings_counts_from_then_on(quick, build):
    application = await opened(build, keep_minutes=0)
    session = application.services.session
    assert not application._resting._timer.isActive()
    application.services.settings.change(keep_minutes=2)
    await until(lambda: session.phase is Phase.RESTING)


async def test_while_a_text_is_written_nothing_is_let_go(quick, build):
    application = await opened(build, keep_minutes=10_000)
    session = application.services.session
    session._write(+1)
    assert not application._resting._timer.isActive()
    session._write(-1)
    assert application._resting._timer.isActive()
