"""Memory runs out in the middle of a reply: it goes on in fewer bits, and the window says so."""

import sys

import pytest
import torch

from app.runtime.protocol.token_spans import unpack
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.worker.supervisor import Phase, Supervisor
from tests.runtime.small_models import small_file
from tests.ui.conftest import heard, shown, until

STARVED = [sys.executable, "-m", "tests.support.starved_worker", "writing", "cpu bf16", "9"]
LIMIT = 30


@pytest.mark.skipif(sys.platform != "linux", reason="limits on addresses")
async def test_the_reply_goes_on_and_its_tokens_are_stored_whole(build, tmp_path):
    file = small_file(tmp_path, width=512, dtype=torch.bfloat16)
    application = build(
        supervise=lambda on_change: Supervisor(on_change, STARVED),
        page="chat",
        model=str(file),
        strategies={str(file): "cpu bf16"},
    )
    await shown(application)
    session, controller = application.services.session, application.window.go("chat").controller
    await until(lambda: session.phase is Phase.READY)
    controller.configure(limit=LIMIT)
    with heard(application.services.notices.posted) as posted:
        controller.send("Hello")
        await until(lambda: controller.writing is None)
        await until(lambda: posted)
    reply = controller.tree.path()[-1]
    assert (reply.status, reply.reply.reason, reply.reply.tokens) == ("done", "limit", LIMIT)
    assert reply.reply.strategy == session.loaded.strategy == "cpu int8"
    (notice,) = [notice for (notice,) in posted]
    plain = "runs in 8-bit on the processor, not in 16-bit on the processor. There was not enough"
    assert plain in notice.text
    assert "Strategy: cpu int8, not cpu bf16" in notice.details
    assert notice.verb == "Change how it runs"
    assert application.services.settings.now.strategies == {str(file): "cpu bf16"}
    (stored,) = application.services.conversations.tokens(reply.conversation).result(10).values()
    ids = unpack(stored.ids)
    assert len(ids) == LIMIT
    assert byte_tokenizer().decode(ids) == reply.text
