"""The card is freed by a press; the model goes on on the processor, from where it was."""

import sys

import pytest
import torch

from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from tests.runtime.small_models import small_file
from tests.support.emulation.device import COMPILER
from tests.ui.conftest import heard, settled, shown, until
from tests.ui.run.conftest import dialog_of, press

EMULATED = [sys.executable, "-m", "tests.support.emulated_worker"]
LONG = "Tell me of rooks and of crows. " * 3


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
async def test_the_chat_goes_on_on_the_processor_and_reads_nothing_again(
    build, tmp_path, monkeypatch
):
    from tests.support.emulated_worker import GPU

    monkeypatch.setattr("app.ui.state.gpu_list.usable", tuple)
    file = small_file(tmp_path, dtype=torch.bfloat16)
    application = build(
        supervise=lambda on_change: Supervisor(on_change, EMULATED),
        gpus=(GPU,),
        page="chat",
        model=str(file),
    )
    application.window.resize(1100, 800)
    await shown(application)
    session, page = application.services.session, application.window.go("chat")
    await until(lambda: session.phase is Phase.READY)
    assert session.loaded.strategy == "cuda fp16"
    page.controller.configure(limit=4)

    async def answer(words):
        before = len(page.controller.tree.path())
        page.composer.edit.setPlainText(words)
        page.composer.edit.sent.emit()
        await until(lambda: len(page.controller.tree.path()) == before + 2)
        await until(lambda: page.controller.writing is None)
        return page.controller.tree.path()[-1].reply

    first = await answer(LONG)
    assert first.computed_tokens > len(LONG)
    press(application.window.strip.pill)
    dialog = await dialog_of(application)
    assert dialog.free_gpu.isVisible()
    with heard(application.services.notices.posted) as posted:
        press(dialog.free_gpu)
        await until(lambda: session.phase is Phase.READY and "cpu" in session.loaded.strategy)
        await until(lambda: posted)
    await settled()
    assert not dialog.free_gpu.isVisible()
    dialog.close_card()
    second = await answer("And jackdaws?")
    assert second.strategy == session.loaded.strategy
    assert second.prompt_tokens > len(LONG)
    assert second.computed_tokens < len(LONG) // 2
    notice = next(notice for (notice,) in posted if "card is free" in notice.text)
    assert notice.verb == "Back to the card"
    assert application.services.settings.now.strategies == {}
    notice.act()
    await until(lambda: session.phase is Phase.READY and "cuda" in session.loaded.strategy)


async def test_the_command_says_so_where_no_model_is_on_a_card(build):
    application = build(page="chat")
    await shown(application)
    await until(lambda: application.services.session.phase is Phase.READY)
    command = next(c for c in application.window._commands if "Free the" in c.title)
    with heard(application.services.notices.posted) as posted:
        command.act()
    assert "No model is on a graphics card." in posted[-1][0].text
