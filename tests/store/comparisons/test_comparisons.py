"""Comparisons in a real file: answers, how models differ, the trash, what cannot be read."""

import sqlite3

import pytest

from app.errors import StoreError
from app.store.comparisons.comparison_records import (
    Answer,
    Comparison,
    Divergence,
    Figures,
    Grid,
    ModelRun,
    Place,
)
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.documents.document_records import WritingSettings
from app.store.migrations import MIGRATIONS
from app.store.records import Reply
from app.store.salvage import salvaged
from app.store.trash import KEPT_S

GRID = Grid(
    start="Once {{text}}",
    prompts=("a", "b"),
    settings=(WritingSettings(limit=3), WritingSettings(limit=5)),
    seeds=(1, 2),
    ways=(ModelRun("/m.pth", "cpu fp32", "M"),),
)
TOLD = Divergence(
    first=Place(0, 0),
    second=Place(0, 1),
    figures=Figures(tokens=1, mean_kl=0.1, max_kl=0.1, top1_agreement=1.0),
)


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "conversations.sqlite3"


def kept(store, ident="1", updated=5.0):
    store.save(Comparison(id=ident, title="T", updated=updated, grid=GRID)).result(10)
    answers = {Place(0, 0): Answer(text="x", ids=(7,), reply=Reply(tokens=1))}
    store.put_answers(ident, answers).result(10)
    store.put_divergence(ident, TOLD).result(10)
    return answers


def test_a_grid_has_every_prompt_with_all_settings_and_seeds_in_every_way():
    assert [tuple(row) for row in GRID.rows] == [
        (prompt, settings, seed) for prompt in (0, 1) for settings in (0, 1) for seed in (1, 2)
    ]
    assert GRID.text_of(GRID.rows[-1]) == "Once b"
    plain = Grid(start="Once ", prompts=("a", "b"))
    assert [plain.text_of(row) for row in plain.rows] == ["Once a", "Once b"]
    assert [plain.text_of(row) for row in Grid(start="Once").rows[:1] for plain in [Grid()]] == [""]
    assert Grid().places == ()
    assert len(GRID.places) == len(set(GRID.places)) == 8


def test_comparisons_come_back_as_they_were_stored_and_deleted_ones_for_30_days(path):
    clock = Clock()
    whole = Conversations(Database(path, MIGRATIONS), clock=clock)
    store = whole.comparisons
    try:
        answers = kept(store)
        kept(store, "2", updated=9.0)
        assert [one.id for one in store.all().result(10)] == ["2", "1"]
        found = store.open("1").result(10)
        assert (found.comparison.grid, found.answers, found.divergences) == (GRID, answers, (TOLD,))
        better = {Place(0, 0): Answer(text="better")}
        store.put_answers("1", better).result(10)
        assert store.open("1").result(10).answers == better
        store.put_answers("gone", better).result(10)
        assert store.open("gone").result(10) is None
        store.delete("1").result(10)
        assert [one.id for one in store.all().result(10)] == ["2"]
        assert [one.id for one in store.trash().result(10)] == ["1"]
        store.restore("1").result(10)
        assert store.open("1").result(10).answers == better
        store.delete("1").result(10)
        for _ in range(5):
            clock.now += KEPT_S / 4
            store.remove_old().result(10)
        with pytest.raises(StoreError):
            store.restore("1").result(10)
    finally:
        whole.close()


def test_a_file_of_the_layout_before_gets_them_and_damaged_rows_cost_no_other(path):
    Database(path, MIGRATIONS[:6]).close()
    whole, trouble = open_conversations(path)
    assert trouble is None
    try:
        kept(whole.comparisons)
        kept(whole.comparisons, "2")
    finally:
        whole.close()
    file = sqlite3.connect(path)
    file.execute("UPDATE comparisons SET grid = x'ff' WHERE id = '1'")
    file.execute("UPDATE comparison_answers SET answer = '[' WHERE comparison = '2'")
    file.commit()
    file.close()
    whole, _ = open_conversations(path)
    try:
        first, second = (whole.comparisons.open(one).result(10) for one in "12")
        assert first.comparison.damaged
        assert first.answers
        assert (second.comparison.grid, second.answers) == (GRID, {})
        fresh = Conversations(Database(None, MIGRATIONS))
        fresh._database.read(lambda file: salvaged(path, file)).result(10)
        assert fresh.comparisons.open("2").result(10).divergences == (TOLD,)
        fresh.close()
    finally:
        whole.close()
