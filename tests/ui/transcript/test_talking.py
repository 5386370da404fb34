"""Saying something and being answered: what is shown, what is asked, what is kept."""

import asyncio
import contextlib

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.errors import NumbersBroken, WorkerDied
from app.runtime.protocol.prompts import Sampling
from app.store.records import Message, Reply
from app.ui.transcript.failure_card import FailureCard
from app.ui.transcript.reply_details import ReplyDetails, facts, figures
from app.ui.transcript.reply_foot import ReplyFoot
from app.ui.transcript.text_block import TextBlock
from app.ui.transcript.thought import ThoughtHead
from app.ui.transcript.waiting import Waiting
from tests.ui.chat.speaker import loaded
from tests.ui.conftest import double_click_over, settled, until


async def test_enter_sends_and_the_reply_is_shown_and_kept(chat):
    chat.speaker.says = "A **rook** is a bird."
    QTest.keyClicks(chat.page.composer.edit, "What is a rook?")
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts() == ["What is a rook?", "A **rook** is a bird."]
    assert chat.stored() == chat.texts()
    assert chat.row_kinds() == ["BubbleRow", "BlockRow", "FootRow"]
    assert chat.last(TextBlock).document.toPlainText() == "A rook is a bird."
    assert chat.page.composer.edit.toPlainText() == ""


async def test_the_field_is_painted_anew_when_it_names_another_model(chat):
    composer = chat.page.composer
    composer.show_model("", closed=False, opening=True)
    chat.page.welcome.setFocus()  # no cursor blinks
    await settled(20)
    painted = Painted(composer.edit.viewport())
    composer.show_model("G1 1.5B", closed=False, opening=False)
    await until(lambda: painted.words[-1:] == ["Message G1 1.5B"])


class Painted(QObject):
    """What the field's placeholder said each time that it was painted."""

    def __init__(self, viewport):
        super().__init__(viewport)
        self.words = []
        viewport.installEventFilter(self)

    def eventFilter(self, viewport, event):
        if event.type() is QEvent.Type.Paint:
            self.words.append(viewport.parent().placeholderText())
        return False


def plain(words: str) -> str:
    return words.replace("\u00a0", " ").replace("\u2011", "-")


async def test_below_a_reply_stand_two_figures_and_a_press_tells_the_rest(chat):
    await chat.say("Hello", "one two three four")
    foot = chat.last(ReplyFoot)
    assert plain(foot.figures.text()) == "4 tokens · 41 tok/s"
    foot.figures.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(foot.figures, Qt.Key.Key_Space)
    card = foot.findChild(ReplyDetails)
    assert card.isVisible()
    for fact in ("Complete", "rwkv7-g1-0.4b", "4", "41 tok/s", "240 ms", "16-bit", "1234"):
        assert fact in plain(card.text)
    QTest.keyClick(card.copy, Qt.Key.Key_Space)
    assert QApplication.clipboard().text() == card.text
    assert not card.isVisible()


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("stopped", "", "Stopped · 9 tokens · 4.0 tok/s"),
        ("interrupted", "", "Interrupted · 9 tokens · 4.0 tok/s"),
        ("done", "limit", "Limit reached · 9 tokens · 4.0 tok/s"),
        ("done", "end", "9 tokens · 4.0 tok/s"),
        ("done", "stop", "9 tokens · 4.0 tok/s"),
    ],
)
def test_an_ending_stands_among_the_figures_where_it_is_a_surprise(status, reason, said):
    reply = Reply(tokens=9, decode_s=2.0, reason=reason, model="a" * 80, strategy="cpu bf16")
    message = Message(
        id="a", conversation="b", parent=None, role="assistant", text="x", status=status,
        reply=reply,
    )  # fmt: skip
    assert plain(figures(message)) == said


async def test_a_question_that_was_clicked_leaves_the_keyboard_in_the_field(chat):
    chat.page._show_model()
    await until(chat.frame.isActiveWindow)
    question = chat.page.welcome._questions.findChildren(QPushButton)[0]
    QTest.mouseClick(question, Qt.MouseButton.LeftButton)
    await chat.answered()
    assert chat.page.composer.edit.hasFocus()


