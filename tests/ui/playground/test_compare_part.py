"""The tab that compares: a grid by hand, its answers, and what becomes of them."""

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.comparison.lockstep_messages import ReadBoth, SideOpening, TokensRead
from app.errors import WorkerDied
from app.runtime.planning.machine import Machine
from app.runtime.protocol.prompts import Sampling
from app.store.comparisons.comparison_records import (
    Answer,
    Figures,
    ModelRun,
    Place,
    TokenDifference,
)
from app.store.documents.document_records import WritingSettings
from app.ui.state.comparison.answer_texts import Parting, parting
from app.ui.state.comparison.comparison_words import kl_in_words
from tests.comparison.engine_client import EngineClient
from tests.ui.conftest import double_click_over, heard, settled, until

from .conftest import Desk

FREE = Sampling(temperature=1.5, top_p=1.0, banned=(0,))
ENTER = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


class CompareDesk:
    """The tab in front, with two ways of the small model and workers in this process."""

    def __init__(self, desk: Desk, ways=("cpu fp32", "cpu int4")) -> None:
        self.desk, self.part = desk, desk.page.compare
        self.controller = self.part.controller
        self.clients = EngineClient.fresh()
        self.controller.start_worker = self.clients
        desk.page.tabs.show_part("compare")
        self.part.setup.start.setPlainText("Say {{text}}:")
        self.part.setup.keep_typed()
        self.controller.configure(
            prompts=("rook", "crow"),
            settings=(WritingSettings(sampling=FREE, limit=8),),
            ways=tuple(ModelRun(str(desk.model), way, "Small") for way in ways),
        )

    async def written(self) -> None:
        await until(lambda: not self.controller.running)
        await settled()

    async def all_written(self) -> None:
        self.part.foot.main.click()
        await self.written()

    def cell(self, row, way):
        return self.part.answers.cells[Place(row, way)]

    @property
    def kept(self):
        return self.desk.services.conversations.comparisons.all().result(10)


async def test_a_grid_is_written_kept_and_open_again(desk: Desk, tmp_path):
    table = CompareDesk(desk)
    part, controller = table.part, table.controller
    assert "4 answers" in part.foot.words.text()
    for _ in range(2):  # two clicks in one batch
        QTest.mouseClick(part.foot.main, Qt.MouseButton.LeftButton)
    await table.written()
    assert set(controller.answers) == set(controller.grid.places)
    assert len(table.kept) == 1
    assert [client.together for client in table.clients.started] == [[2], [2]]
    for place, answer in controller.answers.items():
        cell = part.answers.cells[place]
        assert answer.text
        assert cell.words.accessibleName() == answer.text
        assert "8 tokens" in cell.foot.text()
    marked = "another way from token" in table.cell(0, 1).foot.text()
    assert marked == (controller.answers[Place(0, 0)].ids != controller.answers[Place(0, 1)].ids)
    controller.save(tmp_path / "out.json")
    await until(lambda: (tmp_path / "out.json").exists())
    told = json.loads((tmp_path / "out.json").read_bytes())
    assert [cell["text"] for cell in told["cells"]] == [
        controller.answers[place].text for place in sorted(controller.answers)
    ]

    before = dict(controller.answers)
    part.begin_anew()
    assert not part.answers.cells
    await until(lambda: part.kept.list.count() == 1)
    part.kept.chosen.emit(table.kept[0].id)
    await until(lambda: controller.answers == before)
    assert not controller.goes_on
    part.setup.seeds.setText("1, 2, x")
    part.setup.keep_typed()
    assert "“x”" in part.setup.wrong.text()
    part.setup.seeds.setText("3 4")
    part.setup.keep_typed()
    assert controller.draft.seeds == (3, 4)
    assert controller.answers == before, "what is there stays until the next start"

    part.kept.list.setCurrentRow(0)
    with heard(desk.services.notices.posted) as notices:
        QTest.keyClick(part.kept.list, Qt.Key.Key_Delete)
        await until(lambda: notices)
    assert not table.kept
    assert controller.shown is None
    part.kept.trash.click()
    await until(lambda: part.kept.list.count() == 1 and part.kept.delete.isHidden())
    QTest.keyClick(part.kept.list, Qt.Key.Key_Delete)
    part.kept.list.itemActivated.emit(part.kept.list.item(0))
    await until(lambda: controller.answers == before)
    part.kept.list.setCurrentRow(0)
    part.kept.delete_chosen()
    await until(lambda: len(notices) == 2)
    notices[1][0].act()
    await until(lambda: controller.answers == before)

    part.setup.start.setPlainText("Typed and not begun")
    desk.page.tabs.show_part()
    assert desk.services.settings.now.comparison.start == "Typed and not begun"
    assert type(part)(desk.services).setup.start.toPlainText() == "Typed and not begun"
    controller.configure(start="x" * 200_000)
    controller.keep_draft()
    assert desk.services.settings.now.comparison.start == ""
    assert len(controller.draft.start) == 200_000


