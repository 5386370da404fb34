"""The text as the model sees it, with a real engine, the mouse and the keyboard."""

import json
import math

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from app.cli import run
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Text, Tokens
from app.ui.playground.sight.tokens_pane import TokensPane
from app.ui.state.playground.scored_text import ScorePhase
from app.ui.widgets.tokens.chance_scale import CHANCES, percent, role_of
from tests.runtime.small_models import GREEDY
from tests.ui.conftest import heard, until
from tests.ui.look.test_theme import contrast

WORDS = "The rook 中 flew 🐦 home.\nIt was\tlate."


@pytest.fixture
def pane(sight, qtbot):
    made = TokensPane(sight.theme, sight.scored)
    qtbot.addWidget(made)
    made.resize(700, 500)
    made.show()
    return made


def click(view, token):
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.place_of(token).center())


async def test_probabilities_in_the_view_are_those_of_the_score_verb(sight, pane, capsys, tmp_path):
    path = await sight.open()
    (tmp_path / "text").write_text(WORDS, "utf-8")
    await sight.score(Text(WORDS))
    asked = ("score", "--model", str(path), "--strategy", "cpu fp32", "--json", "--per-token")
    assert run([*asked, "--text-file", str(tmp_path / "text")]) == 0
    told = json.loads(capsys.readouterr().out)
    scored = sight.scored
    assert list(scored.ids) == [row["id"] for row in told["per_token"]]
    assert scored.probability(0) is None
    for token, row in enumerate(told["per_token"]):
        if token:
            assert scored.numbers.logprob(token) == pytest.approx(row["logprob"], rel=1e-4)
            assert scored.numbers.entropy(token) == pytest.approx(row["entropy"], rel=1e-4)
            assert scored.numbers.rank(token) == row["rank"]
            assert pane.view._tint(token) == role_of(row["logprob"])
    whole = scored.numbers.perplexity(0, len(scored))
    assert whole == pytest.approx(told["perplexity"], rel=1e-4)
    assert f"{whole:,.2f}" in pane._told.text()
    best = scored.alternatives(5)
    assert [one.probability for one in best] == sorted(
        (one.probability for one in best), reverse=True
    )


async def test_a_click_on_another_token_goes_on_from_there_as_a_branch(sight, pane):
    await sight.open()
    await sight.score(Text(WORDS))
    with heard(pane.branch_wanted) as wanted:
        click(pane.view, 6)
        await until(pane.popover.isVisible)
        rows = pane.popover.rows
        assert [row.alternative for row in rows] == sight.scored.alternatives(6)
        QTest.mouseClick(rows[2], Qt.MouseButton.LeftButton)
        assert not pane.popover.isVisible()
        pane.view.setFocus()
        QTest.keyClick(pane.view, Qt.Key.Key_Right)
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        await until(pane.popover.isVisible)
        chosen = pane.popover.rows[1].alternative.token
        QTest.keyClick(pane.popover, Qt.Key.Key_Down)
        QTest.keyClick(pane.popover, Qt.Key.Key_Return)
    assert wanted == [(6, rows[2].alternative.token), (7, chosen)]


async def test_the_plot_and_the_text_mark_the_same_token(sight, pane):
    await sight.open()
    await sight.score(Text(WORDS * 15))
    await until(lambda: pane.plot.loaded and len(pane.plot.points()) > 100)
    token, chance = pane.plot.points()[10]
    assert token == 11
    assert chance == pytest.approx(sight.scored.probability(11), rel=1e-6)
    pane.plot.choose("entropy")
    assert pane.plot.points()[10][1] == pytest.approx(sight.scored.numbers.entropy(11), rel=1e-6)
    QTest.mouseMove(pane.view.viewport(), pane.view.place_of(9).center())
    await until(lambda: pane.plot._mark.isVisible())
    assert pane.plot._mark.value() == 9
    before = pane.view.verticalScrollBar().value()
    pane.plot.pointed.emit(len(sight.scored) - 5)
    assert pane.view.verticalScrollBar().value() > before
    first, last = pane.plot._sight.getRegion()
    assert first < len(sight.scored) - 5 < last + 1


