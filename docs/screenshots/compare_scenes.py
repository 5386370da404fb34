"""The scenes of the tab that compares: what is set, answers side by side, two models by token."""

import asyncio

from app.runtime.checkpoint.describe import embedded_model
from app.runtime.protocol.prompts import Sampling
from app.store.comparisons.comparison_records import ModelRun, Place
from app.store.documents.document_records import WritingSettings
from app.ui.playground.playground_page import PlaygroundPage

from .playground_scenes import Camera

_START = "User: {{text}}\n\nAssistant:"
_PROMPTS = ("What is a state?", "Which model is quick on a small computer?")
_FREE = WritingSettings(sampling=Sampling(temperature=1.3, top_p=0.9), limit=90)


async def compare(studio: Camera) -> None:
    """The tab before a start, with answers, and with two models told apart; light and dark."""
    page = studio.application.window.go("playground")
    assert isinstance(page, PlaygroundPage)
    part = page.compare
    page.tabs.show_part("compare")
    await studio.until(lambda: part.setup.ways.choices.ways)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-compare-empty")
    path = str(embedded_model())
    name = part.setup.ways.choices.ways[0].way.name
    part.controller.configure(
        start=_START,
        prompts=_PROMPTS,
        settings=(_FREE,),
        ways=tuple(ModelRun(path, way, name) for way in ("cpu fp32", "cpu int8", "cpu int4")),
    )
    part.begin()
    await studio.until(lambda: not part.controller.running)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-compare")
    part.tell_apart((Place(1, 0), Place(1, 2)))
    await studio.until(lambda: part.controller.divergences)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-divergence")
    if part.divergence_card is not None:
        part.divergence_card.close_card()
    page.tabs.show_part()


async def _both(studio: Camera, name: str) -> None:
    for theme in ("light", "dark"):
        await studio.take(f"{name}-{theme}", theme)
