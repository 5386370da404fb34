"""The States page: nothing read yet, a text being read, a state and its inside, questions."""

import asyncio
from typing import TYPE_CHECKING

from app.library.states.state_records import StateNote

if TYPE_CHECKING:
    from docs.screenshots.make import Studio

PERSONA = """You are the keeper of the rookery. You answer in two sentences, in a calm voice.
You know what RWKV is: a recurrent network that reads a text once and remembers it in a state of a
fixed size. You never invent a figure; where you do not know one, you say so.
"""
QUESTIONS = "What is RWKV?\nWhat is a state?\nHow large is a state?\nWho are you?"


async def states(studio: "Studio") -> None:
    """Play the scenes; the chat is in front again at the end."""
    await studio.until(lambda: studio.services.session.loaded)
    page = studio.application.window.go("states")
    await studio.until(lambda: page.named.known)
    await studio.take("states-empty-light", "light")
    await studio.take("states-empty-dark", "dark")
    page.verbs.read_text()
    card = page.verbs.reading_card
    card.name.setText("The keeper")
    card.text.setPlainText(PERSONA)
    await studio.take("states-new-light", "light")
    card.read.click()
    await studio.until(lambda: page.named.states)
    long = (PERSONA + "\n") * 100
    page.reader.begin(long, StateNote(name="The manual", read="manual.md, faq.md"))
    page.verbs.begun.emit()
    await studio.until(lambda: page.reader.reading and page.reader.reading.done > len(long) // 9)
    await studio.take("states-reading-light", "light")
    await studio.until(lambda: len(page.named.states) == 2)
    state = page.named.states[0]
    page.verbs.act("inspect", state)
    await studio.until(page.details.picture.isVisible)
    await asyncio.sleep(0.3)
    await studio.take("states-light", "light")
    await studio.take("states-dark", "dark")
    page.verbs.act("ask", state)
    questions = page.verbs.questions_card
    questions.questions.setPlainText(QUESTIONS)
    questions.limit.setValue(200)
    questions.ask.click()
    await studio.until(lambda: page.verbs.many.answers and not page.verbs.many.running)
    await asyncio.sleep(0.2)
    await studio.take("states-questions-light", "light")
    await studio.take("states-questions-dark", "dark")
    questions.close_card()
