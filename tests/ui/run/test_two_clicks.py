"""From 16 to 8 bits in two clicks from the chat, with a real worker; the conversation goes on."""

from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from tests.runtime.small_models import small_file
from tests.ui.conftest import shown, until
from tests.ui.run.conftest import dialog_of, of, press

SLOW_LIMIT = 60_000


async def test_two_clicks_change_the_bits_and_the_reply_that_is_written_goes_on(build, tmp_path):
    file = small_file(tmp_path, vocabulary=256, width=512)
    ways = {str(file): "cpu bf16"}
    application = build(supervise=Supervisor, page="chat", model=str(file), strategies=ways)
    application.window.resize(1100, 800)
    await shown(application)
    session, page = application.services.session, application.window.go("chat")
    await until(lambda: session.phase is Phase.READY)
    page.controller.configure(limit=SLOW_LIMIT)
    page.composer.edit.setPlainText("Hello")
    page.composer.edit.sent.emit()

    def reply():
        return page.controller.tree.path()[-1]

    await until(lambda: reply().role == "assistant" and len(reply().text) > 20)
    ident, conversation, before = reply().id, page.controller.conversation.id, session.worker_pid

    press(page.head.model)
    dialog = await dialog_of(application)
    assert of(dialog, "16-bit").choice.now
    assert "goes on from the same word" in dialog.foot.note.text()
    written = reply().text
    press(of(dialog, "8-bit").run)

    await until(dialog.isHidden)
    assert session.loaded.strategy == "cpu int8"
    assert session.worker_pid not in (None, before)
    await until(lambda: page.controller.writing is not None and len(reply().text) > len(written))
    assert (reply().id, page.controller.conversation.id) == (ident, conversation)
    assert reply().text.startswith(written)
    assert len(page.controller.tree.path()) == 2
    page.controller.configure(limit=8)
    page.controller.stop()
    await until(lambda: page.controller.writing is None)
    assert reply().reply.strategy == "cpu int8"

    page.composer.edit.setPlainText("And on")
    page.composer.edit.sent.emit()
    await until(lambda: len(page.controller.tree.path()) == 4)
    await until(lambda: page.controller.writing is None)
    assert reply().status == "done"
    assert session.phase is Phase.READY
