"""Pictures of states, with a real engine: their numbers are those of a scored text's state."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.cli import run
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import StateSeen
from app.ui.playground.sight.state_inspector import StateInspector
from app.ui.state.playground.state_inspection import StateInspection
from tests.runtime.small_models import GREEDY
from tests.ui.conftest import until

IDS = tuple(range(60, 100))
"""What is read: no model has seen the like, but for these numbers it is no matter."""


@pytest.fixture
def inspection(sight):
    return StateInspection(sight.session)


@pytest.fixture
def inspector(sight, inspection, qtbot):
    made = StateInspector(sight.theme, inspection)
    qtbot.addWidget(made)
    made.resize(1000, 600)
    made.show()
    return made


def read_state(path):
    """The tensors of a file that ``rookery score`` wrote."""
    from safetensors.numpy import load_file

    return load_file(path)


@pytest.mark.parametrize("generation", ["4", "5.2", "6.0", "7.0"])
async def test_the_numbers_are_those_of_the_state_that_score_writes(
    sight, inspection, inspector, tmp_path, generation
):
    path, out = await sight.open(generation), tmp_path / "out.safetensors"
    tokens = ",".join(map(str, IDS))
    asked = ("score", "--model", str(path), "--strategy", "cpu fp32", "--tokens", tokens)
    assert run([*asked, "--state-out", str(out)]) == 0
    inspection.read(IDS)
    await until(lambda: not inspection.reading)
    assert inspection.failure is None
    told = read_state(out)
    spec = inspection.spec
    norms = inspection.norms()[-1]
    for layer in range(spec.layers):
        at = f"state.{layer}."
        if spec.heads:
            wanted = told[at + "S"]
        else:
            wanted = np.stack([told[at + name] for name in ("aa", "bb", "pp")])
        flat = wanted.reshape(len(wanted), -1).astype(np.float64)
        assert norms[layer] == pytest.approx(np.sqrt((flat**2).sum(1)), rel=1e-5)
        for head in range(max(1, spec.heads)):
            inspection.choose(layer, head)
            part = wanted[head] if spec.heads else wanted
            assert inspector.matrix.numbers.flatten() == pytest.approx(
                part.flatten(), rel=1e-4, abs=1e-5
            )
    assert [one.tokens for one in inspection.samples][-1] == len(IDS)
    assert not inspector.matrix.image.isNull()
    assert inspector.matrix.image.width() == inspector.matrix.numbers.shape[1]


async def test_two_places_are_compared(sight, inspection, inspector):
    await sight.open()
    inspection.read(IDS)
    await until(lambda: not inspection.reading)
    inspector.compare.click()
    late = inspection.matrix(inspection.shown).copy()
    picture = inspector.layers
    rect = picture._place()
    QTest.mouseClick(picture, Qt.MouseButton.LeftButton, pos=rect.topLeft())
    await until(lambda: not inspection.reading and inspection.shown.tokens < len(IDS))
    early = inspection.matrix(inspection.shown)
    assert inspector.matrix.numbers == pytest.approx(early - late)
    assert "less" in inspector.matrix._title
    inspector.compare.click()
    assert inspector.matrix.numbers == pytest.approx(early)
    inspection.look_at(len(IDS))
    await until(lambda: not inspection.reading)
    assert inspection.matrix(inspection.shown) == pytest.approx(late, rel=1e-4, abs=1e-5)


async def test_two_texts_are_compared_and_a_new_model_forgets_both(sight, inspection, inspector):
    await sight.open()
    inspection.read(IDS)
    await until(lambda: not inspection.reading)
    inspector.compare.click()
    one = inspection.matrix(inspection.shown).copy()
    inspection.read((*IDS[:20], 7, 8))
    await until(lambda: not inspection.reading)
    other = inspection.matrix(inspection.shown)
    assert inspector.matrix.numbers == pytest.approx(other - one)
    assert inspection.shown.tokens == 22
    inspection.clear()
    assert inspection.difference() is None
    assert inspector._stack.currentWidget() is inspector._blank


async def test_a_text_that_is_written_is_looked_at_live(sight, inspection, inspector):
    await sight.open()
    inspection.choose(1, 1)
    outputs = Outputs(states=inspection.begin(every=4))
    options = GenerateOptions(limit=17, sampling=GREEDY, outputs=outputs)
    written = list(IDS)
    async for event in sight.session.generate(Tokens(IDS), options):
        if isinstance(event, StateSeen):
            inspection.note(event)
        elif isinstance(event, Piece):
            written += [fact.token for fact in event.tokens]
    assert [one.tokens for one in inspection.samples] == [40, 44, 48, 52, 56]
    live = inspection.matrix(inspection.shown).copy()
    await until(lambda: inspector.matrix.numbers is not None)
    inspection.read(written[:56])
    await until(lambda: not inspection.reading)
    assert live == pytest.approx(inspection.matrix(inspection.shown), rel=1e-3, abs=1e-4)


async def test_a_long_text_that_is_written_is_looked_at_less_often(sight, inspection):
    await sight.open()
    inspection.begin(every=1)
    norms = bytes(4 * inspection.spec.layers * inspection.spec.heads)
    for tokens in range(1, 3000):
        inspection.note(StateSeen(id=0, tokens=tokens, norms=norms))
    assert len(inspection.samples) <= 257
    places = [one.tokens for one in inspection.samples]
    assert {b - a for a, b in itertools.pairwise(places)} == {places[0]}