async def test_a_reply_without_a_word_says_so(chat):
    await chat.say("Hello", "")
    foot = chat.last(ReplyFoot)
    assert plain(foot.figures.text()) == "The model wrote nothing"
    assert "First word" not in dict(facts(chat.page.controller.tree.path()[-1]))


@pytest.mark.geometry
@pytest.mark.parametrize("width", [260, 360, 700])
def test_a_failure_shows_all_its_words_and_buttons_at_any_width(services, qtbot, width):
    card = FailureCard(WorkerDied(exit_code=-9, stderr="Killed", strategy="cpu fp32"))
    qtbot.addWidget(card)
    width = max(width, 20 * card.fontMetrics().averageCharWidth())  # its longest button
    card.resize(width, card.heightForWidth(width))
    card.show()
    assert card.width() == width
    for part in card.findChildren(QPushButton):
        assert part.width() >= part.sizeHint().width()
    for part in card.findChildren(QLabel):
        assert part.height() >= part.heightForWidth(part.width())
        assert card.rect().contains(part.geometry())


async def test_the_model_gets_the_whole_branch_and_the_system_prompt(chat):
    chat.page.controller.configure(system="Be brief.", limit=77)
    await chat.say("One", "first")
    await chat.say("Two", "second")
    prompt, limit, sampling = chat.speaker.asked[-1]
    spoken = [(turn.role, turn.text) for turn in prompt.turns]
    assert spoken == [
        ("system", "Be brief."),
        ("user", "One"),
        ("assistant", "first"),
        ("user", "Two"),
    ]
    assert (limit, prompt.template, prompt.think) == (77, "g1", "off")
    assert sampling == loaded().sampling


async def test_a_system_prompt_still_being_typed_counts(chat):
    chat.page.panel.system.setPlainText("Answer in French.")
    await chat.say("Hello", "Bonjour.")
    assert chat.speaker.asked[-1][0].turns[0].text == "Answer in French."
    chat.page.panel.system.setPlainText("Answer in Latin.")
    conversation = chat.page.controller.conversation.id
    chat.page.begin()
    assert chat.page.controller.conversation.system == ""
    opened = chat.services.conversations.open(conversation).result(10)
    assert opened.conversation.system == "Answer in Latin."


async def test_a_question_of_the_empty_page_is_asked_with_a_click(chat):
    chat.page.welcome._questions.findChildren(QPushButton)[0].click()
    await chat.answered()
    assert chat.texts()[0] == "Explain how a heat pump works"


async def test_shift_enter_breaks_the_line_and_an_empty_field_sends_nothing(chat):
    edit = chat.page.composer.edit
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClicks(edit, "a")
    QTest.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(edit, "b")
    assert edit.toPlainText() == "a\nb"
    assert chat.speaker.asked == []


async def test_enter_belongs_to_the_input_method_while_it_composes(chat):
    edit = chat.page.composer.edit
    QApplication.sendEvent(edit, QInputMethodEvent("ni hao", []))
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert chat.speaker.asked == []
    chosen = QInputMethodEvent()
    chosen.setCommitString("你好")
    QApplication.sendEvent(edit, chosen)
    assert edit.toPlainText() == "你好"
    QTest.keyClick(edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[0] == "你好"


async def test_escape_stops_and_what_was_written_stays(chat):
    chat.speaker.says, chat.speaker.pause_s = "word " * 500, 0.002
    chat.page.composer.edit.setPlainText("Go on")
    chat.page.composer.edit.sent.emit()
    await until(lambda: len(chat.texts()[-1].split()) > 5)
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Escape)
    await chat.answered()
    reply = chat.page.controller.tree.path()[-1]
    assert reply.status == "stopped"
    assert 5 < len(reply.text.split()) < 500
    assert chat.stored()[-1] == reply.text
    assert chat.speaker.left_early == 1
    assert reply.reply.tokens == len(reply.text.split())


