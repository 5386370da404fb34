"""A conversation in large type and with letters of many fonts: nothing of it is cut off."""

import pytest

from tests.ui.conftest import settled
from tests.ui.squeezed import squeezed

REPLY = "# A rook\n\nSome **words** 漢字 🐦\n\n```python\nprint('🐦')\n```\n\n- one\n- two\n"


@pytest.mark.geometry
@pytest.mark.parametrize("scale", [1.0, 1.6])
async def test_no_word_of_a_conversation_is_cut_off(chat, scale):
    page = chat.page
    chat.services.theme.resize(scale)
    chat.frame.resize(1900, 760)  # in any type there is room for all columns
    page._toggle_panel()
    await chat.say("漢字 🐦", f"<think>\nhm\n</think>\n{REPLY}")
    await chat.say("Again 漢字 🐦", "Short.")
    chat.page._again()
    await chat.answered()
    bar = page.transcript.verticalScrollBar()
    for value in range(0, bar.maximum() + 1, max(1, page.transcript.viewport().height() // 2)):
        bar.setValue(value)
        await settled()
        assert squeezed(chat.frame) == []
