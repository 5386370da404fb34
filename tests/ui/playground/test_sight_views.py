"""What the model sees, on the playground's page: it follows the document, and branches from it."""

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import StateSeen
from app.ui.state.playground.scored_text import ScorePhase
from tests.support.inline_worker import InlineWorker
from tests.ui.conftest import settled, until
from tests.ui.squeezed import squeezed
from tests.ui.test_access import nameless

from .conftest import Desk


@pytest.fixture
def seen(services, model_file):
    """The page on an engine that answers all that is asked of it."""
    made = Desk(services, model_file, None)
    worker = InlineWorker(lambda: made.session.note_change())
    made.supervisor = made.session._supervisor = worker
    yield made
    made.close()


async def scored(desk):
    text = desk.page.sight.sight.scored
    await until(lambda: text.phase is ScorePhase.COMPLETE)
    return text


async def test_a_click_on_an_alternative_goes_on_as_another_version(seen):
    await seen.begun("Once upon a time")
    await seen.go_on()
    before, version = seen.text, seen.controller.open_document.version
    await until(lambda: seen.controller.ids() is not None)
    seen.page.foot._views.button(1).click()
    text = await scored(seen)
    assert tuple(text.ids) == seen.controller.ids()
    pane = seen.page.sight.tokens
    place = pane.view.place_of(5)
    QTest.mouseClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=place.center())
    await until(pane.popover.isVisible)
    ends = seen.supervisor.engine._opened.tokenizer.end_tokens
    row = next(
        row
        for row in pane.popover.rows
        if row.alternative.text.isascii() and row.alternative.token not in ends
    )
    QTest.mouseClick(row, Qt.MouseButton.LeftButton)
    assert seen.controller.writing is not None
    await seen.written()
    chosen = row.alternative.text.decode()
    assert seen.text.startswith(f"Once {chosen}")
    assert len(seen.text) > 6
    tree = seen.controller.open_document.tree
    assert tree[version].text == before, "nothing is lost"
    assert seen.controller.open_document.version != version
    assert seen.controller.ids()[:6] == (*b"Once ", row.alternative.token)
    assert text.probability(5) == pytest.approx(row.alternative.probability)
    live = [text.numbers.logprob(token) for token in range(1, len(text))]
    assert None not in live, "what was written is told with how likely it was"
    await until(lambda: tuple(text.ids) == seen.controller.ids())
    await settled(10)
    assert text.phase is ScorePhase.COMPLETE
    assert list(text.numbers.logprobs)[1:] == pytest.approx(live), "nothing was read again"
    text.score(Tokens(tuple(text.ids)))
    await scored(seen)
    again = [text.numbers.logprob(token) for token in range(1, len(text))]
    assert again == pytest.approx(live, abs=1e-4)
    found = await seen.stored()
    assert found.versions[-1].text == seen.text
    assert found.versions[-1].content[-1].piece.ids[0] == row.alternative.token


async def test_a_part_of_a_character_can_be_gone_on_from(seen):
    await seen.begun("a中b")
    await until(lambda: seen.controller.ids() is not None)
    seen.page.show_view("tokens")
    text = await scored(seen)
    sight = seen.page.sight.sight
    sight.branch(2, 0x80)
    await seen.written()
    ids = seen.controller.ids()
    assert ids[:3] == (ord("a"), 0xE4, 0x80)
    sight.branch(1, ord("x"))
    sight.branch(1, ord("y"))
    await seen.written()
    assert seen.text.startswith("a"), text.phase


async def test_the_views_follow_the_text(seen):
    await seen.begun("Hello 中")
    page = seen.page
    page.show_view("prompt")
    await until(lambda: len(page.sight.prompt.view.cells) == 9)
    assert page.sight.prompt.ids.toPlainText() == " ".join(map(str, "Hello 中".encode()))
    seen.controller.edit(0, 1, "J", 1)
    await until(lambda: page.sight.sight.prompt.text == "Jello 中")
    page.show_view("tokens")
    await until(lambda: seen.controller.ids() is not None)
    await scored(seen)
    assert page.sight.tokens.view.cells.plain(0, 9) == "Jello 中"
    seen.controller.undo()
    await until(lambda: seen.page.sight.sight.scored.cells.plain(0, 1) == "H")


async def test_another_format_has_the_text_read_again(seen):
    await seen.begun("Hello")
    await until(lambda: seen.controller.ids() is not None)
    seen.page.show_view("tokens")
    before = list((await scored(seen)).numbers.logprobs)[1:]
    await seen.session.opened(seen.model, "cpu bf16")
    text = seen.page.sight.sight.scored
    await until(lambda: len(text.numbers) == 5 and list(text.numbers.logprobs)[1:] != before)
    assert list(text.numbers.logprobs)[1:] == pytest.approx(before, rel=0.2)