async def test_the_button_sends_stops_and_sends_again(chat):
    button = chat.page.composer._send
    assert not button.isEnabled()
    chat.speaker.holds.clear()
    chat.page.composer.edit.setPlainText("Hello")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await asyncio.sleep(0)
    assert button.accessibleName() == "Stop writing (Esc)"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await settled()
    assert chat.page.controller.writing is not None, "the rest of a double click stops nothing"
    await double_click_over()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await chat.answered()
    assert button.accessibleName() == "Send (Enter)"
    chat.page.composer.edit.setPlainText("What I write meanwhile")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert chat.page.composer.text() == "What I write meanwhile", "who stops twice sends nothing"


async def test_enter_and_escape_at_once_leave_a_conversation_that_goes_on(chat):
    edit = chat.page.composer.edit
    edit.setPlainText("Hello")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    await chat.answered()
    assert chat.page.controller.tree.path()[-1].status == "stopped"
    assert chat.row_kinds()[-1] == "FootRow"
    await chat.say("Once more")
    assert chat.texts()[-1] == "Hello."
    assert chat.stored() == chat.texts()


async def test_reading_a_long_prompt_shows_a_number(chat):
    chat.speaker.prompt_tokens = 4000
    writing = []

    async def slow(self=chat.speaker):
        await self.holds.wait()

    original = chat.speaker.generate

    async def generate(*given, **named):
        async with contextlib.aclosing(original(*given, **named)) as events:
            async for event in events:
                yield event
                if getattr(event, "done", 0) == 2000:
                    await slow()

    chat.speaker.generate = generate
    chat.speaker.holds.clear()
    chat.page.composer.edit.setPlainText("Long")
    chat.page.composer.edit.sent.emit()
    await until(lambda: "2,000 of 4,000" in _waiting_words(chat, writing))
    chat.speaker.holds.set()
    await chat.answered()
    assert "WaitingRow" not in chat.row_kinds()


def _waiting_words(chat, seen: list) -> str:
    found = chat.page.transcript.viewport().findChildren(Waiting)
    return " ".join(part.text() for one in found for part in one.findChildren(QLabel))


async def test_a_dead_worker_keeps_the_words_and_retry_answers_anew(chat):
    chat.speaker.fails = WorkerDied(exit_code=-9, stderr="Killed")
    await chat.say("Hello", "half a rep")
    reply = chat.page.controller.tree.path()[-1]
    assert (reply.status, reply.text) == ("failed", "half a rep")
    assert chat.row_kinds() == ["BubbleRow", "BlockRow", "FailureRow", "FootRow"]
    assert "SIGKILL" in chat.last(FailureCard).accessibleName()
    chat.speaker.fails, chat.speaker.says = None, "a whole reply"
    (retry,) = [
        one for one in chat.last(FailureCard).findChildren(QPushButton) if one.text() == "Try again"
    ]
    retry.click()
    await chat.answered()
    assert chat.texts() == ["Hello", "a whole reply"]
    assert sorted(chat.stored()) == ["Hello", "a whole reply", "half a rep"]


async def test_a_failure_before_the_first_word_is_shown_in_its_place(chat):
    chat.speaker.fails = NumbersBroken()
    await chat.say("Hello", "")
    assert chat.row_kinds() == ["BubbleRow", "FailureRow"]


async def test_a_failure_is_still_there_when_the_conversation_is_opened_again(chat):
    chat.speaker.fails = WorkerDied(exit_code=1, stderr="Trouble at the mill")
    await chat.say("Hello", "half")
    conversation = chat.page.controller.conversation.id
    chat.page.begin()
    chat.page.open(conversation)
    await until(lambda: "FailureRow" in chat.row_kinds())
    assert "mill" in chat.last(FailureCard).accessibleName()


