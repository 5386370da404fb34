"""The scenes of the playground: empty, a text with its versions and as the model sees it, a
template, and a failure.
"""

import asyncio
from typing import Protocol

from app.runtime.protocol.prompts import Sampling
from app.ui.playground.playground_page import PlaygroundPage
from app.ui.playground.start_card import EXAMPLES
from app.ui.shell.application import Application
from app.ui.state.playground.scored_text import ScorePhase

_FREE = Sampling(temperature=1.4, top_p=0.8)


class Camera(Protocol):
    """What a scene needs of the studio."""

    application: Application

    async def until(self, condition: object) -> None: ...

    async def take(self, name: str, theme: str) -> None: ...


async def playground(studio: Camera) -> None:
    """All states of the page, light and dark; the words are those of the embedded model."""
    page = studio.application.window.go("playground")
    assert isinstance(page, PlaygroundPage)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-empty")
    page.begin(EXAMPLES[0])
    await _written(studio, page)
    page.controller.configure(sampling=_FREE)
    for _ in range(2):
        page.controller.write_again()
        await _written(studio, page, begun=True)
    end = len(page.controller.text)
    words = "\n\nUser: What is a state?\n\nAssistant:"
    page.text.editor.place_caret(end)
    page.text.editor.insertPlainText(words)
    page.controller.configure(sampling=None)
    await _written(studio, page)
    await asyncio.sleep(0.8)
    await _both(studio, "playground-text")
    await _seen(studio, page)
    page.head.templates.click()
    page.template_card().list.setCurrentRow(2)
    await asyncio.sleep(0.2)
    await studio.take("playground-template-light", "light")
    page.template_card().close_card()
    session = studio.application.services.session
    session.unload()
    await studio.until(lambda: session.loaded is None)
    page.controller.write()
    await studio.until(lambda: page.controller.failure is not None)
    await studio.take("playground-failed-dark", "dark")


async def _seen(studio: Camera, page: PlaygroundPage) -> None:
    """The same text as the model sees it: tokens with a part of them selected, prompt, state."""
    sight, tokens = page.sight.sight, page.sight.tokens
    page.show_view("tokens")
    await studio.until(lambda: sight.scored.phase is ScorePhase.COMPLETE)
    tokens.view.select(20, 60)
    await asyncio.sleep(0.6)
    await _both(studio, "playground-tokens")
    page.show_view("prompt")
    await studio.until(lambda: len(sight.prompt.cells) > 0)
    await studio.take("playground-prompt-light", "light")
    page.show_view("state")
    await studio.until(lambda: sight.inspection.shown is not None and not sight.inspection.reading)
    await _both(studio, "playground-state")
    page.show_view("text")


async def _written(studio: Camera, page: PlaygroundPage, *, begun: bool = False) -> None:
    if not begun:
        page.controller.write()
    await studio.until(lambda: page.controller.writing is None)


async def _both(studio: Camera, name: str) -> None:
    for theme in ("light", "dark"):
        await studio.take(f"{name}-{theme}", theme)
