"""Whatever words are sent, whole and at once."""

import asyncio

import pytest
from PySide6.QtGui import QGuiApplication


@pytest.mark.parametrize(
    "text", ["请解释 🐦👩‍👩‍👧", "العربية", "a\u0301\u200b", "\u2028x", "é" * 3000]
)
async def test_any_words_come_through_whole(chat, text: str):
    await chat.say(text, f"{text} {text}")
    assert chat.texts()[0] == text.strip()
    assert chat.stored()[0] == text.strip()


async def test_a_megabyte_is_pasted_at_once_and_sent_whole(chat):
    text = "A line of many words in a long file.\n" * 27_000
    clipboard = QGuiApplication.clipboard()
    clipboard.setText(text)
    start = asyncio.get_running_loop().time()
    chat.page.composer.edit.paste()
    chat.page.composer.edit.insertPlainText("What is this?")
    assert asyncio.get_running_loop().time() - start < 0.5
    chat.page.composer.edit.sent.emit()
    assert asyncio.get_running_loop().time() - start < 1.5
    await chat.answered()
    assert chat.texts()[0] == "What is this?\n\n" + text
    assert chat.row_kinds()[0] == "BubbleRow"
    chat.page.transcript.unfold(chat.page.controller.tree.path()[0].id)
    assert chat.row_kinds().count("BubbleRow") > 300
    assert chat.row_kinds()[-1] == "FootRow"