async def test_a_thought_is_folded_and_can_be_read(chat):
    chat.page.controller.configure(think="on")
    await chat.say("Hard question", ">\nlet me see\n\nyes</think>\n\nThe answer.")
    assert chat.texts()[-1].startswith("<think>")
    assert chat.row_kinds() == ["BubbleRow", "ThoughtRow", "BlockRow", "FootRow"]
    assert chat.last(TextBlock).document.toPlainText() == "The answer."
    chat.last(ThoughtHead).toggled.emit()
    assert chat.row_kinds().count("BlockRow") == 3
    chat.page.transcript.copy_message(chat.page._replies()[-1])
    assert QGuiApplication.clipboard().text() == "The answer."
    chat.last(ThoughtHead).toggled.emit()
    assert chat.row_kinds().count("BlockRow") == 1


async def test_thinking_is_offered_only_where_the_model_knows_it(chat):
    assert not chat.page._think.isHidden()
    chat.speaker.loaded = loaded("RWKV-x060-World-1B6", thinks=False)
    chat.services.session.note_change()
    await until(lambda: chat.page._think.isHidden())
    chat.page.controller.configure(think="on")
    await chat.say("Hello", "Hi.")
    assert chat.speaker.asked[-1][0].think == "off"


async def test_without_a_model_nothing_is_sent_and_the_way_is_shown(chat):
    wanted = []
    chat.page.wanted.connect(wanted.append)
    chat.speaker.loaded = None
    chat.services.session.note_change()
    await until(lambda: not chat.page.composer._models.isHidden())
    chat.page.composer.edit.setPlainText("Hello")
    chat.page.composer.edit.sent.emit()
    assert chat.speaker.asked == []
    assert chat.page.composer.edit.toPlainText() == "Hello"
    chat.page.composer._models.click()
    assert wanted == ["models"]


async def test_a_reply_goes_on_in_a_conversation_that_is_not_shown(chat):
    chat.speaker.holds.clear()
    chat.speaker.says = "slow but sure"
    chat.page.composer.edit.setPlainText("First")
    chat.page.composer.edit.sent.emit()
    first = chat.page.controller.conversation.id
    await asyncio.sleep(0.05)
    chat.page.begin()
    assert chat.page.controller.writing is None
    chat.speaker.holds.set()
    await until(lambda: not chat.page.controller.is_writing(first))
    chat.page.open(first)
    await until(lambda: chat.texts() == ["First", "slow but sure"])


async def test_opening_a_conversation_in_the_middle_of_its_reply_follows_it(chat):
    chat.speaker.says, chat.speaker.pause_s = "word " * 60, 0.005
    chat.page.composer.edit.setPlainText("First")
    chat.page.composer.edit.sent.emit()
    first = chat.page.controller.conversation.id
    await until(lambda: len(chat.texts()[-1]) > 20)
    chat.page.begin()
    chat.page.open(first)
    await until(lambda: chat.page.controller.conversation.id == first)
    await chat.answered()
    assert chat.texts()[-1].split() == ["word"] * 60
    assert chat.row_kinds() == ["BubbleRow", "BlockRow", "FootRow"]


async def test_sampling_that_is_changed_is_used_kept_and_reset(chat):
    await chat.say("Hello", "Hi.")
    chat.page.panel.fields._fields["temperature"].setValue(0.25)
    chat.page.panel.fields._seed.setValue(42)
    assert chat.page.panel.reset.isEnabled()
    await chat.say("Again", "Hi.")
    used = chat.speaker.asked[-1][2]
    assert (used.temperature, used.seed, used.top_p) == (0.25, 42, 0.3)
    conversation = chat.page.controller.conversation.id
    opened = chat.services.conversations.open(conversation).result(10)
    assert opened.conversation.sampling == used
    chat.page.panel.reset.click()
    await chat.say("Once more", "Hi.")
    assert chat.speaker.asked[-1][2] == loaded().sampling


async def test_think_mode_has_the_sampling_its_makers_recommend(chat):
    chat.page.controller.configure(think="on")
    await chat.say("Hello", ">so</think>Hi.")
    assert chat.speaker.asked[-1][2] == Sampling(
        temperature=0.96, top_p=0.76, top_k=32, presence=1.0, frequency=0.1, decay=0.988
    )
