"""What is typed is read before it is sent: counted by the real engine's tokens."""

import dataclasses

import pytest
import torch

from app.runtime.loading.loading import open_model
from app.runtime.protocol.prompts import Sampling
from app.runtime.states.state_files import save
from app.runtime.states.state_key import TokenPrefix
from app.runtime.states.state_store import Trail
from app.store.states.conversation_starts import ConversationStart
from app.ui.state.session import Session
from tests.runtime.small_models import small_file
from tests.ui.conftest import settled, until
from tests.ui.playground.in_process import InProcess

from .conftest import Scene

DRAFT = "A rook is a bird that collects words, and in the evening it tells them to others. " * 3


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return open_model(small_file(tmp_path_factory.mktemp("draft")), "cpu fp32")


@pytest.fixture
def real(services, opened):
    supervisor = InProcess(opened)
    session = Session(supervisor, services.tasks)
    scene = Scene(dataclasses.replace(services, session=session))
    scene.supervisor = supervisor
    yield scene
    scene.close()


async def ready(real):
    await real.services.session.opened("model")
    real.services.session.changed.emit()
    real.page.controller.configure(limit=8, sampling=Sampling(temperature=0, banned=(0,)))
    await settled()


async def test_what_was_typed_is_not_read_again_when_it_is_sent(real):
    await ready(real)
    real.page.composer.edit.setPlainText(DRAFT + "unfini")
    await until(lambda: len(real.supervisor.done) == 1)
    assert real.supervisor.done[0].prompt_tokens > len(DRAFT) - 20
    await real.say(DRAFT + "unfinished")
    reply = real.page.controller.tree.path()[-1].reply
    assert reply.prompt_tokens > len(DRAFT)
    assert reply.computed_tokens < 40, "the last word, and what the template writes behind it"
    real.page.composer.edit.setPlainText("Another one. " + DRAFT)
    await until(lambda: len(real.supervisor.done) == 3)
    await real.say("Another one. " + DRAFT)
    reply = real.page.controller.tree.path()[-1].reply
    assert reply.computed_tokens < 40, "behind what was said before as well"
    assert [one.text for one in real.page.controller.tree.path()[::2]] == [
        DRAFT + "unfinished",
        ("Another one. " + DRAFT).rstrip(),
    ]


async def test_it_can_be_turned_off(real):
    await ready(real)
    real.services.settings.change(read_drafts=False)
    real.page.composer.edit.setPlainText(DRAFT)
    reading = real.page.sending.reading
    reading._begin()
    assert reading._task is None
    await real.say(DRAFT)
    assert len(real.supervisor.done) == 1


async def test_a_draft_is_read_behind_the_state_that_its_conversation_begins_from(real, tmp_path):
    await ready(real)
    trail = Trail(TokenPrefix(real.supervisor.opened.point(), (66,)))
    state = real.supervisor.opened.model.blank()
    real.supervisor.opened.model.forward(torch.tensor([[66]]), state)
    save(state, tmp_path / "book", real.supervisor.opened.state_facts(trail))
    real.page.start.choose(ConversationStart(str(tmp_path / "book"), "The book"))
    real.page.composer.edit.setPlainText(DRAFT + "unfini")
    await until(lambda: len(real.supervisor.done) == 1)
    await real.say(DRAFT + "unfinished")
    reply = real.page.controller.tree.path()[-1].reply
    assert (reply.failure, reply.computed_tokens < 40) == ("", True)