async def test_what_is_live_stays_when_memory_runs_out_and_is_read_again_at_its_end(seen):
    await seen.begun("Hello", limit=30)
    await until(lambda: seen.controller.ids() is not None)
    seen.page.show_view("tokens")
    text, began = await scored(seen), []
    seen.controller.write()
    await until(lambda: len(text) > 9)
    text.began.connect(lambda: began.append(len(text)))
    worker, live = seen.supervisor, len(text)
    worker.loaded = msgspec.structs.replace(worker.loaded, strategy="cpu bf16")
    seen.session.note_change()
    await until(lambda: len(text) > live)
    assert not began
    assert text.probability(live - 1) is not None
    await seen.written()
    await until(lambda: began and text.phase is ScorePhase.COMPLETE)
    assert tuple(text.ids) == seen.controller.ids()


async def test_the_state_of_a_text_that_is_asked_for_while_its_model_opens_is_seen_live(seen):
    await seen.begun("Hello", limit=20)
    seen.page.show_view("state")
    inspection, worker = seen.page.sight.sight.inspection, seen.supervisor
    opened, worker.loaded = worker.loaded, None  # as while it is opened, or comes back from a rest
    seen.controller._write(5)
    assert inspection.spec is None
    worker.loaded = msgspec.structs.replace(opened, strategy="cpu bf16")
    seen.session.was_opened.emit()
    await until(lambda: len(inspection.samples) > 1)
    assert inspection.matrix(inspection.shown) is not None
    layers = opened.spec.layers
    assert inspection.norms().shape[1] == layers
    await seen.written()


async def test_a_worker_process_answers_all_views(worker_desk):
    desk = worker_desk
    await desk.begun("Once upon a time")
    await until(lambda: desk.controller.ids() is not None)
    desk.page.show_view("tokens")
    text = await scored(desk)
    sight = desk.page.sight.sight
    sight.branch(4, text.alternatives(4)[1].token)
    await desk.written()
    assert desk.controller.ids()[:4] == tuple(b"Once")
    desk.page.show_view("state")
    await until(lambda: sight.inspection.ids == desk.controller.ids())
    await until(lambda: not sight.inspection.reading)
    assert sight.inspection.failure is None
    assert sight.inspection.shown.tokens == len(desk.controller.ids())
    desk.page.show_view("prompt")
    await until(lambda: tuple(sight.prompt.cells.ids) == desk.controller.ids())


async def test_the_state_is_seen_while_it_is_written(seen):
    await seen.begun("Once upon", limit=30)
    seen.page.show_view("state")
    inspection = seen.page.sight.sight.inspection
    await until(lambda: inspection.samples and not inspection.reading)
    places = []
    seen.controller.heard.connect(
        lambda event: (
            places.append([one.tokens for one in inspection.samples])
            if isinstance(event, StateSeen)
            else None
        )
    )
    seen.controller.write()
    await seen.written()
    await until(lambda: not inspection.reading and inspection.ids == seen.controller.ids())
    assert any(shown and shown[-1] % 8 == 0 and shown[-1] > 9 for shown in places)
    assert inspection.shown.tokens == len(seen.controller.ids())
    options = seen.controller.open_document.tree[seen.controller.open_document.version]
    made = options.content[-1].piece.made.options
    assert made.outputs == type(made.outputs)(), "what was looked at is no setting of the text"
    assert msgspec.json.encode(made)


@pytest.mark.geometry
@pytest.mark.parametrize("scale", [1.0, 1.6])
async def test_no_word_of_a_view_is_cut_off(seen, scale):
    await seen.begun("Hello 中")
    await until(lambda: seen.controller.ids() is not None)
    sight = seen.page.sight.sight
    seen.services.theme.resize(scale)
    try:
        for width in (560, 1300):
            seen.frame.resize(width, 560)
            for key in ("tokens", "prompt", "state"):
                seen.page.show_view(key)
                await settled()
                await until(lambda: sight.scored.phase is not ScorePhase.SCORING)
                await until(lambda: not sight.inspection.reading)
                await settled()
                assert squeezed(seen.frame) == []
    finally:
        seen.services.theme.resize(1.0)


async def test_every_control_of_a_view_has_a_name(seen):
    await seen.begun("Hello")
    await until(lambda: seen.controller.ids() is not None)
    for keys, pane in (
        (Qt.Key.Key_2, seen.page.sight.tokens),
        (Qt.Key.Key_3, seen.page.sight.prompt),
        (Qt.Key.Key_4, seen.page.sight.state),
    ):
        commands = {command.keys: command for command in seen.page.commands()}
        commands[f"Alt+{chr(keys)}"].act()
        assert pane.isVisible()
        assert nameless(pane) == []
        await until(lambda: seen.page.focusWidget() is not None)


async def test_without_a_text_there_is_nothing_to_press(seen):
    await seen.begun("Hello")
    await until(lambda: seen.controller.ids() is not None)
    seen.page.show_view("tokens")
    await scored(seen)
    seen.page.show_view("state")
    inspection = seen.page.sight.sight.inspection
    await until(lambda: inspection.samples and not inspection.reading)
    seen.controller.edit(0, 5, "", 0)
    for key, pane in (("tokens", seen.page.sight.tokens), ("state", seen.page.sight.state)):
        seen.page.show_view(key)
        await until(pane._blank.isVisible)
        assert not pane._blank._button.isVisible()