async def test_a_selection_has_its_own_perplexity_and_can_be_copied(sight, pane):
    await sight.open()
    await sight.score(Text(WORDS))
    view = pane.view
    view.setFocus()
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=view.place_of(4).center())
    QTest.mouseMove(view.viewport(), view.place_of(8).center())
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=view.place_of(8).center())
    assert view.selection == (4, 9)
    numbers = sight.scored.numbers
    mean = sum(numbers.logprob(token) for token in range(4, 9)) / 5
    assert f"{math.exp(-mean):,.2f}" in pane._selected.text()
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == WORDS.encode()[4:9].decode()
    assert not pane.popover.isVisible()


async def test_a_reading_is_stopped_and_begun_again(sight, pane):
    await sight.open()
    sight.scored.score(Tokens((5,) * 60_000))  # far from its end when it is stopped
    await until(lambda: len(sight.scored.numbers) > 3 and pane._stop.isVisible())
    pane._stop.click()
    pane._stop.click()
    assert sight.scored.phase is ScorePhase.STOPPED
    known = len(sight.scored.numbers)
    sight.scored.score(Text("ab"))
    sight.scored.score(Text("abc"))
    await until(lambda: sight.scored.phase is ScorePhase.COMPLETE)
    assert len(sight.scored) == 3 < known


async def test_what_is_written_shows_how_likely_it_was(sight, pane):
    await sight.open()
    outputs = Outputs(logprob=True, entropy=True, rank=True, top=8)
    options = GenerateOptions(limit=12, sampling=GREEDY, outputs=outputs)
    await sight.vocabulary.read()
    assert sight.scored.go_on_from(b"Once")
    async for event in sight.session.generate(Tokens(tuple(b"Once")), options):
        if isinstance(event, Piece):
            sight.scored.add(event.tokens)
    scored, written = sight.scored, list(sight.scored.ids)
    assert len(scored) == 16
    assert [scored.numbers.rank(token) for token in range(4, 16)] == [1] * 12
    live = list(scored.numbers.logprobs[4:])
    await sight.score(Tokens(tuple(written)))
    assert live == pytest.approx(list(scored.numbers.logprobs[4:]), abs=1e-4)


async def test_without_a_model_the_page_says_so(sight, pane):
    await sight.score(Text("abc"))
    assert sight.scored.phase is ScorePhase.FAILED
    assert pane._blank.isVisible()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_are_read_on_every_tint_and_steps_are_told_by_their_lightness(sight, qapp, mode):
    theme = sight.theme
    theme.choose(mode)
    roles = [role for _, role in CHANCES]
    for role in (*roles, "chance-none"):
        assert contrast(theme.color("text"), theme.color(role)) >= 4.5, role
    from_surface = [contrast(theme.color("surface"), theme.color(role)) for role in roles]
    assert from_surface == sorted(from_surface)
    theme.choose("light")


def test_probabilities_are_said_as_people_read_them():
    said = [percent(one) for one in (1.0, 0.344, 0.0123, 0.0005, 1e-6)]
    assert said == ["100 %", "34 %", "1.2 %", "0.05 %", "under 0.01 %"]


async def test_places_in_the_text_are_found_again_at_every_width(sight, pane):
    await sight.open()
    await sight.vocabulary.read()
    assert sight.scored.go_on_from(WORDS.encode() * 60)
    view = pane.view
    for width in (320, 900):
        pane.resize(width, 500)
        await until(lambda: view.lines.complete)
        for token in (0, 300, len(sight.scored) - 1):
            view.reveal(token)
            place = view.place_of(token)
            assert not place.isNull()
            assert view.token_at(QPoint(place.center())) == token
