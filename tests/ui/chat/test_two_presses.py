"""Every button of the chat, pressed twice before anything else happens: nothing is locked."""

import pytest

from tests.ui.conftest import double_click_over, settled
from tests.ui.test_two_presses import all_pressed, bugs, by_mouse, by_program, heard_by_loop

__all__ = ["bugs"]


@pytest.mark.parametrize("press", [by_mouse, by_program])
async def test_two_presses_on_each_button_of_the_chat(chat, press, bugs):
    heard_by_loop(bugs)
    reply = "Some words:\n\n```python\nprint(1)\n```\n\nand more."
    await chat.say("Hello", f"<think>hm</think>{reply}")
    await chat.say("And now?", reply)
    page = chat.page

    async def reset():
        assert page.controller.writing is None or press is by_mouse
        await chat.answered()
        page.composer.end_edit()
        chat.speaker.says = reply
        if page.panel.isHidden():
            page._toggle_panel()
        if page.pane.isHidden():
            page._toggle_pane()
        await settled()
        await chat.say("Does it go on?")
        assert "Some words" in chat.texts()[-1]
        assert set(chat.texts()) <= set(chat.stored())
        page.composer.edit.setPlainText("A draft")
        await settled()

    await reset()
    pressed = await all_pressed(page, press, reset, bugs)
    assert {"Send (Enter)", "New conversation (Ctrl+N)"} <= set(pressed), pressed
    assert len(pressed) >= 10, pressed


@pytest.mark.parametrize("press", [by_mouse, by_program])
async def test_a_reply_is_not_stopped_by_the_second_half_of_a_double_click(chat, press):
    composer = chat.page.composer
    composer.edit.setPlainText("Hello")
    press(composer._send)
    await chat.answered()
    assert chat.texts() == ["Hello", "Hello."]
    assert chat.page.controller.tree.path()[-1].status == "done"


async def test_a_third_and_a_fourth_press_stop_nothing_either(chat):
    composer = chat.page.composer
    chat.speaker.holds.clear()
    composer.edit.setPlainText("Hello")
    by_mouse(composer._send)
    by_mouse(composer._send)
    await settled()
    assert chat.page.controller.writing is not None
    await double_click_over()
    by_mouse(composer._send)
    await chat.answered()
    assert chat.page.controller.tree.path()[-1].status == "stopped"