async def test_stopped_it_keeps_what_is_there_and_writes_the_rest_later(desk: Desk):
    table = CompareDesk(desk)
    part, controller = table.part, table.controller
    controller.configure(settings=(WritingSettings(sampling=FREE, limit=10**6),))
    controller.grew.connect(lambda: QTest.keyClick(part.setup.start, Qt.Key.Key_Escape))
    QTest.keyClick(part.setup.start, *ENTER)
    part.begin()
    await table.written()
    (client,) = table.clients.started
    assert client.killed
    assert {answer.reply.reason for answer in controller.answers.values()} == {"stopped"}
    stored = desk.services.conversations.comparisons.open(controller.shown.id).result(10)
    assert stored.answers == controller.answers
    assert part.foot.main.text() == "Write the rest"
    assert len(controller.missing) == 4


async def test_a_worker_that_dies_is_told_in_its_cells_and_costs_no_other_way(desk: Desk):
    table = CompareDesk(desk)
    part, controller = table.part, table.controller
    dies = [True]

    class Dying(table.clients):
        async def generate_together(self, asked):
            together = super().generate_together(asked)
            if dies and dies.pop():
                async for number, reply in together:
                    yield number, reply
                    raise WorkerDied(exit_code=-9)
            async for one in together:
                yield one

    controller.start_worker = Dying
    await table.all_written()
    assert set(controller.failures) == {0}
    assert all(controller.answers[Place(row, 1)].text for row in (0, 1))
    assert part.failure.isVisible()
    assert "Small" in part.failure.title.text()
    assert {place.way for place in controller.missing} == {0}
    await double_click_over()
    assert part.foot.main.text() == "Write the rest"
    whole = {place: one for place, one in controller.answers.items() if place.way == 1}
    await table.all_written()
    assert not controller.missing
    assert {place: controller.answers[place] for place in whole} == whole
    assert part.failure.isHidden()


async def test_what_does_not_fit_is_said_before_anything_is_opened(desk: Desk, monkeypatch):
    await desk.begun()
    table = CompareDesk(desk)
    part, planning = table.part, desk.services.planning
    planning.described = Machine(memory_total=8 << 30, memory_available=260 << 20)
    await table.all_written()
    assert not table.clients.started
    assert set(table.controller.failures) == {0, 1}
    assert "memory" in part.failure.accessibleName()
    assert part.room.isVisible()
    desk.session.writing = 1
    desk.session.writing_changed.emit()
    assert part.room.isHidden(), "while it writes, the chat's model stays"
    part.controller.begin_in_room_of_chat()
    assert not part.controller.running
    desk.session.writing = 0
    desk.session.writing_changed.emit()
    rest = desk.supervisor.rest

    async def rested(*, park):
        planning.described = Machine(memory_total=8 << 30, memory_available=4 << 30)
        await rest()

    monkeypatch.setattr(desk.supervisor, "rest", rested)
    await double_click_over()
    part.room.click()
    await table.written()
    assert not table.controller.missing
    assert desk.session.waits


async def test_how_two_models_differ_is_shown_by_token_and_kept(desk: Desk, monkeypatch):
    table = CompareDesk(desk)
    part, controller = table.part, table.controller
    await table.all_written()
    asked = []
    rows = (
        TokenDifference(83, "S"),
        TokenDifference(97, "<a>", 0.25, -1.0, -1.5, "a", "b", False),
        TokenDifference(98, "🐦", 0.001, -1.0, -1.5, "c", "c"),
    )
    figures = Figures(tokens=3, mean_kl=0.125, max_kl=0.25, top1_agreement=2 / 3)

    async def read(request, _command=()):
        asked.append(request)
        yield SideOpening(1, 1, 2)
        yield TokensRead(3, 3, rows)
        yield ReadBoth(figures, 1)

    monkeypatch.setattr("app.ui.state.comparison.divergence_reading.read_together", read)
    for way in (0, 1):
        table.cell(0, way).choose.setChecked(True)
    part.foot.apart.click()
    await until(lambda: part.divergence_card is not None and part.divergence_card.isVisible())
    answer = controller.answers[Place(0, 0)]
    assert (asked[0].prompt, asked[0].ids) == ("Say rook:", answer.ids)
    card = part.divergence_card
    assert "0.12" in card.figures.text()
    assert "number 2" in card.figures.text()
    assert card.text.toPlainText() == "S<a>🐦"
    QTest.keyClick(card.text, Qt.Key.Key_Right)
    assert "Token 2" in card.token.text()
    for _ in range(3):
        QTest.keyClick(card.text, Qt.Key.Key_Right)
    assert "Token 3" in card.token.text()
    card.close_card()
    assert "KL 0.12 · 66.7 %" in table.cell(0, 1).difference.text()
    stored = desk.services.conversations.comparisons.open(controller.shown.id).result(10)
    assert [one.tokens for one in stored.divergences] == [rows]
    part.foot.apart.click()
    await until(card.isVisible)
    assert len(asked) == 1, "what is known is not read again"
    card.close_card()

    part.read_only()
    await until(lambda: not part.reading.running)
    assert [one.answer for one in asked[1:]] == [
        controller.answers[Place(row, 0)].text for row in (0, 1)
    ]
    controller.configure(start="Only this", prompts=(), seeds=(1,))
    part.read_only()
    await until(lambda: not part.reading.running)
    assert (asked[-1].prompt, asked[-1].answer, asked[-1].ids) == ("Only this", "", ())
    assert "KL" in table.cell(0, 1).difference.text()
    assert not controller.answers


