"""What a piece goes on from: chosen tokens stay with Again, written ones count with Continue."""

from app.runtime.protocol.prompts import Sampling
from app.ui.state.playground.writing_stream import Lead
from tests.ui.conftest import until

from .conftest import Desk

HOT = Sampling(temperature=1.5, top_p=1.0, banned=(0,))


async def test_again_keeps_the_token_that_was_chosen(desk: Desk):
    await desk.begun("Once upon", sampling=HOT)
    await desk.go_on()
    desk.controller.branch(len("Once upon"), Lead((ord("!"),), "!", (1,)))
    await desk.written()
    texts = set()
    for _ in range(3):
        desk.controller.write_again()
        await desk.written()
        assert desk.text.startswith("Once upon!")
        assert len(desk.controller.ids()) == len("Once upon!") + 12
        texts.add(desk.text)
    assert len(texts) > 1
    found = await desk.stored()
    assert found.versions[-1].content[-1].piece.made.chosen == (0, 1)


async def test_pieces_are_written_as_if_they_were_one(desk: Desk):
    how = Sampling(temperature=0, presence=1.0, frequency=1.0, banned=(0,))
    await desk.begun("Once upon", limit=24, sampling=how)
    await desk.go_on()
    whole = desk.text
    desk.controller.undo()
    desk.controller.configure(limit=8)
    for _ in range(3):
        await desk.go_on()
    assert desk.text == whole


async def test_the_trash_lets_one_document_or_all_go_for_good_when_asked_twice(desk: Desk):
    pane = desk.page.pane
    for words in ("One", "Two", "Three"):
        desk.page.begin(words)
        await desk.stored()
    await until(lambda: pane.model.rowCount() == 3)
    for one in pane.model.documents:
        pane.delete(one)
    pane.trash.setChecked(True)
    await until(lambda: pane.model.rowCount() == 3 and pane.line.isVisible())
    gone = pane.model.documents[0]
    pane.menu(gone).actions()[1].trigger()
    assert pane.line.keep.hasFocus()
    pane.line.keep.click()
    pane.line.ask([gone])
    pane.line.sure.click()
    pane.line.sure.click()
    await until(lambda: pane.model.rowCount() == 2)
    assert gone not in pane.model.documents
    pane.line.empty.click()
    pane.line.sure.click()
    store = desk.services.conversations.documents
    await until(lambda: store.trash_count().result(30) == 0)
