"""A reply that is still being written, shown anew at any moment: there is always a row of it."""

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.store.records import new_message
from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.transcript.message_rows import ReplyRows
from app.ui.transcript.virtual_list import VirtualList
from tests.ui.conftest import settled

MARKS = (
    *("1.", "12", "3)", "**", "*", "#", "### ", "```", "```py\n", "~~~", "-", "+ ", ">", "> > "),
    *("|", "| a | b |\n|---|---|\n", "---", "===", "_", "`", "[", "[1]", "[1]: ", "http://x.y"),
    *(
        "![",
        "](",
        "<",
        "<!--",
        "&",
        "&amp;",
        "\\",
        "$$",
        "$x$",
        "\\(",
        "\\]",
        "- [ ] ",
        "    ",
        "\t",
        "\r\n",
        "\r",
    ),
    *("\n", "\n\n", " ", "word", "two words ", "\u200b", "\ufeff", "\x00", "\N{BIRD}", "漢字"),
    *("<think>", "</think>", "<thi", "</"),
)
markdown = st.one_of(
    st.lists(st.sampled_from(MARKS), min_size=1, max_size=14).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
PROFILE = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "derandomize": True,
}


class _Verbs:
    """Nothing is pressed here."""

    def __getattr__(self, name):
        return lambda *_args, **_named: (1, 1)


@pytest.fixture
def inks(qapp):
    theme = Theme("light")
    theme.apply(qapp)
    return TextStyle(theme), TextStyle(theme, dim=True)


class _Reply:
    """The rows of one growing reply in a column, with those of a question above it."""

    def __init__(self, inks, text: str = "") -> None:
        self.message = new_message("c", "q", "assistant", text, status="writing")
        self._inks, self.column = inks, VirtualList(700, 24)
        self.column.resize(600, 400)
        self.show_anew()

    def show_anew(self) -> None:
        self.written = ReplyRows(self.message, *self._inks, _Verbs())
        rows = self.written.rows(lambda waiting: waiting.show_reading(1, 2))
        assert rows, repr(self.message.text)
        self.column.splice(0, len(self.column.rows), rows)
        self.column.settle()

    def grow(self, text: str) -> None:
        self.message = msgspec.structs.replace(self.message, text=text)
        self.written.grow(self.message, self.column, 0)
        self.column.settle()

    def end(self, status: str) -> None:
        self.message = msgspec.structs.replace(self.message, status=status)
        self.written.grow(self.message, self.column, 0)
        self.written.end(self.column, 0)
        self.column.settle()

    def seen(self) -> list[tuple[str, str]]:
        return [
            (type(row).__name__, row.document().toPlainText() if hasattr(row, "block") else "")
            for row in self.column.rows
        ]


@settings(max_examples=40, **PROFILE)
@given(text=markdown)
@example("1.")
@example("**")
@example("#")
@example("```")
@example("-")
@example(">")
@example("[1]: http://x.y")
@example("42")
@example("<think>\n</think>\n1.")
@example("| a |\n|---|\n")
def test_every_beginning_of_any_text_has_a_row_whenever_it_is_shown(inks, text):
    for end in range(len(text) + 1):
        _Reply(inks, text[:end])


@settings(max_examples=30, **PROFILE)
@given(text=markdown, data=st.data())
@example("[1]", None)
@example("[1]: http://x.y", None)
@example("word\n\n[1]: http://x.y", None)
@example("<thi", None)
@example("<think></think>- a", None)
def test_a_reply_that_grows_looks_as_one_that_is_shown_anew(inks, text, data):
    cuts = range(1, len(text) + 1)
    if data is not None and text:
        cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=12)) | {len(text)})
    reply = _Reply(inks)
    for end in cuts:
        reply.grow(text[:end])
        grown = reply.seen()
        assert grown, repr(text[:end])
        assert grown == _Reply(inks, text[:end]).seen(), repr(text[:end])
    reply.end("stopped")
    assert reply.seen()[-1][0] == "FootRow"
    assert "WaitingRow" not in [kind for kind, _ in reply.seen()]


@pytest.mark.parametrize("marks", ["1.", "**", "#", "```", "-", ">", "7"])
async def test_a_reply_of_marks_is_not_mixed_with_another_conversation(chat, marks):
    await chat.say("other", "The other one.")
    controller, other = chat.page.controller, chat.page.controller.conversation.id
    controller.begin()
    chat.speaker.says = f"{marks} and more\n{marks} to the end"
    chat.speaker.holds.clear()
    controller.send("mine")
    mine = controller.conversation.id
    await settled()
    writing = controller.writing
    writing._take(marks)
    writing._show()
    await controller.open(other)
    assert "BlockRow" in chat.row_kinds()
    await controller.open(mine)
    assert chat.row_kinds() == ["BubbleRow", "WaitingRow"]
    chat.services.theme.changed.emit()
    assert chat.row_kinds() == ["BubbleRow", "WaitingRow"]
    chat.speaker.holds.set()
    await chat.answered()
    assert chat.row_kinds()[0] == "BubbleRow"
    assert chat.row_kinds()[-1] == "FootRow"
    assert "WaitingRow" not in chat.row_kinds()
    said = [
        row.document().toPlainText() for row in chat.page.transcript.rows if hasattr(row, "block")
    ]
    assert not any("other one" in words for words in said)
    controller.go_on(controller.tree.leaf)
    await chat.answered()