async def test_answers_become_documents_conversations_and_one_prompt(desk: Desk):
    table = CompareDesk(desk)
    part, controller = table.part, table.controller
    await table.all_written()
    answer, handed = controller.answers[Place(1, 1)], desk.services.handed
    with heard(handed.text) as texts:
        table.cell(1, 1).asked.emit("document")
        for place in ((0, 0), (1, 0)):
            table.cell(*place).choose.setChecked(True)
        part.foot.merge.click()
    (document,), (both,) = texts
    assert document.text.text == "Say crow:" + answer.text
    assert document.last_written.content[-1].piece.ids == answer.ids
    assert document.document.settings.sampling.seed == 1
    first, second = (controller.answers[Place(row, 0)].text.strip() for row in (0, 1))
    assert both.text.text == (
        f"Say rook:\n\nAnswer 1:\n{first}\n\nSay crow:\n\nAnswer 2:\n{second}"
        "\n\nThe best of these answers, in one:"
    )
    with heard(handed.conversation) as opened:
        table.cell(1, 1).asked.emit("conversation")
        await until(lambda: opened)
    stored = desk.services.conversations.open(opened[0][0]).result(10)
    assert [message.text for message in stored.messages] == ["Say crow:", answer.text]


async def test_settings_are_added_changed_and_taken_away_and_models_are_at_most_four(desk: Desk):
    table = CompareDesk(desk)
    setup, controller = table.part.setup, table.controller
    exact = WritingSettings(sampling=Sampling(temperature=0.0), limit=8)
    setup._add_these(exact)
    setup._add_these(exact)
    assert controller.draft.settings[1:] == (exact,)
    card = setup.settings_card()
    card.open_for(1, exact)
    await until(card.limit.hasFocus)
    card.fields._fields["temperature"].setValue(0.7)
    card.limit.setValue(9)
    card.take.click()
    changed = controller.draft.settings[1]
    assert (changed.sampling.temperature, changed.limit) == (0.7, 9)
    card.open_for(1, changed)
    card.recommended.click()
    card.take.click()
    assert controller.draft.settings[1] == WritingSettings(limit=9)
    field = setup._add_field("a third")
    setup.keep_typed()
    assert controller.draft.prompts == ("rook", "crow", "a third")
    row = setup._rows[-1]
    for _ in range(2):  # two presses
        setup._remove_field(row, field)
    assert controller.draft.prompts == ("rook", "crow")
    ways = controller.draft.ways
    controller.configure(ways=(*ways, *(ModelRun("/m", one) for one in ("cpu fp32", "cpu int8"))))
    assert not setup.ways.add.isEnabled()
    setup.ways.chips[2].click()
    assert [way.path for way in controller.draft.ways] == [*(way.path for way in ways), "/m"]
    controller.configure(seeds=tuple(range(40)))
    assert "160 lines" in table.part.foot.words.text()
    assert not table.part.foot.main.isEnabled()


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (Answer(text="abc"), Answer(text="abc"), None),
        (Answer(text="abc"), Answer(text="abd"), Parting(2, 2)),
        (Answer(text="abc"), Answer(text="ab"), Parting(2, 2)),
        (
            Answer(text="one two", ids=(1, 2), lengths=(3, 4), vocabulary="v"),
            Answer(text="one too", ids=(1, 3), lengths=(3, 4), vocabulary="v"),
            Parting(1, 3),
        ),
        (
            Answer(text="one", ids=(1,), lengths=(3,), vocabulary="v"),
            Answer(text="one", ids=(4, 5), lengths=(1, 2), vocabulary="v"),
            Parting(0, 0),
        ),
    ],
)
def test_answers_part_at_the_first_token_that_is_another_one(first, second, found):
    assert parting(first, second) == found


def test_divergences_have_two_figures_that_count():
    told = [kl_in_words(kl) for kl in (0, 1e-7, 0.000123, 0.0456, 0.5, 12.3)]
    assert told == ["0.0", "under 0.00001", "0.00012", "0.046", "0.50", "12.30"]
